"""Numbers of an upstream: who gets the next one, by claims in the depot itself.

Knows: how the steps of sealing are done in a depot elsewhere.  Never: which step comes next.

The steps are decided from the mirror, which has every event of the upstream, those just sent among
them.  A sealed event is durable here first and then there; where a push ends between a claim and
its event, the claim names the commit, and the next push goes on from it.
"""

from collections.abc import Callable, Collection
from functools import partial

from casstore.digest import CommitId, Digest
from casstore.exchange import Event, RemoteDepot
from casstore.flows.transfer.selection import events_for
from casstore.journal import queries
from casstore.journal.bodies import SameAsBody, SealedBody
from casstore.journal.numbers import Numbers, Standpoint
from casstore.journal.sealing import Outcome, SealingSteps, perform, seal_steps
from casstore.journal.subjects import CommitSubject
from casstore.remotes.claims import Claims, Place
from casstore.store import Store

__all__ = ["seal_versions"]


def seal_versions(
    store: Store,
    depot: RemoteDepot,
    claims: Callable[[], Claims],
    commits: Collection[CommitId],
) -> list[Outcome]:
    """Let the upstream ``depot`` number versions that are there; returns what became of each.

    ``store`` follows the depot's authority.  Versions that have a number there keep it; ``claims``
    is called when one is needed.
    """
    with depot.mirror.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    places: dict[tuple[str, str], list[CommitId]] = {}
    for view in views:
        if view is not None and view.complete and not view.deleted:
            places.setdefault((view.project, view.name), []).append(view.commit)
    found: list[Outcome] = []
    for (project, name), its in places.items():
        with depot.mirror.index.read() as reader:
            numbers = Numbers(reader, project, name, Standpoint(store.numbering, store.authority))
            steps = seal_steps(numbers, its) if numbers.unsealed(frozenset(its)) else None
        if steps is not None:
            found += _perform(store, depot, steps, _ClaimsOf(claims(), Place(project, name)))
    return found


def _perform(
    store: Store, depot: RemoteDepot, steps: SealingSteps, claims: "_ClaimsOf"
) -> tuple[Outcome, ...]:
    sealed: dict[CommitId, None] = {}

    def append(subject: CommitSubject, body: SealedBody | SameAsBody) -> None:
        with depot.mirror.index.read() as reader:
            seen = queries.highest_clock(reader, subject.project, subject.name)
        store.events.append(subject, body, seen=seen)
        sealed[subject.commit] = None

    try:
        return perform(steps, claims, partial(_content_there, depot), append)
    finally:
        if sealed:  # one request for many; what is missed here is sent by the next push
            depot.publish(_events_of(store, depot, sealed))


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
