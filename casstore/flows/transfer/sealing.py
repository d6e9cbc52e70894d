"""Numbers of an upstream: who gets the next one, by claims in the depot itself.

Knows: how the steps of sealing are done in a depot elsewhere.  Never: which step comes next.

The steps are decided from the mirror, which has every event of the upstream, those just sent among
them.  A sealed event is durable here first and then there; where a push ends between a claim and
its event, the claim names the commit, and the next push goes on from it.  A push between two depots
elsewhere has no store: its events are made for the upstream alone.
"""

import os
import time
from collections.abc import Callable, Collection
from functools import partial

from casstore.digest import CommitId, Digest
from casstore.exchange import Event, RemoteDepot
from casstore.flows.transfer.selection import events_for
from casstore.journal import queries
from casstore.journal.bodies import SameAsBody, SealedBody
from casstore.journal.events import WriterId, next_clock
from casstore.journal.numbers import Numbers, Standpoint
from casstore.journal.sealing import Outcome, SealingSteps, perform, seal_steps
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import VersionView
from casstore.journal.wire import write_event
from casstore.remotes.claims import Claims, Place
from casstore.store import Store

__all__ = ["memberships", "seal_versions"]


def seal_versions(
    store: Store | None,
    depot: RemoteDepot,
    claims: Callable[[], Claims],
    commits: Collection[CommitId],
) -> list[Outcome]:
    """Let the upstream ``depot`` number versions that are there; returns what became of each.

    Each is numbered where it was logged, and in every collection that it is linked to.

    ``store`` follows the depot's authority; None if no store pushes.  Versions that have a number
    there keep it; ``claims`` is called when one is needed.
    """
    writing = _Here(store, depot) if store is not None else _There(depot)
    with depot.mirror.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    places: dict[tuple[str, str], list[CommitId]] = {}
    for view in views:
        if view is not None and view.complete and not view.deleted:
            for place in memberships(view):
                places.setdefault(place, []).append(view.commit)
    found: list[Outcome] = []
    for (project, name), its in places.items():
        with depot.mirror.index.read() as reader:
            numbers = Numbers(reader, project, name, writing.standpoint)
            steps = seal_steps(numbers, its) if numbers.unsealed(frozenset(its)) else None
        if steps is not None:
            found += _perform(writing, depot, steps, _ClaimsOf(claims(), Place(project, name)))
    return found


def _perform(
    writing: "_Here | _There", depot: RemoteDepot, steps: SealingSteps, claims: "_ClaimsOf"
) -> tuple[Outcome, ...]:
    try:
        return perform(steps, claims, partial(_content_there, depot), writing.append)
    finally:
        writing.publish()


class _Here:
    """Sealed events of a store, durable in it first; one request for many brings them there."""

    def __init__(self, store: Store, depot: RemoteDepot) -> None:
        self._store = store
        self._depot = depot
        self._sealed: dict[CommitId, None] = {}

    @property
    def standpoint(self) -> Standpoint:
        """Who asks for numbers."""
        return Standpoint(self._store.numbering, self._store.authority)

    def append(self, subject: CommitSubject, body: SealedBody | SameAsBody) -> None:
        """Write an event here, later than all that is known there."""
        self._store.events.append(subject, body, seen=_highest_clock(self._depot, subject))
        self._sealed[subject.commit] = None

    def publish(self) -> None:
        """Bring what was written there; what is missed here is sent by the next push."""
        if self._sealed:
            self._depot.publish(_events_of(self._store, self._depot, self._sealed))
            self._sealed.clear()


class _There:
    """Sealed events that no store keeps; a claim whose event is missed is found by the next push.

    Its writer's id is drawn for this one call.
    """

    def __init__(self, depot: RemoteDepot) -> None:
        self.standpoint = depot.standpoint
        self._depot = depot
        self._writer = WriterId(os.urandom(16))
        self._made = 0
        self._clock = 0
        self._events: list[Event] = []

    def append(self, subject: CommitSubject, body: SealedBody | SameAsBody) -> None:
        """Make an event, later than all that is known there and were made before."""
        self._clock = next_clock(max(self._clock, _highest_clock(self._depot, subject)))
        now = time.time_ns() // 1000
        made = write_event(
            *(subject, body), writer=self._writer, seq=self._made, clock=self._clock, time=now
        )
        self._made += 1
        self._events.append(Event(made.name, now, made.data))

    def publish(self) -> None:
        """Create them."""
        if self._events:
            self._depot.publish(self._events)
            self._events = []


def memberships(view: VersionView) -> list[tuple[str, str]]:
    """Return the collections of which a version is a member: project and key of each."""
    links = [(link.project, link.name) for link in view.links]
    return list(dict.fromkeys([(view.project, view.name), *links]))


def _highest_clock(depot: RemoteDepot, subject: CommitSubject) -> int:
    with depot.mirror.index.read() as reader:
        return queries.highest_clock(reader, subject.project, subject.name)


def _events_of(store: Store, depot: RemoteDepot, commits: Collection[CommitId]) -> list[Event]:
    return events_for(commits, store.index, store.journal, depot.mirror.index)


def _content_there(depot: RemoteDepot, commit: CommitId) -> Digest | None:
    """Return what a version's content is there, looking anew: somebody may just have sent it."""
    depot.refresh()
    with depot.mirror.index.read() as reader:
        view = queries.version(reader, commit)
    return view.manifest.digest if view is not None and view.complete else None


class _ClaimsOf:
    """The claims of one name: ``journal.sealing.Claims``."""

    def __init__(self, claims: Claims, place: Place) -> None:
        self.place = place
        self._claims = claims

    def take(self, number: int, commit: CommitId, /) -> CommitId | None:
        """Claim a number unless it is taken; return whose it is."""
        if self._claims.take(self.place, number, commit):
            return commit
        return self._claims.owner(self.place, number)
