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
from casstore.store import Store

__all__ = ["Side", "settle_aliases"]

Side: TypeAlias = Literal["ours", "theirs"]


def settle_aliases(
    store: Store, project: str, name: str, received: Collection[EventId], keep: Side
) -> list[str]:
    """Settle every alias of a collection that is in conflict; return those that were.

    ``received`` are the events that came from the other side.  Where both heads are of one side the
    latest is kept.  The event that settles it names every head, so that it holds everywhere.
    """
    with store.index.read() as reader:
        views = [view for view in queries.aliases(reader, project, name) if view.conflict]
        heads = [queries.alias_heads(reader, project, name, view.alias) for view in views]
    for view, replaces in zip(views, heads, strict=True):
        kept = _kept(view, received, keep)
        bearer = kept or next(commit for _, commit in view.conflict if commit is not None)
        body = AliasBody(view.alias, set=kept is not None, replaces=tuple(replaces))
        store.events.append(CommitSubject(project, name, bearer), body)
    return [view.alias for view in views]


def _kept(view: AliasView, received: Collection[EventId], keep: Side) -> CommitId | None:
    """Return what the alias is to mean: a commit, or None for nothing."""
    is_wanted = [(event in received) == (keep == "theirs") for event, _ in view.conflict]
    at = is_wanted.index(True) if True in is_wanted else 0
    return view.conflict[at][1]
