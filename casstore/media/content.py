"""The bytes of a typed file: on disk here, or wherever the caller keeps them.

Knows: SHA-256 (W&B's digest of media), temporary files and when they go.  Never: kinds of media,
stores.
"""

import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from casstore.errors import FileMissing, Invalid

__all__ = ["Content", "LocalFile", "Sink", "Source", "made_file"]


class Content(Protocol):
    """One file's bytes, its SHA-256 in hex, its size, and the name it should keep if it has one."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex."""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""

    def place(self, folder: str) -> str:
        """Return the path that an artifact should hold it at, in ``folder`` if it has none."""

    def read(self) -> bytes:
        """Return the bytes."""

    def local(self) -> Path:
        """Return a path on disk that holds the bytes."""


class Sink(Protocol):
    """Takes the files that an object consists of; nothing is kept before all are there."""

    def put(self, path: str, content: Content) -> None:
        """Take a file that is to lie at ``path``."""

    def path_of(self, content: Content) -> str | None:
        """Return where the same file lies already under a name that its owner gave, or None."""

    def add(self, thing: Any, name: str, *, hashed: bool = False) -> str:
        """Take another object whole and return the path of its file.

        ``hashed``: its digest is added to the name, unless the object is there already.
        """

    def holds(self, path: str) -> bool:
        """Tell whether there is, or will be, a file at ``path``."""


class Source(Protocol):
    """Gives what an object refers to."""

    def content(self, path: str, sha256: str | None = None) -> Content:
        """Return the file at ``path``; ``NotFound`` if there is none.

        ``sha256``: what the object says of its bytes, so that they need not be read for it.
        """

    def get(self, name: str) -> Any:
        """Return the object of that name, or None."""

    def decode(self, plain: dict[str, Any]) -> Any:
        """Return the object that JSON with a ``_type`` describes; ``plain`` if none is known."""

    def paths(self, folder: str) -> list[str]:
        """Return the paths below a folder (all for ""), in path order."""


class LocalFile:
    """A file on this disk, hashed when it was named.  ``made``: it was written by casstore."""

    def __init__(self, path: Path, *, made: bool = False) -> None:
        self._path = path
        self._made = made
        self._seen = _stat(path)
        self._sha256 = _sha256(path)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes; taken again if the file has changed since."""
        now = _stat(self._path)
        if (now.st_size, now.st_mtime_ns) != (self._seen.st_size, self._seen.st_mtime_ns):
            self._seen, self._sha256 = now, _sha256(self._path)
        return self._sha256

    @property
    def size_bytes(self) -> int:
        """The size now."""
        return _stat(self._path).st_size

    def place(self, folder: str) -> str:
        """``folder/<digest>.png`` for what was made here, ``folder/<digest>/name.png`` (W&B)."""
        if self._made:
            return f"{folder}/{self.sha256[:20]}{''.join(self._path.suffixes)}"
        return f"{folder}/{self.sha256[:20]}/{self._path.name}"

    def read(self) -> bytes:
        """Return the bytes."""
        return self._path.read_bytes()

    def local(self) -> Path:
        """Return the path itself."""
        return self._path

    def __reduce__(self) -> tuple[object, ...]:
        if not self._made:
            return (LocalFile, (self._path,))
        return (made_file, (self.read(), "".join(self._path.suffixes)))


def made_file(data: bytes | Iterable[bytes], extension: str) -> LocalFile:
    """Write bytes, or pieces of them, to a temporary file that goes with the returned object."""
    handle, name = tempfile.mkstemp(prefix="casstore-", suffix=extension)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines([data] if isinstance(data, bytes) else data)
    except BaseException:
        Path(name).unlink()
        raise
    made = LocalFile(Path(name), made=True)
    weakref.finalize(made, _remove, name, os.getpid())
    return made


def _remove(name: str, process: int) -> None:
    if os.getpid() == process:  # a forked child shares the file and does not own it
        Path(name).unlink(missing_ok=True)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise FileMissing(f"{str(path)!r} does not exist") from None


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except IsADirectoryError:
        raise Invalid(f"{str(path)!r} is a folder, not a file") from None
