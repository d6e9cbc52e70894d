"""``casstore restore``: removed versions come back.

Knows: which versions are meant.  Never: how they are brought back.
"""

import click

from casstore.cli.completing import REF
from casstore.cli.options import Options, Verb
from casstore.cli.output import print_json, print_line
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.flows.lifecycle import restore as bring_back
from casstore.journal import queries
from casstore.store import reference_to

__all__ = ["restore"]


@click.command(cls=Verb)
@click.argument("refs", metavar="REF...", nargs=-1, required=True, type=REF)
@click.pass_obj
def restore(options: Options, *, refs: tuple[str, ...]) -> None:
    """Bring removed versions back under their numbers.

    A REF names its version by number or id; `casstore ls NAME --deleted` lists removed ones.  It is
    checked first that every byte is still there.
    """
    with Workspace(options) as place:
        found = [place.exact_version(ref, deleted=True) for ref in refs]
        store = place.writable()
        for view in found:
            if view.deleted:
                bring_back(store, view)
        with store.index.read() as reader:
            now = [queries.version(reader, view.commit) or view for view in found]
        if options.json:
            print_json(versions=[version_record(store, view) for view in now])
            return
        for before, view in zip(found, now, strict=True):
            reference = reference_to(store, view)
            story = "restored" if before.deleted else "was not removed:"
            print_line(reference if options.quiet else f"{story} {reference}")
