"""``casstore push``: versions to a depot elsewhere.

Knows: how it is asked for and told.  Never: how versions travel.
"""

import click

from casstore.cli.carrying import bar_of, connected, planned_record, print_versions, wanted
from casstore.cli.messages import say, shows_progress
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.exchange import Connection
from casstore.flows.transfer import Pushed, ToSend, plan_to_send
from casstore.flows.transfer import push as push_versions
from casstore.journal import queries
from casstore.store import Store

__all__ = ["push"]


@click.command(cls=Verb)
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option("--to", metavar="NAME|URL", help="Where.  [default: the upstream, else the only one]")
@click.option("--all", "every_project", is_flag=True, help="Versions of every project.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would travel.")
@click.option("-j", "--jobs", type=click.IntRange(1, 16), default=4, help="Packs sent at once.")
@click.pass_obj
def push(
    options: Options,
    *,
    refs: tuple[str, ...],
    to: str | None,
    every_project: bool,
    dry_run: bool,
    jobs: int,
) -> None:
    """Bring versions to another depot: a bucket, a server, a shared folder, a stick.

    REF is a version, or a name for all its versions; without one, every version of the project.
    Only what was asked for travels, and of that only what is not there.  An upstream gives the
    versions their numbers.  A push that was interrupted goes on where it stopped.
    """
    with Workspace(options) as place:
        store = place.existing()
        commits = wanted(place, store, refs, every_project=every_project)
        with connected(place, store, to, create=not dry_run, planning=dry_run) as connection:
            plan = None
            if dry_run or shows_progress(options):
                plan = plan_to_send(store, connection.depot, commits)
            if dry_run and plan is not None:
                _print_plan(store, plan, connection, options)
                return
            with bar_of(options, "push", plan.stored_bytes if plan else 0) as progress:
                done = push_versions(store, connection, commits, jobs=jobs, progress=progress)
            _print(store, done, connection, options, commits)


def _print_plan(store: Store, plan: ToSend, connection: Connection, options: Options) -> None:
    if options.json:
        print_json(
            to=connection.remote.name,
            requests=plan.requests,
            **planned_record(store, plan.versions, plan),
        )
        return
    total = (
        f"{count_text(len(plan.versions), 'version')}  {size_text(plan.stored_bytes)}"
        f"  {count_text(plan.events, 'event')}  about {count_text(plan.requests, 'request')}"
    )
    print_versions(store, "push", plan.versions, connection, total if plan.events else "")


def _print(
    store: Store, done: Pushed, connection: Connection, options: Options, commits: list[CommitId]
) -> None:
    for notice in done.notices:
        say(options, notice)
    sent = done.sent
    with store.index.read() as reader:
        views = [queries.version(reader, view.commit) for view in sent.versions]
    found = [view for view in views if view is not None]
    if options.json:
        print_json(
            to=connection.remote.name,
            **planned_record(store, found, sent),
            asked=len(commits),
            packs=sent.packs,
        )
    elif options.quiet:
        for view in found:
            print_line(version_record(store, view, [])["commit_id"])
    else:
        total = (
            f"{count_text(len(found), 'version')}  {size_text(sent.stored_bytes)} sent"
            f"  to {connection.remote.name}"
        )
        print_versions(store, "push", found, connection, total if sent.events else "")
