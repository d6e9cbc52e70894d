"""The layout of a pack: header, records, footer, trailer.

Knows: structs and limits.  Never: files.  Specification: ``FORMAT.md``.
"""

import enum
import struct
from typing import NamedTuple, NewType

from casstore.digest import Buffer, Digest, digest_of
from casstore.errors import Corrupt, Unsupported

__all__ = [
    "FOOTER_ROW",
    "FORMAT_VERSION",
    "HEADER",
    "MAX_FRAME_BYTES",
    "MAX_PACK_BYTES",
    "RECORD",
    "RECORD_MAGIC",
    "TARGET_PACK_BYTES",
    "TRAILER",
    "TRAILER_MAGIC",
    "Encoded",
    "PackId",
    "PackKind",
    "Row",
    "pack_id_of",
    "parse_header",
]

FORMAT_VERSION = 1
TARGET_PACK_BYTES = 32 * 1024 * 1024
MAX_PACK_BYTES = 64 * 1024 * 1024
MAX_FRAME_BYTES = 16 * 1024 * 1024

HEADER = struct.Struct("<8sHBB4x16s")  # magic, format, kind, reserved, random bytes
RECORD = struct.Struct("<4sBBHII32s")  # magic, codec, 0, 0, stored bytes, size, digest
FOOTER_ROW = struct.Struct("<32sIIIB3x")  # digest, offset of the record, stored bytes, size, codec
TRAILER = struct.Struct("<II32s8s")  # footer bytes, rows, pack id, magic

HEADER_MAGIC = b"CASPACK\n"
RECORD_MAGIC = b"CSfr"
TRAILER_MAGIC = b"CASTAIL\n"

PackId = NewType("PackId", bytes)
"""32 bytes: the BLAKE3 of a pack's header and footer; in hex, its file name."""


class PackKind(enum.IntEnum):
    """What the frames of a pack are; data and metadata never share one."""

    DATA = 1
    METADATA = 2
    JOURNAL = 3


class Row(NamedTuple):
    """Where one frame lies: ``offset`` of its record, ``stored_bytes`` of payload after it."""

    digest: Digest
    offset: int
    stored_bytes: int
    size_bytes: int
    codec: int


class Encoded(NamedTuple):
    """A frame as it is stored: how it was encoded, its size before, its bytes after."""

    codec: int
    size_bytes: int
    payload: Buffer


def pack_id_of(header: bytes, footer: Buffer) -> PackId:
    """Return the name of the pack with this header and footer."""
    return PackId(digest_of(header + bytes(footer)))


def parse_header(data: Buffer) -> PackKind:
    """Check a pack's first bytes and return its kind."""
    if len(data) < HEADER.size:
        raise Corrupt("a pack is shorter than its header")
    magic, version, kind, _, _ = HEADER.unpack_from(data)
    if magic != HEADER_MAGIC:
        raise Corrupt("a pack does not begin with its magic number")
    if version > FORMAT_VERSION:
        raise Unsupported(f"a pack has format {version}", hint="upgrade casstore to read it")
    try:
        return PackKind(kind)
    except ValueError:
        raise Unsupported(f"a pack has kind {kind}", hint="upgrade casstore to read it") from None
