"""Sending: versions of this store, or of a depot elsewhere, to a depot elsewhere.

Knows: the order in which things are created there.  Never: what a depot is made of, who asks.

A push may be killed at any arrow, and goes on where it stopped, without state of its own::

    packs of what the depot lacks  ->  an index for each 32 of them  ->  packs of nodes, their index
    ->  root lists  ->  every frame looked up again  ->  events

A pack without an index, of a push that was killed, is found by listing, and named by the next one.
New packs hold only frames of the versions that travel: no pack of the store is copied as it is.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from casstore.digest import Buffer, CommitId, Digest
from casstore.errors import Corrupt
from casstore.exchange import (
    MAX_INDEX_ROWS,
    PACKS_OF_AN_INDEX,
    Indexed,
    RemoteDepot,
)
from casstore.flows.transfer.batches import batches
from casstore.flows.transfer.judging import refusing
from casstore.flows.transfer.selection import Had, events_for, is_there
from casstore.journal import queries
from casstore.journal.bodies import ManifestRef
from casstore.journal.views import VersionView
from casstore.packs import Encoded, PackBuffer, PackId, PackKind
from casstore.parallel import ordered_map
from casstore.store import Closure, Store, reference_to
from casstore.store.frames import places_of

__all__ = [
    "Origin",
    "Sent",
    "SentFrames",
    "closures",
    "lacking",
    "send",
    "send_manifests",
]

FRAMES_READ_AT_ONCE = 64  # at most 16 MiB, for a chunk has 256 KiB at most
READERS = 2
DEFAULT_JOBS = 4  # each holds a pack of 32 MiB while it goes up, and one more is being filled

Progress = Callable[[int], None]
"""Told of bytes as they have arrived."""

Origin: TypeAlias = Store | RemoteDepot
"""Who has the versions."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a push did; ``event_names`` are the events that it created there."""

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    packs: int
    event_names: tuple[str, ...]

    @property
    def events(self) -> int:
        """How many events it created."""
        return len(self.event_names)


@dataclass(frozen=True, slots=True)
class SentFrames:
    """What was created there, packs of frames."""

    frames: int
    stored_bytes: int
    packs: int


def send(
    origin: Origin,
    depot: RemoteDepot,
    commits: Collection[CommitId],
    *,
    jobs: int = DEFAULT_JOBS,
    progress: Progress | None = None,
    had: Had | None = None,
) -> Sent:
    """Bring versions to a depot, with what is said of them; what is there is not sent again.

    What is ``had`` where the depot goes is left out: the depot is then thin, and its versions are
    whole only there.  ``origin`` is refreshed by the caller if it is a depot elsewhere.

    When this returns they are whole there and visible to everybody.  Raises ``Corrupt`` if a frame
    of ``origin`` is damaged (nothing of its version becomes visible), and what the depot raises.
    """
    depot.refresh()
    views = lacking(origin, depot, commits)
    wholes = {reference_to(origin, view): view.manifest for view in views}
    sent = send_manifests(origin, depot, wholes, jobs=jobs, progress=progress, had=had)
    events = events_for(commits, origin.index, origin.journal, depot.mirror.index, had=had)
    if events:
        depot.publish(events)
    names = tuple(event.name for event in events)
    return Sent(views, sent.frames, sent.stored_bytes, sent.packs, names)


def send_manifests(
    origin: Origin,
    depot: RemoteDepot,
    wholes: Mapping[str, ManifestRef],
    *,
    jobs: int = DEFAULT_JOBS,
    progress: Progress | None = None,
    had: Had | None = None,
) -> SentFrames:
    """Bring all that manifests need to a depot; ``wholes`` says what each is called.

    When this returns it is whole there, but for what is ``had``, and no event names it yet.
    """
    if not wholes:
        return SentFrames(0, 0, 0)
    sender = _Sender(origin, depot, jobs, progress or _ignored, had)
    sender.unnamed += depot.frames.look()
    nodes: list[Digest] = []
    sender.send(_data(closures(origin, depot, wholes), nodes), PackKind.DATA)
    sender.send(nodes, PackKind.METADATA)
    sender.name_packs()
    send_roots = partial(_send_roots, origin, depot, had)
    for _ in ordered_map(send_roots, wholes.items(), workers=jobs, window=jobs):
        pass
    return SentFrames(sender.frames, sender.stored_bytes, sender.packs)


def lacking(
    origin: Origin, depot: RemoteDepot, commits: Collection[CommitId]
) -> tuple[VersionView, ...]:
    """Return the versions that the depot has not; what was removed is not brought there."""
    with depot.mirror.index.read() as there:
        missing = [commit for commit in commits if not is_there(there, commit)]
    with origin.index.read() as reader:
        views = [queries.version(reader, commit) for commit in missing]
    return tuple(view for view in views if view is not None and not view.deleted)


def _nodes(origin: Origin, depot: RemoteDepot) -> Callable[[Digest], Buffer]:
    """Return what reads a node: from the target what a thin bundle leaves out because it is there.

    Raises what ``metadata`` raises.
    """
    if not isinstance(origin, RemoteDepot):
        return origin.frames.metadata
    known = origin.frames

    def fetch(digest: Digest) -> Buffer:
        if not known.has([digest])[0] and depot.frames.ask([digest])[0]:
            return depot.frames.metadata(digest)
        return known.metadata(digest)

    return fetch


