"""Receiving: versions of a depot elsewhere into this store.

Knows: the order in which things become durable here.  Never: what a depot is made of, who asks.

A pull may be killed at any arrow, and goes on where it stopped; frames that came stay::

    nodes and frames that the store lacks, each verified  ->  packs durable, their rows
    ->  each version judged, every frame looked up again  ->  where some were left out: that is
    noted, durably  ->  events durable  ->  shown  ->  what is whole by now is noted as such

Frames of files may be left out, those of lists never: so what is missing can be told here.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from casstore.digest import Buffer, CommitId, Digest
from casstore.errors import Corrupt
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.judging import Judging, refusing
from casstore.flows.transfer.selection import events_for, is_there
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.packs import Encoded, PackId, PackKind
from casstore.store import Closure, Keep, Store, is_whole, settle_whole

__all__ = ["Received", "ToReceive", "plan_to_receive", "receive"]

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
    """What a pull did: versions that came, or of which more came."""

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    events: int


def plan_to_receive(
    store: Store, depot: RemoteDepot, commits: Collection[CommitId], *, keep: Keep | None = None
) -> ToReceive:
    """Return what ``receive`` would do; nodes are looked at, nothing is kept."""
    depot.refresh()
    views = _lacking(store, depot, commits)
    fetch = _Nodes(store, depot).fetch
    frames = stored = 0
    seen: set[Digest] = set()
    for view in views:
        depot.frames.learn(view.manifest.root)
        with refusing(depot, view):
            for batch in _batches(Closure(view.manifest, fetch).kinds(seen, keep)):
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
    keep: Keep | None = None,
    completing: bool = True,
    progress: Progress | None = None,
) -> Received:
    """Bring versions of a depot into this store, with what is said of them.

    When this returns they are whole and durable here; with ``keep``, which chooses paths, the bytes
    of other files are left out, and ``store.absences`` says so: called again without it, they come,
    unless ``completing`` is false: then versions that are partly here stay so.
    Raises ``Corrupt`` if a frame there is not what its digest says, or is nowhere: nothing of what
    was asked for becomes visible then, and the frames that were whole stay for the next call.
    """
    store.require_writable()
    depot.refresh()
    store.index.catch_up()
    views = _lacking(store, depot, commits, completing=completing)
    session = store.session()
    nodes = _Nodes(store, depot)
    count = stored = 0
    seen: set[Digest] = set()
    for view in views:
        depot.frames.learn(view.manifest.root)
        with refusing(depot, view):
            wanted = Closure(view.manifest, nodes.fetch).kinds(seen, keep)
            for frames, kind in _lacked(store, depot, wanted):
                session.add_encoded(frames, kind)
                size = sum(len(frame.payload) for _, frame in frames)
                count, stored = count + len(frames), stored + size
                if progress is not None:
                    progress(size)
    session.flush()
    judging = Judging(store, keep)
    for view in views:
        with refusing(depot, view):
            judging.judge(view)
    with session.committing():
        relied, partly = _relied_on(store, views, keep)
        store.absences.note(partly, depot.url, store.staging())
        events = events_for(commits, depot.mirror.index, depot.mirror.journal, store.index)
        store.events.receive([(event.name, event.time, event.data) for event in events])
        session.published(relied)
    settle_whole(store, views)
    return Received(views, count, stored, len(events))


def _lacked(
    store: Store, depot: RemoteDepot, needed: Iterable[tuple[Digest, PackKind]]
) -> Iterator[tuple[list[tuple[Digest, Encoded]], PackKind]]:
    """Yield what the store lacks of a version, verified, some frames at a time."""
    for batch in _batches(needed):
        for kind in PackKind.DATA, PackKind.METADATA:
            wanted = _missing(store, [digest for digest, its in batch if its is kind])
            for frames in _batches(depot.frames.read(wanted), FRAMES_ADDED_AT_ONCE):
                yield frames, kind


def _lacking(
    store: Store, depot: RemoteDepot, commits: Collection[CommitId], *, completing: bool = True
) -> tuple[VersionView, ...]:
    """Return the versions that are not here, or not whole; those removed there stay there."""
    partly = store.absences.read() if completing else ()
    with store.index.read() as here:
        lacking = [commit for commit in commits if commit in partly or not is_there(here, commit)]
    with depot.mirror.index.read() as reader:
        views = [queries.version(reader, commit) for commit in lacking]
    return tuple(view for view in views if view is not None and view.complete and not view.deleted)


def _missing(store: Store, digests: list[Digest]) -> list[Digest]:
    with store.index.read() as reader:
        rows = reader.chunks(digests)
    return [digest for digest, row in zip(digests, rows, strict=True) if row is None]


def _relied_on(
    store: Store, views: Iterable[VersionView], keep: Keep | None
) -> tuple[set[PackId], list[CommitId]]:
    """Return the packs here that hold versions, and the versions that lack frames, if they may.

    Every frame is looked up, and every pack seen to be there.
    """
    packs: set[PackId] = set()
    partly: list[CommitId] = []
    for view in views:
        closure = Closure(view.manifest, store.frames.metadata)
        for batch in _batches(digest for digest, _ in closure.kinds(keep=keep)):
            packs.update(place.pack_id for place in store.frames.locate(batch))
        if keep is not None and not is_whole(store, view):
            partly.append(view.commit)
    gone = [pack_id for pack_id in packs if not store.packs.exists(pack_id)]
    if gone:
        store.index.write(lambda writer: writer.forget_packs(gone))
        raise Corrupt(
            f"{len(gone)} packs of this store are gone", hint="pull again: they are fetched anew"
        )
    return packs, partly


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
