"""Receiving: versions of a depot elsewhere into this store.

Knows: the order in which things become durable here.  Never: what a depot is made of, who asks.

A pull may be killed at any arrow, and goes on where it stopped; frames that came stay::

    nodes and frames that the store lacks, each verified  ->  packs durable, their rows
    ->  each version judged, every frame looked up again  ->  where some were left out: that is
    noted, durably  ->  events durable  ->  shown  ->  what is whole by now is noted as such

Frames of files may be left out, those of lists never: so what is missing can be told here.

Where a frame is damaged there, or nowhere, its versions do not come, and the others do.  Of those
that do not come no event is taken, nor any that names one of them; and what one of them had begun
to walk is walked anew by the next, for not all of it has come.  A version that is not what its
event says ends everything: whoever made that depot cannot be trusted with the others.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from casstore.digest import Buffer, CommitId, Digest
from casstore.errors import Corrupt
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.batches import batches
from casstore.flows.transfer.judging import Judging, refusing
from casstore.flows.transfer.selection import events_for, is_there
from casstore.flows.transfer.sorting import Sorting, Unsound, damage_of
from casstore.flows.transfer.witnessing import Witness
from casstore.journal import queries
from casstore.journal.bodies import ManifestRef
from casstore.journal.views import VersionView
from casstore.packs import Encoded, PackId, PackKind
from casstore.store import Closure, Keep, Store, is_whole, settle_whole

__all__ = [
    "Received",
    "ToReceive",
    "packs_of_manifests",
    "plan_to_receive",
    "receive",
    "receive_manifests",
    "receive_sound",
]

LOOKS = 3  # at FORMAT, AUTHORITY and the journal
LOOKS_OF_A_VERSION = 2  # its root lists, and the one that is read
FRAMES_ADDED_AT_ONCE = 64
FRAMES_LOOKED_UP_FIRST = 1024
FRAMES_LOOKED_UP_AT_ONCE = 16_384  # a request ends with them, so they are many
MAX_COUNTED = 500_000  # frames that a dry run tells apart: 40 MB

Item = TypeVar("Item")

Progress = Callable[[int], None]
"""Told of bytes as they have arrived."""


@dataclass(frozen=True, slots=True)
class ToReceive:
    """What a pull would do: versions that this store lacks, frames, bytes as stored, events.

    ``requests`` is about how many it would take; ``unsound`` are those that could not come, as far
    as lists of files tell.
    """

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    events: int
    requests: int
    unsound: tuple[Unsound, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """What a pull did: versions that came, or of which more came, and those that could not."""

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    events: int
    unsound: tuple[Unsound, ...] = ()


def plan_to_receive(
    store: Store, depot: RemoteDepot, commits: Collection[CommitId], *, keep: Keep | None = None
) -> ToReceive:
    """Return what ``receive`` would do; nodes are looked at, nothing is kept."""
    depot.refresh()
    plan = _Plan(store, depot, keep)
    sorting = Sorting(depot)
    for view in _lacking(store, depot, commits):
        if not sorting.takes(view, partial(plan.add, view.manifest)):
            plan.seen.clear()
    sound = sorting.sound_of(commits)
    events = events_for(sound, depot.mirror.index, depot.mirror.journal, store.index)
    return ToReceive(
        tuple(sorting.sound),
        plan.frames,
        plan.stored_bytes,
        len(events),
        plan.requests(len(sorting.sound)),
        tuple(sorting.unsound),
    )


class _Plan:
    """What would come, counted; ``seen`` is what was walked already."""

    def __init__(self, store: Store, depot: RemoteDepot, keep: Keep | None) -> None:
        self.frames = self.stored_bytes = 0
        self.seen: set[Digest] = set()
        self._store = store
        self._depot = depot
        self._keep = keep
        self._fetch = partial(_node, store, depot)
        self._reads = 0
        self._counted: set[Digest] = set()
        depot.frames.lost.clear()  # it may have been mended since
        self._nodes: list[Digest] = []

    def add(self, manifest: ManifestRef) -> None:
        """Count what the store lacks of a manifest."""
        self._depot.frames.learn(manifest.root)
        needed = Closure(manifest, self._fetch).kinds(self.seen, self._keep)
        for batch in batches(needed, FRAMES_LOOKED_UP_AT_ONCE):
            missing = self._new(_missing(self._store, [digest for digest, _ in batch]))
            data = {digest for digest, kind in batch if kind is PackKind.DATA}
            self._reads += self._depot.frames.reads_of([one for one in missing if one in data])
            self._nodes += [digest for digest in missing if digest not in data]
            self.frames += len(missing)
            self.stored_bytes += self._depot.frames.stored_bytes(missing)

    def _new(self, digests: list[Digest]) -> list[Digest]:
        """Return what was not counted for another version; past a limit something may be, twice."""
        new = [digest for digest in dict.fromkeys(digests) if digest not in self._counted]
        if len(self._counted) < MAX_COUNTED:
            self._counted.update(new)
        return new

    def requests(self, versions: int) -> int:
        """Return about how many requests it takes; one brings the nodes of many versions."""
        reads = self._reads + self._depot.frames.reads_of(self._nodes)
        return LOOKS + LOOKS_OF_A_VERSION * versions + reads


def receive(
    store: Store,
    depot: RemoteDepot,
    commits: Collection[CommitId],
    *,
    keep: Keep | None = None,
) -> Received:
    """Bring versions of a depot into this store, as ``receive_sound`` does; all of them.

    Raises ``Corrupt`` if one could not come; those that could are here then.
    """
    received = receive_sound(store, depot, commits, keep=keep)
    damage = damage_of(received.unsound, len(received.versions))
    if damage is not None:
        raise damage
    return received


def receive_sound(
    store: Store,
    depot: RemoteDepot,
    commits: Collection[CommitId],
    *,
    keep: Keep | None = None,
    completing: bool = True,
    progress: Progress | None = None,
) -> Received:
    """Bring the versions of a depot into this store that can come, with what is said of them.

    When this returns they are whole and durable here; with ``keep``, which chooses paths, the bytes
    of other files are left out, and ``store.absences`` says so: called again without it, they come,
    unless ``completing`` is false: then versions that are partly here stay so.
    A version of which a frame there is not what its digest says, or is nowhere, is ``unsound``:
    nothing of it becomes visible, and the frames that were whole stay for the next call.
    Raises ``Corrupt`` if a version is not what its event says; then none becomes visible.
    """
    store.require_writable()
    depot.refresh()
    store.index.catch_up()
    receiver = _Receiver(store, depot, keep, progress)
    sorting = Sorting(depot)
    for view in _lacking(store, depot, commits, completing=completing):
        if not sorting.takes(view, partial(receiver.take, view.manifest)):
            receiver.give_up()
    views = tuple(sorting.sound)
    receiver.session.flush()
    judging = Judging(store, receiver.witness)
    for view in views:
        with refusing(depot, view):
            judging.judge(view, keep)
    with receiver.session.committing():
        relied, partly = _relied_on(store, views, keep)
        store.absences.note(partly, depot.url, store.staging())
        sound = sorting.sound_of(commits)
        events = events_for(sound, depot.mirror.index, depot.mirror.journal, store.index)
        store.events.receive([(event.name, event.time, event.data) for event in events])
        receiver.session.published(relied)
    settle_whole(store, views)
    moved = receiver.frames, receiver.stored_bytes, len(events)
    return Received(views, *moved, tuple(sorting.unsound))


def receive_manifests(store: Store, depot: RemoteDepot, wholes: Iterable[ManifestRef]) -> None:
    """Bring all that manifests need into this store; durable, and no event names it yet."""
    receiver = _Receiver(store, depot, None, None)
    for manifest in wholes:
        receiver.take(manifest)
    receiver.session.flush()


class _Receiver:
    """Frames on their way into this store, each once."""

    def __init__(
        self, store: Store, depot: RemoteDepot, keep: Keep | None, progress: Progress | None
    ) -> None:
        self.session = store.session()
        self.witness = Witness()
        self.frames = self.stored_bytes = 0
        self._store = store
        self._depot = depot
        self._keep = keep
        self._progress = progress
        self._fetch = partial(_node, store, depot)
        depot.frames.lost.clear()  # it may have been mended since
        self._seen: set[Digest] = set()

    def take(self, manifest: ManifestRef) -> None:
        """Add what the store lacks of a manifest, as far as it is wanted."""
        self._depot.frames.learn(manifest.root)
        closure = Closure(manifest, self._fetch)
        kinds = closure.kinds(self._seen, self._keep, self.witness.expect)
        with contextlib.closing(self.witness):
            data = self._depot.frames.read_groups(self._data(kinds))
            for frames in batches(data, FRAMES_ADDED_AT_ONCE):
                self.witness.see(frames)
                self._add(frames, PackKind.DATA)
            self.witness.end()

    def _data(self, kinds: Iterable[tuple[Digest, PackKind]]) -> Iterator[list[Digest]]:
        """Yield the frames of files that the store lacks, many at a time; nodes are added here."""
        for batch in _growing(kinds):
            data = self._lacked([digest for digest, its in batch if its is PackKind.DATA])
            _refuse_lost(self._depot, data)
            self.witness.begin(data)
            nodes = [digest for digest, its in batch if its is PackKind.METADATA]
            found = self._depot.frames.read(self._lacked(nodes))
            for frames in batches(found, FRAMES_ADDED_AT_ONCE):
                self._add(frames, PackKind.METADATA)
            yield data

    def _lacked(self, digests: list[Digest]) -> list[Digest]:
        """Return what is not here, nor came for another version a moment ago; each once."""
        missing = _missing(self._store, list(dict.fromkeys(digests)))
        return [digest for digest in missing if not self.session.holds(digest)]

    def _add(self, frames: list[tuple[Digest, Encoded]], kind: PackKind) -> None:
        self.session.add_encoded(frames, kind)
        size = sum([len(frame.payload) for _, frame in frames])
        self.frames += len(frames)
        self.stored_bytes += size
        if self._progress is not None:
            self._progress(size)

    def give_up(self) -> None:
        """Note that what was being taken does not come whole: nothing of it counts as walked."""
        self.witness.give_up()
        self._seen.clear()
        self.session.flush()  # what came is found by those that are walked anew


def _growing(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items in lists that become longer: bytes are under way while the rest is looked up."""
    iterator = iter(items)
    size = FRAMES_LOOKED_UP_FIRST
    while batch := list(islice(iterator, size)):
        yield batch
        size = min(4 * size, FRAMES_LOOKED_UP_AT_ONCE)


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
        packs |= _packs_of(store, view.manifest, keep)
        if keep is not None and not is_whole(store, view):
            partly.append(view.commit)
    _require_there(store, packs)
    return packs, partly


