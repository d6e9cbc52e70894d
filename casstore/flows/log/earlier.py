"""How an earlier version's files were cut: where to expect the cuts of files that changed little.

Knows: newest versions, chunk lists.  Never: bytes of files, what the new version is.

A cut depends on the bytes of its chunk and on nothing else.  So where a file has a chunk of its
earlier self, found by digest, its cut is known without looking for it, which is half of the work.
What is told here is only tried: a wrong list costs time, never another result.
"""

from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

from casstore.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES
from casstore.digest import Digest
from casstore.errors import Error
from casstore.manifests import ChunkRef, Entry, Manifest, chunk_refs
from casstore.store import Store, collection_called, newest_version

__all__ = ["Cuts", "Earlier", "earlier_cuts"]

MAX_CUTS = 65_536  # 4 GiB of a file, and 13 MB of memory while it is read; the rest is cut anew


class Cuts:
    """The chunks of an earlier file in order, but for its last, which its end cut.

    Threads may share it.
    """

    def __init__(self, chunks: list[ChunkRef]) -> None:
        self.chunks = chunks
        self._positions = {chunk.digest: place for place, chunk in enumerate(chunks)}

    def after(self, digest: Digest) -> int:
        """Return the position of the chunk that followed this one, -1 if none did."""
        place = self._positions.get(digest)
        return -1 if place is None else self.following(place)

    def following(self, place: int) -> int:
        """Return the next position, -1 after the last."""
        return place + 1 if place + 1 < len(self.chunks) else -1


Earlier: TypeAlias = Callable[[bytes], Cuts | None]
"""Returns how the file at a path of a version was cut; None where nothing is known of it."""


def earlier_cuts(store: Store, project: str, name: str) -> Earlier:
    """Return how the files of the newest version of a name were cut."""
    manifest: Manifest | None = None

    def cuts(path: bytes) -> Cuts | None:
        nonlocal manifest
        try:
            manifest = manifest or _newest(store, project, name)
            entry = manifest.get(path) if manifest is not None else None
            return _cuts_of(store, entry) if entry is not None else None
        except Error:  # a damaged list is for others to tell of
            return None

    return cuts


def _newest(store: Store, project: str, name: str) -> Manifest | None:
    with store.index.read() as reader:
        collection = collection_called(store, reader, project, name)
        if collection is None:
            return None
        view = newest_version(store, reader, project, collection.name)
    return store.manifest(view.manifest) if view is not None else None


def _cuts_of(store: Store, entry: Entry) -> Cuts | None:
    if entry.is_reference or not entry.layout:
        return None
    refs = chunk_refs(entry.layout, Digest(entry.content), entry.size_bytes, store.frames.metadata)
    chunks = [ref for _, ref in islice(refs, MAX_CUTS + 1)][:-1]
    usual = all(MIN_CHUNK_BYTES <= chunk.size_bytes <= MAX_CHUNK_BYTES for chunk in chunks)
    return Cuts(chunks) if usual else None
