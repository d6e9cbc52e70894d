"""Aliases that a push leaves in dispute at the depot: set to one version here, to another there.

Knows: which disputes are this push's to tell.  Never: who settles them, what is printed.

Nothing of a dispute is dropped: both versions are there, and both events that set the alias.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.sealing import memberships
from casstore.flows.transfer.selection import events_for
from casstore.journal import queries
from casstore.journal.bodies import EventId
from casstore.journal.views import AliasView, CollectionView
from casstore.store import Known, Store, alias_conflict

__all__ = ["Dispute", "alias_disputes", "bring_events"]


@dataclass(frozen=True, slots=True)
class Dispute:
    """An alias of a collection with several heads; ``came`` are those that a push brought.

    ``commits`` are the versions that it is set to.
    """

    collection: CollectionView
    alias: str
    heads: frozenset[EventId]
    came: frozenset[EventId]
    commits: frozenset[CommitId]
    conflict: Conflict


def alias_disputes(
    origin: Known, depot: RemoteDepot, commits: Collection[CommitId], sent: Collection[str]
) -> list[Dispute]:
    """Return the aliases of versions' collections that a push has to tell of.

    Those are the ones that it brought into dispute by the events ``sent``, named, and those of
    which the origin has one side and has not heard of the other.
    """
    tails = {name.rpartition("-")[2] for name in sent}
    found = []
    for place in _places(depot, commits):
        with depot.index.read() as there, origin.index.read() as here:
            collection = queries.collection(there, *place)
            views = [view for view in queries.aliases(there, *place) if view.conflict]
            for view in views if collection is not None else ():
                heads = frozenset(queries.alias_heads(there, *place, view.alias))
                known = heads.intersection(queries.alias_heads(here, *place, view.alias))
                came = frozenset(head for head in heads if head[:8].hex() in tails)
                if collection is not None and (came or (known and known != heads)):
                    conflict = _told(origin, alias_conflict(collection, view), view)
                    named = frozenset(commit for _, commit in view.conflict if commit is not None)
                    found.append(Dispute(collection, view.alias, heads, came, named, conflict))
    return found


def _told(origin: Known, conflict: Conflict, view: AliasView) -> Conflict:
    """Say how to settle it by one who may not have the other side's version."""
    settle = f"pull, and `casstore alias set REF {view.alias}`, then push"
    if isinstance(origin, Store):
        settle = f"push with --on-conflict theirs|ours, or {settle}"
    return Conflict(conflict.message, hint=f"both are there, nothing was dropped; {settle}")


def bring_events(store: Store, depot: RemoteDepot, commits: Collection[CommitId]) -> None:
    """Bring what the store says of versions to a depot that has them."""
    events = events_for(commits, store.index, store.journal, depot.mirror.index)
    if events:
        depot.publish(events)


def _places(depot: RemoteDepot, commits: Collection[CommitId]) -> Iterator[tuple[str, str]]:
    with depot.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    known = [view for view in views if view is not None and view.complete]
    yield from dict.fromkeys(place for view in known for place in memberships(view))
