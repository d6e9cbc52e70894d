"""What lies below a folder, reached from it and never through a link.

Knows: opening a folder from the one above it (``openat`` with ``O_NOFOLLOW``).
Never: what is laid out there, which of it stays.

A link in a folder's place, put there before or meanwhile, leads nowhere, and no path is longer than
one name, so folders may be nested as deep as a file system takes.  Where a platform cannot open
relative to a folder, paths are used, and a link that is put there meanwhile is followed.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from casstore.durable.steps import done

__all__ = ["Inside"]

_RELATIVE = os.open in os.supports_dir_fd
_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_INNER_FLAGS = _FLAGS | getattr(os, "O_NOFOLLOW", 0)
_NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)


class Inside:
    """The folders below ``base``.  With ``replace``, what stands in a folder's place makes room.

    One folder is open at a time, and the next is reached from it.  One thread at a time.  ``base``
    itself may be a link.
    """

    def __init__(self, base: bytes, *, replace: bool = False) -> None:
        self._base_path = base
        self._replace = replace
        self._base = os.open(base, _FLAGS) if _RELATIVE else -1
        self._folder = self._base
        self._above: list[tuple[bytes, os.stat_result]] = []  # each name, and the folder it is in

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._to_base()
        if self._base >= 0:
            os.close(self._base)

    def place(self, staged: bytes, path: bytes) -> None:
        """Give ``staged``, a file in ``base``, its path; folders above it are made."""
        folder, _, name = path.rpartition(b"/")
        if not _RELATIVE:  # pragma: no cover - best effort, not tested
            os.makedirs(os.path.dirname(self._path(path)), exist_ok=True)
            os.replace(self._path(staged), self._path(path))
        else:
            self._enter(folder, make=True)
            try:
                os.replace(staged, name, src_dir_fd=self._base, dst_dir_fd=self._folder)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(staged, name)  # another file system is mounted at a folder of it
        done("rename", Path(os.fsdecode(self._path(staged))), Path(os.fsdecode(self._path(path))))

    def walk(self) -> Iterator[tuple[bytes, bool]]:
        """Yield (path, whether it is a folder) of all that is there; a folder after its contents.

        What was yielded may be removed before the next one is asked for.
        """
        waiting = [(b"", self._listing(b""))]
        while waiting:
            folder, entries = waiting[-1]
            if entries:
                name, is_folder = entries.pop()
                path = folder + b"/" + name if folder else name
                if is_folder:
                    waiting.append((path, self._listing(path)))
                else:
                    yield path, False
            else:
                waiting.pop()
                if folder:
                    yield folder, True

    def remove(self, path: bytes) -> None:
        """Remove a file, or a link; never what a link leads to."""
        folder, _, name = path.rpartition(b"/")
        if not _RELATIVE:  # pragma: no cover
            os.unlink(self._path(path))
            return
        self._enter(folder, make=False)
        os.unlink(name, dir_fd=self._folder)

    def remove_folder(self, path: bytes) -> None:
        """Remove a folder if it is empty."""
        folder, _, name = path.rpartition(b"/")
        try:
            if not _RELATIVE:  # pragma: no cover
                os.rmdir(self._path(path))
                return
            self._enter(folder, make=False)
            os.rmdir(name, dir_fd=self._folder)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise

    def _path(self, path: bytes) -> bytes:
        return self._base_path + b"/" + path

    def _listing(self, folder: bytes) -> list[tuple[bytes, bool]]:
        """Return what is in a folder, the last name first."""
        if _RELATIVE:
            self._enter(folder, make=False)
        with os.scandir(self._folder if _RELATIVE else os.fsdecode(self._path(folder))) as listing:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
        return sorted(((os.fsencode(name), is_folder) for name, is_folder in found), reverse=True)

    def _enter(self, folder: bytes, *, make: bool) -> None:
        names = folder.split(b"/") if folder else []
        same = 0
        for name, (known, _) in zip(names, self._above, strict=False):
            if name != known:
                break
            same += 1
        while len(self._above) > same:
            self._leave()
        for name in names[len(self._above) :]:
            above = os.fstat(self._folder)
            below = self._opened(name, make=make)
            self._close_folder()
            self._folder = below
            self._above.append((name, above))

    def _leave(self) -> None:
        """Go up by one, if that still is where the folder came from, else to the base."""
        _, above = self._above.pop()
        if not self._above:
            self._to_base()
            return
        try:
            up = os.open("..", _FLAGS, dir_fd=self._folder)
        except OSError:
            self._to_base()
            return
        self._close_folder()
        self._folder = up
        if not os.path.samestat(os.fstat(up), above):  # somebody moved it
            self._to_base()

    def _to_base(self) -> None:
        self._close_folder()
        self._folder = self._base
        self._above.clear()

    def _close_folder(self) -> None:
        if self._folder != self._base:
            os.close(self._folder)

    def _opened(self, name: bytes, *, make: bool) -> int:
        try:
            return os.open(name, _INNER_FLAGS, dir_fd=self._folder)
        except FileNotFoundError:
            if not make:
                raise
        except OSError as error:
            if not (make and self._replace and error.errno in _NO_FOLDER):
                raise
            os.unlink(name, dir_fd=self._folder)
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._folder)
        return os.open(name, _INNER_FLAGS, dir_fd=self._folder)

    def _copy(self, staged: bytes, name: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        part = b".casstore-" + os.urandom(8).hex().encode()
        source = os.open(staged, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._base)
        with open(source, "rb") as reader:
            mode = os.fstat(source).st_mode & 0o777
            target = os.open(part, flags, mode, dir_fd=self._folder)
            try:
                with open(target, "wb") as writer:
                    shutil.copyfileobj(reader, writer)
                os.replace(part, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except BaseException:
                os.unlink(part, dir_fd=self._folder)
                raise
        os.unlink(staged, dir_fd=self._base)
