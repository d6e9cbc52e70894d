"""``casstore reindex``: the index is made again from the files.

Knows: what is said of the result.  Never: how the index is made.
"""

import click

from casstore.cli.messages import say
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line
from casstore.cli.workspace import Workspace
from casstore.store import discard_index

__all__ = ["reindex"]

CORRUPT_EXIT_CODE = 4


@click.command(cls=Verb)
@click.pass_context
def reindex(context: click.Context) -> None:
    """Make the index again from packs and journal, which hold everything.

    Exits with 4 and names the files if some cannot be read, 11 if another process has the store
    open.
    """
    options: Options = context.obj
    with Workspace(options) as place:
        root = place.choice.path
        is_new = (root / "FORMAT").exists() and discard_index(root)
        store = place.existing()
        if not is_new:
            store.index.rebuild()
        with store.index.read() as reader:
            packs = sum(1 for _ in reader.packs())
            events = sum(1 for _ in reader.events())
        problems = dict(store.index.problems)
        if options.json:
            listed = [{"file": file, "message": message} for file, message in problems.items()]
            print_json(packs=packs, events=events, problems=listed)
        elif not options.quiet:
            print_line(f"indexed {count_text(packs, 'pack')} and {count_text(events, 'event')}")
        for file, message in problems.items():
            say(options, f"{file}: {message}")
    if problems:
        context.exit(CORRUPT_EXIT_CODE)
