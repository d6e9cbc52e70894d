"""Merging indexes, so that who looks frames up asks few objects, and those for parts.

Knows: which indexes to merge, in which order.  Never: how frames are looked up, who pushes.

Nothing is removed and nothing replaced: a merged index is one object more, which says for which
others it stands.  Whoever does not know it, or listed before it was there, reads those.  So a kill
leaves the old or the new, and two who merge at once make two objects that are both right.

An index is rewritten with others of its size, so that each rewriting doubles it: a row is written
again about log2 of ``MAX_MERGED_ROWS`` times at most, and less than a thousandth of the data each
time.  One with more than half of the rows that one may have is full, and stays as it is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.indexes import IndexId
from casstore.exchange.merged import (
    MAX_MERGED_INDEXES,
    MAX_MERGED_PACKS,
    MAX_MERGED_ROWS,
    MergedTable,
    Part,
    part_of_index,
    part_of_merged,
)
from casstore.exchange.remoteframes import RemoteFrames

__all__ = ["MAX_UNMERGED", "Merged", "merge_all", "merge_some"]

MAX_UNMERGED = 16  # so many may lie beside those that are full before a push merges some
LEAST_MERGED = 8  # of a push; fewer are not worth their requests


@dataclass(frozen=True, slots=True)
class Merged:
    """What was merged: ``indexes``, some of them merged already, into ``objects``.

    ``units`` that are not full are looked up from now on.
    """

    indexes: int
    objects: int
    units: int


class _Unit(NamedTuple):
    """What may be merged: an index, or a merged one by its table."""

    rows: int
    what: IndexId | MergedTable


def merge_some(frames: RemoteFrames) -> Merged:
    """Merge some indexes if many lie there, as the last look saw: one object, at most.

    Raises what the depot raises; nothing is changed then.
    """
    units = _units(frames)
    if len(units) <= MAX_UNMERGED:
        return Merged(0, 0, len(units))
    count = _merge(frames, _group(units, LEAST_MERGED))
    return Merged(count, 1 if count else 0, len(units) - count + 1)


def merge_all(frames: RemoteFrames, *, dry_run: bool = False) -> Merged:
    """Merge indexes until none is left that fits into one with another.

    In a ``dry_run`` only say how many would be; nothing is created.
    """
    indexes = objects = 0
    tried: set[bytes] = set()
    while True:
        frames.look(packs=False)
        units = [unit for unit in _units(frames) if _name(unit) not in tried]
        group = _group(units, MAX_MERGED_INDEXES)
        if len(group) < 2 or dry_run:
            could = len(units) if len(group) > 1 else 0
            return Merged(could if dry_run else indexes, objects, len(_units(frames)))
        tried.update(map(_name, group))  # those that cannot be read are not tried for ever
        count = _merge(frames, group)
        indexes += count
        objects += 1 if count else 0


def _name(unit: _Unit) -> bytes:
    return unit.what.name if isinstance(unit.what, MergedTable) else unit.what


def _units(frames: RemoteFrames) -> list[_Unit]:
    """Return what is looked up as far as it is not full, the smallest first."""
    units = [_Unit(frames.rows_about(name), name) for name in frames.unmerged()]
    units += [_Unit(table.rows, table) for table in frames.merged() if not _is_full(table)]
    units = [unit for unit in units if unit.rows <= MAX_MERGED_ROWS // 2]
    return sorted(units, key=lambda unit: (unit.rows, _name(unit)))


def _is_full(table: MergedTable) -> bool:
    return (
        table.pack_count > MAX_MERGED_PACKS // 2
        or len(table.indexes) > MAX_MERGED_INDEXES // 2
        or len(table.replaced) > MAX_MERGED_INDEXES // 2
    )


def _group(units: Sequence[_Unit], least: int) -> list[_Unit]:
    """Return which to merge: the ``least`` smallest, and others while the whole outgrows them."""
    group: list[_Unit] = []
    rows = 0
    for unit in units:
        if rows + unit.rows > MAX_MERGED_ROWS or (len(group) >= least and unit.rows > rows):
            break
        group.append(unit)
        rows += unit.rows
    return group


def _merge(frames: RemoteFrames, group: Collection[_Unit]) -> int:
    """Create one merged index of what can be read; returns of how many it is."""
    parts: list[Part] = []
    packs = indexes = replaced = 0
    for part in _parts(frames, group):
        packs += len(part.packs)
        indexes += len(part.indexes)
        replaced += len(part.replaced)
        if packs > MAX_MERGED_PACKS or max(indexes, replaced) > MAX_MERGED_INDEXES:
            break
        parts.append(part)
    if len(parts) < 2:
        return 0
    frames.add_merged(parts)
    return len(parts)


def _parts(frames: RemoteFrames, group: Collection[_Unit]) -> Iterator[Part]:
    for unit in group:
        try:
            if isinstance(unit.what, MergedTable):
                yield part_of_merged(unit.what, frames.whole_of(unit.what))
            else:
                yield part_of_index(unit.what, frames.index_at(unit.what))
        except (Corrupt, NotFound, Unsupported):
            continue  # it is read by nobody; ``verify`` names it
