"""``casstore du``: what takes how much space.

Knows: how it is shown.  Never: how it is counted.
"""

import dataclasses

import click

from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, print_table, size_text
from casstore.cli.workspace import Workspace
from casstore.flows.usage import Usage, usage

__all__ = ["du"]


@click.command(cls=Verb)
@click.option("--all", "every_project", is_flag=True, help="Count the names of every project.")
@click.pass_obj
def du(options: Options, *, every_project: bool) -> None:
    """Show what takes how much space.

    Sizes of names are what their versions hold when they are laid out; on disk each chunk of bytes
    is kept once, compressed.
    """
    with Workspace(options) as place:
        store = place.existing_or_empty()
        found = usage(store, None if every_project else place.project) if store else None
        if options.json:
            listed = [dataclasses.asdict(item) for item in found.collections] if found else []
            print_json(
                artifacts=listed,
                logical_bytes=found.logical_bytes if found else 0,
                stored_bytes=found.stored_bytes if found else 0,
                index_bytes=found.index_bytes if found else 0,
                packs=found.packs if found else 0,
                events=found.events if found else 0,
            )
        elif found is None:
            print_line("0 B: nothing was ever logged")
        else:
            _print(found, with_project=every_project)


def _print(found: Usage, *, with_project: bool) -> None:
    rows = []
    for item in sorted(found.collections, key=lambda item: -item.size_bytes):
        name = f"{item.project}/{item.name}" if with_project else item.name
        rows.append((size_text(item.size_bytes), f"{item.versions:,}", item.type, name))
    if rows:
        print_table((">SIZE", ">VERSIONS", "TYPE", "NAME"), rows)
        print_line()
    print_line(f"versions hold  {size_text(found.logical_bytes)}")
    packs = f"{count_text(found.packs, 'pack')} of the whole store"
    print_line(f"on disk        {size_text(found.stored_bytes)} in {packs}")
    print_line(f"index          {size_text(found.index_bytes)}, can be made again")
