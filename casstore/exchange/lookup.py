"""Looking frames up in merged indexes: which are needed, and which parts of them.

Knows: tables, buckets, ranges.  Never: what indexes and packs hold beside, who asks.

Invariant: what was not fetched is not known, and is fetched before anybody is told "no".
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from casstore.digest import Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.indexes import IndexId
from casstore.exchange.merged import (
    MERGED_HEAD_BYTES,
    MergedId,
    MergedRow,
    MergedTable,
    read_table,
    size_of_table,
)
from casstore.exchange.mirror import Mirror
from casstore.packs import PackId
from casstore.remotes import Objects, Range

__all__ = ["MergedIndexes", "fetch_table", "merged_id", "merged_name", "read_merged_rows"]

MERGED_FOLDER = "index/merged"
LEAST_READ_BYTES = 16 * 1024
TABLE_PART = 256  # a table has about so small a part of the bytes; it comes with one request then
MAX_GAP_BYTES = 256 * 1024  # read along rather than asked past
MAX_RANGE_BYTES = 16 * 1024 * 1024
ROWS_AT_ONCE = 20_000

_NAME = re.compile(rf"{MERGED_FOLDER}/([0-9a-f]{{64}})\Z")


def merged_id(text: str) -> MergedId | None:
    """Return which merged index an object of this name is; None if it is none."""
    match = _NAME.match(text)
    return MergedId(bytes.fromhex(match[1])) if match else None


def merged_name(name: MergedId) -> str:
    """Return the name of a merged index's object."""
    return f"{MERGED_FOLDER}/{name.hex()}"


