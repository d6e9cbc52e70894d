"""``casstore reindex``: the index is made again from the files.

Knows: what is said of the result.  Never: how the index is made.
"""

import click

from casstore.cli.messages import say
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line
from casstore.cli.workspace import Workspace

__all__ = ["reindex"]

CORRUPT_EXIT_CODE = 4


@click.command(cls=Verb)
@click.pass_context
def reindex(context: click.Context) -> None:
    """Make the index again from packs and journal, which hold everything.

    Exits with 4 and names the files if some cannot be read, or tells how many events the index knew
    that are in the journal no more; with 11 if another process has the store open.
    """
    options: Options = context.obj
    with Workspace(options) as place:
        store = place.renewed()
        lost = store.index.lost_events
        with store.index.read() as reader:
            packs = sum(1 for _ in reader.packs())
            events = sum(1 for _ in reader.events())
        problems = dict(store.index.problems)
        if options.json:
            listed = [{"file": file, "message": message} for file, message in problems.items()]
            print_json(packs=packs, events=events, lost_events=lost, problems=listed)
        elif not options.quiet:
            print_line(f"indexed {count_text(packs, 'pack')} and {count_text(events, 'event')}")
        for file, message in problems.items():
            say(options, f"{file}: {message}")
        if lost:
            say(
                options,
                f"{count_text(lost, 'event')} that the index knew are not in the journal, and what"
                " they said is shown no more: put the newer copy of journal/ back, reindex again",
            )
    if problems or lost:
        context.exit(CORRUPT_EXIT_CODE)
