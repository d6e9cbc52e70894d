"""Walking a folder that is to be logged.

Knows: links, ignore rules, what cannot be logged, stable order.  Never: stores, hashing.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pathspec

from casstore.errors import Error, FileMissing, Invalid
from casstore.names import display_path

__all__ = ["Source", "Walk", "source_of"]

STORE_FOLDER = b".casstore"


@dataclass(frozen=True, slots=True)
class Source:
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
    _ignored: pathspec.GitIgnoreSpec | None = field(default=None, init=False)

    def __iter__(self) -> Iterator[Source]:
        """Yield every file; raises for what can be neither logged nor left out."""
        self._real_root = os.path.realpath(self.root)
        if self.ignore:
            self._ignored = pathspec.GitIgnoreSpec.from_lines(self.ignore)
        top = os.stat(self.root)
        yield from self._folder(self.root, b"", ((top.st_dev, top.st_ino),))

    def _folder(
        self, folder: bytes, inside: bytes, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Source]:
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=_order)
        except OSError as error:
            raise _unreadable(folder, error) from error
        for entry in entries:
            name = inside + entry.name
            info = self._stat(entry)
            if stat.S_ISDIR(info.st_mode):
                here = (info.st_dev, info.st_ino)
                if here in above:
                    raise Invalid(
                        f"{_show(entry.path)} is a link that leads back to a folder above"
                    )
                left_out = entry.name == STORE_FOLDER or here in self.skip
                if not left_out and not self._is_ignored(name, folder=True):
                    yield from self._folder(entry.path, name + b"/", (*above, here))
            elif not self._is_ignored(name, folder=False):
                yield Source(entry.path, self.prefix + name, _regular(entry.path, info))

    def _stat(self, entry: "os.DirEntry[bytes]") -> os.stat_result:
        try:
            if entry.is_symlink():
                self._check_link(entry)
            return entry.stat()
        except FileNotFoundError as error:
            if entry.is_symlink():
                raise FileMissing(
                    f"{_show(entry.path)} is a link to nothing", hint="remove or ignore it"
                ) from error
            raise _unreadable(entry.path, error) from error
        except OSError as error:
            if entry.is_symlink():
                raise Invalid(f"{_show(entry.path)} is a link that cannot be followed") from error
            raise _unreadable(entry.path, error) from error

    def _check_link(self, entry: "os.DirEntry[bytes]") -> None:
        real = os.path.realpath(entry.path)
        if real == self._real_root or real.startswith(self._real_root.rstrip(b"/") + b"/"):
            return
        if self.refuse_outside:
            raise Invalid(f"{_show(entry.path)} is a link that leads outside the folder")
        self.outside_links += 1

    def _is_ignored(self, name: bytes, *, folder: bool) -> bool:
        if self._ignored is None:
            return False
        text = os.fsdecode(name) + ("/" if folder else "")
        return self._ignored.match_file(text)


def source_of(path: Path, name: bytes) -> Source:
    """Return the source for one file that was named by hand."""
    raw = os.fsencode(path)
    try:
        info = os.stat(raw)
    except FileNotFoundError:
        raise FileMissing(f"{_show(raw)} does not exist") from None
    except OSError as error:
        raise _unreadable(raw, error) from error
    return Source(raw, name, _regular(raw, info))


def _regular(path: bytes, info: os.stat_result) -> os.stat_result:
    if stat.S_ISREG(info.st_mode):
        return info
    what = "folder" if stat.S_ISDIR(info.st_mode) else "socket, pipe or device"
    raise Invalid(f"{_show(path)} is a {what}, not a file", hint="leave it out with --ignore")


def _unreadable(path: bytes, error: OSError) -> Error:
    if isinstance(error, FileNotFoundError):
        return FileMissing(f"{_show(path)} vanished while it was read")
    return Error(f"{_show(path)} cannot be read: {error.strerror}", hint="nothing was logged")


def _order(entry: "os.DirEntry[bytes]") -> bytes:
    """Sort so that files come in the order of their paths."""
    try:
        return entry.name + b"/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name


def _show(path: bytes) -> str:
    return display_path(path)
