"""Merging indexes, so that who looks frames up asks few objects, and those for parts.

Knows: which indexes to merge, in which order.  Never: how frames are looked up, who pushes.

Nothing is removed and nothing replaced: a merged index is one object more, which says for which
others it stands.  Whoever does not know it, or listed before it was there, reads those.  So a kill
leaves the old or the new, and two who merge at once make two objects that are both right.

An index is rewritten with others of its size, so that each rewriting doubles it: a row is written
again about log2 of ``MAX_MERGED_ROWS`` times at most, and less than a thousandth of the data each
time.  One with more than half of the rows that one may have is full, and stays as it is.
"""

from collections.abc import Collection, Sequence
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
LEAST_MERGED = 8  # by a push; fewer are not worth their requests
MOST_MERGED = 32  # by a push, which reads each with a request


@dataclass(frozen=True, slots=True)
class Merged:
    """What was merged: ``indexes``, some of them merged already, into ``objects``."""

    indexes: int
    objects: int


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
        return Merged(0, 0)
    done = _merge(frames, _group(units, LEAST_MERGED)[:MOST_MERGED])
    return Merged(len(done), 1 if done else 0)


def merge_all(frames: RemoteFrames, *, dry_run: bool = False) -> Merged:
    """Merge indexes until none is left that fits into one with another.

    In a ``dry_run`` only say how many would be; nothing is created.
    """
    indexes = objects = 0
    tried: set[bytes] = set()  # each unit once, also where it shows again, or cannot be read
    while True:
        frames.look(packs=False)
        units = [unit for unit in _units(frames) if _name(unit) not in tried]
        group = _group(units, len(units))
        if len(group) < 2:
            return Merged(indexes, objects)
        if dry_run:
            return Merged(len(units), 0)
        done = _merge(frames, group)
        tried.update(map(_name, done or group))
        indexes += len(done)
        objects += 1 if done else 0


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


def _merge(frames: RemoteFrames, group: Collection[_Unit]) -> list[_Unit]:
    """Create one merged index of what can be read of a group and fits; returns of which units."""
    parts: list[Part] = []
    done: list[_Unit] = []
    packs = indexes = replaced = 0
    for unit in group:
        part = _part(frames, unit)
        if part is None:
            continue
        packs += len(part.packs)
        indexes += len(part.indexes)
        replaced += len(part.replaced)
        if packs > MAX_MERGED_PACKS or max(indexes, replaced) > MAX_MERGED_INDEXES:
            break
        parts.append(part)
        done.append(unit)
    if len(parts) < 2:
        return []
    frames.add_merged(parts)
    return done


def _part(frames: RemoteFrames, unit: _Unit) -> Part | None:
    """Read a unit; None if it cannot be: nobody reads it, and ``verify`` names it."""
    try:
        if isinstance(unit.what, MergedTable):
            return part_of_merged(unit.what, frames.whole_of(unit.what))
        return part_of_index(unit.what, frames.index_at(unit.what))
    except (Corrupt, NotFound, Unsupported):
        return None
