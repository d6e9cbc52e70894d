"""What ``push``, ``pull`` and ``sync`` have in common: which remote, which versions, what is told.

Knows: options and words.  Never: how versions travel.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from casstore.cli.messages import progress_bar, say, tell_requests
from casstore.cli.options import Options
from casstore.cli.output import count_text, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.errors import Conflict, Corrupt
from casstore.exchange import Connection
from casstore.flows.lifecycle import Side, settle_aliases
from casstore.flows.transfer import (
    Dispute,
    Origin,
    Pushed,
    Unsound,
    alias_heads,
    bring_events,
    bring_without_bytes,
    choose,
    choose_all,
    reached,
)
from casstore.journal import queries
from casstore.journal.bodies import EventId
from casstore.journal.views import VersionView
from casstore.store import Known, Store, alias_conflict, conflicts_of, shown_as

__all__ = [
    "EXCLUDE",
    "INCLUDE",
    "ON_CONFLICT",
    "bar_of",
    "connected",
    "origin_of",
    "planned_record",
    "print_versions",
    "raise_conflicts",
    "raise_damage",
    "say_if_none",
    "settle",
    "settle_there",
    "told_at_the_end",
    "total_of",
    "unsound_records",
    "wanted",
]


@contextlib.contextmanager
def connected(
    place: Workspace,
    store: Store | Path,
    remote: str | None,
    *,
    create: bool,
    planning: bool = False,
    follow: bool = True,
) -> Iterator[Connection]:
    """Open the depot that is meant, or a bundle; with ``-v`` requests are told at the end.

    ``store`` is a folder where there is no store.
    """
    with reached(store, remote, create=create, planning=planning, follow=follow) as connection:
        try:
            yield connection
            connection.depot.tell()
        finally:
            for name, problem in connection.depot.problems.items():
                say(place.options, f"{name} of {connection.depot.url} cannot be read: {problem}")
            tell_requests(place.options, connection.depot.objects.requests, connection.remote.name)


@contextlib.contextmanager
def origin_of(place: Workspace, from_: str | None) -> Iterator[tuple[Origin, Store | Path]]:
    """Give who has the versions, and whose remotes are meant: the store, if there is one.

    Another depot is given as it is now.  It needs no store, and none is made.
    """
    if from_ is None:
        store = place.existing()
        yield store, store
        return
    base = place.base()
    with connected(place, base, from_, create=False, follow=False) as connection:
        connection.depot.refresh()
        yield connection.depot, base


def wanted(
    place: Workspace, known: Known, refs: Sequence[str], *, every_project: bool
) -> list[CommitId]:
    """Return the versions that are meant: of references, or all of the project, or of all."""
    if refs:
        return choose(known, [place.reference(ref) for ref in refs])
    return choose_all(known, None if every_project else place.project)


@contextlib.contextmanager
def bar_of(options: Options, verb: str, size_bytes: int) -> Iterator[Callable[[int], None] | None]:
    """Show how far a transfer is; gives what to call with bytes as they arrive."""
    with progress_bar(options, verb, size_bytes) as note:
        yield None if note is None else lambda size: note(0, size)


def total_of(views: Sequence[VersionView], events: int, moved: str) -> str:
    """Return the line for all that travelled; empty if nothing did."""
    if views:
        return f"{count_text(len(views), 'version')}  {moved}"
    return f"{count_text(events, 'event')}  {moved}" if events else ""


def say_if_none(
    place: Workspace, known: Known, commits: Sequence[CommitId], *, every_project: bool
) -> None:
    """Say that nothing is meant because the project has nothing, where others have."""
    if not commits and not every_project and choose_all(known, None):
        say(
            place.options,
            f"{known.root} has nothing of project {place.project!r}, but of others"
            " (name one with --project, or take --all)",
        )


def print_versions(
    store: Known,
    verb: str,
    views: Sequence[VersionView],
    connection: Connection,
    what: str,
    *,
    unsound: bool = False,
) -> None:
    """Print a line for each version that travelled, and one for all.

    ``unsound``: something there could not come.
    """
    for view in views:
        print_line(
            f"{verb} {shown_as(store, view)}  {count_text(view.manifest.entries, 'file')}"
            f"  {size_text(view.manifest.size)}"
        )
    unsound = unsound or any(name.startswith("journal/") for name in connection.depot.problems)
    rest = "holds nothing more that can be read" if unsound else "is up to date"
    if verb == "push":  # events were compared, and nothing was read
        name = connection.remote.name
        rest = f"lists all of it (`casstore verify --remote {name}` reads the bytes there)"
    print_line(what or f"nothing to {verb}: {connection.remote.name} {rest}")


def planned_record(store: Known, views: Sequence[VersionView], plan: Any) -> dict[str, Any]:
    """Return a plan as ``--json`` shows it."""
    return {
        "versions": [version_record(store, view) for view in views],
        "frames": plan.frames,
        "stored_bytes": plan.stored_bytes,
        "events": plan.events,
    }


def unsound_records(unsound: Sequence[Unsound]) -> list[dict[str, str]]:
    """Return versions that could not come as ``--json`` shows them."""
    return [
        {
            "reference": one.reference,
            "project": one.view.project,
            "commit_id": one.view.commit.hex(),
            "message": one.message,
        }
        for one in unsound
    ]


INCLUDE = click.option(
    "--include", metavar="GLOB", multiple=True, help="Bytes of paths that match only."
)
EXCLUDE = click.option(
    "--exclude", metavar="GLOB", multiple=True, help="No bytes of paths that match."
)
ON_CONFLICT = click.option(
    "--on-conflict",
    type=click.Choice(["theirs", "ours"]),
    help="Settle aliases that were moved on both sides.  [default: name them, exit 5]",
)


def settle(
    store: Store,
    connection: Connection,
    keep: Side,
    before: Collection[EventId],
    conflicts: Sequence[Conflict],
    options: Options,
) -> list[Conflict]:
    """Settle aliases that were moved on both sides; returns the conflicts that are left.

    ``before`` are the heads of aliases that the store had before anything came.
    """
    with store.index.read() as reader:
        collections = list(queries.collections(reader))
    there = alias_heads(connection.depot)
    for view in collections:
        place = (view.project, view.name)
        for alias, _ in settle_aliases(store, *place, keep, before=before, there=there):
            say(options, f"alias {alias!r} of {view.label!r} is {keep} now")
    with store.index.read() as reader:
        left = {conflict.message for conflict in conflicts_of(store, reader)}
        untold = [
            alias_conflict(view, alias)
            for view in collections
            for alias in queries.aliases(reader, view.project, view.name)
            if alias.conflict
        ]
    came = [conflict for conflict in conflicts if conflict.message in left]
    told = {conflict.message for conflict in came}
    return [*came, *(conflict for conflict in untold if conflict.message not in told)]


def settle_there(
    store: Store,
    connection: Connection,
    keep: Side,
    done: Pushed,
    options: Options,
) -> list[Conflict]:
    """Settle aliases that a push left set to two versions there, for both sides.

    Returns the conflicts that are left.
    """
    depot = connection.depot
    before = alias_heads(store)
    if keep == "theirs":  # what the alias means then is known here
        named = {commit for dispute in done.disputes for commit in dispute.commits}
        bring_without_bytes(store, depot, sorted(named))
    there = alias_heads(depot).difference(*(dispute.came for dispute in done.disputes))
    settled: set[tuple[str, str, str]] = set()
    for place in dict.fromkeys(_key(dispute)[:2] for dispute in done.disputes):
        found = settle_aliases(store, *place, keep, before=before, there=there, at=depot)
        bring_events(store, depot, [commit for _, commit in found])
        settled.update((*place, alias) for alias, _ in found)
    for dispute in done.disputes:
        if _key(dispute) in settled:
            say(options, f"alias {dispute.alias!r} of {dispute.collection.label!r} is {keep} now")
    left = [one.conflict for one in done.disputes if _key(one) not in settled]
    return [*done.clashes, *left]


def _key(dispute: Dispute) -> tuple[str, str, str]:
    return dispute.collection.project, dispute.collection.name, dispute.alias


def told_at_the_end(connection: Connection) -> dict[str, str]:
    """Return the events of a depot that are damaged, to be told by how the call ends, once."""
    depot = connection.depot
    for name in depot.damaged_events:
        depot.problems.pop(name, None)
    return depot.damaged_events


def raise_damage(damage: Corrupt | None, conflicts: Sequence[Conflict], options: Options) -> None:
    """End with exit code 4 if something could not come; conflicts are said before that."""
    if damage is None:
        return
    for conflict in conflicts:
        say(options, str(conflict))
    raise damage


def raise_conflicts(conflicts: Sequence[Conflict], *, where: str = "here") -> None:
    """End with exit code 5 if something is there that somebody has to decide."""
    if len(conflicts) == 1:
        raise conflicts[0]
    if conflicts:
        raise Conflict(
            "; ".join(conflict.message for conflict in conflicts),
            hint=f"what was brought is {where}; {conflicts[0].hint}",
        )
