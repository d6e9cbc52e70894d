"""Removing versions: first a plan, then the events.

Knows: what keeps a version, which aliases go with it.  Never: bytes; those are collected later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from casstore.catalog import Reader
from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.flows.lifecycle.subjects import home, require_live, take_alias
from casstore.journal import queries
from casstore.journal.bodies import AliasBody, DeleteBody, EventId, UnlinkBody
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import LinkView, VersionView
from casstore.store import Store, reference_to

__all__ = ["Removal", "RemovalPlan", "plan_removal", "remove"]

Said: TypeAlias = tuple[CommitSubject, AliasBody | DeleteBody | UnlinkBody]


@dataclass(frozen=True, slots=True)
class Removal:
    """One version to remove, or, if it is a linked one, its link.

    ``aliases`` are (project, name, alias) of those that go with it; ``seen`` are the events that
    kept it when the plan was made.
    """

    version: VersionView
    aliases: tuple[tuple[str, str, str], ...]
    seen: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """What ``remove`` will do; nothing has been done yet."""

    removals: tuple[Removal, ...]

    @property
    def size_bytes(self) -> int:
        """Sum of the versions' files in bytes; how much of it is shared is another question."""
        return sum(removal.version.manifest.size for removal in self.removals)


def plan_removal(store: Store, views: Sequence[VersionView], *, with_aliases: bool) -> RemovalPlan:
    """Find out what removing versions takes; nothing is changed.

    A linked version is only unlinked: the one at home stays.  Raises ``Conflict`` naming the
    aliases of the versions, if there are any, unless ``with_aliases``; ``NotFound`` for a version
    that was removed already.
    """
    once = {(view.commit, view.project, view.name): view for view in views}
    links = {view.commit: require_live(store, view).links for view in once.values()}
    borne: dict[tuple[str, str], dict[CommitId, list[str]]] = {}
    with store.index.read() as reader:
        removals = tuple(
            _removal(reader, each, links[each.commit], borne) for each in once.values()
        )
    if not with_aliases:
        _refuse_aliases(store, removals)
    return RemovalPlan(removals)


def remove(store: Store, plan: RemovalPlan) -> None:
    """Remove what a plan names, all or nothing; the bytes stay until they are collected.

    Of very many versions (more than 1,024 events) some hundreds at a time go together.

    Raises ``Conflict``, and removes nothing, if something new refers to a version since the plan
    was made.  A version that was removed meanwhile is left as it is.
    """
    store.index.catch_up()
    with store.index.read() as reader:
        for removal in plan.removals:
            if not set(_keepers(reader, removal.version)) <= set(removal.seen):
                raise Conflict(
                    f"{reference_to(store, removal.version)} was given an alias, a link or a run "
                    "since the removal was planned",
                    hint="nothing was removed; plan it again",
                )
        groups = [_events(reader, removal) for removal in plan.removals]
    store.events.append_groups(groups)


def _removal(
    reader: Reader,
    view: VersionView,
    links: tuple[LinkView, ...],
    borne: dict[tuple[str, str], dict[CommitId, list[str]]],
) -> Removal:
    places = [(view.project, view.name)]
    if view.source is None:
        places += [(link.project, link.name) for link in links]
    aliases = []
    for place in dict.fromkeys(places):
        if place not in borne:
            borne[place] = _aliases_by_commit(reader, place)
        aliases += [(*place, alias) for alias in borne[place].get(view.commit, [])]
    return Removal(view, tuple(aliases), tuple(_keepers(reader, view)))


def _aliases_by_commit(reader: Reader, place: tuple[str, str]) -> dict[CommitId, list[str]]:
    """Return the aliases of each version, those included that are in conflict about it."""
    found: dict[CommitId, list[str]] = {}
    for alias in queries.aliases(reader, *place):
        for commit in {alias.commit, *(commit for _, commit in alias.conflict)}:
            if commit is not None:
                found.setdefault(commit, []).append(alias.alias)
    return found


def _keepers(reader: Reader, view: VersionView) -> list[EventId]:
    """Return what a removal has to have seen: for a linked version, its links there."""
    if view.source is not None:
        return queries.link_heads(reader, view.commit, view.project, view.name)
    return queries.deletion_seen(reader, view.commit)


def _refuse_aliases(store: Store, removals: tuple[Removal, ...]) -> None:
    bearing = [removal for removal in removals if removal.aliases]
    if bearing:
        named = "; ".join(
            f"{reference_to(store, removal.version)} has the alias "
            + ", ".join(repr(alias) for _, _, alias in removal.aliases)
            for removal in bearing
        )
        raise Conflict(
            f"{named}; nothing was removed",
            hint="`--aliases`, or delete_aliases=True, removes them too",
        )


def _events(reader: Reader, removal: Removal) -> list[Said]:
    """Return what says that a version is removed: its aliases go first."""
    view = removal.version
    events: list[Said] = []
    for project, name, alias in removal.aliases:
        present = queries.alias(reader, project, name, alias)
        if present.commit == view.commit and not present.conflict:
            events.append(take_alias(reader, CommitSubject(project, name, view.commit), alias))
    if _keepers(reader, view):
        end = DeleteBody if view.source is None else UnlinkBody
        events.append((home(view), end(removal.seen)))
    return events
