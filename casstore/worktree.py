"""Walking a folder that is to be logged.

Knows: links, ignore rules, what cannot be logged, stable order.  Never: stores, hashing.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from casstore.errors import Error, FileMissing, Invalid
from casstore.names import display_path
from casstore.patterns import Matcher, ignorer_of

__all__ = ["Source", "Walk", "regular", "source_of"]

STORE_FOLDER = b".casstore"

_KIND = 0o170000  # the bits of st_mode that say file, folder, ...
_LEAVE_OUT = "remove it or leave it out with --ignore, ignore= in Python"


_Above = tuple[tuple[int, int], ...]
_Listing = tuple[Iterator["os.DirEntry[bytes]"], bytes, _Above]


class Source(NamedTuple):
    """One regular file to log: where it lies, its path in the version, its stat when walked."""

    path: bytes
    name: bytes
    stat: os.stat_result


@dataclass(slots=True)
class Walk:
    """A walk through ``root`` in name order; counts what it met.

    Links are followed wherever they lead; ``refuse_outside`` refuses those that lead out of the
    root.  ``ignore`` is gitignore syntax relative to the root.  Folders named ``.casstore`` and
    those in ``skip`` are left out.
    """

    root: bytes
    prefix: bytes = b""
    ignore: Sequence[str] = ()
    refuse_outside: bool = False
    skip: frozenset[tuple[int, int]] = frozenset()
    outside_links: int = 0
    _real_root: bytes = field(default=b"", init=False)
    _ignored: Matcher | None = field(default=None, init=False)

    def __iter__(self) -> Iterator[Source]:
        """Yield every file; raises for what can be neither logged nor left out."""
        self._real_root = os.path.realpath(self.root)
        if self.ignore:
            self._ignored = ignorer_of(self.ignore)
        top = os.stat(self.root)
        waiting = [self._listing(self.root, b"", ((top.st_dev, top.st_ino),))]
        while waiting:
            entries, inside, above = waiting[-1]
            for entry in entries:
                name = inside + entry.name
                info = self._stat(entry, name)
                if info is None:
                    continue
                kind = info.st_mode & _KIND
                if kind == stat.S_IFREG:
                    if self._ignored is None or not self._is_ignored(name):
                        self._check_link(entry)
                        yield Source(entry.path, self.prefix + name, info)
                elif kind == stat.S_IFDIR:
                    folder = self._folder(entry, name, info, above)
                    if folder is not None:
                        waiting.append(folder)
                        break
                elif not self._is_ignored(name):
                    regular(entry.path, info)
            else:
                waiting.pop()

    def _folder(
        self, entry: "os.DirEntry[bytes]", name: bytes, info: os.stat_result, above: _Above
    ) -> "_Listing | None":
        """Return what is in a folder, or None if it is left out."""
        here = (info.st_dev, info.st_ino)
        if entry.name == STORE_FOLDER or here in self.skip or self._is_ignored(name + b"/"):
            return None
        if here in above:
            raise Invalid(
                f"{display_path(entry.path)} is a link that leads back to a folder above",
                hint=_LEAVE_OUT,
            )
        self._check_link(entry)
        return self._listing(entry.path, name + b"/", (*above, here))

    def _listing(self, folder: bytes, inside: bytes, above: _Above) -> "_Listing":
        try:
            with os.scandir(folder) as listing:
                return iter(sorted(listing, key=_order)), inside, above
        except OSError as error:
            raise _unreadable(folder, error) from error

    def _stat(self, entry: "os.DirEntry[bytes]", name: bytes) -> os.stat_result | None:
        """Return what an entry or its link leads to; None for a link to nothing that is ignored."""
        try:
            return entry.stat()
        except OSError as error:
            if not entry.is_symlink():
                raise _unreadable(entry.path, error) from error
            if self._is_ignored(name):
                return None
            if isinstance(error, FileNotFoundError):
                raise FileMissing(
                    f"{display_path(entry.path)} is a link to nothing", hint=_LEAVE_OUT
                ) from error
            raise Invalid(
                f"{display_path(entry.path)} is a link that cannot be followed", hint=_LEAVE_OUT
            ) from error

    def _check_link(self, entry: "os.DirEntry[bytes]") -> None:
        """Count what is taken by way of a link that leads out, or refuse it."""
        if not entry.is_symlink():
            return
        real = os.path.realpath(entry.path)
        if real == self._real_root or real.startswith(self._real_root.rstrip(b"/") + b"/"):
            return
        if self.refuse_outside:
            raise Invalid(
                f"{display_path(entry.path)} is a link that leads outside the folder",
                hint=_LEAVE_OUT,
            )
        self.outside_links += 1

    def _is_ignored(self, name: bytes) -> bool:
        """Tell whether a path is to be left out; a folder's ends with a slash."""
        return self._ignored is not None and self._ignored(name)


def source_of(path: Path, name: bytes) -> Source:
    """Return the source for one file that was named by hand."""
    raw = os.fsencode(path)
    try:
        info = os.stat(raw)
    except FileNotFoundError:
        raise FileMissing(f"{display_path(raw)} does not exist") from None
    except OSError as error:
        raise _unreadable(raw, error) from error
    return Source(raw, name, regular(raw, info))


def regular(path: bytes, info: os.stat_result) -> os.stat_result:
    """Return a stat if it is that of a regular file; ``Invalid`` naming the path if not."""
    if stat.S_ISREG(info.st_mode):
        return info
    if stat.S_ISDIR(info.st_mode):
        raise Invalid(
            f"{display_path(path)} is a folder, not a file", hint="in Python add_dir adds folders"
        )
    raise Invalid(f"{display_path(path)} is a socket, pipe or device, not a file", hint=_LEAVE_OUT)


def _unreadable(path: bytes, error: OSError) -> Error:
    if isinstance(error, FileNotFoundError):
        return FileMissing(f"{display_path(path)} vanished while it was read")
    return Error(
        f"{display_path(path)} cannot be read: {error.strerror}", hint="nothing was logged"
    )


def _order(entry: "os.DirEntry[bytes]") -> bytes:
    """Sort so that files come in the order of their paths."""
    try:
        return entry.name + b"/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name
