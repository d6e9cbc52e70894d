"""What the far side has: everything in a store as an inventory, or what a version reaches.

Knows: how to list frames and events of a store.  Never: who asks, what is left out for it.
"""

from collections.abc import Iterator
from pathlib import Path

from casstore.bundles import Inventory, write_inventory
from casstore.digest import Digest
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.sending import Origin
from casstore.journal.views import VersionView
from casstore.store import Closure, Store

__all__ = ["export_inventory", "reached_by"]

FRAMES_AT_ONCE = 100_000


def export_inventory(store: Store, path: Path) -> tuple[int, int]:
    """List what a store holds in a new file; returns how many frames and events that is.

    Frames of packs that are gone are not listed.  Raises ``Conflict`` if there is such a file.
    """
    store.index.catch_up(thorough=True)
    return write_inventory(path, store.identity.store_id, _frames(store), _events(store))


def reached_by(origin: Origin, view: VersionView, path: Path) -> Inventory:
    """List one version, its frames and what is said of it, in a new file, and open it."""
    store_id = origin.store_id if isinstance(origin, RemoteDepot) else origin.identity.store_id
    if isinstance(origin, RemoteDepot):
        origin.frames.learn(view.manifest.root)
    frames = Closure(view.manifest, origin.frames.metadata).frames()
    with origin.index.read() as reader:
        events = reader.events_about(view.commit)
    write_inventory(path, store_id, frames, events)
    return Inventory(path)


def _frames(store: Store) -> Iterator[Digest]:
    with store.index.read() as reader:
        there = {row for row, pack in reader.packs() if store.packs.exists(pack.pack_id)}
    last = b""
    while True:
        with store.index.read() as reader:
            batch = reader.frames(last, FRAMES_AT_ONCE)
        if not batch:
            return
        yield from (digest for digest, row in batch if row.pack_row in there)
        last = batch[-1][0]


def _events(store: Store) -> Iterator[str]:
    with store.index.read() as reader:
        for name, _ in reader.events():
            yield name
