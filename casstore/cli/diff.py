"""``casstore diff``: what changed between two versions, or a version and a folder.

Knows: when B is a folder, how changes are shown.  Never: how they are found.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from casstore.cli.completing import OTHER, REF
from casstore.cli.options import Options, Verb
from casstore.cli.output import (
    path_fields,
    path_text,
    print_json_list,
    print_line,
    size_text,
)
from casstore.cli.records import file_record
from casstore.cli.workspace import Workspace
from casstore.errors import FileMissing, NotFound
from casstore.flows.changes import Change, compare, compare_folder
from casstore.journal.views import VersionView
from casstore.manifests import Entry

__all__ = ["diff"]

DIFFERENT_EXIT_CODE = 1
LETTERS = {"added": "A", "removed": "D", "changed": "M", "mode": "X"}


@click.command(cls=Verb)
@click.argument("a", metavar="A", type=REF)
@click.argument("b", metavar="B", type=OTHER)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there are differences.")
@click.option(
    "--ignore", metavar="GLOB", multiple=True, help="Leave out what matches in the folder B."
)
@click.pass_context
def diff(
    context: click.Context, *, a: str, b: str, exit_code: bool, ignore: tuple[str, ...]
) -> None:
    """Compare two versions, or a version and a folder.

    A is a REF.  B is a folder if it has a / or begins with a dot, else a REF.  Letters as in git: A
    only in B, D only in A, M other content; X only the executable bit differs.
    """
    options: Options = context.obj
    counts: Counter[str] = Counter()
    with Workspace(options) as place:
        changes = _counted(_changes(place, a, b, ignore), counts)
        if options.json:
            print_json_list("changes", map(_record, changes))
        else:
            for change in changes:
                print_line(_line(change, plain=options.quiet))
            if not options.quiet:
                print_line(_summary(counts))
    if exit_code and counts.total():
        context.exit(DIFFERENT_EXIT_CODE)


def _changes(place: Workspace, a: str, b: str, ignore: tuple[str, ...]) -> Iterator[Change]:
    before = place.version(a)
    store = place.existing()
    if not _is_folder(b):
        return compare(store, before, _version_b(place, b))
    folder = Path(b)
    if not folder.is_dir():
        raise FileMissing(f"{b} is no folder", hint="B is a folder if it has a /, else a REF")
    return compare_folder(store, before, folder, ignore=ignore)


def _version_b(place: Workspace, text: str) -> VersionView:
    try:
        return place.version(text)
    except NotFound as error:
        if Path(text).is_dir():
            raise NotFound(error.message, hint=f"for the folder write ./{text}") from error
        raise


def _is_folder(text: str) -> bool:
    """Tell a folder from a reference; ``project/name:v1`` is one where no such folder is."""
    if text.startswith(".") or text.endswith("/") or Path(text).is_absolute():
        return True
    last = text.rpartition("/")[2]
    return "/" in text and (Path(text).is_dir() or not (":" in last or "@" in last))


def _counted(changes: Iterable[Change], counts: Counter[str]) -> Iterator[Change]:
    for change in changes:
        counts[change.kind] += 1
        yield change


def _record(change: Change) -> dict[str, Any]:
    return {
        **path_fields(change.path),
        "kind": change.kind,
        "before": None if change.before is None else file_record(change.before),
        "after": None if change.after is None else file_record(change.after),
    }


def _line(change: Change, *, plain: bool) -> str:
    path = path_text(change.path)
    if plain:
        return path
    by = _size(change.after) - _size(change.before)
    sign = "+" if by > 0 else "-" if by < 0 else ""
    size = f"  {sign}{size_text(abs(by))}" if by else ""
    return f"{LETTERS[change.kind]} {path}{size}"


def _size(entry: Entry | None) -> int:
    return 0 if entry is None else entry.size_bytes


def _summary(counts: Counter[str]) -> str:
    if not counts:
        return "no differences"
    words = ("added", "removed", "changed", "mode")
    names = {"mode": "with another executable bit"}
    return ", ".join(f"{counts[word]:,} {names.get(word, word)}" for word in words if counts[word])
