"""``casstore runs``: which runs there were.

Knows: how they are shown.  Never: how they are recorded.
"""

import click

from casstore.cli.options import Options, Verb
from casstore.cli.output import print_json, print_line, print_table, time_text
from casstore.cli.records import run_record
from casstore.cli.streams import tell
from casstore.cli.workspace import Workspace
from casstore.journal import lineage
from casstore.journal.views import RunView
from casstore.store import as_shown

__all__ = ["runs"]


@click.command(cls=Verb)
@click.option("--all", "every_project", is_flag=True, help="List the runs of every project.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the N newest.")
@click.pass_obj
def runs(options: Options, *, every_project: bool, limit: int | None) -> None:
    """List runs, the newest first, with how many versions each read and made."""
    with Workspace(options) as place:
        store = place.existing_or_empty()
        found: list[RunView] = []
        if store is not None:
            with store.index.read() as reader:
                known = lineage.runs(reader, None if every_project else place.project)
                found = [as_shown(store, view) for view in known]
        found.sort(key=lambda view: (-view.created_at, view.run))
        shown = found[:limit]
        if options.json:
            print_json(runs=[run_record(view) for view in shown])
        elif options.quiet:
            for view in shown:
                print_line(view.run)
        elif not shown:
            tell(f"no runs in the store at {place.choice.path}")
        else:
            titles = ("RUN", "NAME", "STATE", "JOB TYPE", "BEGUN", ">READ", ">MADE")
            print_table(titles, [_row(view, with_project=every_project) for view in shown])


def _row(view: RunView, *, with_project: bool) -> tuple[str, ...]:
    return (
        f"{view.project}/{view.run}" if with_project else view.run,
        view.name or "",
        view.state,
        view.job_type or "",
        time_text(view.created_at),
        f"{len(view.inputs):,}",
        f"{len(view.outputs):,}",
    )
