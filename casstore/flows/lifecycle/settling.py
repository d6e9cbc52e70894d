"""Settling aliases that were moved on both sides of an exchange.

Knows: which side an event came from, which event settles it.  Never: how events travel.
"""

from collections.abc import Collection
from typing import Literal, TypeAlias

from casstore.digest import CommitId
from casstore.journal import queries
from casstore.journal.bodies import AliasBody, EventId
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import AliasView
from casstore.store import Known, Store

__all__ = ["Side", "settle_aliases"]

Side: TypeAlias = Literal["ours", "theirs"]


def settle_aliases(
    store: Store,
    project: str,
    name: str,
    keep: Side,
    *,
    before: Collection[EventId],
    there: Collection[EventId],
    at: Known | None = None,
) -> list[tuple[str, CommitId]]:
    """Settle the aliases of a collection that are in conflict; return those that were.

    With each comes the version that its event is about.  They are in conflict in the store, or, if
    that is given, in what is known of the depot ``at``.
    ``before`` are the heads that the store had before the exchange, ``there`` those of the other
    side.  What came now is theirs.  Where nothing came now, what the other side has is theirs, if
    that does not hold for all: then nobody can tell whose they are, and the conflict stays.  So it
    does if no head is of the side to keep; of several the latest is kept.  The event that settles
    it names every head, so that it holds everywhere.
    """
    known = store if at is None else at
    with known.index.read() as reader:
        views = [view for view in queries.aliases(reader, project, name) if view.conflict]
        clock = queries.highest_clock(reader, project, name)
    settled = []
    for view in views:
        replaces = _heads(known, project, name, view) | _heads(store, project, name, view)
        theirs = _theirs(view, before, there)
        kept = [to for event, to in view.conflict if (event in theirs) == (keep == "theirs")]
        if not theirs or not kept:
            continue
        bearer = kept[0] or next(commit for _, commit in view.conflict if commit is not None)
        body = AliasBody(view.alias, set=kept[0] is not None, replaces=tuple(sorted(replaces)))
        store.events.append(CommitSubject(project, name, bearer), body, seen=clock)
        settled.append((view.alias, bearer))
    return settled


def _heads(known: Known, project: str, name: str, view: AliasView) -> set[EventId]:
    with known.index.read() as reader:
        return set(queries.alias_heads(reader, project, name, view.alias))


def _theirs(
    view: AliasView, before: Collection[EventId], there: Collection[EventId]
) -> set[EventId]:
    """Return the heads that are of the other side; none if that cannot be told."""
    heads = {event for event, _ in view.conflict}
    came = heads.difference(before)
    if came:
        return came
    theirs = heads.intersection(there)
    return set() if theirs == heads else theirs
