"""``casstore numbers``: agreeing to what the upstream calls versions.

Knows: how it is asked for and told.  Never: what makes a number a conflict.
"""

import click

from casstore.cli.completing import NAME
from casstore.cli.options import Options, Verbs
from casstore.cli.output import print_json, print_line
from casstore.cli.workspace import Workspace
from casstore.journal.numbers import Resolution
from casstore.store import accept_numbers

__all__ = ["numbers"]


@click.group(cls=Verbs, no_args_is_help=False)
def numbers() -> None:
    """Agree to numbers that mean other versions than they did here."""


@numbers.command("accept")
@click.argument("name", metavar="NAME", type=NAME)
@click.pass_obj
def accept(options: Options, *, name: str) -> None:
    """Let every number of a name mean what it means now.

    Where the upstream gave a number to another version than this store had, the number is a
    conflict (exit 5) until it is accepted here.  The versions that it meant before stay, and are
    found as NAME@ID.
    """
    with Workspace(options) as place:
        collection = place.collection(name)
        found = accept_numbers(place.writable(), collection)
        if options.json:
            print_json(
                project=collection.project,
                name=collection.label,
                accepted=[_record(each) for each in found],
            )
        elif not options.quiet:
            for each in found:
                print_line(_line(collection.label, each))
            if not found:
                print_line(f"every number of {collection.label} means what it meant")


def _record(accepted: Resolution) -> dict[str, object]:
    return {
        "version": f"v{accepted.number}",
        "commit_id": accepted.commit.hex(),
        "before": [commit.hex() for commit in accepted.others],
    }


def _line(label: str, accepted: Resolution) -> str:
    before = " and ".join(f"{label}@{commit.hex()}" for commit in accepted.others)
    return f"{label}:v{accepted.number}  is {label}@{accepted.commit.hex()}, and was {before}"
