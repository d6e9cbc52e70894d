"""``casstore inventory``: what this store has, for those who make bundles for it.

Knows: how it is asked for and shown.  Never: how it is written.
"""

from pathlib import Path

import click

from casstore.cli.options import Options, Verbs
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.workspace import Workspace
from casstore.flows.transfer import export_inventory

__all__ = ["inventory"]


@click.group(cls=Verbs, no_args_is_help=False)
def inventory() -> None:
    """List what this store has, in a file: for `casstore bundle create --have`."""


@inventory.command("export")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.pass_obj
def export(options: Options, *, file: Path) -> None:
    """Write which chunks and events this store has into a new FILE; it holds no data."""
    with Workspace(options) as place:
        frames, events = export_inventory(place.existing(), file)
    size = file.stat().st_size
    if options.json:
        print_json(path=str(file), size_bytes=size, frames=frames, events=events)
    elif options.quiet:
        print_line(str(file))
    else:
        counts = f"{count_text(frames, 'chunk')}  {count_text(events, 'event')}"
        print_line(f"{file}  {counts}  {size_text(size)}")
