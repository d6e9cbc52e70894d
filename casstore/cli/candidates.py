"""What a shell may complete: names, versions and files of the store, remotes.

Knows: what there is that begins so.  Never: an error: nobody would see it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import click
from click.shell_completion import CompletionItem

from casstore.cli.options import Options
from casstore.cli.records import alias_names
from casstore.cli.workspace import Workspace
from casstore.errors import Error
from casstore.journal import queries
from casstore.names import path_text
from casstore.remotes.configuration import read_remotes
from casstore.store import label_of, live_versions

__all__ = ["items"]

MAX_ITEMS = 1000


def items(
    context: click.Context, found: Sequence[str], files: str, incomplete: str
) -> list[CompletionItem]:
    """Return what begins as typed: of the kinds ``found``, or files, which the shell looks for."""
    if files and (not found or incomplete.startswith(".") or "/" in incomplete):
        return [CompletionItem(incomplete, type=files)]
    try:
        with Workspace(context.ensure_object(Options)) as place:
            values = (each for kind in found for each in FINDERS[kind](place, context, incomplete))
            fitting = (
                each for each in values if each.startswith(incomplete) and _can_be_told(each)
            )
            return [CompletionItem(each) for each in islice(fitting, MAX_ITEMS)]
    except (Error, OSError):
        return []


def _can_be_told(value: str) -> bool:
    """Tell whether a shell can be given it: one line, and characters that it can be asked for."""
    return value.isprintable()


def _names(place: Workspace, _context: click.Context, incomplete: str) -> Iterable[str]:
    """Names of the project; of another one if it was typed: ``project/``."""
    project, slash, _ = incomplete.rpartition("/")
    store = place.existing_or_empty()
    if store is None:
        return []
    with store.index.read() as reader:
        views = list(queries.collections(reader, project or place.project))
    return [f"{project}{slash}{view.label}" for view in views]


def _labels(place: Workspace, _context: click.Context, incomplete: str) -> Iterator[str]:
    """Numbers and aliases of a name that was typed to its end: ``name:``."""
    name, colon, _ = incomplete.partition(":")
    if colon:
        store = place.existing()
        found = place.collection(name)
        aliases = alias_names(store, found.project, found.name)
        for view in live_versions(store, found.project, found.name):
            label = label_of(store, view)
            yield from (f"{name}:{each}" for each in [label.name, *aliases.get(view.commit, [])])


def _paths(place: Workspace, context: click.Context, incomplete: str) -> Iterator[str]:
    """Files of the version that stands before."""
    view = place.version(context.params["ref"])
    manifest = place.existing().manifest(view.manifest)
    for entry in manifest.under(incomplete.encode("utf-8", "surrogateescape")):
        yield path_text(entry.path)


def _remotes(place: Workspace, _context: click.Context, _incomplete: str) -> Iterable[str]:
    return read_remotes(place.choice.path)


FINDERS = {"names": _names, "labels": _labels, "paths": _paths, "remotes": _remotes}
