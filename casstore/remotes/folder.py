"""``file://`` and plain paths: a folder, on a stick or shared by many hosts.

Knows: files, through ``durable``.  Never: which file system it is.

Uploads are written below ``tmp/`` and renamed; exclusive ones are linked, which one of many wins on
NFS and SMB too.  Where there are no hard links the name is created exclusively and then written, so
that somebody who reads at once may find less: only its whole bytes make it anybody's.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from casstore import durable
from casstore.remotes.addresses import Address
from casstore.remotes.driver import TEMPORARY, Driver, Page, Requests, temporary
from casstore.remotes.objects import Listed

__all__ = ["Folder", "make_driver"]


class Folder:
    """See ``Driver``; a request is one file opened, listed or removed."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._root = Path(address.path)
        self._requests = requests

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``; the name and the bytes are durable on return."""
        self._requests.add("PUT")
        final = self._root / name

        def install() -> None:
            staged = self._staged(data)
            try:
                durable.rename(staged, final)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
            durable.sync_directory(final.parent)

        self._in_folder(final, install)

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._requests.add("PUT")
        final = self._root / name

        def publish() -> None:
            staged = self._staged(data)
            try:
                durable.publish_exclusive(staged, final)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise

        self._in_folder(final, publish)

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        self._requests.add("GET")
        with _opened(self._root / name) as stream:
            size = os.fstat(stream.fileno()).st_size if end is None else end
            return durable.read_at(stream.fileno(), min(max(0, size - start), most + 1), start)

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: a page is a folder; ``more`` are those that are left."""
        self._requests.add("LIST")
        left = [prefix] if more is None else list(more) if isinstance(more, tuple) else []
        folder = left.pop()
        found: list[Listed] = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._root / folder) as entries:
            for entry in entries:
                name = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    left.append(f"{name}/")
                elif entry.is_file():
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                        found.append(Listed(name, entry.stat().st_size))
        if not prefix:
            left = [each for each in left if each != TEMPORARY]
        return Page(found, tuple(left) or None)

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._requests.add("DELETE")
        durable.unlink(self._root / name)

    def close(self) -> None:
        """See ``Driver``: nothing is kept open."""

    def _staged(self, data: bytes) -> Path:
        """Return a file of these bytes, synced, that has no name yet."""
        path = self._root / temporary()
        durable.write_synced(path, data)
        return path

    def _in_folder(self, final: Path, make: Callable[[], None]) -> None:
        """Do what makes a file; once more, with the folders made, if they are not there."""
        try:
            make()
        except FileNotFoundError:
            self._make_folders(final.parent)
            make()

    def _make_folders(self, folder: Path) -> None:
        """Make what is missing, the root too, but nothing above it: a stick may not be there."""
        (self._root.parent).stat()
        for each in (self._root / TEMPORARY, folder):
            for part in reversed((each, *each.parents)):
                if part == self._root or self._root in part.parents:
                    part.mkdir(exist_ok=True)
                    durable.sync_directory(part.parent)


def _opened(path: Path) -> FileIO:
    try:
        return FileIO(durable.open_file(path))
    except IsADirectoryError as error:  # a folder of objects is none itself
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return Folder(address, requests)
