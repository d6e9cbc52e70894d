"""Restoring a removed version.

Knows: what a version needs to be whole.  Never: how damage is repaired.
"""

from itertools import islice

from casstore.errors import Corrupt
from casstore.flows.lifecycle.subjects import current_version, home
from casstore.journal.bodies import RestoreBody
from casstore.journal.views import VersionView
from casstore.store import Closure, Store, partly_here, reference_to

__all__ = ["restore"]

MAX_FRAMES_AT_ONCE = 4096


def restore(store: Store, view: VersionView) -> None:
    """Bring a removed version back, after seeing that everything it needs is still there.

    One that is not removed is left as it is; of one that was pulled without all of its bytes, what
    is not here stays to be fetched.  Raises ``Corrupt`` if a frame of it is in no pack
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
    frames = Closure(view.manifest, store.frames.metadata).frames()
    locate = store.frames.locate_here if partly_here(store, view) else store.frames.locate
    while batch := list(islice(frames, MAX_FRAMES_AT_ONCE)):
        for pack_id in {place.pack_id for place in locate(batch)} - live:
            if not store.packs.exists(pack_id):
                raise Corrupt(
                    f"{reference_to(store, view)} cannot be restored: pack {pack_id.hex()} is gone",
                    hint="`casstore repair --from NAME` takes it from a remote, another store or a"
                    " bundle",
                )
            live.add(pack_id)
