"""The rows of the index as bytes, and back.

Knows: structs.  Never: LMDB, files.  Rows are no format: a changed one is made again.
"""

import struct
from typing import NamedTuple

from casstore.digest import Digest
from casstore.packs import PackId, PackKind

__all__ = ["CHUNK_ROW", "ChunkRow", "EventPlace", "PackRow", "StatKey", "StatRow"]

MONTH_CHARS = 6

CHUNK_ROW = struct.Struct("<III")
_PACK_ROW = struct.Struct("<32sBIQ")
_STAT_KEY = struct.Struct(">QQ")
_STAT_HEAD = struct.Struct("<QqqqB32sH")


class ChunkRow(NamedTuple):
    """Where a frame lies."""

    pack_row: int
    offset: int
    stored_bytes: int


class PackRow(NamedTuple):
    """What the index knows of a pack."""

    pack_id: PackId
    kind: PackKind
    frames: int
    size_bytes: int

    def pack(self) -> bytes:
        """Return the row as bytes."""
        return _PACK_ROW.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> "PackRow":
        """Read a row."""
        pack_id, kind, frames, size = _PACK_ROW.unpack(data)
        return cls(PackId(pack_id), PackKind(kind), frames, size)


class EventPlace(NamedTuple):
    """Where an event lies: in a month (yyyymm), loose or in a journal pack there."""

    month: str
    pack: PackId | None = None

    def encoded(self) -> bytes:
        """Return the place as bytes."""
        return self.month.encode() + (self.pack or b"")

    @classmethod
    def decoded(cls, data: bytes) -> "EventPlace":
        """Read a place."""
        return cls(data[:MONTH_CHARS].decode(), PackId(data[MONTH_CHARS:]) or None)


class StatKey(NamedTuple):
    """Which file, whatever it is called."""

    device: int
    inode: int

    def pack(self) -> bytes:
        """Return the key as bytes."""
        return _STAT_KEY.pack(self.device & (2**64 - 1), self.inode & (2**64 - 1))


class StatRow(NamedTuple):
    """What a file was when it was last read, and what it became.

    Times are nanoseconds; ``read_ns`` is when reading began, by the wall clock.  ``pack_rows`` are
    the packs that hold its frames and the nodes of its chunk list.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    read_ns: int
    digest: Digest
    layout: bytes
    pack_rows: tuple[int, ...]

    def pack(self) -> bytes:
        """Return the row as bytes."""
        size, mtime, ctime, read, digest, layout, rows = self
        head = _STAT_HEAD.pack(size, mtime, ctime, read, 0, digest, len(layout))
        return b"".join([head, layout, struct.pack(f"<{len(rows)}I", *rows)])

    @classmethod
    def unpack(cls, data: bytes) -> "StatRow":
        """Read a row."""
        size, mtime, ctime, read, _, digest, length = _STAT_HEAD.unpack_from(data)
        start = _STAT_HEAD.size
        end = start + length
        rows = struct.unpack_from(f"<{(len(data) - end) // 4}I", data, end)
        return cls(size, mtime, ctime, read, Digest(digest), data[start:end], rows)
