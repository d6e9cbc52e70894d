"""``casstore sync``: pull, then push.

Knows: how both are asked for and told together.  Never: how versions travel.
"""

import contextlib
from collections.abc import Sequence

import click

from casstore.cli.carrying import (
    EXCLUDE,
    INCLUDE,
    ON_CONFLICT,
    bar_of,
    connected,
    planned_record,
    raise_conflicts,
    raise_damage,
    settle,
    settle_there,
    told_at_the_end,
    unsound_records,
    wanted,
)
from casstore.cli.completing import NAME, PLACE
from casstore.cli.messages import say
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.errors import Conflict, NotFound
from casstore.exchange import Connection
from casstore.flows.lifecycle import Side
from casstore.flows.transfer import Pulled, Pushed, alias_heads, pull, push
from casstore.journal import queries
from casstore.patterns import chooser
from casstore.store import Known, Store, conflicts_of, shown_as
from casstore.store import accept_numbers as accept

__all__ = ["sync"]


@click.command(cls=Verb)
@click.argument("refs", metavar="[NAME]...", nargs=-1, type=NAME)
@click.option(
    "--with",
    "remote",
    metavar="NAME|URL",
    type=PLACE,
    help="With whom.  [default: the upstream, else the only one]",
)
@click.option("--all", "every_project", is_flag=True, help="Versions of every project.")
@click.option("--accept-numbers", is_flag=True, help="Let numbers mean what they mean there.")
@ON_CONFLICT
@INCLUDE
@EXCLUDE
@click.option("-j", "--jobs", type=click.IntRange(1, 16), default=4, help="Packs sent at once.")
@click.pass_obj
def sync(  # noqa: PLR0913 - one parameter an option
    options: Options,
    *,
    refs: tuple[str, ...],
    remote: str | None,
    every_project: bool,
    accept_numbers: bool,
    on_conflict: Side | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int,
) -> None:
    """Bring versions here and there, so that both sides have all of them.

    With names, those; else every version of the project.  What was decided on both sides in two
    ways is named at the end (exit 5), and everything has travelled nevertheless.  A version that is
    partly here stays so: `casstore pull` completes it.

    --include and --exclude bound the paths of which bytes come, as in `casstore pull`; what is sent
    is always whole.  A GLOB is gitignore syntax relative to the version's top.
    """
    keep = chooser(include, exclude)
    with Workspace(options) as place:
        store = place.writable()
        with connected(place, store, remote, create=True) as connection:
            depot = connection.depot
            depot.refresh()
            there = _known_of(place, depot, refs, every_project=every_project)
            before = alias_heads(store) if on_conflict else set()
            with bar_of(options, "pull", 0) as progress:
                completing = keep is not None  # by what is chosen now, of what came in part before
                pulled = pull(
                    *(store, connection, there), keep=keep, completing=completing, progress=progress
                )
            doubts = list(pulled.conflicts)
            if on_conflict is not None:
                doubts = settle(store, connection, on_conflict, before, doubts, options)
            here = _known_of(place, store, refs, every_project=every_project)
            with bar_of(options, "push", 0) as progress:
                pushed = push(store, connection, here, jobs=jobs, progress=progress)
            accepted = _accept(store) if accept_numbers else 0
            _print(store, connection, pulled, pushed, accepted, options)
            told_at_the_end(connection)
            left = list(pushed.conflicts)  # of what others brought between the two
            if on_conflict is not None:
                left = settle_there(store, connection, on_conflict, pushed, options)
        doubts = _left(store, doubts)
        told = {conflict.message for conflict in doubts}
        doubts += [one for one in left if one.message not in told]
        raise_damage(pulled.damage or pushed.restored.damage, doubts, options)
        raise_conflicts(doubts)


def _print(
    store: Store,
    connection: Connection,
    pulled: Pulled,
    pushed: Pushed,
    accepted: int,
    options: Options,
) -> None:
    for notice in dict.fromkeys((*pulled.notices, *pushed.notices)):
        say(options, notice)
    with store.index.read() as reader:
        came = [queries.version(reader, view.commit) for view in pulled.received.versions]
        went = [queries.version(reader, view.commit) for view in pushed.sent.versions]
    if options.json:
        print_json(
            **{"with": connection.remote.name},
            pulled=planned_record(store, [one for one in came if one], pulled.received),
            unsound=unsound_records(pulled.received.unsound),
            pushed=planned_record(store, [one for one in went if one], pushed.sent),
            accepted=accepted,
        )
        return
    for sign, views in (("pull", came), ("push", went)):
        for view in views:
            if view is not None and not options.quiet:
                print_line(f"{sign} {shown_as(store, view)}  {size_text(view.manifest.size)}")
    if not options.quiet:
        print_line(
            f"{count_text(len(came), 'version')} from {connection.remote.name}, "
            f"{count_text(len(went), 'version')} to it"
        )


def _known_of(
    place: Workspace, known: Known, refs: tuple[str, ...], *, every_project: bool
) -> list[CommitId]:
    """Return the versions that are meant on one side; a name may be on the other only."""
    if not refs:
        return wanted(place, known, (), every_project=every_project)
    found: list[CommitId] = []
    for ref in refs:
        with contextlib.suppress(NotFound):
            found += wanted(place, known, (ref,), every_project=False)
    return found


def _accept(store: Store) -> int:
    with store.index.read() as reader:
        collections = list(queries.collections(reader))
    return sum(len(accept(store, collection)) for collection in collections)


def _left(store: Store, doubts: Sequence[Conflict]) -> list[Conflict]:
    """Return the conflicts that came and are not settled."""
    with store.index.read() as reader:
        left = {conflict.message for conflict in conflicts_of(store, reader)}
    return [conflict for conflict in doubts if conflict.message in left]
