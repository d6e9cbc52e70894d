"""The objects of ``index/`` and ``roots/``: which frames lie in which packs, and where to look.

Knows: bytes.  Never: objects, stores.  ``FORMAT.md`` beside this file is the specification.

An index names up to 1,024 packs and every frame of them, sorted by digest; it is immutable and
named by the BLAKE3 of its bytes.  A root list names the indexes that lead to every frame of one
manifest, so that a reader of one version never needs the others.
"""

import struct
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple, NewType

from casstore.digest import DIGEST_SIZE, Buffer, Digest, digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.packs import MAX_PACK_BYTES, PackId, PackKind, Row

__all__ = [
    "MAX_INDEXED_PACKS",
    "IndexId",
    "Indexed",
    "read_index",
    "read_roots",
    "write_index",
    "write_roots",
]

FORMAT_VERSION = 1
MAX_INDEXED_PACKS = 1024

INDEX_MAGIC = b"CASINDX\n"
ROOTS_MAGIC = b"CASROOT\n"
_HEAD = struct.Struct("<8sHHI")  # magic, format, packs or zero, rows
_PACK = struct.Struct("<32sQIB3x")  # pack id, bytes, frames, kind
_ROW = struct.Struct("<32sIIIHBx")  # digest, offset, stored bytes, size, pack, codec

IndexId = NewType("IndexId", bytes)
"""32 bytes: the BLAKE3 of an index; in hex, the name of its object."""

_FIRST = itemgetter(0)
_KINDS = {PackKind.DATA, PackKind.METADATA}


class Indexed(NamedTuple):
    """One pack of an index: its rows are sorted by digest."""

    pack_id: PackId
    kind: PackKind
    size_bytes: int
    rows: Sequence[Row]


def write_index(packs: Sequence[Indexed]) -> tuple[IndexId, bytes]:
    """Return an index of packs: its name and its bytes."""
    if not 0 < len(packs) <= MAX_INDEXED_PACKS:
        raise ValueError(f"an index names 1 to {MAX_INDEXED_PACKS} packs, not {len(packs)}")
    count = sum(len(pack.rows) for pack in packs)
    table = [_PACK.pack(pack.pack_id, pack.size_bytes, len(pack.rows), pack.kind) for pack in packs]
    rows = sorted(
        [
            (row.digest, row.offset, row.stored_bytes, row.size_bytes, slot, row.codec)
            for slot, pack in enumerate(packs)
            for row in pack.rows
        ],
        key=_FIRST,
    )
    head = _HEAD.pack(INDEX_MAGIC, FORMAT_VERSION, len(packs), count)
    data = b"".join([head, *table, *[_ROW.pack(*row) for row in rows]])
    return IndexId(digest_of(data)), data


def read_index(name: IndexId, data: Buffer) -> list[Indexed]:
    """Return the packs of an index; raises ``Corrupt`` unless it is whole and the one named."""
    packs, count = _checked(name, data, INDEX_MAGIC, "index")
    view = memoryview(data)[_HEAD.size :]
    if len(view) != packs * _PACK.size + count * _ROW.size:
        raise Corrupt(f"index {name.hex()} is cut short")
    table = list(_PACK.iter_unpack(view[: packs * _PACK.size]))
    rows: list[list[Row]] = [[] for _ in table]
    for digest, offset, stored, size, slot, codec in _ROW.iter_unpack(view[packs * _PACK.size :]):
        if slot >= packs or offset + stored > table[slot][1]:
            raise Corrupt(f"index {name.hex()} points past its packs")
        rows[slot].append(Row(Digest(digest), offset, stored, size, codec))
    found = []
    for (pack_id, size_bytes, frames, kind), its in zip(table, rows, strict=True):
        if frames != len(its) or size_bytes > 2 * MAX_PACK_BYTES:
            raise Corrupt(f"index {name.hex()} does not add up")
        if kind not in _KINDS:
            raise Corrupt(f"index {name.hex()} names a pack of kind {kind}, which holds no frames")
        found.append(Indexed(PackId(pack_id), PackKind(kind), size_bytes, its))
    return found


def write_roots(indexes: Iterable[IndexId]) -> tuple[str, bytes]:
    """Return the list of the indexes that lead to a manifest's frames: its name and its bytes."""
    found = sorted(set(indexes))
    data = b"".join([_HEAD.pack(ROOTS_MAGIC, FORMAT_VERSION, 0, len(found)), *found])
    return digest_of(data).hex(), data


def read_roots(name: str, data: Buffer) -> list[IndexId]:
    """Return the indexes of a root list; raises ``Corrupt`` unless it is whole and the one named.

    ``name`` is the 64 hex characters of the BLAKE3 of its bytes.
    """
    _, count = _checked(bytes.fromhex(name), data, ROOTS_MAGIC, "root list")
    ids = bytes(memoryview(data)[_HEAD.size :])
    if len(ids) != count * DIGEST_SIZE:
        raise Corrupt(f"root list {name} is cut short")
    return [IndexId(ids[at : at + DIGEST_SIZE]) for at in range(0, len(ids), DIGEST_SIZE)]


def _checked(name: bytes, data: Buffer, magic: bytes, what: str) -> tuple[int, int]:
    """Return the two counts of the head."""
    if len(data) < _HEAD.size or digest_of(data) != name:
        raise Corrupt(f"{what} {name.hex()} is not the one that was written")
    found, version, packs, count = _HEAD.unpack_from(data)
    if found != magic:
        raise Corrupt(f"{what} {name.hex()} does not begin with its magic number")
    if version > FORMAT_VERSION:
        raise Unsupported(f"{what} {name.hex()} has format {version}", hint="upgrade casstore")
    return packs, count
