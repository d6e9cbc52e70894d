"""``casstore alias``: what versions are called besides their numbers.

Knows: how aliases are asked for and shown.  Never: how they are recorded.
"""

import click

from casstore.cli.completing import NAME, REF
from casstore.cli.messages import say
from casstore.cli.options import Options, Verbs
from casstore.cli.output import print_json, print_line, print_table
from casstore.cli.records import alias_names, version_record
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.flows.lifecycle import remove_aliases, set_aliases
from casstore.journal import queries
from casstore.journal.views import CollectionView
from casstore.names import LATEST, check_alias
from casstore.store import Store, live_versions, reference_to

__all__ = ["alias"]


@click.group(cls=Verbs, no_args_is_help=False)
def alias() -> None:
    """Name versions: set, remove or list aliases."""


@alias.command("set")
@click.argument("ref", metavar="REF", type=REF)
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
        if LATEST in aliases and LATEST not in now:
            say(options, "'latest' is always the newest version: it was not moved")
        if options.json:
            print_json(version=version_record(store, view, now))
        elif not options.quiet:
            print_line(f"{reference_to(store, view)}  {', '.join(now)}")


@alias.command("rm")
@click.argument("name", metavar="NAME", type=NAME)
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


def _listed(store: Store, collection: CollectionView) -> list[tuple[str, str]]:
    """Return (alias, reference), several of an alias that was set to several at once."""
    place = (collection.project, collection.name)
    called = alias_names(store, *place)
    with store.index.read() as reader:
        doubts = {each.alias: each.conflict for each in queries.aliases(reader, *place)}
    found = [
        (name, reference_to(store, view))
        for view in live_versions(store, *place)
        for name in called.get(view.commit, [])
        if not doubts.get(name)
    ]
    for name, heads in doubts.items():
        found += [(name, _in_doubt(collection, commit)) for _, commit in heads]
    return sorted(found)


def _in_doubt(collection: CollectionView, commit: CommitId | None) -> str:
    return "nothing" if commit is None else f"{collection.label}@{commit.hex()}"


@alias.command("ls")
@click.argument("name", metavar="NAME", type=NAME)
@click.pass_obj
def ls(options: Options, *, name: str) -> None:
    """List the aliases of a name and the version that each one means.

    One that was set to several at once has a line for each (exit 5 where it is used).
    """
    with Workspace(options) as place:
        if place.existing_or_empty() is None:
            place.version(name)  # says that nothing was ever logged
        found = _listed(place.existing(), place.collection(name))
        if options.json:
            print_json(aliases=[{"alias": one, "reference": other} for one, other in found])
        elif options.quiet:
            for one in dict.fromkeys(one for one, _ in found):
                print_line(one)
        else:
            print_table(("ALIAS", "VERSION"), found)
