"""``casstore verify``: every byte is read and checked.

Knows: what was asked to be checked, how findings are shown.  Never: how it is checked.
"""

from pathlib import Path
from typing import Any

import click

from casstore.cli.completing import FOLDER, PLACE, REF
from casstore.cli.drift import find_drift
from casstore.cli.messages import progress_bar, say
from casstore.cli.options import Options, Verb
from casstore.cli.output import (
    count_text,
    path_fields,
    path_text,
    print_json,
    print_line,
    size_text,
)
from casstore.cli.problems import show_problems
from casstore.cli.records import version_record
from casstore.cli.verify_elsewhere import Sample, verify_elsewhere
from casstore.cli.workspace import Workspace
from casstore.errors import FileMissing, Invalid
from casstore.flows.verify import (
    Difference,
    Drift,
    Problem,
    verify_folder,
    verify_store,
    verify_version,
)
from casstore.journal.views import VersionView
from casstore.store import Store, partly_here, reference_to, with_presence

__all__ = ["verify"]

CORRUPT_EXIT_CODE = 4
WHAT_HELPS = (
    "`casstore reindex` finds what only the index has lost; `casstore repair` sets aside what is"
    " damaged, and --from takes it from a remote, another store or a bundle"
)


@click.command(cls=Verb)
@click.argument("ref", metavar="[REF]", required=False, type=REF)
@click.argument("folder", metavar="[DIR]", required=False, type=FOLDER)
@click.option("--quick", is_flag=True, help="Check the structure only, not every byte.")
@click.option("--references", is_flag=True, help="Ask which references of REF have changed.")
@click.option("--remote", metavar="NAME|URL", type=PLACE, help="Check another depot, or REF there.")
@click.option("--sample", type=Sample(), help="Of a depot's chunks, read that part: 1%.")
@click.pass_context
def verify(
    context: click.Context,
    *,
    ref: str | None,
    folder: str | None,
    quick: bool,
    references: bool,
    remote: str | None,
    sample: float | None,
) -> None:
    """Read and check every byte: of the store, of one version, or of a folder against a version.

    With --remote, of another depot: its events, indexes, packs, versions and numbers; --sample
    reads a random part of the chunks of every pack.

    With --references, servers are asked too which objects elsewhere are not what was recorded;
    nothing is downloaded.

    Exits with 4 and names versions, paths and packs if something is not what it should be.
    """
    options: Options = context.obj
    with Workspace(options) as place:
        if references and (ref is None or folder is not None):
            raise Invalid(
                "--references is for one version", hint="casstore verify REF --references"
            )
        _refuse(remote, sample, asked_else=quick or references or folder is not None)
        if remote is not None:
            good = verify_elsewhere(place, remote, ref, sample or 1.0, show_problems)
        elif ref is None:
            good = _store(place, quick=quick)
        elif folder is None:
            good = _version(place, ref, quick=quick, references=references)
        else:
            if quick:
                raise Invalid("--quick says nothing of a folder", hint="leave it out")
            good = _folder(place, ref, Path(folder))
        if not good and remote is None and folder is None and not references:
            say(options, WHAT_HELPS)
    if not good:
        context.exit(CORRUPT_EXIT_CODE)


def _refuse(remote: str | None, sample: float | None, *, asked_else: bool) -> None:
    if remote is not None and asked_else:
        raise Invalid("--remote checks a depot, or REF there", hint="leave the other options out")
    if remote is None and sample is not None:
        raise Invalid("--sample is for a depot", hint="casstore verify --remote NAME --sample 1%")


def _store(place: Workspace, *, quick: bool) -> bool:
    store = place.existing_or_empty()
    if store is None:
        return show_problems(place.options, [], "nothing was ever logged", versions=0)
    with progress_bar(place.options, "verify", _stored_bytes(store)) as note:
        found = verify_store(store, quick=quick, progress=note)
    content = (
        f"{count_text(found.versions, 'version')}  {count_text(found.files, 'file')}"
        f"  {size_text(found.size_bytes)}  in {count_text(found.packs, 'pack')}"
    )
    if found.partly_here:
        content += f"  ({found.partly_here:,} partly here)"
    return show_problems(
        place.options,
        found.problems,
        content,
        versions=found.versions,
        file_count=found.files,
        size_bytes=found.size_bytes,
        packs=found.packs,
        partly_here=found.partly_here,
    )


def _stored_bytes(store: Store) -> int:
    with store.index.read() as reader:
        return sum(pack.size_bytes for _, pack in reader.packs())


def _version(place: Workspace, ref: str, *, quick: bool, references: bool) -> bool:
    view = place.version(ref)
    store = place.existing()
    with progress_bar(place.options, "verify", view.manifest.size) as note:
        problems = verify_version(store, view, quick=quick, progress=note)
    if references:
        drifted = find_drift(place.options, store, view)
        problems += [_of_drift(store, view, item) for item in drifted]
    manifest = view.manifest
    content = (
        f"{reference_to(store, view)}  {count_text(manifest.entries, 'file')}"
        f"  {size_text(manifest.size)}"
    )
    facts: dict[str, Any] = {}
    if partly_here(store, view):
        entries = with_presence(store, store.manifest(view.manifest)) if not problems else []
        absent = facts["absent_files"] = sum(not here for _, here in entries)
        where = store.absences.read().whence(view.commit)
        content += f"  ({count_text(absent, 'file')} absent here, to be had from {where})"
    record = version_record(store, view)
    return show_problems(place.options, problems, content, version=record, **facts)


def _of_drift(store: Store, view: VersionView, item: Drift) -> Problem:
    where = reference_to(store, view)
    return Problem("reference", view.project, where, item.path, None, item.error.message)


def _folder(place: Workspace, ref: str, folder: Path) -> bool:
    view = place.version(ref)
    store = place.existing()
    if not folder.is_dir():
        raise FileMissing(f"{folder} is no folder", hint="name the folder that was got")
    with progress_bar(place.options, "verify", view.manifest.size) as note:
        found = verify_folder(store, view, folder, progress=note)
    if place.options.json:
        changes = [{**path_fields(item.path), "kind": item.kind} for item in found]
        print_json(ok=not found, version=version_record(store, view), changes=changes)
        return not found
    for item in found:
        print_line(_difference_line(item))
    if not place.options.quiet:
        verdict = "ok" if not found else count_text(len(found), "difference")
        print_line(f"{folder}  against {reference_to(store, view)}  {verdict}")
    return not found


def _difference_line(difference: Difference) -> str:
    return f"{difference.kind:<8} {path_text(difference.path)}"
