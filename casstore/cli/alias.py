"""``casstore alias``: what versions are called besides their numbers.

Knows: how aliases are asked for and shown.  Never: how they are recorded.
"""

import click

from casstore.cli.options import Options, Verbs
from casstore.cli.output import print_json, print_line, print_table
from casstore.cli.records import alias_names, version_record
from casstore.cli.workspace import Workspace
from casstore.flows.lifecycle import remove_aliases, set_aliases
from casstore.names import LATEST, check_alias
from casstore.store import live_versions, reference_to

__all__ = ["alias"]


@click.group(cls=Verbs, no_args_is_help=False)
def alias() -> None:
    """Name versions: set, remove or list aliases."""


@alias.command("set")
@click.argument("ref", metavar="REF")
@click.argument("aliases", metavar="ALIAS...", nargs=-1, required=True)
@click.pass_obj
def set_(options: Options, *, ref: str, aliases: tuple[str, ...]) -> None:
    """Let aliases name a version; they leave the version that they named before."""
    wanted = [check_alias(name) for name in dict.fromkeys(aliases) if name != LATEST]
    with Workspace(options) as place:
        view = place.version(ref)
        store = place.writable()
        if wanted:
            set_aliases(store, view, wanted)
        now = alias_names(store, view.project, view.name).get(view.commit, [])
        if options.json:
            print_json(version=version_record(store, view, now))
        elif not options.quiet:
            print_line(f"{reference_to(store, view)}  {', '.join(now)}")


@alias.command("rm")
@click.argument("name", metavar="NAME")
@click.argument("aliases", metavar="ALIAS...", nargs=-1, required=True)
@click.pass_obj
def rm(options: Options, *, name: str, aliases: tuple[str, ...]) -> None:
    """Take aliases from a name; the versions stay."""
    with Workspace(options) as place:
        found = place.collection(name)
        store = place.writable()
        remove_aliases(store, found.project, found.name, list(dict.fromkeys(aliases)))
        if options.json:
            print_json(project=found.project, name=found.label, removed=list(aliases))
        elif not options.quiet:
            print_line(f"{found.label}  no longer has {', '.join(aliases)}")


@alias.command("ls")
@click.argument("name", metavar="NAME")
@click.pass_obj
def ls(options: Options, *, name: str) -> None:
    """List the aliases of a name and the version that each one means."""
    with Workspace(options) as place:
        place.version(name)
        collection = place.collection(name)
        store = place.existing()
        called = alias_names(store, collection.project, collection.name)
        found = sorted(
            (alias_name, reference_to(store, view))
            for view in live_versions(store, collection.project, collection.name)
            for alias_name in called.get(view.commit, [])
        )
        if options.json:
            print_json(aliases=[{"alias": one, "reference": other} for one, other in found])
        elif options.quiet:
            for one, _ in found:
                print_line(one)
        else:
            print_table(("ALIAS", "VERSION"), found)
