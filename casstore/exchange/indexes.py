"""The objects of ``index/`` and ``roots/``: which frames lie in which packs, and where to look.

Knows: bytes.  Never: objects, stores.  ``FORMAT.md`` beside this file is the specification.

An index names up to 1,024 packs and every frame of them, sorted by digest; it is immutable and
named by the BLAKE3 of its bytes.  A root list names the indexes that lead to every frame of one
manifest, so that a reader of one version never needs the others.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple, NewType

from casstore.digest import DIGEST_SIZE, Buffer, Digest, digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.packs import MAX_PACK_BYTES, PackId, PackKind, Row

__all__ = [
    "HEAD_BYTES",
    "MAX_INDEXED_PACKS",
    "MAX_INDEX_BYTES",
    "MAX_INDEX_ROWS",
    "MAX_ROOTS_BYTES",
    "PACKS_OF_AN_INDEX",
    "IndexId",
    "Indexed",
    "index_groups",
    "read_index",
    "read_roots",
    "rows_of_size",
    "size_of_index",
    "write_index",
    "write_roots",
]

FORMAT_VERSION = 1
MAX_INDEXED_PACKS = 1024
PACKS_OF_AN_INDEX = 32  # what writers put into one
MAX_INDEX_ROWS = 250_000  # who writes one ends it with the pack that reaches this
MAX_INDEX_BYTES = 64 * 1024 * 1024
MAX_ROOTS_BYTES = 1024 * 1024

INDEX_MAGIC = b"CASINDX\n"
ROOTS_MAGIC = b"CASROOT\n"
_HEAD = struct.Struct("<8sHHI")  # magic, format, packs or zero, rows
_PACK = struct.Struct("<32sQIB3x")  # pack id, bytes, frames, kind
_ROW = struct.Struct("<32sIIIHBx")  # digest, offset, stored bytes, size, pack, codec

HEAD_BYTES = _HEAD.size

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


def index_groups(packs: Sequence[Indexed]) -> Iterator[list[Indexed]]:
    """Yield packs in groups that each fit an index."""
    group: list[Indexed] = []
    for pack in packs:
        group.append(pack)
        if len(group) >= PACKS_OF_AN_INDEX or sum(len(one.rows) for one in group) >= MAX_INDEX_ROWS:
            yield group
            group = []
    if group:
        yield group


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
        known = kind in (PackKind.DATA, PackKind.METADATA)
        if frames != len(its) or size_bytes > 2 * MAX_PACK_BYTES or not known:
            raise Corrupt(f"index {name.hex()} does not add up")
        if kind not in _KINDS:
            raise Corrupt(f"index {name.hex()} names a pack of kind {kind}, which holds no frames")
        found.append(Indexed(PackId(pack_id), PackKind(kind), size_bytes, its))
    return found


def size_of_index(name: IndexId, head: Buffer) -> int:
    """Return how many bytes an index has whose first ``HEAD_BYTES`` these are.

    Raises ``Corrupt`` if they are no index's, or that is more than any index has.
    """
    if len(head) < _HEAD.size:
        raise Corrupt(f"index {name.hex()} is cut short")
    magic, _, packs, count = _HEAD.unpack_from(head)
    size_bytes: int = _HEAD.size + packs * _PACK.size + count * _ROW.size
    if magic != INDEX_MAGIC or size_bytes > MAX_INDEX_BYTES:
        raise Corrupt(f"index {name.hex()} is none, or larger than any")
    return size_bytes


def rows_of_size(size_bytes: int) -> int:
    """Return how many rows an index of this size has at most."""
    return max(size_bytes - _HEAD.size, 0) // _ROW.size


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
