"""Reading at an offset, and into a buffer; a file that is there and cannot be read.

Knows: the calls a platform has for it.  Never: what the bytes are.
"""

import contextlib
import errno
import os
from collections.abc import Iterator

from casstore.errors import Corrupt

__all__ = ["damage_told", "read_at", "read_into", "read_into_at"]

# What one file alone is refused for: a bad sector, another user's file, no file in its place.
_UNREADABLE = {errno.EIO, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP}


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
