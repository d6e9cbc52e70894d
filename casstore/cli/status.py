"""``casstore status``: which store and project are used, and what the store holds.

Knows: how it is shown.  Never: how it is found out.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import click

from casstore.cli.messages import say
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, one_line, print_json, print_line, size_text
from casstore.cli.workspace import Workspace
from casstore.flows.health import Status
from casstore.flows.health import status as status_of

__all__ = ["status"]

MAX_NAMED = 20


@click.command(cls=Verb)
@click.pass_obj
def status(options: Options) -> None:
    """Tell which store and project are used and why, and what the store holds."""
    with Workspace(options) as place:
        store = place.existing_or_empty()
        found = status_of(store) if store else None
        problems = dict(store.index.problems) if store else {}
        if options.json:
            print_json(
                store=os.fspath(place.choice.path),
                source=place.choice.source,
                project=place.project,
                exists=found is not None,
                problems=[{"file": f, "message": m} for f, m in problems.items()],
                **(_record(found) if found else {}),
            )
            return
        print_line(f"store     {one_line(str(place.choice.path))}  ({place.choice.source})")
        print_line(f"project   {place.project}")
        if found is None:
            print_line("holds     nothing yet")
        else:
            _print(found)
        for file, message in problems.items():
            say(options, f"{file}: {message} (run `casstore verify`)")


def _record(found: Status) -> dict[str, Any]:
    fields = dataclasses.asdict(found)
    fields.pop("root")
    names = fields["projects"]
    fields |= {"projects": len(names), "project_names": names}
    return {key: _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, Path) else value


def _print(found: Status) -> None:
    print_line(
        f"holds     {count_text(found.versions, 'version')} of"
        f" {count_text(found.collections, 'name')} in {count_text(len(found.projects), 'project')};"
        f" {count_text(found.runs, 'run')}"
    )
    if found.projects[1:]:
        more = len(found.projects) - MAX_NAMED
        named = ", ".join(found.projects[:MAX_NAMED])
        print_line(f"projects  {one_line(named)}{f' and {more:,} more' if more > 0 else ''}")
    if found.partly_here:
        count = count_text(found.partly_here, "version")
        print_line(f"partly    {count}: the rest comes when it is read, or by `casstore pull`")
    print_line(f"on disk   {size_text(found.stored_bytes)} in {count_text(found.packs, 'pack')}")
    if found.index_folder != found.root:
        print_line(f"index     {found.index_folder}")
    if found.read_only:
        print_line("access    read only")
    if found.shared:
        print_line("shared    several hosts may use it at once")
    if found.sessions:
        print_line(f"at work   {count_text(len(found.sessions), 'session')}")
    for conflict in found.conflicts:
        print_line(f"in doubt  {one_line(conflict)}")
