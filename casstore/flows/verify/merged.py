"""Merged indexes of a depot elsewhere: whole, and saying nothing that packs do not say.

Knows: how rows are compared with what indexes and footers say.  Never: versions, frames' bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from casstore.digest import Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange import (
    MergedPack,
    MergedRow,
    MergedTable,
    RemoteDepot,
    fetch_table,
    merged_id,
    read_merged_rows,
)
from casstore.flows.verify.objects import rows_by_footer
from casstore.store.frames import places_of

__all__ = ["merged_problems"]

Rows = list[MergedRow]


def merged_problems(depot: RemoteDepot) -> Iterator[tuple[str, str]]:
    """Yield name and problem of each merged index with something wrong, read whole.

    The depot's mirror knows every pack that is there by its indexes.  What a merged index says of
    a pack that is gone or set aside counts for nothing, with every reader.
    """
    aside = depot.mirror.set_aside()
    for listed in list(depot.objects.listing("index/")):
        name = merged_id(listed.name)
        if name is None or name in aside:
            continue
        try:
            table = fetch_table(depot.objects, name, listed.size_bytes)
            _check(depot, table)
        except NotFound:
            continue  # another one stands for it, and it was removed meanwhile
        except (Corrupt, Unsupported) as error:
            yield listed.name, error.message


def _check(depot: RemoteDepot, table: MergedTable) -> None:
    there = depot.mirror.packs()
    packs = list(table.packs())
    beside: dict[int, Rows] = defaultdict(list)
    for rows in read_merged_rows(depot.objects, table):
        for row in _unlike(depot, packs, rows):
            if packs[row[3]].pack_id in there:
                beside[row[3]].append(row)
    for pack, rows in beside.items():  # frames that lie in several packs
        known = packs[pack]
        _, its = rows_by_footer(depot, known.pack_id, known.size_bytes)
        if not {row[:3] for row in rows} <= {(r.digest, r.offset, r.stored_bytes) for r in its}:
            raise Corrupt(f"it says other things of pack {known.pack_id.hex()} than its footer")


def _unlike(depot: RemoteDepot, packs: list[MergedPack], rows: Rows) -> Iterable[MergedRow]:
    """Return the rows that are not what the mirror has of these frames."""
    with depot.mirror.index.read() as reader:
        places = places_of(reader, [Digest(row[0]) for row in rows])
    for row, place in zip(rows, places, strict=True):
        if place is None or place != (packs[row[3]].pack_id, row[1], row[2]):
            yield row
