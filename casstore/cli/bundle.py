"""``casstore bundle``: versions in a file, for where no network leads.

Knows: what goes into a bundle, how it is told what became of it.  Never: how bundles are made.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from casstore.bundles import Base, BundleReader, Inventory
from casstore.cli.bundled import show_applied, show_made, show_nothing, show_report
from casstore.cli.carrying import bar_of, origin_of, raise_conflicts, raise_damage, wanted
from casstore.cli.completing import PLACE, REF
from casstore.cli.messages import progress_bar, say
from casstore.cli.options import Options, Verbs
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.errors import Invalid
from casstore.exchange import open_depot
from casstore.flows.transfer import (
    Had,
    Origin,
    apply_bundle,
    choose,
    create_bundle,
    not_had,
    reached_by,
)
from casstore.flows.verify import verify_bundle
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.names import Reference
from casstore.store import Known, find_version, reference_to

__all__ = ["bundle"]

PARTLY_EXIT_CODE = 3
CORRUPT_EXIT_CODE = 4
FILES = click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kMGT]?)(i?)B?\Z", re.IGNORECASE)


@click.group(cls=Verbs, no_args_is_help=False)
def bundle() -> None:
    """Carry versions in files: create, verify or apply bundles."""


@bundle.command("create")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("refs", metavar="[REF]...", nargs=-1, type=REF)
@click.option(
    "--since", metavar="REF", type=REF, help="Leave out what REF has; take what came after it."
)
@click.option(
    "--have",
    metavar="INVENTORY",
    type=click.Path(path_type=Path),
    help="Leave out what is in it: `casstore inventory export` of the far side.",
)
@click.option("--split", metavar="SIZE", help="Make several files of at most SIZE, such as 4G.")
@click.option(
    "--from", "from_", metavar="NAME|URL", type=PLACE, help="Take them from there, not the store."
)
@click.option("--all", "everything", is_flag=True, help="Take every version of every project.")
@click.pass_obj
def create(
    options: Options,
    *,
    file: Path,
    refs: tuple[str, ...],
    since: str | None,
    have: Path | None,
    split: str | None,
    from_: str | None,
    everything: bool,
) -> None:
    """Write versions into a bundle: each REF, all of a NAME, all of the project if none is given.

    With --since alone, the versions of its name that came after it.
    """
    if since is not None and have is not None:
        raise Invalid("--since and --have exclude each other", hint="give what tells more: --have")
    if refs and everything:
        raise Invalid("--all and a REF exclude each other", hint="leave one out")
    part_bytes = None if split is None else _size(split)
    with Workspace(options) as place, origin_of(place, from_) as (origin, _):
        commits = _chosen(place, origin, refs, since, everything=everything)
        with _left_out(place, origin, since, have) as (base, had):
            if have is not None and had is not None:
                commits = not_had(origin, commits, had)
            views = _views(origin, commits)
            if not views:
                show_nothing(options)
                return
            with bar_of(options, "bundle", sum(view.manifest.size for view in views)) as note:
                made = create_bundle(
                    origin,
                    file,
                    [view.commit for view in views],
                    base=base,
                    had=had,
                    part_bytes=part_bytes,
                    progress=note,
                )
        show_made(options, origin, made, base, views)


def _chosen(
    place: Workspace, origin: Origin, refs: Sequence[str], since: str | None, *, everything: bool
) -> list[CommitId]:
    if refs or everything or since is None:
        return wanted(place, origin, refs, every_project=everything)
    base = find_version(origin, place.reference(since), place.project)
    name = Reference(name=base.label, project=base.project)
    later = _views(origin, choose(origin, [name]))
    return [view.commit for view in later if view.created_at > base.created_at]


@contextmanager
def _left_out(
    place: Workspace, origin: Origin, since: str | None, have: Path | None
) -> Iterator[tuple[Base | None, Had | None]]:
    """Give what a bundle is thin against, and what to ask what that has."""
    if have is not None:
        with Inventory(have) as inventory:
            yield Base("inventory", inventory.checksum.hex(), inventory.store_id), inventory
    elif since is not None:
        view = find_version(origin, place.reference(since), place.project)
        label = f"{view.project}/{reference_to(origin, view)}"
        with (
            tempfile.TemporaryDirectory(prefix="casstore-") as folder,
            reached_by(origin, view, Path(folder) / "had") as inventory,
        ):
            yield Base("since", view.commit.hex(), label), inventory
    else:
        yield None, None


def _size(text: str) -> int:
    match = _SIZE.match(text)
    if match is None:
        raise Invalid(f"{text!r} is no size", hint="write 700M, 4G, 4GiB")
    step = 1024 if match[3] else 1000
    power = " kmgt".index(match[2].lower() or " ")
    size: int = round(float(match[1]) * step**power)
    if not size:
        raise Invalid("--split needs a size above nothing", hint="write 700M, 4G, 4GiB")
    return size


def _views(store: Known, commits: Sequence[CommitId]) -> list[VersionView]:
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    return [view for view in views if view is not None and not view.deleted]


@bundle.command("verify")
@FILES
@click.pass_context
def verify(context: click.Context, *, files: tuple[Path, ...]) -> None:
    """Read and check every byte of bundles, and tell what their versions need; needs no store.

    Exits with 4 and names chunks and versions if something is not what it should be.
    """
    options: Options = context.obj
    total = sum(path.stat().st_size for path in files if path.is_file())
    with progress_bar(options, "verify", total) as note:
        report = verify_bundle(files, progress=note)
    show_report(options, report)
    if report.problems:
        context.exit(CORRUPT_EXIT_CODE)


@bundle.command("apply")
@FILES
@click.pass_context
def apply(context: click.Context, *, files: tuple[Path, ...]) -> None:
    """Take the versions of bundles into the store: any parts, in any order, again if need be.

    Exits with 3 if versions wait for chunks that neither the files nor the store have, with 4 if
    something in the files is damaged.
    """
    options: Options = context.obj
    total = sum(path.stat().st_size for path in files if path.is_file())
    with (
        Workspace(options) as place,
        BundleReader(files) as reader,
        tempfile.TemporaryDirectory(prefix="casstore-") as cache,
        bar_of(options, "apply", total) as note,
    ):
        depot = open_depot(reader, Path(cache))
        try:
            store = place.writable()
            done = apply_bundle(store, depot, progress=note)
        finally:
            depot.close()
        views = _views(store, [view.commit for view in done.pulled.received.versions])
        show_applied(options, store, done, views)
    for notice in done.pulled.notices:
        say(options, notice)
    raise_damage(done.pulled.damage, done.pulled.conflicts, options)
    if done.problems or any(one.damaged or one.message for one in done.waiting):
        for conflict in done.pulled.conflicts:
            say(options, str(conflict))
        context.exit(CORRUPT_EXIT_CODE)
    raise_conflicts(done.pulled.conflicts)
    if done.waiting:
        context.exit(PARTLY_EXIT_CODE)