def packs_of_manifests(store: Store, wholes: Iterable[ManifestRef]) -> set[PackId]:
    """Return the packs here that hold manifests, after seeing that each of them is there."""
    found: set[PackId] = set()
    for manifest in wholes:
        found |= _packs_of(store, manifest, None)
    _require_there(store, found)
    return found


def _packs_of(store: Store, manifest: ManifestRef, keep: Keep | None) -> set[PackId]:
    found: set[PackId] = set()
    closure = Closure(manifest, store.frames.metadata)
    for batch in batches(digest for digest, _ in closure.kinds(keep=keep)):
        found.update(place.pack_id for place in store.frames.locate(batch))
    return found


def _require_there(store: Store, packs: set[PackId]) -> None:
    gone = [pack_id for pack_id in packs if not store.packs.exists(pack_id)]
    if gone:
        store.index.write(lambda writer: writer.forget_packs(gone))
        raise Corrupt(
            f"{len(gone)} packs of this store are gone", hint="pull again: they are fetched anew"
        )


def _refuse_lost(depot: RemoteDepot, digests: Iterable[Digest]) -> None:
    """Raise ``Corrupt`` for a frame that could not be had a moment ago, for another version."""
    for digest in digests if depot.frames.lost else ():
        if digest in depot.frames.lost:
            raise Corrupt(depot.frames.lost[digest])


def _node(store: Store, depot: RemoteDepot, digest: Digest) -> Buffer:
    """Return a verified node of a manifest or chunk list, from here where it is here."""
    if _missing(store, [digest]):
        _refuse_lost(depot, [digest])
        return depot.frames.metadata(digest)
    return store.frames.metadata(digest)
