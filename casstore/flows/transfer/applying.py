"""Applying a bundle: what is in it into this store, as far as it goes.

Knows: that frames are taken at once, and a version's events only when all that it needs is here.
Never: how a bundle lies in its files.

So parts may come in any order, one by one or together, and again: each brings its frames, and the
one with which a version becomes whole publishes it, for every part has all events::

    frames that the store lacks, each verified  ->  packs durable  ->  closures looked up
    ->  events
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from casstore.digest import Buffer, CommitId, Digest
from casstore.errors import Corrupt, Invalid, Unsupported
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.selection import is_there
from casstore.flows.transfer.together import Progress, Pulled, take
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.packs import PackKind, rows_at
from casstore.remotes import Listed
from casstore.store import Closure, Store, settle_whole

__all__ = ["Applied", "Waiting", "apply_bundle"]

FRAMES_AT_ONCE = 4096
FRAMES_ADDED_AT_ONCE = 64
MAX_DAMAGED = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that is not whole here: how many of its frames are missing, as far as is known.

    ``damaged`` names those that the bundle has, but not as they were; ``message`` says what else is
    wrong with it.
    """

    view: VersionView
    missing: int
    damaged: tuple[Digest, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a bundle.

    ``pulled`` is what was published, ``frames`` how many were new, ``stored_bytes`` what they take;
    ``problems`` says what of the bundle is damaged.
    """

    pulled: Pulled
    waiting: tuple[Waiting, ...]
    frames: int
    stored_bytes: int
    problems: tuple[str, ...]


def apply_bundle(store: Store, depot: RemoteDepot, *, progress: Progress | None = None) -> Applied:
    """Bring what a bundle holds into this store; what is damaged is told, and left out.

    Versions that are here already get what is newly said of them; one that is partly here becomes
    whole if the bundle has the rest, and else stays as it is.
    """
    store.require_writable()
    depot.refresh()
    depot.frames.refresh()
    store.index.catch_up()
    taking = _Taking(store, depot, progress)
    for listed in depot.objects.listing("packs/"):
        taking.take(listed)
    store.session().flush()
    ready, waiting = _judged(store, depot, taking.damaged)
    settle_whole(store, _views(store, ready))
    pulled = take(store, depot, ready, completing=False)
    problems = [f"{name}: {message}" for name, message in depot.problems.items()]
    problems += taking.problems
    return Applied(pulled, tuple(waiting), taking.frames, taking.stored_bytes, tuple(problems))


def _judged(
    store: Store, depot: RemoteDepot, damaged: set[Digest]
) -> tuple[list[CommitId], list[Waiting]]:
    """Return the versions that are here or could be, of all that the bundle speaks of; the rest."""
    ready, waiting = [], []
    with depot.mirror.index.read() as reader:
        commits = list(queries.commits(reader))
    for commit in commits:
        with store.index.read() as here:
            known = is_there(here, commit)
        with depot.mirror.index.read() as reader:
            view = queries.version(reader, commit)
        if known:
            ready.append(commit)
        elif view is None or not view.complete or view.deleted:
            continue
        elif (needs := _wait_for(store, view, damaged)) is None:
            ready.append(commit)
        else:
            waiting.append(needs)
    return ready, waiting


def _views(store: Store, commits: Sequence[CommitId]) -> list[VersionView]:
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    return [view for view in views if view is not None and view.complete]


class _Taking:
    """Frames on their way from a bundle into the store; ``damaged`` cannot be had."""

    def __init__(self, store: Store, depot: RemoteDepot, progress: Progress | None) -> None:
        self.frames = self.stored_bytes = 0
        self.damaged: set[Digest] = set()
        self.problems: list[str] = []
        self._store = store
        self._depot = depot
        self._progress = progress

    def take(self, listed: Listed) -> None:
        """Take the frames of one pack, in the order in which they lie, that the store lacks."""
        read = self._depot.objects.read
        try:
            _, kind, rows = rows_at(
                lambda count, offset: read(listed.name, offset, offset + count),
                listed.size_bytes,
                listed.name.rpartition("/")[2],
            )
        except (Corrupt, Unsupported) as error:
            self.problems.append(f"{listed.name}: {error.message}")
            return
        if kind is PackKind.JOURNAL:
            self.problems.append(f"{listed.name}: events lie where frames should")
            return
        digests = iter([row.digest for row in sorted(rows, key=lambda row: row.offset)])
        while batch := list(islice(digests, FRAMES_AT_ONCE)):
            self._take(_missing(self._store, batch), kind)
        if self._progress is not None:
            self._progress(listed.size_bytes)

    def _take(self, digests: list[Digest], kind: PackKind) -> None:
        try:
            self._add(digests, kind)
        except Corrupt:
            for digest in digests:
                try:
                    if not self._store.session().holds(digest):
                        self._add([digest], kind)
                except Corrupt as error:
                    self._note(digest, error)

    def _add(self, digests: Sequence[Digest], kind: PackKind) -> None:
        session = self._store.session()
        frames = self._depot.frames.read(digests)
        while group := list(islice(frames, FRAMES_ADDED_AT_ONCE)):
            before = session.stored_bytes
            session.add_encoded(group, kind)
            self.frames += len(group)
            self.stored_bytes += session.stored_bytes - before

    def _note(self, digest: Digest, error: Corrupt) -> None:
        if len(self.damaged) < MAX_DAMAGED:
            self.damaged.add(digest)
            self.problems.append(error.message)


class _Absent(Corrupt):
    """A node that is not here."""


def _wait_for(store: Store, view: VersionView, damaged: set[Digest]) -> Waiting | None:
    """Return what a version lacks here; None if it is whole."""
    absent: set[Digest] = set()
    wrong: list[str] = []

    def fetch(digest: Digest) -> Buffer:
        if _missing(store, [digest]):
            absent.add(digest)
            raise _Absent(f"frame {digest.hex()} is not here")
        return store.frames.metadata(digest)

    def note(error: Exception) -> None:
        if not isinstance(error, _Absent):
            wrong.append(str(error))

    closure = Closure(view.manifest, fetch, lambda _node, error: note(error))
    for segment in closure.segments():
        for entry in closure.entries(segment):
            chunks = (ref.digest for ref in closure.refs(entry))
            try:
                while batch := list(islice(chunks, FRAMES_AT_ONCE)):
                    absent.update(_missing(store, batch))
            except (Corrupt, Invalid) as error:
                note(error)
    if not absent and not wrong:
        return None
    message = wrong[0] if wrong else ""
    return Waiting(view, len(absent), tuple(sorted(absent & damaged)), message)


def _missing(store: Store, digests: Sequence[Digest]) -> list[Digest]:
    with store.index.read() as reader:
        rows = reader.chunks(digests)
    return [digest for digest, row in zip(digests, rows, strict=True) if row is None]
