"""``casstore push``: versions to a depot elsewhere.

Knows: how it is asked for and told.  Never: how versions travel.
"""

from collections.abc import Iterable
from typing import Any

import click

from casstore.cli.carrying import (
    ON_CONFLICT,
    bar_of,
    connected,
    origin_of,
    planned_record,
    print_versions,
    raise_conflicts,
    raise_damage,
    say_if_none,
    settle_there,
    total_of,
    wanted,
)
from casstore.cli.completing import BUNDLE, PLACE, REF
from casstore.cli.messages import say, shows_progress
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.errors import Invalid
from casstore.exchange import Connection, RemoteDepot
from casstore.flows.lifecycle import Side
from casstore.flows.transfer import Pushed, ToSend, plan_to_send
from casstore.flows.transfer import push as push_versions
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.store import Known, Store

__all__ = ["push"]


def _refuse_part(
    _context: click.Context, _option: click.Parameter, globs: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse to push a part of a version, whatever it is called."""
    if globs:
        raise Invalid(
            "push sends whole versions: in a depot a version is visible only when it is whole",
            hint="log the part as an artifact of its own and push that (casstore put); whoever"
            " wants some of the files only: casstore pull --include",
        )
    return globs


@click.command(cls=Verb)
@click.argument("refs", metavar="[REF]...", nargs=-1, type=REF)
@click.option(
    "--to",
    metavar="NAME|URL",
    type=PLACE,
    help="Where.  [default: the upstream, else the only one]",
)
@click.option(
    "--from",
    "from_",
    metavar="NAME|URL|BUNDLE",
    type=BUNDLE,
    help="Push from there, not the store.",
)
@click.option("--all", "every_project", is_flag=True, help="Versions of every project.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would travel.")
@click.option("-j", "--jobs", type=click.IntRange(1, 16), default=4, help="Packs sent at once.")
@ON_CONFLICT
@click.option(
    *("--include", "--exclude"),
    multiple=True,
    hidden=True,
    expose_value=False,
    callback=_refuse_part,
    help="Refused: a version travels whole; pull takes parts.",
)
@click.pass_obj
def push(
    options: Options,
    *,
    refs: tuple[str, ...],
    to: str | None,
    from_: str | None,
    every_project: bool,
    dry_run: bool,
    jobs: int,
    on_conflict: Side | None,
) -> None:
    """Bring versions to another depot: a bucket, a server, a shared folder, a stick.

    REF is a version, or a name for all its versions; without one, every version of the project.
    Only what was asked for travels, and of that only what is not there.  An upstream gives the
    versions their numbers.  A push that was interrupted goes on where it stopped.  An alias that
    was set to one version here and to another there is named (exit 5); nothing is dropped.

    With --from, versions go from one depot to another: a remote, a URL, a bundle.  REF is looked up
    there; they pass through this machine, every chunk checked, and no store keeps anything.
    """
    if on_conflict is not None and from_ is not None:
        raise Invalid(
            "--on-conflict settles for a store, and with --from none takes part",
            hint="leave it out; pull into a store and `casstore alias set REF ALIAS`, then push",
        )
    with Workspace(options) as place, origin_of(place, from_) as (origin, base):
        commits = wanted(place, origin, refs, every_project=every_project)
        if not refs:
            say_if_none(place, origin, commits, every_project=every_project)
        with connected(
            *(place, base, to), create=not dry_run, planning=dry_run, follow=from_ is None
        ) as connection:
            plan = None
            if dry_run or shows_progress(options):
                plan = plan_to_send(origin, connection.depot, commits)
            if dry_run and plan is not None:
                _print_plan(origin, plan, connection, options)
                return
            with bar_of(options, "push", plan.stored_bytes if plan else 0) as progress:
                done = push_versions(origin, connection, commits, jobs=jobs, progress=progress)
            _print(origin, done, connection, options, commits)
            left = list(done.conflicts)
            if on_conflict is not None and isinstance(origin, Store):
                left = settle_there(origin, connection, on_conflict, done, options)
        raise_damage(done.restored.damage, left, options)
        raise_conflicts(left, where="there")


def _print_plan(store: Known, plan: ToSend, connection: Connection, options: Options) -> None:
    requests = plan.requests(upstream=connection.remote.upstream)
    if options.json:
        print_json(
            **_ends(store, connection),
            requests=requests,
            **planned_record(store, plan.versions, plan),
            restored=_records(store, plan.restored),
        )
        return
    total = (
        f"{count_text(len(plan.versions), 'version')}  {size_text(plan.stored_bytes)}"
        f"  {count_text(plan.events, 'event')}  about {count_text(requests, 'request')}"
    )
    what = total if plan.events or plan.restored else ""
    print_versions(store, "push", plan.versions, connection, what)


def _ends(origin: Known, connection: Connection) -> dict[str, str | None]:
    """Return from where and to where: from None where that is the store."""
    source = origin.url if isinstance(origin, RemoteDepot) else None
    return {"from": source, "to": connection.remote.name}


def _print(
    store: Known, done: Pushed, connection: Connection, options: Options, commits: list[CommitId]
) -> None:
    for notice in done.notices:
        say(options, notice)
    sent = done.sent
    with store.index.read() as reader:
        views = [queries.version(reader, view.commit) for view in sent.versions]
    found = [view for view in views if view is not None]
    if options.json:
        print_json(
            **_ends(store, connection),
            **planned_record(store, found, done),
            asked=len(commits),
            packs=sent.packs,
            restored=_records(store, done.restored.versions),
        )
    elif options.quiet:
        for view in found:
            print_line(version_record(store, view, [])["commit_id"])
    else:
        moved = f"{size_text(done.stored_bytes)} sent  to {connection.remote.name}"
        again = f"{count_text(done.frames, 'chunk')}  {moved}" if done.restored.versions else ""
        total = total_of(found, sent.events, moved) or again
        print_versions(store, "push", found, connection, total)


def _records(store: Known, views: Iterable[VersionView]) -> list[dict[str, Any]]:
    return [version_record(store, view) for view in views]
