"""A depot elsewhere as packs, indexes and events: what push writes there and pull reads.

Knows: how a depot lies in objects, and a mirror here of what it holds.  Never: which versions
travel, the local store's files.

``connecting`` finds what a name or URL means, ``indexes`` is the format of ``index/`` and
``roots/``, ``mirror`` keeps what is known of a depot in a cache folder, ``remotedepot`` has its
events and ``remoteframes`` its frames.  ``merging`` makes one index of many, ``merged`` is its
format and ``lookup`` finds frames in it.  ``ondemand`` lets a store read what is not in it, and
``reading`` reads a depot as if it were one.  ``FORMAT.md`` beside them specifies the bytes.
"""

from casstore.exchange.claiming import claim_again, disagreements
from casstore.exchange.connecting import (
    MIRRORS_FOLDER,
    Connection,
    connect,
    connect_apart,
    connected,
    find_remote,
)
from casstore.exchange.indexes import (
    MAX_INDEX_ROWS,
    PACKS_OF_AN_INDEX,
    Indexed,
    IndexId,
    read_index,
    read_roots,
    write_index,
)
from casstore.exchange.lookup import fetch_table, merged_id, merged_name, read_merged_rows
from casstore.exchange.merged import MergedId, MergedPack, MergedRow, MergedTable
from casstore.exchange.merging import Merged, merge_all, merge_some
from casstore.exchange.ondemand import on_demand
from casstore.exchange.reading import Afar
from casstore.exchange.remotedepot import (
    MAX_EVENTS_OF_A_PACK,
    MAX_LOOSE_EVENTS,
    Event,
    RemoteDepot,
    nowhere,
    open_depot,
)

__all__ = [
    "MAX_EVENTS_OF_A_PACK",
    "MAX_INDEX_ROWS",
    "MAX_LOOSE_EVENTS",
    "MIRRORS_FOLDER",
    "PACKS_OF_AN_INDEX",
    "Afar",
    "Connection",
    "Event",
    "IndexId",
    "Indexed",
    "Merged",
    "MergedId",
    "MergedPack",
    "MergedRow",
    "MergedTable",
    "RemoteDepot",
    "claim_again",
    "connect",
    "connect_apart",
    "connected",
    "disagreements",
    "fetch_table",
    "find_remote",
    "merge_all",
    "merge_some",
    "merged_id",
    "merged_name",
    "nowhere",
    "on_demand",
    "open_depot",
    "read_index",
    "read_merged_rows",
    "read_roots",
    "write_index",
]
