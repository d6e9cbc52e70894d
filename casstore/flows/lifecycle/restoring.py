"""Restoring a removed version.

Knows: what a version needs to be whole.  Never: how damage is repaired.
"""

from collections.abc import Iterator
from itertools import islice

from casstore.digest import Digest
from casstore.errors import Corrupt
from casstore.flows.lifecycle.subjects import current_version, home
from casstore.journal.bodies import RestoreBody
from casstore.journal.views import VersionView
from casstore.manifests import Manifest, chunk_refs, layout_nodes
from casstore.store import Store, reference_to

__all__ = ["restore"]

MAX_FRAMES_AT_ONCE = 4096


def restore(store: Store, view: VersionView) -> None:
    """Bring a removed version back, after seeing that everything it needs is still there.

    One that is not removed is left as it is.  Raises ``Corrupt`` if a frame of it is in no pack
    any more, ``NotFound`` if the store does not know the version.
    """
    store.require_writable()
    current = current_version(store, view)
    if not current.deleted:
        return
    _check_closure(store, current)
    store.events.append(home(current), RestoreBody())


def _check_closure(store: Store, view: VersionView) -> None:
    live: set[bytes] = set()
    frames = _closure(store.manifest(view.manifest), store)
    while batch := list(islice(frames, MAX_FRAMES_AT_ONCE)):
        for pack_id in {place.pack_id for place in store.frames.locate(batch)} - live:
            if not store.packs.exists(pack_id):
                raise Corrupt(
                    f"{reference_to(store, view)} cannot be restored: pack {pack_id.hex()} is gone",
                    hint="restore the pack from a copy of the store",
                )
            live.add(pack_id)


def _closure(manifest: Manifest, store: Store) -> Iterator[Digest]:
    """Yield the digest of every frame that a version needs."""
    fetch = store.frames.metadata
    yield from manifest.nodes()
    for entry in manifest:
        if entry.is_reference:
            continue
        yield from layout_nodes(entry.layout, fetch)
        refs = chunk_refs(entry.layout, Digest(entry.content), entry.size_bytes, fetch)
        yield from (ref.digest for _, ref in refs)
