"""A depot elsewhere as packs, indexes and events: what push writes there and pull reads.

Knows: how a depot lies in objects, and a mirror here of what it holds.  Never: which versions
travel, the local store's files.

``connecting`` finds what a name or URL means, ``indexes`` is the format of ``index/`` and
``roots/``, ``mirror`` keeps what is known of a depot in a cache folder, ``remotedepot`` has its
events and ``remoteframes`` its frames.  ``ondemand`` lets a store read what is not in it, and
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
from casstore.exchange.ondemand import on_demand
from casstore.exchange.reading import Afar
from casstore.exchange.remotedepot import Event, RemoteDepot, nowhere, open_depot

__all__ = [
    "MAX_INDEX_ROWS",
    "MIRRORS_FOLDER",
    "PACKS_OF_AN_INDEX",
    "Afar",
    "Connection",
    "Event",
    "IndexId",
    "Indexed",
    "RemoteDepot",
    "claim_again",
    "connect",
    "connect_apart",
    "connected",
    "disagreements",
    "find_remote",
    "nowhere",
    "on_demand",
    "open_depot",
    "read_index",
    "read_roots",
    "write_index",
]
