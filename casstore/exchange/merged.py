"""The objects of ``index/merged/``: the frames of many indexes, to be looked up a part at a time.

Knows: bytes.  Never: objects, stores.  ``FORMAT.md`` beside this file is the specification.

A merged index begins with a *table*: packs, which indexes it stands for, and for each *bucket* (the
frames whose digests begin with the same bits) how many rows it has and the BLAKE3 of them.  The
name is the BLAKE3 of the table, so whoever has the table can check each bucket that comes after it.
"""

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, NewType

from casstore.digest import DIGEST_SIZE, Buffer, Digest, digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.exchange.indexes import Indexed, IndexId
from casstore.packs import MAX_PACK_BYTES, PackId, PackKind

__all__ = [
    "BUCKET_ROWS",
    "MAX_MERGED_INDEXES",
    "MAX_MERGED_PACKS",
    "MAX_MERGED_ROWS",
    "MERGED_HEAD_BYTES",
    "MERGED_ROW_BYTES",
    "MergedId",
    "MergedPack",
    "MergedRow",
    "MergedTable",
    "Part",
    "merge_parts",
    "part_of_index",
    "part_of_merged",
    "read_table",
    "size_of_table",
]

MERGED_FORMAT = 1
MERGED_MAGIC = b"CASMERG\n"
MAX_MERGED_ROWS = 1024 * 1024
MAX_MERGED_PACKS = 16 * 1024
MAX_MERGED_INDEXES = 64 * 1024
MAX_BUCKET_BITS = 12
BUCKET_ROWS = 1024  # at most so many in a bucket, on the average

_HEAD = struct.Struct("<8sHBxIIII4x")  # magic, format, bits, packs, indexes, replaced, rows
_PACK = struct.Struct("<32sQIIB3x")  # pack id, bytes, frames, number of its index, kind
_BUCKET = struct.Struct("<32sI")  # BLAKE3 of its rows, rows
_ROW = struct.Struct("<32sIII")  # digest, offset, stored bytes, number of its pack

MERGED_HEAD_BYTES = _HEAD.size
MERGED_ROW_BYTES = _ROW.size

MergedId = NewType("MergedId", bytes)
"""32 bytes: the BLAKE3 of a merged index's table; in hex, the last part of its object's name."""

MergedRow = tuple[bytes, int, int, int]
"""Digest of a frame, offset of its record, stored bytes, number of its pack."""

_KINDS = {PackKind.DATA, PackKind.METADATA}


class MergedPack(NamedTuple):
    """One pack, and an index that names it."""

    pack_id: PackId
    kind: PackKind
    size_bytes: int
    frames: int
    named_by: IndexId


class Part(NamedTuple):
    """What goes into a merged index: packs, and rows of ``MERGED_ROW_BYTES`` by their bytes.

    ``indexes`` are those that it stands for, ``replaced`` the merged ones.
    """

    packs: Sequence[MergedPack]
    indexes: frozenset[IndexId]
    replaced: frozenset[MergedId]
    rows: bytes


