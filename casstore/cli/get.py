"""``casstore get``: a version's files into a folder.

Knows: which folder, which paths.  Never: how files are written.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from casstore.cli.messages import progress_bar
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.errors import EntryNotFound
from casstore.flows.checkout import checkout
from casstore.patterns import matcher_of
from casstore.store import reference_to

__all__ = ["get"]


@click.command(cls=Verb)
@click.argument("ref", metavar="REF")
@click.option("-o", "--output", metavar="DIR", help="The folder to fill.  [default: ./NAME]")
@click.option("--include", metavar="GLOB", multiple=True, help="Only paths that match.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="No paths that match.")
@click.option("--force", is_flag=True, help="Replace files that have other content.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), help="Threads.  [default: one a processor]"
)
@click.pass_obj
def get(
    options: Options,
    *,
    ref: str,
    output: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    force: bool,
    jobs: int | None,
) -> None:
    """Lay the files of a version out in a folder, every byte checked.

    The folder is ./NAME unless -o says another; it is made if it is not there.  Files with other
    content at paths of the version are named and nothing is written, unless --force replaces them.
    Other files are left alone.  A GLOB is gitignore syntax relative to the version's top.
    """
    with Workspace(options) as place:
        view = place.version(ref)
        store = place.existing()
        folder = Path(output if output is not None else view.name)
        keep = _chooser(include, exclude)
        with progress_bar(options, "get", view.manifest.size) as note:
            done = checkout(
                store, view, folder, keep=keep, replace=force, workers=jobs, progress=note
            )
        reference = reference_to(store, view)
        if keep is not None and not done.files and view.manifest.entries:
            raise EntryNotFound(
                f"no path of {reference} is chosen", hint=f"`casstore ls {reference}` lists them"
            )
        if options.json:
            print_json(
                version=version_record(store, view),
                folder=os.fspath(folder.resolve()),
                file_count=done.files,
                size_bytes=done.size_bytes,
                written=done.written,
                unchanged=done.unchanged,
            )
        elif options.quiet:
            print_line(str(folder))
        else:
            content = f"{count_text(done.files, 'file')}  {size_text(done.size_bytes)}"
            there = f" ({done.unchanged:,} there already)" if done.unchanged else ""
            print_line(f"{reference}  {content}  in {folder}{there}")


def _chooser(include: Sequence[str], exclude: Sequence[str]) -> Callable[[bytes], bool] | None:
    if not include and not exclude:
        return None
    wanted, unwanted = matcher_of(include), matcher_of(exclude)
    return lambda path: (not include or wanted(path)) and not unwanted(path)
