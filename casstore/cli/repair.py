"""``casstore repair``: what is damaged or missing here comes from another depot, or goes to one.

Knows: how it is asked for and told.  Never: how damage is found and healed.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from casstore.bundles import BundleReader
from casstore.cli.carrying import connected
from casstore.cli.completing import BUNDLE, PLACE
from casstore.cli.messages import progress_bar
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.problems import print_problems, problem_record
from casstore.cli.workspace import Workspace
from casstore.errors import Invalid
from casstore.exchange import MIRRORS_FOLDER, RemoteDepot, nowhere, open_depot
from casstore.flows.verify import Repaired, repair_depot, repair_store
from casstore.remotes.configuration import read_remotes
from casstore.store import Store

__all__ = ["repair"]

CORRUPT_EXIT_CODE = 4
LISTS = {
    "index/": ("damaged index", "damaged indexes", "replaced"),
    "roots/": ("damaged root list", "damaged root lists", "set aside"),
    "journal/": ("damaged journal pack", "damaged journal packs", "replaced"),
}
SOURCE = "NAME|URL|FOLDER|BUNDLE"


@click.command(cls=Verb)
@click.option(
    "--from", "from_", metavar=SOURCE, type=BUNDLE, help="Heal the store with what is there."
)
@click.option(
    "--to", metavar="NAME|URL", type=PLACE, help="Heal that depot with what is in the store."
)
@click.option(
    "-n", "--dry-run", is_flag=True, help="Only say what is wrong and what would be done."
)
@click.pass_context
def repair(context: click.Context, *, from_: str | None, to: str | None, dry_run: bool) -> None:
    """Heal what is damaged or missing with sound copies of another depot, every byte checked.

    Without --from or --to, the store is healed from the upstream, else from the only remote; if it
    knows none, from itself: what is sound is kept, and what is damaged is stored anew when the same
    files are logged again.  FOLDER may be another store, BUNDLE a file of a bundle.  Damaged packs
    stay where they are, and are read by nobody any more.

    Exits with 4 and names versions, paths and packs if something could not be healed.
    """
    options: Options = context.obj
    if from_ is not None and to is not None:
        raise Invalid("--from and --to are two repairs", hint="run one after the other")
    with Workspace(options) as place:
        if to is not None:
            done = _there(place, to, dry_run=dry_run)
        else:
            done = _here(place, from_, dry_run=dry_run)
    _print(options, done, dry_run=dry_run)
    if done.problems:
        context.exit(CORRUPT_EXIT_CODE)


def _here(place: Workspace, source: str | None, *, dry_run: bool) -> Repaired:
    store = place.existing()
    with store.index.read() as reader:
        size = sum(pack.size_bytes for _, pack in reader.packs())
    with (
        _source(place, store, source) as depot,
        progress_bar(place.options, "repair", size) as note,
    ):
        return repair_store(store, depot, dry_run=dry_run, progress=note)


def _there(place: Workspace, to: str, *, dry_run: bool) -> Repaired:
    store = place.existing()
    with connected(place, store, to, create=False) as connection, connection.anew() as depot:
        with connection.depot.index.read() as reader:
            size = sum(pack.size_bytes for _, pack in reader.packs())
        with progress_bar(place.options, "repair", size) as note:
            return repair_depot(store, depot, seen=connection.depot, dry_run=dry_run, progress=note)


@contextlib.contextmanager
def _source(place: Workspace, store: Store, source: str | None) -> Iterator[RemoteDepot]:
    """Open what sound copies come from: a remote, a store in a folder, a bundle, or nothing."""
    remotes = read_remotes(store.root)
    if source is None and not remotes:
        with contextlib.closing(nowhere()) as depot:
            yield depot
        return
    path = Path(source) if source is not None else None
    if path is not None and source not in remotes:
        if path.is_file():
            with BundleReader([path]) as reader:
                depot = open_depot(reader, store.index_folder / MIRRORS_FOLDER, anew=True)
                with contextlib.closing(depot.mirror):
                    yield depot
            return
        inner = path / ".casstore"
        if path.is_dir():
            source = str((inner if (inner / "FORMAT").exists() else path).absolute())
    with connected(place, store, source, create=False) as connection:
        yield connection.depot


def _print(options: Options, done: Repaired, *, dry_run: bool) -> None:
    if options.json:
        print_json(ok=not done.problems, dry_run=dry_run, **_record(done))
        return
    print_problems(done.problems)
    if options.quiet:
        return
    if done.is_nothing:
        print_line("nothing to heal" if not done.problems else "nothing could be healed")
        return
    verb = "would be healed" if dry_run else "healed"
    print_line(f"{verb}: {'  '.join(_done(done))}")


def _done(done: Repaired) -> Iterator[str]:
    """Yield what was done, each in some words."""
    if done.frames:
        yield f"{count_text(done.frames, 'chunk')} brought  {size_text(done.stored_bytes)}"
    if done.kept:
        yield f"{count_text(done.kept, 'chunk')} kept"
    if done.events:
        yield f"{count_text(done.events, 'event')} brought"
    if done.claims:
        yield f"{count_text(done.claims, 'claim')} made again"
    if done.named:
        yield f"{count_text(done.named, 'pack')} named by an index again"
    if done.set_aside:
        yield f"{count_text(len(done.set_aside), 'damaged pack')} set aside"
    for folder, (one, many, what) in LISTS.items():
        count = sum(name.startswith(folder) for name in done.lists)
        if count:
            yield f"{count:,} {one if count == 1 else many} {what}"


def _record(done: Repaired) -> dict[str, Any]:
    return {
        "frames": done.frames,
        "stored_bytes": done.stored_bytes,
        "kept": done.kept,
        "events": done.events,
        "set_aside": list(done.set_aside),
        "damaged_lists": list(done.lists),
        "packs_named": done.named,
        "claims": done.claims,
        "problems": [problem_record(problem) for problem in done.problems],
    }
