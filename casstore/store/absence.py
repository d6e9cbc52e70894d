"""What is not here of versions that were pulled without all of their bytes.

Knows: which frames of a version are here.  Never: where the others are, how they come.

*Exists* is a fact of the journal, *whole here* one of a store.  A version that ``absences`` names
may lack frames of files, never those of its lists of files and chunks: so what is missing is found
out here, whoever can be reached.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from casstore.digest import Digest
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.manifests import Entry, chunk_refs
from casstore.store.closure import Closure
from casstore.store.store import Store

__all__ = ["forget_place", "is_whole", "partly_here", "settle_whole", "with_presence"]

MAX_FRAMES_AT_ONCE = 4096
MAX_ENTRIES_AT_ONCE = 1024


def partly_here(store: Store, view: VersionView) -> bool:
    """Tell whether a version was pulled without all of its bytes, and not completed since."""
    return view.commit in store.absences.read()


def is_whole(store: Store, view: VersionView) -> bool:
    """Tell whether every frame of a version is here, in packs whose files are there."""
    frames = Closure(view.manifest, store.frames.metadata).frames()
    live: set[bytes] = set()
    while batch := list(islice(frames, MAX_FRAMES_AT_ONCE)):
        places = store.frames.locate_here(batch)
        if len(places) < len(batch):
            return False
        for pack_id in {place.pack_id for place in places} - live:
            if not store.packs.exists(pack_id):
                return False
            live.add(pack_id)
    return True


def settle_whole(store: Store, views: Iterable[VersionView]) -> None:
    """Note of those versions that are whole by now that they are."""
    absences = store.absences.read()
    partly = [view for view in views if view.commit in absences]
    if not partly or store.read_only:
        return
    if store.frames.fetcher is not None:
        store.frames.fetcher.seal()
    if whole := [view for view in partly if is_whole(store, view)]:
        store.absences.settle([view.commit for view in whole], store.staging())


def forget_place(store: Store, url: str) -> list[VersionView]:
    """Read nothing at a place any more; return the versions whose bytes were to come from there.

    Versions that are whole by now, or removed, are not among them.
    """
    with store.index.read() as reader:
        found = [queries.version(reader, commit) for commit in store.absences.read().urls]
    settle_whole(store, [view for view in found if view is not None and not view.deleted])
    left = set(store.absences.forget(url, store.staging()))
    return [view for view in found if view is not None and not view.deleted and view.commit in left]


def with_presence(store: Store, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bool]]:
    """Yield entries, each with whether all of its bytes are here; of references none need be."""
    remaining = iter(entries)
    while batch := list(islice(remaining, MAX_ENTRIES_AT_ONCE)):
        single = [Digest(entry.content) for entry in batch if not entry.layout]
        here = dict(zip(single, store.frames.are_here(single), strict=True))
        for entry in batch:
            if entry.is_reference or not entry.size_bytes:
                yield entry, True
            elif entry.layout:
                yield entry, _has_chunks(store, entry)
            else:  # most small files are one frame
                yield entry, here[Digest(entry.content)]


def _has_chunks(store: Store, entry: Entry) -> bool:
    content = Digest(entry.content)
    refs = chunk_refs(entry.layout, content, entry.size_bytes, store.frames.metadata)
    while batch := [ref.digest for _, ref in islice(refs, MAX_FRAMES_AT_ONCE)]:
        if not all(store.frames.are_here(batch)):
            return False
    return True
