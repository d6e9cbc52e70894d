"""Push and pull as whole calls: what travels, who numbers it, what is in doubt after.

Knows: the order of the steps.  Never: how each is done, what is printed.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from casstore.digest import CommitId
from casstore.errors import Conflict, Corrupt, RemoteError
from casstore.exchange import Connection, RemoteDepot, claim_again, merge_some
from casstore.flows.transfer.contesting import bring_without_bytes, contested
from casstore.flows.transfer.disputes import Dispute, alias_disputes
from casstore.flows.transfer.receiving import Received, receive_sound
from casstore.flows.transfer.restoring import Restored, restore
from casstore.flows.transfer.sealing import memberships, seal_versions
from casstore.flows.transfer.sending import DEFAULT_JOBS, Origin, Sent, send
from casstore.flows.transfer.sorting import damage_of
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

MAX_NAMED = 5

_Place: TypeAlias = tuple[str, str]  # project and name of a collection


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did; ``notices`` are lines to tell, ``outcomes`` the numbers that were given.

    ``disputes`` are aliases that are set to two versions there now, for somebody to settle;
    ``clashes`` are numbers that this store believed to be another version's.
    ``restored`` are versions that were there and lacked something, which was sent again; its
    ``damage`` is to be raised by whoever pushes when the rest is told.
    """

    sent: Sent
    outcomes: tuple[Outcome, ...]
    notices: tuple[str, ...]
    disputes: tuple[Dispute, ...]
    clashes: tuple[Conflict, ...]
    restored: Restored

    @property
    def frames(self) -> int:
        """How many frames were sent, also again."""
        return self.sent.frames + self.restored.frames

    @property
    def stored_bytes(self) -> int:
        """How many bytes they take."""
        return self.sent.stored_bytes + self.restored.stored_bytes

    @property
    def events(self) -> int:
        """How many events were sent."""
        return self.sent.events

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What somebody has to decide, as a pull tells it."""
        return (*self.clashes, *(dispute.conflict for dispute in self.disputes))


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did; ``conflicts`` are those that came with it, for somebody to settle.

    ``damage`` says what could not come because it is damaged there, events among it: whoever pulls
    has to raise it when the rest is told.
    """

    received: Received
    notices: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    damage: Corrupt | None


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
    notices: tuple[str, ...] = ()
    clashes: tuple[Conflict, ...] = ()
    if store is None:
        notices = _given(origin, depot, numbered)
    else:
        notices, clashes = _numbered(store, connection, commits, numbered)
    types = _type_notices(depot.index, [view.commit for view in sent.versions])
    if sent.packs:
        with contextlib.suppress(RemoteError):  # all is there; the next push merges them
            merge_some(depot.frames)
    disputes = alias_disputes(origin, depot, commits, sent.event_names)
    restored = restore(origin, depot, commits, jobs=jobs, progress=progress)
    depot.tell()
    lost = _lost_notice(origin, depot, restored)
    told = (*notices, *types, *lost)
    return Pushed(sent, tuple(outcomes), told, tuple(disputes), clashes, restored)


def _numbered(
    store: Store,
    connection: Connection,
    commits: Collection[CommitId],
    numbered: Collection[CommitId],
) -> tuple[tuple[str, ...], tuple[Conflict, ...]]:
    """Return what to tell of numbers that were given, or turned out to be others' there."""
    depot = connection.depot
    followed = commits if connection.remote.upstream else ()
    losing = contested(store, depot, followed)
    told = _renumbered(store, list(losing))
    before = {conflict.message for conflict in _conflicts(store)} if losing else set()
    bring_without_bytes(store, depot, list(losing.values()))
    notices = _notices(store, list(dict.fromkeys([*numbered, *losing])), told)
    after = _conflicts(store) if losing else []
    return notices, tuple(one for one in after if one.message not in before)


def _conflicts(store: Store) -> list[Conflict]:
    with store.index.read() as reader:
        return conflicts_of(store, reader)


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
    done = take(store, depot, commits, keep=keep, completing=completing, progress=progress)
    received = done.received
    came = len(received.versions) + received.events
    return replace(done, damage=damage_of(received.unsound, came, depot.damaged_events))


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
    before = {conflict.message for conflict in _conflicts(store)}
    told = _renumbered(store, commits)
    received = receive_sound(
        store, depot, commits, keep=keep, completing=completing, progress=progress
    )
    conflicts = [one for one in _conflicts(store) if one.message not in before]
    notices = _notices(store, commits, told) if received.events else ()
    types = _type_notices(store.index, [view.commit for view in received.versions])
    damage = damage_of(received.unsound, len(received.versions))
    return Pulled(received, (*notices, *types), tuple(conflicts), damage)


def _lost_notice(origin: Known, depot: RemoteDepot, restored: Restored) -> list[str]:
    """Return one line on versions that were not whole there any more, if there were any."""
    views = restored.versions
    if not views:
        return []
    named = ", ".join(shown_as(origin, view) for view in views[:MAX_NAMED])
    more = f" and {len(views) - MAX_NAMED} more" if len(views) > MAX_NAMED else ""
    return [f"{depot.url} had lost chunks of {named}{more}: they were sent again"]


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
