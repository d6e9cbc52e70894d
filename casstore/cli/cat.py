"""``casstore cat``: a file of a version on standard output.

Knows: standard output.  Never: how frames are found.
"""

import sys

import click

from casstore.cli.completing import IN_VERSION, PLACE, REF
from casstore.cli.options import Options, Verb
from casstore.cli.output import path_text
from casstore.cli.source import source_of
from casstore.cli.workspace import Workspace
from casstore.errors import Absent, Corrupt, EntryNotFound, RemoteError
from casstore.flows.reading import read_entry
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.names import spelled_path
from casstore.store import Readable, reference_to

__all__ = ["cat"]


@click.command(cls=Verb)
@click.argument("ref", metavar="REF", type=REF)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=IN_VERSION)
@click.option(
    "--from", "from_", metavar="NAME|URL", type=PLACE, help="Straight from another depot."
)
@click.pass_obj
def cat(options: Options, *, ref: str, paths: tuple[str, ...], from_: str | None) -> None:
    """Write files of a version to standard output, one after the other.

    Every byte was checked before it is written.  With --from, REF is a version in another depot:
    only what is needed is read there, and nothing is kept.  With --json only errors are JSON.
    """
    with Workspace(options) as place, source_of(place, ref, from_) as (source, view):
        entries = [_entry_at(source, view, path) for path in map(spelled_path, paths)]
        sys.stdout.flush()
        try:
            for entry in entries:
                for piece in read_entry(source, entry):
                    sys.stdout.buffer.write(piece)
        except (Absent, Corrupt, RemoteError) as error:
            reference = reference_to(source, view)
            raise type(error)(f"{reference}: {error.message}", hint=error.hint) from error
        finally:
            sys.stdout.buffer.flush()


def _entry_at(source: Readable, view: VersionView, path: bytes) -> Entry:
    entry = source.manifest(view.manifest).get(path)
    if entry is None:
        reference = reference_to(source, view)
        raise EntryNotFound(
            f"{reference} in project {view.project!r} of the store at {source.root}"
            f" holds no {path_text(path)!r}",
            hint=f"`casstore ls {reference}` lists its files",
        )
    return entry
