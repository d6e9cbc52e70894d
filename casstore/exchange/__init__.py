"""A depot elsewhere as packs, indexes and events: what push writes there and pull reads.

Knows: how a depot lies in objects, and a mirror here of what it holds.  Never: which versions
travel, the local store's files.

``connecting`` finds what a name or URL means, ``indexes`` is the format of ``index/`` and
``roots/``, ``mirror`` keeps what is known of a depot in a cache folder, ``remotedepot`` has its
events and ``remoteframes`` its frames.  ``FORMAT.md`` beside them specifies the bytes.
"""

from casstore.exchange.connecting import Connection, connect, connected, find_remote
from casstore.exchange.indexes import Indexed, IndexId, read_index, read_roots, write_index
from casstore.exchange.remotedepot import Event, RemoteDepot, open_depot

__all__ = [
    "Connection",
    "Event",
    "IndexId",
    "Indexed",
    "RemoteDepot",
    "connect",
    "connected",
    "find_remote",
    "open_depot",
    "read_index",
    "read_roots",
    "write_index",
]
