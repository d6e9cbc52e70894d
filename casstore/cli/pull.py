"""``casstore pull``: versions from a depot elsewhere.

Knows: how it is asked for and told.  Never: how versions travel.
"""

import click

from casstore.cli.carrying import (
    EXCLUDE,
    INCLUDE,
    ON_CONFLICT,
    bar_of,
    connected,
    planned_record,
    print_versions,
    raise_conflicts,
    raise_damage,
    say_if_none,
    settle,
    told_at_the_end,
    total_of,
    unsound_records,
    wanted,
)
from casstore.cli.completing import BUNDLE, REF
from casstore.cli.messages import say, shows_progress
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.workspace import Workspace
from casstore.errors import Invalid
from casstore.exchange import Connection
from casstore.flows.lifecycle import Side
from casstore.flows.transfer import (
    Pulled,
    ToReceive,
    alias_heads,
    damage_of,
    meant,
    plan_to_receive,
)
from casstore.flows.transfer import pull as pull_versions
from casstore.journal import queries
from casstore.patterns import chooser
from casstore.store import Store, reference_to

__all__ = ["pull"]


@click.command(cls=Verb)
@click.argument("refs", metavar="[REF]...", nargs=-1, type=REF)
@click.option(
    "--from",
    "from_",
    metavar="NAME|URL|BUNDLE",
    type=BUNDLE,
    help="From where.  [default: as push]",
)
@click.option("--all", "every_project", is_flag=True, help="Versions of every project.")
@INCLUDE
@EXCLUDE
@click.option("--metadata-only", is_flag=True, help="No bytes; they come when they are read.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would travel.")
@ON_CONFLICT
@click.pass_obj
def pull(  # noqa: PLR0913 - one parameter an option
    options: Options,
    *,
    refs: tuple[str, ...],
    from_: str | None,
    every_project: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    metadata_only: bool,
    dry_run: bool,
    on_conflict: Side | None,
) -> None:
    """Bring versions here from another depot, every byte checked.

    REF is a version there, or a name for all its versions; without one, every version of the
    project.  Only what is not here travels.  What was decided on both sides in two ways is named
    (exit 5); nothing is dropped.  A version of which something is damaged there does not come and
    is named (exit 4); the others come.

    With --include, --exclude or --metadata-only a version comes with all that is said of it and
    the bytes of the files that are chosen; the other bytes come when they are read, or by a pull
    without these options.  A GLOB is gitignore syntax relative to the version's top.
    """
    if metadata_only and (include or exclude):
        raise Invalid("--metadata-only chooses no paths", hint="leave it, or --include, out")
    keep = _nothing if metadata_only else chooser(include, exclude)
    with Workspace(options) as place:
        meant(place.base(), from_)  # where nothing can be meant no store is made
        store = place.writable()
        with connected(place, store, from_, create=False) as connection:
            if keep is not None and connection.is_bundle:
                raise Invalid(
                    f"{connection.depot.url} is a bundle, which nobody is asked for the rest later",
                    hint="leave --include, --exclude and --metadata-only out, or take files of it"
                    " by its extract.py",
                )
            connection.depot.refresh()
            commits = wanted(place, connection.depot, refs, every_project=every_project)
            if not refs:
                say_if_none(place, connection.depot, commits, every_project=every_project)
            plan = None
            if dry_run or shows_progress(options):
                plan = plan_to_receive(store, connection.depot, commits, keep=keep)
            if dry_run and plan is not None:
                _print_plan(store, plan, connection, options)
                unread = told_at_the_end(connection)
                raise_damage(damage_of(plan.unsound, 0, unread), (), options)
                return
            before = alias_heads(store) if on_conflict else set()
            with bar_of(options, "pull", plan.stored_bytes if plan else 0) as progress:
                done = pull_versions(store, connection, commits, keep=keep, progress=progress)
            _print(store, done, connection, options)
            told_at_the_end(connection)
            left = list(done.conflicts)
            if on_conflict is not None:
                left = settle(store, connection, on_conflict, before, left, options)
        raise_damage(done.damage, left, options)
        raise_conflicts(left)


def _nothing(_path: bytes) -> bool:
    return False


def _print_plan(store: Store, plan: ToReceive, connection: Connection, options: Options) -> None:
    if options.json:
        record = planned_record(store, plan.versions, plan)
        print_json(
            **{"from": connection.remote.name},
            requests=plan.requests,
            **record,
            unsound=unsound_records(plan.unsound),
        )
        return
    total = (
        f"{count_text(len(plan.versions), 'version')}  {size_text(plan.stored_bytes)}"
        f"  {count_text(plan.events, 'event')}  about {count_text(plan.requests, 'request')}"
    )
    what = total if plan.versions or plan.events else ""
    print_versions(store, "pull", plan.versions, connection, what, unsound=bool(plan.unsound))


def _print(store: Store, done: Pulled, connection: Connection, options: Options) -> None:
    for notice in done.notices:
        say(options, notice)
    received = done.received
    with store.index.read() as reader:
        views = [queries.version(reader, view.commit) for view in received.versions]
    found = [view for view in views if view is not None]
    if options.json:
        record = planned_record(store, found, received)
        print_json(
            **{"from": connection.remote.name},
            **record,
            unsound=unsound_records(received.unsound),
        )
    elif options.quiet:
        for view in found:
            print_line(reference_to(store, view))
    else:
        moved = f"{size_text(received.stored_bytes)} received  from {connection.remote.name}"
        total = total_of(found, received.events, moved)
        unsound = bool(received.unsound)
        print_versions(store, "pull", found, connection, total, unsound=unsound)
