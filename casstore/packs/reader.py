"""Reading a pack: its footer, or, where that is lost, its records one by one.

Knows: how to check every field.  Never: LMDB, which frames are wanted, codecs' insides.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from casstore import durable
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt
from casstore.packs.format import (
    FOOTER_ROW,
    HEADER,
    MAX_FRAME_BYTES,
    MAX_PACK_BYTES,
    RECORD,
    RECORD_MAGIC,
    TRAILER,
    TRAILER_MAGIC,
    PackId,
    PackKind,
    Row,
    pack_id_of,
    parse_header,
)

__all__ = ["read_rows", "rows_at", "scan_rows", "unpack_frame"]


def read_rows(path: Path) -> tuple[PackId, PackKind, list[Row]]:
    """Return a pack's name, kind and rows (by digest) from its footer, checked against its name.

    Raises ``Corrupt`` if trailer, footer or a row is not as written or cannot be read; the records
    are not read.
    """
    with durable.damage_told(f"pack {path.name}"):
        descriptor = durable.open_file(path)
        try:
            size = os.fstat(descriptor).st_size
            return rows_at(partial(durable.read_at, descriptor), size, path.name)
        finally:
            os.close(descriptor)


def rows_at(
    read: Callable[[int, int], Buffer], size: int, name: str
) -> tuple[PackId, PackKind, list[Row]]:
    """Return what ``read_rows`` does of a pack of ``size`` bytes, wherever it is.

    ``read(count, offset)`` returns bytes of it; it is called three times.
    """
    if not HEADER.size + TRAILER.size <= size <= MAX_PACK_BYTES + MAX_FRAME_BYTES:
        raise Corrupt(f"pack {name} has {size} bytes, which no pack has")
    header = bytes(read(HEADER.size, 0))
    kind = parse_header(header)
    trailer = read(TRAILER.size, size - TRAILER.size)
    footer_bytes, count, pack_id, magic = TRAILER.unpack(trailer)
    start = size - TRAILER.size - footer_bytes
    if magic != TRAILER_MAGIC or footer_bytes != count * FOOTER_ROW.size or start < HEADER.size:
        raise Corrupt(f"pack {name} does not end with its trailer: it was cut short or damaged")
    footer = read(footer_bytes, start)
    if pack_id_of(header, footer) != pack_id:
        raise Corrupt(f"pack {name}: the footer is not the one that was written")
    rows = [Row(*fields) for fields in FOOTER_ROW.iter_unpack(footer)]
    for row in rows:
        if row.offset + RECORD.size + row.stored_bytes > start:
            raise Corrupt(f"pack {name}: a row of the footer points past the records")
    return PackId(pack_id), kind, rows


def scan_rows(path: Path) -> Iterator[tuple[Row, bytes]]:
    """Yield (row, payload) of each record that is whole, from the front, until one is not.

    For packs without a footer.  The payload is not checked against the digest: the caller decodes
    and compares.  Raises ``Corrupt`` if it does not begin as a pack, or cannot be read on.
    """
    with (
        durable.damage_told(f"pack {path.name}"),
        open(durable.open_file(path), "rb") as stream,
    ):
        parse_header(stream.read(HEADER.size))
        offset = HEADER.size
        while len(head := stream.read(RECORD.size)) == RECORD.size:
            magic, codec, _, _, stored, size, digest = RECORD.unpack(head)
            if magic != RECORD_MAGIC or not stored <= size <= MAX_FRAME_BYTES:
                return
            payload = stream.read(stored)
            if len(payload) < stored:
                return
            yield Row(Digest(digest), offset, stored, size, codec), payload
            offset += RECORD.size + stored


def unpack_frame(data: Buffer, offset: int, expected: Digest) -> tuple[int, int, memoryview]:
    """Return (codec, size, payload) of the record at ``offset`` of ``data``; nothing is copied.

    Raises ``Corrupt`` if no record of that digest lies there.  The payload's bytes are not checked.
    """
    view = memoryview(data)
    if offset + RECORD.size > len(view):
        raise Corrupt("a record is cut short")
    magic, codec, _, _, stored, size, digest = RECORD.unpack_from(view, offset)
    start = offset + RECORD.size
    if magic != RECORD_MAGIC or digest != expected or not stored <= size <= MAX_FRAME_BYTES:
        raise Corrupt("a record is not the one that the index names")
    if start + stored > len(view):
        raise Corrupt("a record is cut short")
    return codec, size, view[start : start + stored]