class MergedTable:
    """The table of a merged index, checked; ``data`` is its bytes, and most of what it takes here.

    ``indexes`` are those that it stands for, ``replaced`` merged ones that went into it.
    """

    def __init__(self, name: MergedId, data: bytes) -> None:
        _, _, self.bits, packs, indexes, replaced, count = _HEAD.unpack_from(data)
        self.rows: int = count
        self.name = name
        self.data = data
        self._packs_end = _HEAD.size + packs * _PACK.size
        indexes_end = self._packs_end + indexes * DIGEST_SIZE
        self._buckets_start = indexes_end + replaced * DIGEST_SIZE
        self.indexes = [IndexId(one) for one in _ids(data[self._packs_end : indexes_end])]
        self.replaced = [MergedId(one) for one in _ids(data[indexes_end : self._buckets_start])]
        self._pack_sizes = array("Q", [pack.size_bytes for pack in self.packs()])
        counts = (rows for _, rows in _BUCKET.iter_unpack(data[self._buckets_start :]))
        self._starts = array("Q", accumulate(counts, initial=0))

    def packs(self) -> Iterator[MergedPack]:
        """Yield the packs, in the order of their numbers."""
        for fields in _PACK.iter_unpack(self.data[_HEAD.size : self._packs_end]):
            pack_id, size, frames, index, kind = fields
            yield MergedPack(PackId(pack_id), PackKind(kind), size, frames, self.indexes[index])

    def pack_id(self, number: int) -> PackId:
        """Return the name of a pack."""
        start = _HEAD.size + number * _PACK.size
        return PackId(self.data[start : start + DIGEST_SIZE])

    @property
    def pack_count(self) -> int:
        """Return how many packs there are."""
        return len(self._pack_sizes)

    @property
    def buckets(self) -> int:
        """Return how many buckets there are."""
        return len(self._starts) - 1

    @property
    def size_bytes(self) -> int:
        """Return the size of the whole object."""
        return len(self.data) + self.rows * _ROW.size

    def bucket_of(self, digest: Digest) -> int:
        """Return the number of the bucket that a frame is in, if it is in any."""
        return _leading(digest, self.bits)

    def buckets_of(self, digests: Iterable[Digest], known: int = 0) -> list[int]:
        """Return, in order, the buckets with rows that frames would be in.

        Those whose bit is set in ``known`` are left out.
        """
        found = {self.bucket_of(digest) for digest in digests}
        starts = self._starts
        return sorted(
            one for one in found if not known >> one & 1 and starts[one] < starts[one + 1]
        )

    def span(self, bucket: int) -> tuple[int, int]:
        """Return where the bytes of a bucket begin and end in the object."""
        start, end = self._starts[bucket], self._starts[bucket + 1]
        return len(self.data) + start * _ROW.size, len(self.data) + end * _ROW.size

    def rows_of(self, bucket: int, data: Buffer) -> list[MergedRow]:
        """Return the rows of a bucket; raises ``Corrupt`` unless they are those of the table."""
        at = self._buckets_start + bucket * _BUCKET.size
        if digest_of(data) != self.data[at : at + DIGEST_SIZE]:
            raise Corrupt(f"bucket {bucket} is not the one that was written")
        if len(data) != (self._starts[bucket + 1] - self._starts[bucket]) * _ROW.size:
            raise Corrupt(f"bucket {bucket} does not have the rows of the table")
        rows: list[MergedRow] = list(_ROW.iter_unpack(data))
        sizes = self._pack_sizes
        before: MergedRow | None = None
        for row in rows:
            digest, offset, stored, pack = row
            if pack >= len(sizes) or offset + stored > sizes[pack]:
                raise Corrupt(f"bucket {bucket} points past its packs")
            if before is not None and before[0] > digest:
                raise Corrupt(f"bucket {bucket} is not sorted")
            before = row
        if rows and {_leading(rows[0][0], self.bits), _leading(rows[-1][0], self.bits)} != {bucket}:
            raise Corrupt(f"bucket {bucket} has rows of another")
        return rows


def size_of_table(head: Buffer, size_bytes: int) -> int:
    """Return how many bytes the table has of an object of ``size_bytes``, by the first of them.

    Raises ``Corrupt`` if it is no merged index, or counts are more than any has, or do not fit.
    """
    if len(head) < _HEAD.size:
        raise Corrupt("it is cut short")
    magic, version, bits, packs, indexes, replaced, rows = _HEAD.unpack_from(head)
    if magic != MERGED_MAGIC:
        raise Corrupt("it does not begin with its magic number")
    if version > MERGED_FORMAT:
        raise Unsupported(f"it has format {version}", hint="upgrade casstore")
    most = ((bits, MAX_BUCKET_BITS), (packs, MAX_MERGED_PACKS), (rows, MAX_MERGED_ROWS))
    if any(count > limit for count, limit in (*most, *_limits(indexes, replaced))):
        raise Corrupt("it counts more than any has")
    size: int = _HEAD.size + packs * _PACK.size + (indexes + replaced) * DIGEST_SIZE
    size += _BUCKET.size << bits
    if size + rows * _ROW.size != size_bytes:
        raise Corrupt("its size is not what it counts")
    return size


def read_table(name: MergedId, data: bytes) -> MergedTable:
    """Return a table, cut to its size; raises ``Corrupt`` unless it is whole and the one named."""
    if MergedId(digest_of(data)) != name:
        raise Corrupt("its table is not the one that was written")
    _, _, _, packs, indexes, _, rows = _HEAD.unpack_from(data)
    end = _HEAD.size + packs * _PACK.size
    frames = 0
    for _, size_bytes, count, index, kind in _PACK.iter_unpack(data[_HEAD.size : end]):
        if kind not in _KINDS or index >= indexes or size_bytes > 2 * MAX_PACK_BYTES:
            raise Corrupt("it names a pack that cannot be")
        frames += count
    table = MergedTable(name, data)
    if frames != rows or table.span(table.buckets - 1)[1] != table.size_bytes:
        raise Corrupt("it does not add up")
    return table


def part_of_index(name: IndexId, packs: Sequence[Indexed]) -> Part:
    """Return an index as a part."""
    rows = sorted(
        _ROW.pack(row.digest, row.offset, row.stored_bytes, number)
        for number, pack in enumerate(packs)
        for row in pack.rows
    )
    table = [MergedPack(one.pack_id, one.kind, one.size_bytes, 0, name) for one in packs]
    return Part(table, frozenset([name]), frozenset(), b"".join(rows))


