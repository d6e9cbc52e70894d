"""Packs that are objects of a depot elsewhere: what ``packs`` checks, read by ranges.

Knows: which requests that takes, how a sample is drawn.  Never: what is in a pack, versions.
"""

import random
from collections.abc import Mapping, Sequence

from casstore.catalog import ChunkRow
from casstore.chunks import decode
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange import Indexed, RemoteDepot
from casstore.flows.verify.packs import (
    PackState,
    Read,
    check_frames,
    check_structure,
    state_of,
    was_ours,
)
from casstore.packs import PackId, PackKind, Row, rows_at
from casstore.packs.format import RECORD
from casstore.store import Index

__all__ = ["DepotPacks", "check_object", "rows_by_footer", "rows_of"]

_MESSAGE_OF_INDEX = "its footer and an index say different things of its frames"


class DepotPacks:
    """See ``places.Packs``: those of a depot elsewhere, as its mirror knows them.

    With ``checked`` they were found sound before, and are not looked at again.
    """

    def __init__(self, depot: RemoteDepot, *, checked: bool = False) -> None:
        self._depot = depot
        self._checked = checked

    @property
    def index(self) -> Index:
        """See ``Packs``."""
        return self._depot.mirror.index

    def look(self, pack_id: PackId) -> PackState:
        """See ``Packs``."""
        with self.index.read() as reader:
            row = reader.pack_row(pack_id)
            pack = None if row is None else reader.pack(row)
        if pack is None:
            return PackState(pack_id.hex(), -1, f"pack {pack_id.hex()} is not known")
        if self._checked:
            return PackState(pack_id.hex(), pack.size_bytes)
        return check_object(self._depot, pack_id, pack.size_bytes, None, sample=0)

    def record(self, pack_id: PackId, row: ChunkRow) -> Buffer:
        """See ``Packs``."""
        end = row.offset + RECORD.size + row.stored_bytes
        try:
            return self._depot.objects.read(_name(pack_id), row.offset, end)
        except NotFound as error:
            raise Corrupt(f"pack {pack_id.hex()} is gone") from error

    def read(self, digests: Sequence[Digest]) -> Sequence[Buffer]:
        """See ``Packs``."""
        frames = dict(self._depot.frames.read(digests))
        return [decode(frames[d].codec, frames[d].payload, frames[d].size_bytes) for d in digests]


def check_object(
    depot: RemoteDepot,
    pack_id: PackId,
    size_bytes: int,
    indexed: Indexed | None,
    *,
    sample: float,
) -> PackState:
    """Check a pack's structure, that it holds what an index says, and a part of its frames.

    ``size_bytes`` is what a listing says; ``sample`` between 0 (no frame) and 1 (every frame), and
    of a part at least one.  Where the footer is lost, frames are read where the index says.  Raises
    ``RemoteError``, and nothing about the pack.
    """
    name = pack_id.hex()
    read = _reading(depot, pack_id)
    try:
        rows, problem = _rows(read, name, size_bytes, indexed)
        chosen = rows if sample >= 1 else _drawn(rows, sample)
        damaged = list(check_frames(read, size_bytes, chosen))
    except NotFound:
        return PackState(name, -1, f"pack {name} is gone")
    found = state_of(name, size_bytes, chosen, damaged)
    if problem is None:
        return found
    known = indexed is not None and sample >= 1  # then which frames are damaged is known
    newer = found.newer or (
        isinstance(problem, Unsupported) and not was_ours(read, size_bytes, name)
    )
    return PackState(
        name, size_bytes, problem.message, found.damaged, broken=not known, newer=newer
    )


def rows_of(
    depot: RemoteDepot, packs: Mapping[PackId, PackState]
) -> dict[PackId, tuple[PackKind, list[Row]]]:
    """Return the kind and the frames of packs with something wrong, as an index or they say.

    A pack of which nothing says what it held has none: versions say what they miss.
    """
    found = {
        pack.pack_id: (pack.kind, sorted(pack.rows, key=_offset))
        for indexed in depot.frames.indexed()
        for pack in indexed
        if pack.pack_id in packs
    }
    for pack_id, state in packs.items():
        if pack_id not in found:
            found[pack_id] = rows_by_footer(depot, pack_id, state.size_bytes)
    return found


def rows_by_footer(
    depot: RemoteDepot, pack_id: PackId, size_bytes: int
) -> tuple[PackKind, list[Row]]:
    """Return the kind and the frames of a pack as it says itself; none if it cannot be read."""
    try:
        _, kind, rows = rows_at(_reading(depot, pack_id), size_bytes, pack_id.hex())
    except (Corrupt, NotFound, Unsupported):
        return PackKind.DATA, []
    return kind, sorted(rows, key=_offset)


def _rows(
    read: Read, name: str, size_bytes: int, indexed: Indexed | None
) -> tuple[list[Row], Corrupt | Unsupported | None]:
    """Return the rows by offset, and what is wrong with the structure."""
    named = sorted(indexed.rows, key=_offset) if indexed is not None else None
    try:
        rows = check_structure(read, size_bytes, name)
    except (Corrupt, Unsupported) as error:
        return named or [], error
    if named is not None and named != rows:
        return rows, Corrupt(f"pack {name}: {_MESSAGE_OF_INDEX}")
    return rows, None


def _reading(depot: RemoteDepot, pack_id: PackId) -> Read:
    return lambda count, offset: depot.objects.read(_name(pack_id), offset, offset + count)


def _drawn(rows: list[Row], sample: float) -> list[Row]:
    if not sample:
        return []
    count = min(len(rows), max(1, round(len(rows) * sample)))
    return sorted(random.sample(rows, count), key=_offset)


def _offset(row: Row) -> int:
    return row.offset


def _name(pack_id: PackId) -> str:
    name = pack_id.hex()
    return f"packs/{name[:2]}/{name}"