def fetch_table(objects: Objects, name: MergedId, size_bytes: int) -> MergedTable:
    """Return the table of a merged index of ``size_bytes``; raises ``Corrupt``, ``NotFound``."""
    place = merged_name(name)
    if size_bytes < MERGED_HEAD_BYTES:
        raise Corrupt("it is cut short")
    first = min(size_bytes, max(LEAST_READ_BYTES, size_bytes // TABLE_PART))
    data = objects.read(place, 0, first)
    table_bytes = size_of_table(data, size_bytes)
    if table_bytes > first:
        data += objects.read(place, first, table_bytes)
    return read_table(name, data[:table_bytes])


def read_merged_rows(objects: Objects, table: MergedTable) -> Iterator[list[MergedRow]]:
    """Yield every row of a merged index, checked, a bucket at a time; raises as ``fetch_table``."""
    spans = _spans(table, range(table.buckets))
    found = objects.read_ranges(span.range() for span in spans)
    for span, data in zip(spans, found, strict=True):
        for buckets in _checked(span, data):
            for _, rows in buckets:
                yield rows


class _Span(NamedTuple):
    """Buckets of one merged index that are read at once: ``first`` to ``last``."""

    table: MergedTable
    first: int
    last: int

    def range(self) -> Range:
        start, end = self.table.span(self.first)[0], self.table.span(self.last)[1]
        return Range(merged_name(self.table.name), start, end)


class MergedIndexes:
    """The merged indexes of one depot, as far as ``mirror`` knows them.

    ``problems`` takes what lies there and cannot be read: it is passed over from then on, and what
    it stood for is read instead.  ``chosen`` are those that are looked up, ``damaged`` those that
    are not what they were, or set aside for that.
    """

    def __init__(self, objects: Objects, mirror: Mirror, problems: dict[str, str]) -> None:
        self._objects = objects
        self._mirror = mirror
        self._problems = problems
        self._unreadable: set[MergedId] = set()
        self.chosen: list[MergedTable] = []
        self.damaged: set[MergedId] = set()

    def choose(
        self,
        indexes: Collection[IndexId],
        merged: dict[MergedId, int],
        packs: Collection[PackId] | None,
        aside: Collection[bytes],
    ) -> list[IndexId]:
        """Choose among the merged indexes that are there; returns the indexes that none stands for.

        ``merged`` says how many bytes each has.  Only ``packs`` are there, if that is given;
        ``indexes`` are those that others can be led to.  What is set ``aside`` is nothing's place.
        """
        self.chosen = []
        self.damaged.update(name for name in merged if name in aside)
        stood_for: set[bytes] = set()
        for name in sorted(merged, key=lambda one: (-merged[one], one)):
            if name in aside or name in stood_for or name in self._unreadable:
                continue
            table = self._table(name, merged[name])
            if table is None or stood_for.issuperset(table.indexes):
                continue
            self._show(table, indexes, packs, aside)
            self.chosen.append(table)
            stood_for.update(table.indexes, table.replaced)
        return [name for name in indexes if name not in stood_for and name not in aside]

    def _table(self, name: MergedId, size_bytes: int) -> MergedTable | None:
        known = self._mirror.merged_table(name)
        try:
            if known is None:
                return fetch_table(self._objects, name, size_bytes)
            size_of_table(known, size_bytes)  # it may have been cut short since
            return read_table(name, known)
        except (Corrupt, NotFound, Unsupported) as error:
            self._pass_over(name, error)
            return None

    def _show(
        self,
        table: MergedTable,
        indexes: Collection[IndexId],
        packs: Collection[PackId] | None,
        aside: Collection[bytes],
    ) -> None:
        """Know of the packs of a merged index, unless they are known."""
        if self._mirror.known_buckets(table.name) is not None:
            return
        there = set(indexes).difference(aside)
        self._mirror.add_table(
            table,
            [
                pack if pack.named_by in there else pack._replace(named_by=IndexId(b""))
                for pack in table.packs()
                if pack.pack_id not in aside and (packs is None or pack.pack_id in packs)
            ],
        )

    def learn(self, digests: Collection[Digest]) -> bool:
        """Fetch every bucket that may hold some of the frames.

        Returns False if one could not be had, or was forgotten meanwhile: then choose again.
        """
        spans: list[_Span] = []
        for table in self.chosen:
            known = self._mirror.known_buckets(table.name)
            if known is None:
                return False
            spans += _spans(table, table.buckets_of(digests, known))
        return self._fetch(spans)

    def _fetch(self, spans: Sequence[_Span]) -> bool:
        found = self._objects.read_ranges(span.range() for span in spans)
        for span in spans:
            try:
                data = next(found)
                for buckets in _checked(span, data):
                    if not self._mirror.add_buckets(span.table, buckets):
                        return False
            except (Corrupt, NotFound) as error:
                self._pass_over(span.table.name, error)
                return False
        return True

    def _pass_over(self, name: MergedId, error: Corrupt | NotFound | Unsupported) -> None:
        self._unreadable.add(name)
        if isinstance(error, Corrupt):
            self.damaged.add(name)
        if not isinstance(error, NotFound):  # that one was replaced, and removed, meanwhile
            self._problems[merged_name(name)] = error.message


def _checked(span: _Span, data: bytes) -> Iterator[list[tuple[int, list[MergedRow]]]]:
    """Yield the buckets of what was read, checked, some at a time."""
    view = memoryview(data)
    begin = span.table.span(span.first)[0]
    buckets: list[tuple[int, list[MergedRow]]] = []
    count = 0
    for bucket in range(span.first, span.last + 1):
        start, end = span.table.span(bucket)
        buckets.append((bucket, span.table.rows_of(bucket, view[start - begin : end - begin])))
        count += len(buckets[-1][1])
        if count >= ROWS_AT_ONCE:
            yield buckets
            buckets, count = [], 0
    yield buckets


def _spans(table: MergedTable, buckets: Iterable[int]) -> list[_Span]:
    """Group buckets, in order, that lie near each other; of those without rows nothing is read."""
    spans: list[_Span] = []
    for bucket in buckets:
        start, end = table.span(bucket)
        if start == end:
            continue
        if spans:
            begin, before = spans[-1].range()[1:]
            if start - before <= MAX_GAP_BYTES and end - begin <= MAX_RANGE_BYTES:
                spans[-1] = spans[-1]._replace(last=bucket)
                continue
        spans.append(_Span(table, bucket, bucket))
    return spans
