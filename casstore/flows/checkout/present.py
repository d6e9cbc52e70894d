"""What a folder holds already, against a version.

Knows: same, different, absent, and links that stand where a folder should.  Never: stores, writing.
"""

import os
import stat
from collections.abc import Iterable
from itertools import takewhile
from typing import Literal, TypeAlias

from casstore.errors import Conflict
from casstore.folders import digest_of_file
from casstore.manifests import Entry
from casstore.names import display_path
from casstore.references import matches
from casstore.store import referent_of

__all__ = ["Present", "State", "is_occupied", "refuse_differing"]

MAX_NAMED_PATHS = 5

State: TypeAlias = Literal["absent", "same", "differs"]


class Present:
    """What lies below ``base``, against entries.  Asked in path order, each folder is seen once."""

    def __init__(self, base: bytes) -> None:
        self._base = base
        self._folder: bytes | None = None
        self._obstacle: bytes | None = None
        self._sound: list[bytes] = []  # names of folders, each in the one before, that are folders

    def obstacle(self, path: bytes) -> bytes | None:
        """Return the highest folder of a path whose place something else has: a link or a file."""
        folder = path.rpartition(b"/")[0]
        if folder != self._folder:
            self._folder, self._obstacle = folder, self._look(folder.split(b"/") if folder else [])
        return self._obstacle

    def state(self, entry: Entry) -> State:
        """Return what lies at an entry's path; the file is read if its size fits."""
        if self.obstacle(entry.path) is not None:
            return "differs"
        return _state_of(entry, self._base + b"/" + entry.path)

    def _look(self, names: list[bytes]) -> bytes | None:
        pairs = zip(names, self._sound, strict=False)
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._sound = names[:known]
        for count in range(known + 1, len(names) + 1):
            path = b"/".join(names[:count])
            try:
                info = os.lstat(self._base + b"/" + path)
            except FileNotFoundError:
                return None
            if not stat.S_ISDIR(info.st_mode):
                return path
            self._sound.append(names[count - 1])
        return None


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
    present = Present(base)
    differing: dict[str, None] = {}
    for entry in entries:
        if present.state(entry) == "differs":
            differing[display_path(present.obstacle(entry.path) or entry.path)] = None
            if len(differing) > MAX_NAMED_PATHS:
                break
    if differing:
        named = ", ".join(list(differing)[:MAX_NAMED_PATHS])
        more = " and more" if len(differing) > MAX_NAMED_PATHS else ""
        raise Conflict(
            f"{named}{more} in {display_path(base)} would be replaced by other content",
            hint="nothing was written; use --force or another folder",
        )


def _state_of(entry: Entry, target: bytes) -> State:
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
    return digest_of_file(target) == entry.content
