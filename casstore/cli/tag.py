"""``casstore tag``: marks on versions.

Knows: how tags are asked for and shown.  Never: how they are recorded.
"""

import click

from casstore.cli.completing import REF
from casstore.cli.options import Options, Verbs
from casstore.cli.output import print_json, print_line
from casstore.cli.records import version_record
from casstore.cli.workspace import Workspace
from casstore.flows.lifecycle import add_tags, remove_tags
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.names import check_tag
from casstore.store import Store, reference_to

__all__ = ["tag"]


@click.group(cls=Verbs, no_args_is_help=False)
def tag() -> None:
    """Mark versions: add, remove or list tags."""


@tag.command("set")
@click.argument("ref", metavar="REF", type=REF)
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.pass_obj
def set_(options: Options, *, ref: str, tags: tuple[str, ...]) -> None:
    """Add tags to a version; those that it has stay."""
    wanted = [check_tag(name) for name in dict.fromkeys(tags)]
    with Workspace(options) as place:
        view = place.version(ref)
        add_tags(place.writable(), view, wanted)
        _print(options, place.existing(), view)


@tag.command("rm")
@click.argument("ref", metavar="REF", type=REF)
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.pass_obj
def rm(options: Options, *, ref: str, tags: tuple[str, ...]) -> None:
    """Take tags from a version."""
    with Workspace(options) as place:
        view = place.version(ref)
        remove_tags(place.writable(), view, list(dict.fromkeys(tags)))
        _print(options, place.existing(), view)


@tag.command("ls")
@click.argument("ref", metavar="REF", type=REF)
@click.pass_obj
def ls(options: Options, *, ref: str) -> None:
    """List the tags of a version."""
    with Workspace(options) as place:
        view = place.version(ref)
        if options.json:
            print_json(tags=list(view.tags), version=version_record(place.existing(), view))
        else:
            for name in view.tags:
                print_line(name)


def _print(options: Options, store: Store, view: VersionView) -> None:
    with store.index.read() as reader:
        now = queries.member(reader, view.project, view.name, view.commit) or view
    if options.json:
        print_json(version=version_record(store, now))
    elif not options.quiet:
        print_line(f"{reference_to(store, view)}  {', '.join(now.tags) or 'no tags'}")
