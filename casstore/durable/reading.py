"""Opening a file, reading at an offset and into a buffer; a file that cannot be read.

Knows: the calls a platform has for it.  Never: what the bytes are.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from casstore.errors import Corrupt, Error

__all__ = [
    "LIMIT_HINT",
    "damage_told",
    "is_no_file",
    "is_out_of_means",
    "open_file",
    "read_at",
    "read_file",
    "read_into",
    "read_into_at",
]

_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)

LIMIT_HINT = "raise the limit, `ulimit -n` or `-v`, and call again; every version is whole"

_NO_MEANS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}

# What one file alone is refused for: a bad sector, another user's file, no file in its place.
_UNREADABLE = {errno.EIO, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENXIO}


def open_file(path: Path | bytes) -> int:
    """Open a file to read it, and never wait: what is no file is an ``OSError`` at once.

    Opening a pipe would wait for who writes to it, and a device may have no end.  Raises ``Error``,
    which says nothing against the file, if this process can open no more files at all.
    """
    try:
        descriptor = os.open(path, _FLAGS | _NO_WAIT)
    except BlockingIOError:  # a file with a lease (fcntl(2)): its holder is given time to yield
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _no_file(path) from error
        if error.errno in _NO_MEANS:
            raise Error(f"{error.strerror}: {os.fsdecode(path)}", hint=LIMIT_HINT) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    raise _no_file(path)


def read_file(path: Path, limit: int = -1) -> bytes:
    """Return the bytes of a file, at most ``limit``; opened as ``open_file`` does."""
    with open(open_file(path), "rb", buffering=0) as stream:
        return stream.read(limit) or b""


def is_out_of_means(error: OSError) -> bool:
    """Tell whether an error says that no more files can be open, or that there is no memory.

    So it says nothing about the file.
    """
    return error.errno in _NO_MEANS


def is_no_file(error: OSError) -> bool:
    """Tell whether an error says that what bears the name is no file: a pipe, a folder."""
    return error.errno in {errno.ENXIO, errno.EISDIR}


def _no_file(path: Path | bytes) -> OSError:
    what = "it is a pipe, a socket or a device"
    return OSError(errno.ENXIO, what, os.fspath(path))


@contextlib.contextmanager
def damage_told(what: str) -> Iterator[None]:
    """Raise ``Corrupt`` for ``what`` if it cannot be read while files beside it perhaps can.

    So it counts as a damaged file does, and the others are read.  Other errors stay: a file that is
    not there, and what is no matter of one file.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _UNREADABLE:
            raise
        raise Corrupt(f"{what} cannot be read: {error.strerror}") from error


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read up to ``size`` bytes at ``offset``; shorter only at the end of the file."""
    data = os.pread(descriptor, size, offset)
    if len(data) == size or not data:
        return data
    parts = [data]
    got = len(data)
    while got < size:
        data = os.pread(descriptor, size - got, offset + got)
        if not data:
            break
        parts.append(data)
        got += len(data)
    return b"".join(parts)


def read_into_at(descriptor: int, buffer: memoryview, offset: int) -> int:
    """Fill ``buffer`` from ``offset`` of a file; returns the bytes read, fewer only at its end."""
    got = 0
    preadv = getattr(os, "preadv", None)
    while got < len(buffer):
        if preadv is not None:
            count: int = preadv(descriptor, [buffer[got:]], offset + got)
        else:  # pragma: no cover - platforms without preadv
            data = os.pread(descriptor, len(buffer) - got, offset + got)
            count = len(data)
            buffer[got : got + count] = data
        if not count:
            break
        got += count
    return got


def read_into(descriptor: int, buffer: memoryview) -> int:
    """Read from where the file stands into ``buffer``; returns the bytes read, 0 at the end."""
    readv = getattr(os, "readv", None)
    if readv is not None:
        count: int = readv(descriptor, [buffer])
        return count
    data = os.read(descriptor, len(buffer))  # pragma: no cover - platforms without readv
    buffer[: len(data)] = data
    return len(data)
