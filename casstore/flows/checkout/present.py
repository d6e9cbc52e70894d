"""What a folder holds already, against a version.

Knows: same, different, absent.  Never: stores, writing.
"""

import os
import stat
from collections.abc import Iterable
from typing import Literal

from casstore.errors import Conflict
from casstore.folders import digest_of_file
from casstore.manifests import Entry
from casstore.names import display_path

__all__ = ["is_occupied", "refuse_differing", "state_of"]

MAX_NAMED_PATHS = 5


def is_occupied(base: bytes) -> bool:
    """Tell whether a folder holds anything; ``Conflict`` if it is a file."""
    try:
        with os.scandir(base) as listing:
            return next(listing, None) is not None
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        raise Conflict(
            f"{display_path(base)} is a file, not a folder", hint="choose another folder"
        ) from None


def refuse_differing(entries: Iterable[Entry], base: bytes) -> None:
    """Raise ``Conflict`` naming files that other content would replace."""
    differing = []
    for entry in entries:
        if state_of(entry, base + b"/" + entry.path) == "differs":
            differing.append(display_path(entry.path))
            if len(differing) > MAX_NAMED_PATHS:
                break
    if differing:
        named = ", ".join(differing[:MAX_NAMED_PATHS])
        more = " and more" if len(differing) > MAX_NAMED_PATHS else ""
        raise Conflict(
            f"{named}{more} in {display_path(base)} would be replaced by other content",
            hint="nothing was written; use --force or another folder",
        )


def state_of(entry: Entry, target: bytes) -> Literal["absent", "same", "differs"]:
    """Return what lies at a path, against an entry; the file is read if its size fits."""
    try:
        info = os.stat(target, follow_symlinks=False)
    except FileNotFoundError:
        return "absent"
    except NotADirectoryError:
        return "differs"
    if not stat.S_ISREG(info.st_mode) or info.st_size != entry.size_bytes:
        return "differs"
    if bool(info.st_mode & 0o100) != entry.executable:
        return "differs"
    return "same" if digest_of_file(target) == entry.content else "differs"
