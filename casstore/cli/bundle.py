"""``casstore bundle``: versions in a file, for where no network leads.

Knows: what goes into a bundle, how it is told what became of it.  Never: how bundles are made.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from casstore.bundles import Base, BundleReader, Inventory
from casstore.cli.messages import Progress, progress_bar
from casstore.cli.options import Options, Verbs
from casstore.cli.output import count_text, one_line, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.errors import Invalid
from casstore.exchange import open_depot
from casstore.flows.transfer import (
    Applied,
    Bundled,
    Had,
    Waiting,
    apply_bundle,
    choose,
    choose_all,
    create_bundle,
    not_had,
    reached_by,
)
from casstore.flows.verify import BundledVersion, BundleReport, verify_bundle
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.names import Reference
from casstore.store import Store, reference_to

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
@click.argument("refs", metavar="[REF]...", nargs=-1)
@click.option("--since", metavar="REF", help="Leave out what REF has; take what came after it.")
@click.option(
    "--have",
    metavar="INVENTORY",
    type=click.Path(path_type=Path),
    help="Leave out what is in it: `casstore inventory export` of the far side.",
)
@click.option("--split", metavar="SIZE", help="Make several files of at most SIZE, such as 4G.")
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
    with Workspace(options) as place:
        store = place.existing()
        commits = _chosen(place, refs, since, everything=everything)
        with _left_out(place, since, have) as (base, had):
            if have is not None and had is not None:
                commits = not_had(store, commits, had)
            if not commits:
                _show_nothing(options)
                return
            views = _views(store, commits)
            with progress_bar(options, "bundle", sum(view.manifest.size for view in views)) as note:
                made = create_bundle(
                    store,
                    file,
                    commits,
                    base=base,
                    had=had,
                    part_bytes=part_bytes,
                    progress=_of_bytes(note),
                )
        _show_made(options, store, made, base, views)


def _chosen(
    place: Workspace, refs: Sequence[str], since: str | None, *, everything: bool
) -> list[CommitId]:
    store = place.existing()
    if everything:
        return choose_all(store, None)
    if refs:
        return choose(store, [place.reference(ref) for ref in refs])
    if since is None:
        return choose_all(store, place.project)
    base = place.version(since)
    name = Reference(name=base.label, project=base.project)
    later = _views(store, choose(store, [name]))
    return [view.commit for view in later if view.created_at > base.created_at]


@contextmanager
def _left_out(
    place: Workspace, since: str | None, have: Path | None
) -> Iterator[tuple[Base | None, Had | None]]:
    """Give what a bundle is thin against, and what to ask what that has."""
    if have is not None:
        with Inventory(have) as inventory:
            yield Base("inventory", inventory.checksum.hex(), inventory.store_id), inventory
    elif since is not None:
        store, view = place.existing(), place.version(since)
        label = f"{view.project}/{reference_to(store, view)}"
        with (
            tempfile.TemporaryDirectory(prefix="casstore-") as folder,
            reached_by(store, view, Path(folder) / "had") as inventory,
        ):
            yield Base("since", view.commit.hex(), label), inventory
    else:
        yield None, None


def _of_bytes(note: Progress | None) -> Callable[[int], None] | None:
    return None if note is None else lambda size_bytes: note(0, size_bytes)


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


def _views(store: Store, commits: Sequence[CommitId]) -> list[VersionView]:
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    return [view for view in views if view is not None and not view.deleted]


def _show_nothing(options: Options) -> None:
    if options.json:
        print_json(bundle_id=None, parts=[], versions=[], frames=0, stored_bytes=0)
    elif not options.quiet:
        print_line("nothing is missing there: no bundle was made")


def _show_made(
    options: Options, store: Store, made: Bundled, base: Base | None, views: list[VersionView]
) -> None:
    if options.json:
        print_json(
            bundle_id=made.bundle_id,
            parts=[{"path": str(path), "size_bytes": path.stat().st_size} for path in made.paths],
            thin_against=None if base is None else str(base),
            versions=[version_record(store, view) for view in views],
            frames=made.sent.frames,
            stored_bytes=made.sent.stored_bytes,
        )
        return
    for path in made.paths:
        print_line(str(path) if options.quiet else f"{path}  {size_text(path.stat().st_size)}")
    if not options.quiet:
        thin = f"  thin: without what {base} has" if base is not None else ""
        print_line(one_line(f"{count_text(len(views), 'version')}{thin}"))


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
    _show_report(options, report)
    if report.problems:
        context.exit(CORRUPT_EXIT_CODE)


def _show_report(options: Options, report: BundleReport) -> None:
    if options.json:
        print_json(
            ok=not report.problems,
            parts=[
                {
                    "path": str(file.path),
                    "size_bytes": file.size_bytes,
                    "bundle_id": file.about.bundle_id,
                    "part": file.about.part,
                    "parts": file.about.parts,
                }
                for file in report.files
            ],
            missing_parts=report.missing_parts,
            thin_against=[str(base) for base in report.bases],
            versions=[_verified_record(version) for version in report.versions],
            problems=[
                {"kind": one.kind, "reference": one.reference, "message": one.message}
                for one in report.problems
            ],
        )
        return
    for problem in report.problems:
        where = f"{problem.reference}  " if problem.reference else ""
        print_line(one_line(f"{problem.kind}  {where}{problem.message}"))
    if options.quiet:
        return
    for file in report.files:
        about = file.about
        content = f"part {about.part} of {about.parts}  {count_text(len(file.members), 'member')}"
        print_line(one_line(f"{file.path}  {content}  {size_text(file.size_bytes)}"))
    for version in report.versions:
        print_line(one_line(_verified_line(version, report)))
    verdict = count_text(len(report.problems), "problem") if report.problems else "ok"
    print_line(f"{count_text(len(report.versions), 'version')}  {verdict}")


def _verified_record(version: BundledVersion) -> dict[str, Any]:
    return {
        "reference": version.label,
        "commit_id": version.commit.hex(),
        "file_count": version.file_count,
        "size_bytes": version.size_bytes,
        "state": version.state,
        "lacking": version.lacking,
    }


def _verified_line(version: BundledVersion, report: BundleReport) -> str:
    line = (
        f"{version.label}  {count_text(version.file_count, 'file')}"
        f"  {size_text(version.size_bytes)}  {version.state}"
    )
    if not version.lacking:
        return line
    sources = [str(base) for base in report.bases]
    for bundle_id, parts in report.missing_parts.items():
        sources.append(f"part {', '.join(map(str, parts))} of bundle {bundle_id[:12]}")
    return f"{line}: needs {count_text(version.lacking, 'chunk')} of {' or '.join(sources)}"


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
        progress_bar(options, "apply", total) as note,
    ):
        depot = open_depot(reader, Path(cache))
        try:
            store = place.writable()
            done = apply_bundle(store, depot, progress=_of_bytes(note))
        finally:
            depot.close()
        _show_applied(options, store, done)
    if done.problems or any(one.damaged or one.message for one in done.waiting):
        context.exit(CORRUPT_EXIT_CODE)
    if done.waiting:
        context.exit(PARTLY_EXIT_CODE)


def _show_applied(options: Options, store: Store, done: Applied) -> None:
    views = _views(store, [view.commit for view in done.received.versions])
    if options.json:
        print_json(
            versions=[version_record(store, view) for view in views],
            waiting=[_waiting_record(one) for one in done.waiting],
            frames=done.frames,
            stored_bytes=done.stored_bytes,
            events=done.received.events,
            problems=list(done.problems),
        )
        return
    for problem in done.problems:
        print_line(one_line(f"damaged  {problem}"))
    for view in views:
        reference = reference_to(store, view)
        size = size_text(view.manifest.size)
        count = count_text(view.manifest.entries, "file")
        print_line(reference if options.quiet else f"{reference}  {count}  {size}")
    for one in done.waiting:
        print_line(one_line(_waiting_line(one)))
    if not options.quiet:
        new = count_text(len(views), "version")
        print_line(f"{new} new  stored {size_text(done.stored_bytes)}")


def _waiting_record(one: Waiting) -> dict[str, Any]:
    return {
        "project": one.view.project,
        "name": one.view.label,
        "commit_id": one.view.commit.hex(),
        "missing": one.missing,
        "damaged": [digest.hex() for digest in one.damaged],
        "message": one.message,
    }


def _waiting_line(one: Waiting) -> str:
    label = f"{one.view.project}/{one.view.label}@{one.view.commit.hex()[:12]}"
    if one.damaged:
        chunks = ", ".join(digest.hex() for digest in one.damaged[:3])
        return f"refused  {label}: {count_text(len(one.damaged), 'chunk')} damaged: {chunks}"
    if one.message:
        return f"refused  {label}: {one.message}"
    return f"waiting  {label}: {count_text(one.missing, 'chunk')} missing: apply what has them"
