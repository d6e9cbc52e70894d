"""``casstore show``: all about one version.

Knows: which facts there are and their order.  Never: how they are found.
"""

import json
from datetime import timedelta
from typing import Any

import click

from casstore.cli.completing import REF
from casstore.cli.drift import drift_line, drift_record, find_drift
from casstore.cli.options import Options, Verb
from casstore.cli.output import (
    count_text,
    one_line,
    print_json,
    print_line,
    size_text,
    time_json,
    time_text,
)
from casstore.cli.records import alias_names, version_record
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.flows.verify import Drift
from casstore.journal import lineage, queries
from casstore.journal.views import UseView, VersionView
from casstore.store import Store, label_of, reference_to, shown_as

__all__ = ["show"]

DRIFT_EXIT_CODE = 4
MICROSECONDS = 1_000_000


@click.command(cls=Verb)
@click.argument("ref", metavar="REF", type=REF)
@click.option("--deleted", is_flag=True, help="Show it even if it was removed.")
@click.option("--drift", is_flag=True, help="Ask which references have changed; then exit 4.")
@click.pass_context
def show(context: click.Context, *, ref: str, deleted: bool, drift: bool) -> None:
    """Tell all about one version: content, aliases, metadata, who made and who used it.

    With --drift, servers are asked which objects elsewhere are not what was recorded; nothing is
    downloaded.
    """
    options: Options = context.obj
    with Workspace(options) as place:
        view = place.version(ref, deleted=deleted)
        store = place.existing()
        aliases = alias_names(store, view.project, view.name).get(view.commit, [])
        with store.index.read() as reader:
            uses = lineage.users_of(reader, view.commit)
        found = find_drift(options, store, view) if drift else []
        if options.json:
            changes = {"changes": [drift_record(item) for item in found]} if drift else {}
            record = version_record(store, view, aliases)
            print_json(version=record, **_further(store, view, uses), **changes)
        else:
            _print(store, view, aliases, uses)
            _print_drift(found, asked=drift)
    if found:
        context.exit(DRIFT_EXIT_CODE)


def _print_drift(found: list[Drift], *, asked: bool) -> None:
    if asked:
        print_line("  references" if found else "  references   none has changed")
    for item in found:
        print_line(f"    {drift_line(item)}")


def _further(store: Store, view: VersionView, uses: tuple[UseView, ...]) -> dict[str, Any]:
    """Return what a version's own record does not hold."""
    return {
        "entity": view.entity,
        "updated_at": time_json(view.updated_at),
        "ttl_seconds": view.lifetime,
        "ttl_inherited": view.ttl is None,
        "expires_at": None if view.lifetime is None else time_json(_end_us(view)),
        "bases": _references(store, view.bases),
        "links": [{"project": link.project, "name": link.name} for link in view.links],
        "source": _home(store, view) or None,
        "producers": [
            {
                "run": made.run,
                "description": made.description,
                "metadata": json.loads(made.metadata) if made.metadata else None,
            }
            for made in view.producers
        ],
        "users": [{"project": use.project, "run": use.run, "use_as": use.use_as} for use in uses],
        "environment": json.loads(view.environment),
        "conflicts": [conflict.field for conflict in view.conflicts],
    }


def _references(store: Store, commits: tuple[CommitId, ...]) -> list[str]:
    with store.index.read() as reader:
        views = [(commit, queries.version(reader, commit)) for commit in commits]
    return [
        reference_to(store, view) if view and view.name else commit.hex() for commit, view in views
    ]


def _links(store: Store, view: VersionView) -> list[str]:
    with store.index.read() as reader:
        found = [
            queries.member(reader, link.project, link.name, view.commit) for link in view.links
        ]
    return [f"{each.project}/{reference_to(store, each)}" for each in found if each]


def _home(store: Store, view: VersionView) -> str:
    """Return the version that a link leads to; nothing for one that was logged here."""
    return f"{view.source[0]}/{_references(store, (view.commit,))[0]}" if view.source else ""


def _end_us(view: VersionView) -> int:
    return view.created_at + (view.lifetime or 0) * MICROSECONDS


def _number(store: Store, view: VersionView) -> str:
    """Return what is to be said of a version's number, nothing for one that is plain or sealed."""
    label = label_of(store, view)
    if label.provisional and label.authority is None and label.number is not None:
        return "provisional: the upstream has not sealed it"
    if label.provisional:
        return "none: the upstream has not sealed one"
    return "" if label.exact or label.number is None else f"that of {_same(store, view)}"


def _here(store: Store, view: VersionView) -> str:
    """Return where the rest is of a version that is not whole here."""
    absences = store.absences.read()
    partly = view.commit in absences
    return f"partly; the rest comes from {absences.whence(view.commit)}" if partly else ""


def _same(store: Store, view: VersionView) -> str:
    return f"{', '.join(_references(store, view.same_as))}, which has the same content"


def _lifetime(view: VersionView) -> str:
    if view.lifetime is None:
        return "ever, whatever its collection says" if view.ttl is not None else ""
    until = f"{timedelta(seconds=view.lifetime)}, until {time_text(_end_us(view))}"
    whose = "as its collection says; " if view.ttl is None else ""
    return f"{until} ({whose}it stays until a collector removes it)"


def _print(store: Store, view: VersionView, aliases: list[str], uses: tuple[UseView, ...]) -> None:
    print_line(f"{shown_as(store, view)}  in project {view.project}")
    facts = {
        "type": view.type,
        "state": "removed; `casstore restore` brings it back" if view.deleted else "",
        "logged": time_text(view.created_at),
        "files": f"{count_text(view.manifest.entries, 'file')}  {size_text(view.manifest.size)}",
        "here": _here(store, view),
        "number": _number(store, view),
        "aliases": ", ".join(aliases),
        "tags": ", ".join(view.tags),
        "description": view.description or "",
        "digest": view.manifest.digest.hex(),
        "commit": view.commit.hex(),
        "made by": ", ".join(dict.fromkeys(made.run for made in view.producers)) or view.run or "",
        "used by": ", ".join(dict.fromkeys(use.run for use in uses)),
        "drafted from": ", ".join(_references(store, view.bases)),
        "linked as": ", ".join(_links(store, view)),
        "link to": _home(store, view),
        "wanted for": _lifetime(view),
        "in doubt": ", ".join(conflict.field for conflict in view.conflicts),
    }
    for title, value in facts.items():
        if value:
            print_line(f"  {title:<13}{one_line(value)}")
    metadata: dict[str, Any] = json.loads(view.metadata)
    if metadata:
        print_line("  metadata")
        for key, value in metadata.items():
            print_line(f"    {one_line(key)} = {json.dumps(value, ensure_ascii=False)}")
