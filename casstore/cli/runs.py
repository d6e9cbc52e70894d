"""``casstore runs``: which runs there were.

Knows: how they are shown.  Never: how they are recorded.
"""

import json

import click

from casstore.cli.options import Options, Verb
from casstore.cli.output import one_line, print_json, print_line, print_table, time_text
from casstore.cli.records import run_record
from casstore.cli.streams import tell
from casstore.cli.workspace import Workspace
from casstore.errors import NotFound
from casstore.journal import lineage, queries
from casstore.journal.views import RunView
from casstore.store import as_shown, reference_to, surroundings_of

__all__ = ["runs"]


@click.command(cls=Verb)
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--all", "every_project", is_flag=True, help="List the runs of every project.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the N newest.")
@click.pass_obj
def runs(options: Options, *, run: str | None, every_project: bool, limit: int | None) -> None:
    """List runs, the newest first, with how many versions each read and made.

    With the id of a RUN, tell all about it: where it ran, from which commit, what it read and made.
    """
    with Workspace(options) as place:
        store = place.existing_or_empty()
        if run is not None:
            _show(place, run)
            return
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
            where, more = f"project {place.project!r}", " (--all lists those of every project)"
            where, more = ("any project", "") if every_project else (where, more)
            tell(f"no runs of {where} in the store at {place.choice.path}{more}")
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


def _show(place: Workspace, run_id: str) -> None:
    """Print one run of the project."""
    store = place.existing()
    with store.index.read() as reader:
        view = lineage.run(reader, place.project, run_id)
        commits = [] if view is None else [*(used.commit for used in view.inputs), *view.outputs]
        known = [queries.version(reader, commit) for commit in commits]
    if view is None:
        raise NotFound(
            f"no run {run_id!r} in project {place.project!r} of the store at {store.root}",
            hint="`casstore runs` lists them",
        )
    view = as_shown(store, view)
    if place.options.json:
        print_json(runs=[run_record(view)])
        return
    names = [
        commit.hex() if found is None or not found.complete else reference_to(store, found)
        for commit, found in zip(commits, known, strict=True)
    ]
    print_line(f"run {view.run}  in project {view.project}")
    facts = {
        "name": view.name,
        "state": view.state,
        "job type": view.job_type,
        "group": view.group,
        "begun": time_text(view.created_at),
        "notes": view.notes,
        "tags": ", ".join(view.tags),
        "read": ", ".join(dict.fromkeys(names[: len(view.inputs)])),
        "made": ", ".join(names[len(view.inputs) :]),
    }
    _print_facts({title: value for title, value in facts.items() if value})
    for title, found in (("ran as", surroundings_of(view)), ("config", json.loads(view.config))):
        if found:
            print_line(f"  {title}")
            for key, value in found.items():
                print_line(f"    {one_line(key)} = {json.dumps(value, ensure_ascii=False)}")


def _print_facts(facts: dict[str, str]) -> None:
    for title, value in facts.items():
        print_line(f"  {title:<10}{one_line(value)}")
