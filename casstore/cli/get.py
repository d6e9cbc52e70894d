"""``casstore get``: a version's files into a folder.

Knows: which folder, which paths.  Never: how files are written.
"""

import os
from pathlib import Path

import click

from casstore.cli.completing import FOLDER, PLACE, REF
from casstore.cli.messages import progress_bar, say
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.source import source_of
from casstore.cli.workspace import Workspace
from casstore.errors import EntryNotFound
from casstore.flows.checkout import checkout
from casstore.patterns import chooser
from casstore.store import reference_to, settle_whole

__all__ = ["get"]


@click.command(cls=Verb)
@click.argument("ref", metavar="REF", type=REF)
@click.option(
    "-o", "--output", metavar="DIR", type=FOLDER, help="The folder to fill.  [default: ./NAME]"
)
@click.option("--include", metavar="GLOB", multiple=True, help="Only paths that match.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="No paths that match.")
@click.option(
    "--from", "from_", metavar="NAME|URL", type=PLACE, help="Straight from another depot."
)
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
    from_: str | None,
    force: bool,
    jobs: int | None,
) -> None:
    """Lay the files of a version out in a folder, every byte checked.

    The folder is ./NAME unless -o says another; it is made if it is not there.  Files with other
    content at paths of the version are named and nothing is written, unless --force replaces them.
    References are fetched and compared with what was recorded.
    What is not here of a version that was pulled without it is fetched.  With --from, REF is a
    version in another depot: what is needed of it is read there, and nothing of it is kept.
    Other files are left alone.  A GLOB is gitignore syntax relative to the version's top.
    """
    with Workspace(options) as place, source_of(place, ref, from_) as (source, view):
        folder = Path(output if output is not None else view.label)
        keep = chooser(include, exclude)
        with progress_bar(options, "get", view.manifest.size) as note:
            done = checkout(
                source, view, folder, keep=keep, replace=force, workers=jobs, progress=note
            )
        if done.unchecked:
            count = count_text(done.unchecked, "reference")
            say(options, f"fetched {count} with no checksum: nothing was checked")
        reference = reference_to(source, view)
        if keep is not None and not done.files and view.manifest.entries:
            raise EntryNotFound(
                f"no path of {reference} is chosen", hint=f"`casstore ls {reference}` lists them"
            )
        if from_ is None:
            settle_whole(place.existing(), [view])
        if options.json:
            print_json(
                version=version_record(source, view),
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
