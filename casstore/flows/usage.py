"""usage: what takes how much room.

Knows: sizes as logged and sizes on disk.  Never: frames, which bytes are shared with which.
"""

from dataclasses import dataclass

from casstore.catalog import Reader
from casstore.journal import queries
from casstore.journal.views import CollectionView
from casstore.store import Store

__all__ = ["CollectionUsage", "Usage", "usage"]


@dataclass(frozen=True, slots=True)
class CollectionUsage:
    """One name: its versions that are not removed, and the sum of their files' sizes in bytes."""

    project: str
    name: str
    type: str
    versions: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a store takes.

    ``stored_bytes`` is of all packs on disk, ``logical_bytes`` of the files of the collections
    listed, as if nothing were shared.  ``packs`` counts them, ``events`` everything that happened,
    loose or gathered; ``index_bytes`` is the index, which can be made again.
    """

    collections: list[CollectionUsage]
    stored_bytes: int
    packs: int
    events: int
    index_bytes: int
    logical_bytes: int


def usage(store: Store, project: str | None = None) -> Usage:
    """Return what a store takes; with ``project`` only its names are listed.

    Packs, events and the index belong to all projects together, so they are counted whole.
    """
    with store.index.read() as reader:
        collections = [_collection(reader, view) for view in queries.collections(reader, project)]
    packs, stored_bytes = _packs(store)
    return Usage(
        collections=collections,
        stored_bytes=stored_bytes,
        packs=packs,
        events=_events(store),
        index_bytes=_index_bytes(store),
        logical_bytes=sum(collection.size_bytes for collection in collections),
    )


def _collection(reader: Reader, view: CollectionView) -> CollectionUsage:
    """Count the versions at home; linked ones are counted where they were logged."""
    versions = size_bytes = 0
    for version in queries.versions(reader, view.project, view.name):
        if version.source is None:
            versions += 1
            size_bytes += version.manifest.size
    return CollectionUsage(view.project, view.label, view.type, versions, size_bytes)


def _packs(store: Store) -> tuple[int, int]:
    count = size_bytes = 0
    for pack_id in store.packs.listing():
        try:
            size_bytes += store.packs.path(pack_id).stat().st_size
        except FileNotFoundError:
            continue  # collected meanwhile
        count += 1
    return count, size_bytes


def _events(store: Store) -> int:
    with store.index.read() as reader:
        return sum(1 for _ in reader.events())


def _index_bytes(store: Store) -> int:
    folder = store.index_folder / "db"
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