def closures(
    origin: Origin, depot: RemoteDepot, wholes: Mapping[str, ManifestRef]
) -> Iterator[tuple[Digest, PackKind]]:
    """Yield the frames of manifests; what several share in whole subtrees is walked once."""
    seen: set[Digest] = set()
    for called, manifest in wholes.items():
        if isinstance(origin, RemoteDepot):
            origin.frames.learn(manifest.root)
        with refusing(origin, called):
            yield from Closure(manifest, _nodes(origin, depot)).kinds(seen)


def _read(origin: Origin, digests: Iterator[Digest]) -> Iterator[tuple[Digest, Encoded]]:
    """Yield frames as they are stored, each verified; not in the order in which they are asked."""
    if isinstance(origin, RemoteDepot):
        yield from origin.frames.read_groups(batches(digests))  # bytes under way are bounded there
        return
    groups = batches(digests, FRAMES_READ_AT_ONCE)
    for found in ordered_map(
        lambda group: list(zip(group, origin.frames.read_encoded(group), strict=True)),
        groups,
        workers=READERS,
        window=READERS + 1,
    ):
        yield from found


def _data(frames: Iterable[tuple[Digest, PackKind]], nodes: list[Digest]) -> Iterator[Digest]:
    """Yield the frames of data on; the others are gathered in ``nodes``, for they go after."""
    for digest, kind in frames:
        if kind is PackKind.DATA:
            yield digest
        else:
            nodes.append(digest)


def _send_roots(
    origin: Origin, depot: RemoteDepot, had: Had | None, whole: tuple[str, ManifestRef]
) -> None:
    """Say where a manifest's frames lie, every one of them in a pack that an index names."""
    called, manifest = whole
    packs = _packs_of(origin, depot, called, manifest, had)
    depot.frames.name_packs(packs)
    depot.frames.send_roots(manifest.root, packs)


def _packs_of(
    origin: Origin, depot: RemoteDepot, called: str, manifest: ManifestRef, had: Had | None
) -> set[PackId]:
    """Return the packs there that hold a manifest; raises ``Corrupt`` if a frame is in none."""
    found: set[PackId] = set()
    frames = Closure(manifest, _nodes(origin, depot)).frames()
    for batch in batches(frames):
        depot.frames.ask(batch)  # another process may have forgotten what was known
        with depot.mirror.index.read() as reader:
            places = places_of(reader, batch)
        for digest, place in zip(batch, places, strict=True):
            if place is None and had is not None and had.has_frame(digest):
                continue
            if place is None:
                raise Corrupt(
                    f"frame {digest.hex()} of {called} is not in {depot.url}",
                    hint="somebody removed packs there meanwhile; push again",
                )
            found.add(place.pack_id)
    return found


class _Sender:
    """Frames on their way into packs of a depot.

    ``unnamed`` are packs that are there and in no index yet.
    """

    def __init__(
        self, origin: Origin, depot: RemoteDepot, jobs: int, progress: Progress, had: Had | None
    ) -> None:
        self.unnamed: list[Indexed] = []
        self.frames = self.stored_bytes = self.packs = 0
        self._origin = origin
        self._depot = depot
        self._jobs = jobs
        self._progress = progress
        self._had = had
        self._on_the_way: set[Digest] = set()

    def send(self, digests: Iterable[Digest], kind: PackKind) -> None:
        """Create packs of the frames that the depot lacks."""
        packs = self._filled(self._missing(digests), kind)
        with ordered_map(self._create, packs, workers=self._jobs, window=self._jobs) as created:
            for pack in created:
                self._depot.mirror.add_packs([pack])
                self._on_the_way.difference_update(row.digest for row in pack.rows)
                self.unnamed.append(pack)
                self.packs += 1
                if len(self.unnamed) >= PACKS_OF_AN_INDEX or self._rows() >= MAX_INDEX_ROWS:
                    self.name_packs()

    def _rows(self) -> int:
        return sum(len(pack.rows) for pack in self.unnamed)

    def name_packs(self) -> None:
        """Make the packs that were created known to everybody."""
        self._depot.frames.send_indexes(self.unnamed)
        self.unnamed.clear()

    def _missing(self, digests: Iterable[Digest]) -> Iterator[Digest]:
        """Yield frames that are neither there nor on the way; both are asked at one moment."""
        for batch in batches(digests):
            had = self._depot.frames.ask(batch)  # what is sent meanwhile is not among it
            lacking = dict.fromkeys(
                digest for digest, has in zip(batch, had, strict=True) if not has
            )
            new = [digest for digest in lacking if digest not in self._on_the_way]
            if self._had is not None:
                new = [digest for digest in new if not self._had.has_frame(digest)]
            self._on_the_way.update(new)
            yield from new

    def _filled(self, digests: Iterator[Digest], kind: PackKind) -> Iterator[PackBuffer]:
        """Yield packs as they become full, each frame verified on its way."""
        pack = PackBuffer(kind)
        for digest, frame in _read(self._origin, digests):
            pack.append(digest, *frame)
            self.frames += 1
            self.stored_bytes += len(frame.payload)
            if pack.full:
                yield pack
                pack = PackBuffer(kind)
        if not pack.empty:
            yield pack

    def _create(self, pack: PackBuffer) -> Indexed:
        pack_id, data, rows = pack.seal()
        self._depot.frames.send_pack(pack_id, data)
        self._progress(len(data))
        return Indexed(pack_id, pack.kind, len(data), rows)


def _ignored(_bytes: int) -> None:
    pass
