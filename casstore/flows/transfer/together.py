"""Push and pull as whole calls: what travels, who numbers it, what is in doubt after.

Knows: the order of the steps.  Never: how each is done, what is printed.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from casstore.digest import CommitId
from casstore.errors import Conflict, RemoteError
from casstore.exchange import Connection, RemoteDepot, claim_again, merge_some
from casstore.flows.transfer.receiving import Received, receive
from casstore.flows.transfer.sealing import memberships, seal_versions
from casstore.flows.transfer.sending import DEFAULT_JOBS, Origin, Sent, send
from casstore.journal import queries
from casstore.journal.numbers import Renumbered
from casstore.journal.sealing import Outcome
from casstore.journal.views import CollectionView
from casstore.store import (
    Index,
    Keep,
    Known,
    Store,
    conflicts_of,
    renumbered,
    renumbering_notice,
    shown_as,
)

__all__ = ["Progress", "Pulled", "Pushed", "pull", "push", "take"]

Progress = Callable[[int], None]

_Place: TypeAlias = tuple[str, str]  # project and name of a collection


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did; ``notices`` are lines to tell, ``outcomes`` the numbers that were given."""

    sent: Sent
    outcomes: tuple[Outcome, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did; ``conflicts`` are those that came with it, for somebody to settle."""

    received: Received
    notices: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def push(
    origin: Origin,
    connection: Connection,
    commits: Collection[CommitId],
    *,
    jobs: int = DEFAULT_JOBS,
    progress: Progress | None = None,
) -> Pushed:
    """Bring versions to a depot; if it is the upstream, it numbers them.

    They come from a store, or from another depot elsewhere, which the caller has refreshed; then
    nothing is kept here.  What was sent stays if a later step fails; made again, the call goes on
    from there.
    """
    depot = connection.depot
    store = origin if isinstance(origin, Store) else None
    sent = send(origin, depot, commits, jobs=jobs, progress=progress)
    outcomes: list[Outcome] = []
    if connection.remote.upstream:
        if depot.was_set_back:
            claim_again(depot, connection.claims())
        outcomes = seal_versions(store, depot, connection.claims, commits)
    numbered = list(dict.fromkeys(outcome.commit for outcome in outcomes))
    notices = (
        _given(origin, depot, numbered) if store is None else _notices(store, numbered, told={})
    )
    types = _type_notices(depot.index, [view.commit for view in sent.versions])
    if sent.packs:
        with contextlib.suppress(RemoteError):  # all is there; the next push merges them
            merge_some(depot.frames)
    depot.tell()
    return Pushed(sent, tuple(outcomes), (*notices, *types))


def pull(
    store: Store,
    connection: Connection,
    commits: Collection[CommitId],
    *,
    keep: Keep | None = None,
    completing: bool = True,
    progress: Progress | None = None,
) -> Pulled:
    """Bring versions of a depot here, whole or what ``keep`` chooses, with what is said of them.

    ``completing``: those that are partly here become whole.
    """
    depot = connection.depot
    return take(store, depot, commits, keep=keep, completing=completing, progress=progress)


def take(
    store: Store,
    depot: RemoteDepot,
    commits: Collection[CommitId],
    *,
    keep: Keep | None = None,
    completing: bool = True,
    progress: Progress | None = None,
) -> Pulled:
    """Do what ``pull`` does, of a depot that nobody numbers in."""
    with store.index.read() as reader:
        before = {conflict.message for conflict in conflicts_of(store, reader)}
    told = _renumbered(store, commits)
    received = receive(store, depot, commits, keep=keep, completing=completing, progress=progress)
    with store.index.read() as reader:
        conflicts = [one for one in conflicts_of(store, reader) if one.message not in before]
    notices = _notices(store, commits, told) if received.events else ()
    types = _type_notices(store.index, [view.commit for view in received.versions])
    return Pulled(received, (*notices, *types), tuple(conflicts))


def _given(origin: Known, depot: RemoteDepot, commits: Collection[CommitId]) -> tuple[str, ...]:
    """Return one line for each version that has another number there than where it came from."""
    with depot.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    found = [(shown_as(origin, view), shown_as(depot, view)) for view in views if view is not None]
    return tuple(f"{before} is {now} there" for before, now in found if before != now)


def _notices(
    store: Store, commits: Collection[CommitId], told: Mapping[_Place, Collection[Renumbered]]
) -> tuple[str, ...]:
    """Return one line for each name of which numbers are others now, but for what was told."""
    notices = []
    for place, found in _renumbered(store, commits).items():
        new = [one for one in found if one not in told.get(place, ())]
        with store.index.read() as reader:
            collection = queries.collection(reader, *place)
        if new and collection is not None:
            notices.append(renumbering_notice(collection, new))
    return tuple(notices)


def _renumbered(store: Store, commits: Collection[CommitId]) -> dict[_Place, list[Renumbered]]:
    """Return which versions are called otherwise now than when they were logged, by name."""
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
        places: dict[_Place, list[CommitId]] = {}
        for view in views:
            if view is not None and view.complete:
                for place in memberships(view):
                    places.setdefault(place, []).append(view.commit)
        found = {place: queries.collection(reader, *place) for place in places}
    return {
        place: renumbered(store, collection, places[place])
        for place, collection in found.items()
        if collection is not None
    }


def _type_notices(index: Index, commits: Collection[CommitId]) -> tuple[str, ...]:
    """Return one line for each name that was given two types, in stores apart."""
    with index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
        places = dict.fromkeys(
            place for view in views if view is not None for place in memberships(view)
        )
        found = [queries.collection(reader, *place) for place in places]
    return tuple(
        f"{one.label!r} in project {one.project!r} is of type {' and '.join(types)}: both are kept;"
        " rename yours: put it again under another name (casstore put PATH --name OTHER)"
        for one in found
        if one is not None and (types := _types_of(one))
    )


def _types_of(collection: CollectionView) -> list[str]:
    """Return the types that a name was given at once, in the order in which they count."""
    heads = [one.heads for one in collection.conflicts if one.field == "type"]
    return [repr(value) for _, value in heads[0]] if heads else []
