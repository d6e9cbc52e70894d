"""Receiving: versions of a depot elsewhere into this store.

Knows: the order in which things become durable here.  Never: what a depot is made of, who asks.

A pull may be killed at any arrow, and goes on where it stopped; frames that came stay::

    nodes and frames that the store lacks, each verified  ->  packs durable, their rows
    ->  every frame looked up again  ->  events durable  ->  shown
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from casstore.digest import Buffer, CommitId, Digest
from casstore.errors import Corrupt
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.selection import events_for, is_there
from casstore.journal import queries
from casstore.journal.bodies import ManifestRef
from casstore.journal.views import VersionView
from casstore.packs import PackId, PackKind
from casstore.store import Closure, Store

__all__ = [
    "Received",
    "ToReceive",
    "packs_of_manifests",
    "plan_to_receive",
    "receive",
    "receive_manifests",
]

MAX_FRAMES_AT_ONCE = 4096
FRAMES_ADDED_AT_ONCE = 64

Item = TypeVar("Item")
Progress = Callable[[int], None]
"""Told of bytes as they have arrived."""


@dataclass(frozen=True, slots=True)
class ToReceive:
    """What a pull would do: versions that this store lacks, frames, bytes as stored, events."""

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    events: int


@dataclass(frozen=True, slots=True)
class Received:
    """What a pull did."""

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    events: int


def plan_to_receive(store: Store, depot: RemoteDepot, commits: Collection[CommitId]) -> ToReceive:
    """Return what ``receive`` would do; nodes are looked at, nothing is kept."""
    depot.refresh()
    views = _lacking(store, depot, commits)
    fetch = _Nodes(store, depot).fetch
    frames = stored = 0
    for view in views:
        depot.frames.learn(view.manifest.root)
        for batch in _batches(Closure(view.manifest, fetch).kinds()):
            missing = _missing(store, [digest for digest, _ in batch])
            frames += len(missing)
            stored += depot.frames.stored_bytes(missing)
    events = events_for(commits, depot.mirror.index, depot.mirror.journal, store.index)
    return ToReceive(views, frames, stored, len(events))


def receive(
    store: Store,
    depot: RemoteDepot,
    commits: Collection[CommitId],
    *,
    progress: Progress | None = None,
) -> Received:
    """Bring versions of a depot into this store, with what is said of them.

    When this returns they are whole and durable here.  Raises ``Corrupt`` if a frame there is not
    what its digest says, or is nowhere: nothing of what was asked for becomes visible then, and the
    frames that were whole stay for the next call.
    """
    store.require_writable()
    depot.refresh()
    store.index.catch_up()
    views = _lacking(store, depot, commits)
    wholes = [view.manifest for view in views]
    count, stored = receive_manifests(store, depot, wholes, progress=progress)
    session = store.session()
    with session.committing():
        relied = packs_of_manifests(store, wholes)
        events = events_for(commits, depot.mirror.index, depot.mirror.journal, store.index)
        store.events.receive([(event.name, event.time, event.data) for event in events])
        session.published(relied)
    return Received(views, count, stored, len(events))


def receive_manifests(
    store: Store,
    depot: RemoteDepot,
    wholes: Iterable[ManifestRef],
    *,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Bring all that manifests need into this store; returns how many frames and bytes came.

    When this returns it is durable here, and no event names it yet.
    """
    session = store.session()
    nodes = _Nodes(store, depot)
    count = stored = 0
    seen: set[Digest] = set()
    for manifest in wholes:
        depot.frames.learn(manifest.root)
        for batch in _batches(Closure(manifest, nodes.fetch).kinds(seen)):
            for kind in PackKind.DATA, PackKind.METADATA:
                wanted = _missing(store, [digest for digest, its in batch if its is kind])
                for frames in _batches(depot.frames.read(wanted), FRAMES_ADDED_AT_ONCE):
                    session.add_encoded(frames, kind)
                    size = sum(len(frame.payload) for _, frame in frames)
                    count, stored = count + len(frames), stored + size
                    if progress is not None:
                        progress(size)
    session.flush()
    return count, stored


def _lacking(
    store: Store, depot: RemoteDepot, commits: Collection[CommitId]
) -> tuple[VersionView, ...]:
    """Return the versions that are not here; what was removed there is not brought here."""
    with store.index.read() as here:
        lacking = [commit for commit in commits if not is_there(here, commit)]
    with depot.mirror.index.read() as reader:
        views = [queries.version(reader, commit) for commit in lacking]
    return tuple(view for view in views if view is not None and view.complete and not view.deleted)


def _missing(store: Store, digests: list[Digest]) -> list[Digest]:
    with store.index.read() as reader:
        rows = reader.chunks(digests)
    return [digest for digest, row in zip(digests, rows, strict=True) if row is None]


def packs_of_manifests(store: Store, wholes: Iterable[ManifestRef]) -> set[PackId]:
    """Return the packs here that hold manifests, after seeing that each of them is there."""
    found: set[PackId] = set()
    for manifest in wholes:
        for batch in _batches(Closure(manifest, store.frames.metadata).frames()):
            found.update(place.pack_id for place in store.frames.locate(batch))
    gone = [pack_id for pack_id in found if not store.packs.exists(pack_id)]
    if gone:
        store.index.write(lambda writer: writer.forget_packs(gone))
        raise Corrupt(
            f"{len(gone)} packs of this store are gone", hint="pull again: they are fetched anew"
        )
    return found


class _Nodes:
    """Nodes of manifests and chunk lists, from here where they are here."""

    def __init__(self, store: Store, depot: RemoteDepot) -> None:
        self._store = store
        self._depot = depot

    def fetch(self, digest: Digest) -> Buffer:
        """Return a verified node."""
        if _missing(self._store, [digest]):
            return self._depot.frames.metadata(digest)
        return self._store.frames.metadata(digest)


def _batches(items: Iterable[Item], size: int = MAX_FRAMES_AT_ONCE) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
