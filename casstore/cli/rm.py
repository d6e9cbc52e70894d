"""``casstore rm``: versions are removed, after the plan was shown where it is more than was typed.

Knows: which versions are meant, when to ask.  Never: how they are removed.
"""

import sys

import click

from casstore.cli.completing import REF
from casstore.cli.options import Options, Verb
from casstore.cli.output import count_text, print_json, print_line, size_text
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.errors import Error, Invalid
from casstore.flows.lifecycle import plan_removal, remove
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.store import Store, live_versions, reference_to

__all__ = ["rm"]


@click.command(cls=Verb)
@click.argument("refs", metavar="REF...", nargs=-1, required=True, type=REF)
@click.option("--all-versions", is_flag=True, help="Remove every version of the NAME given as REF.")
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    metavar="N",
    help="Remove all but the N newest versions of the NAME given as REF.",
)
@click.option("--aliases", "with_aliases", is_flag=True, help="Also versions that have aliases.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.pass_obj
def rm(
    options: Options,
    *,
    refs: tuple[str, ...],
    all_versions: bool,
    keep_last: int | None,
    with_aliases: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Remove versions; all of those named, or none.

    A REF names its version by number or id (name:v3, name@ID).  `casstore restore` brings a removed
    version back as long as its bytes were not collected.  Numbers are never given again.  Where REF
    is a link, only the link ends.
    """
    if all_versions and keep_last is not None:
        raise Invalid("--all-versions and --keep-last exclude each other", hint="leave one out")
    by_name = all_versions or keep_last is not None
    with Workspace(options) as place:
        if by_name:
            views = _of_names(place, refs, keep_last or 0)
        else:
            views = _each_once([place.exact_version(ref) for ref in refs])
        if not views:
            _nothing(options, dry_run=dry_run)
            return
        store = place.existing()
        plan = plan_removal(store, views, with_aliases=with_aliases)
        if dry_run or (by_name and not options.json and not options.quiet):
            _print_plan(options, store, views, dry_run=dry_run)
        if dry_run:
            return
        if by_name and not yes:
            _ask(len(views))
        remove(place.writable(), plan)
        _print_done(options, store, views)


def _each_once(views: list[VersionView]) -> list[VersionView]:
    """Leave out what was named twice; a version and its link are two."""
    return list({(view.project, view.name, view.commit): view for view in views}.values())


def _of_names(place: Workspace, names: tuple[str, ...], keep: int) -> list[VersionView]:
    found = []
    for text in names:
        collection = place.collection(text)
        views = live_versions(place.existing(), collection.project, collection.name)
        found += views[: max(0, len(views) - keep)]
    return found


def _nothing(options: Options, *, dry_run: bool) -> None:
    if options.json:
        print_json(versions=[], dry_run=dry_run)
    elif not options.quiet:
        print_line("nothing to remove")


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise Invalid(
            f"{count_text(count, 'version')} would be removed, and nobody can be asked",
            hint="nothing was changed; add --yes",
        )
    if not click.confirm(f"Remove {count_text(count, 'version')}?", err=True):
        raise Error("nothing was removed")


def _print_plan(options: Options, store: Store, views: list[VersionView], *, dry_run: bool) -> None:
    if options.json:
        print_json(versions=[version_record(store, view) for view in views], dry_run=dry_run)
        return
    for view in views:
        content = f"{count_text(view.manifest.entries, 'file')}  {size_text(view.manifest.size)}"
        print_line(f"would remove {reference_to(store, view)}  {content}")


def _print_done(options: Options, store: Store, views: list[VersionView]) -> None:
    with store.index.read() as reader:
        now = [queries.version(reader, view.commit) or view for view in views]
    now = [view if view.source else home for view, home in zip(views, now, strict=True)]
    if options.json:
        records = [version_record(store, view, []) for view in now]
        print_json(versions=records, dry_run=False)
        return
    for view in now:
        reference = reference_to(store, view)
        done = "unlinked" if view.source else "removed"
        print_line(reference if options.quiet else f"{done} {reference}")
