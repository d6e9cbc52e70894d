"""The rows of the index as bytes, and back.

Knows: structs.  Never: LMDB, files.  Rows are no format: a changed one is made again.  Bytes that
are no row are ``struct.error``.
"""

import os
import struct
from collections.abc import Iterable
from typing import NamedTuple, NewType

from casstore.digest import DIGEST_SIZE, Digest
from casstore.packs import PackId, PackKind

__all__ = [
    "CHUNK_ROW",
    "FILE_KEY_BYTES",
    "ChunkRow",
    "EventPlace",
    "PackRow",
    "Stamp",
    "StatRow",
    "pack_rows",
    "stamp_of",
    "unpack_rows",
]

MONTH_CHARS = 6

CHUNK_ROW = struct.Struct("<III")
_PACK_ROW = struct.Struct("<32sBIQ")
FILE_KEY_BYTES = 16
_STAMP = struct.Struct(">QQQqq").pack  # device, inode; size, mtime, ctime: nanoseconds
_LENGTH = struct.Struct("<H")
_DIGEST_START = 24
_DIGEST_END = _DIGEST_START + DIGEST_SIZE
_LAYOUT_START = _DIGEST_END + _LENGTH.size
_U64 = 2**64 - 1


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
        try:
            return cls(PackId(pack_id), PackKind(kind), frames, size)
        except ValueError as error:
            raise struct.error(str(error)) from error


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


Stamp = NewType("Stamp", bytes)
"""40 bytes: which file, whatever it is called, and what must be as it was for its row to hold."""


def stamp_of(info: os.stat_result) -> Stamp:
    """Return the stamp of a file: device and inode, then size, mtime and ctime."""
    return Stamp(
        _STAMP(
            info.st_dev & _U64, info.st_ino & _U64, info.st_size, info.st_mtime_ns, info.st_ctime_ns
        )
    )


class StatRow(NamedTuple):
    """What a file became when it was read: its digest, its layout, the packs beneath.

    ``packs`` holds the rows of the packs that its frames and the nodes of its chunk list lie in,
    as ``pack_rows`` writes and ``unpack_rows`` reads them: most files share theirs with others, so
    whoever looks at many asks once for each.
    """

    digest: Digest
    layout: bytes
    packs: bytes

    def pack(self, stamp: Stamp) -> bytes:
        """Return the row as bytes; it begins with what must not change of the stamp."""
        digest, layout, packs = self
        return b"".join([stamp[FILE_KEY_BYTES:], digest, _LENGTH.pack(len(layout)), layout, packs])

    @classmethod
    def unpack(cls, data: bytes) -> "StatRow":
        """Read a row."""
        if not data[_LAYOUT_START - 1] and not data[_LAYOUT_START - 2]:  # most have no layout
            return cls(Digest(data[_DIGEST_START:_DIGEST_END]), b"", data[_LAYOUT_START:])
        end = _LAYOUT_START + _LENGTH.unpack_from(data, _DIGEST_END)[0]
        return cls(Digest(data[_DIGEST_START:_DIGEST_END]), data[_LAYOUT_START:end], data[end:])


def pack_rows(rows: Iterable[int]) -> bytes:
    """Return rows of packs as bytes."""
    numbers = tuple(rows)
    return struct.pack(f"<{len(numbers)}I", *numbers)


def unpack_rows(data: bytes) -> tuple[int, ...]:
    """Read rows of packs."""
    return struct.unpack(f"<{len(data) // 4}I", data)
