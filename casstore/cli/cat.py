"""``casstore cat``: a file of a version on standard output.

Knows: standard output.  Never: how frames are found.
"""

import sys

import click

from casstore.cli.options import Options, Verb
from casstore.cli.output import path_text, typed_path
from casstore.cli.workspace import Workspace
from casstore.errors import Corrupt, EntryNotFound
from casstore.flows.reading import read_entry
from casstore.store import reference_to

__all__ = ["cat"]


@click.command(cls=Verb)
@click.argument("ref", metavar="REF")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.pass_obj
def cat(options: Options, *, ref: str, paths: tuple[str, ...]) -> None:
    """Write files of a version to standard output, one after the other.

    Every byte was checked before it is written.  With --json only errors are JSON.
    """
    with Workspace(options) as place:
        view = place.version(ref)
        store = place.existing()
        manifest = store.manifest(view.manifest)
        entries = []
        for path in map(typed_path, paths):
            entry = manifest.get(path)
            if entry is None:
                reference = reference_to(store, view)
                raise EntryNotFound(
                    f"{reference} in project {view.project!r} of the store at {store.root}"
                    f" holds no {path_text(path)!r}",
                    hint=f"`casstore ls {reference}` lists its files",
                )
            entries.append(entry)
        sys.stdout.flush()
        try:
            for entry in entries:
                for piece in read_entry(store, entry):
                    sys.stdout.buffer.write(piece)
        except Corrupt as error:
            reference = reference_to(store, view)
            raise Corrupt(f"{reference}: {error.message}", hint=error.hint) from error
        finally:
            sys.stdout.buffer.flush()
