"""What a folder holds already, against a version.

Knows: same, different, absent.  Never: stores, writing.
"""

import os
import stat
from collections.abc import Iterable
from typing import Literal

from casstore.digest import Hasher
from casstore.errors import Conflict
from casstore.manifests import Entry
from casstore.names import display_path
from casstore.references import matches
from casstore.store import referent_of

__all__ = ["is_occupied", "refuse_differing", "state_of"]

READ_BYTES = 4 * 1024 * 1024
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
    """Return what lies at a path, against an entry; the file is read if its size fits.

    A file at the path of a reference is the same only if a checksum of bytes was recorded.
    """
    try:
        info = os.stat(target, follow_symlinks=False)
    except FileNotFoundError:
        return "absent"
    except NotADirectoryError:
        return "differs"
    if not stat.S_ISREG(info.st_mode):
        return "differs"
    return "same" if _holds(entry, target, info) else "differs"


def _holds(entry: Entry, target: bytes, info: os.stat_result) -> bool:
    if entry.is_reference:
        return bool(matches(referent_of(entry), target))
    if info.st_size != entry.size_bytes or bool(info.st_mode & 0o100) != entry.executable:
        return False
    return _digest_of_file(target) == entry.content


def _digest_of_file(path: bytes) -> bytes:
    hasher = Hasher()
    with open(path, "rb", buffering=0) as stream:
        while data := stream.read(READ_BYTES):
            hasher.update(data)
    return hasher.digest()