def part_of_merged(table: MergedTable, data: Buffer) -> Part:
    """Return a merged index as a part; raises ``Corrupt`` unless all of its bytes are right."""
    for bucket in range(table.buckets):
        start, end = table.span(bucket)
        table.rows_of(bucket, memoryview(data)[start:end])
    replaced = frozenset([table.name, *table.replaced])
    return Part(
        list(table.packs()), frozenset(table.indexes), replaced, bytes(data[len(table.data) :])
    )


def merge_parts(
    parts: Sequence[Part], left_out: frozenset[bytes] | set[bytes] = frozenset()
) -> tuple[MergedId, bytes]:
    """Return a merged index of parts: its name and its bytes; some packs may be left out.

    A frame that lies in several packs has a row for each, so that one may go.  The same parts in
    any order give the same bytes.
    """
    indexes = sorted(frozenset[IndexId]().union(*(part.indexes for part in parts)))
    replaced = sorted(frozenset[MergedId]().union(*(part.replaced for part in parts)))
    parts = sorted(parts, key=lambda part: (sorted(part.indexes), sorted(part.replaced)))
    packs = {
        pack.pack_id: (pack, part)
        for part in reversed(parts)
        for pack in part.packs
        if pack.pack_id not in left_out
    }
    numbers = {pack_id: number for number, pack_id in enumerate(sorted(packs))}
    kept_from = {pack_id: id(part) for pack_id, (_, part) in packs.items()}
    new_numbers = [
        [
            numbers[one.pack_id] if kept_from.get(one.pack_id) == id(part) else None
            for one in part.packs
        ]
        for part in parts
    ]
    total = sum(len(part.rows) // _ROW.size for part in parts)
    bits = min(MAX_BUCKET_BITS, max(0, (max(total, 1) - 1) // BUCKET_ROWS).bit_length())
    frames = [0] * len(numbers)
    buckets = []
    for group in _buckets(parts, bits):
        found = _numbered_anew(group, new_numbers)
        for row in found:
            frames[int.from_bytes(row[-4:], "little")] += 1
        buckets.append(b"".join(sorted(found)))
    rows = sum(frames)
    _check_limits(len(numbers), len(indexes), len(replaced), rows)
    head = _HEAD.pack(
        MERGED_MAGIC, MERGED_FORMAT, bits, len(numbers), len(indexes), len(replaced), rows
    )
    places = {index: number for number, index in enumerate(indexes)}
    entries = [
        _PACK.pack(pack_id, pack.size_bytes, frames[number], places[pack.named_by], pack.kind)
        for pack_id, number in numbers.items()
        for pack in [packs[pack_id][0]]
    ]
    sums = [_BUCKET.pack(digest_of(data), len(data) // _ROW.size) for data in buckets]
    table = b"".join([head, *entries, *indexes, *replaced, *sums])
    return MergedId(digest_of(table)), b"".join([table, *buckets])


def _numbered_anew(
    group: Sequence[memoryview], new_numbers: Sequence[Sequence[int | None]]
) -> set[bytes]:
    """Return the rows of one bucket of every part with the new numbers of their packs."""
    found: set[bytes] = set()
    for data, its in zip(group, new_numbers, strict=True):
        for digest, offset, stored, pack in _ROW.iter_unpack(data):
            number = its[pack]
            if number is not None:
                found.add(_ROW.pack(digest, offset, stored, number))
    return found


def _buckets(parts: Sequence[Part], bits: int) -> Iterator[list[memoryview]]:
    """Yield, for each bucket, the rows of every part that belong in it."""
    views = [memoryview(part.rows) for part in parts]
    starts = [0] * len(parts)
    for bucket in range(1 << bits):
        group = []
        for number, view in enumerate(views):
            start = end = starts[number]
            while end < len(view) and _leading(view[end : end + 8], bits) == bucket:
                end += _ROW.size
            group.append(view[start:end])
            starts[number] = end
        yield group


def _leading(digest: Buffer, bits: int) -> int:
    return int.from_bytes(digest[:2], "big") >> (16 - bits)


def _ids(data: bytes) -> Iterator[bytes]:
    return (data[at : at + DIGEST_SIZE] for at in range(0, len(data), DIGEST_SIZE))


def _limits(indexes: int, replaced: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (indexes, MAX_MERGED_INDEXES), (replaced, MAX_MERGED_INDEXES)


def _check_limits(packs: int, indexes: int, replaced: int, rows: int) -> None:
    limits = ((packs, MAX_MERGED_PACKS), (rows, MAX_MERGED_ROWS), *_limits(indexes, replaced))
    if any(count > limit for count, limit in limits):
        raise ValueError("a merged index of that many packs, indexes or rows is none")
