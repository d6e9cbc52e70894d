"""``casstore remote``: depots elsewhere that have a name here.

Knows: how remotes are asked for and shown.  Never: how they are kept, what is tried of them.
"""

from collections.abc import Sequence

import click

from casstore.cli.carrying import connected
from casstore.cli.completing import FOLDER, PLACE, REMOTE
from casstore.cli.messages import say
from casstore.cli.options import Options, Verbs
from casstore.cli.output import count_text, one_line, print_json, print_line, print_table
from casstore.cli.workspace import Workspace
from casstore.errors import NotFound
from casstore.exchange import merge_all
from casstore.journal.numbers import UNKNOWN_AUTHORITY
from casstore.remotes import open_objects
from casstore.remotes.configuration import (
    Remote,
    add_remote,
    keep_probe,
    read_remotes,
    remove_remote,
)
from casstore.remotes.probing import Probe, probe
from casstore.store import forget_place, reference_to

__all__ = ["remote"]

UNLISTED = "listing is not allowed: what is there is known by its roll"
MAX_NAMED = 8


@click.group(cls=Verbs, no_args_is_help=False)
def remote() -> None:
    """Name places to push to and pull from: buckets, servers, shared folders, sticks."""


@remote.command("add")
@click.argument("name", metavar="NAME")
@click.argument("url", metavar="URL", type=FOLDER)
@click.option("--upstream", is_flag=True, help="Let this be the one that gives the numbers.")
@click.pass_obj
def add(options: Options, *, name: str, url: str, upstream: bool) -> None:
    """Keep a place under a name.

    URL is s3://BUCKET/..., gs://, az://, ssh://HOST/..., webdav(s)://, or a folder.  It holds no
    password: credentials are looked for where each backend's own tools look.
    """
    with Workspace(options) as place:
        store = place.writable()
        kept = add_remote(store.root, name, url, upstream=upstream)
        store.absences.recall(kept.url, store.staging())
        if upstream and store.authority is None:
            store.follow_upstream(UNKNOWN_AUTHORITY)  # numbers are provisional from now on
    _show([kept], options, one=True)


@remote.command("ls")
@click.pass_obj
def ls(options: Options) -> None:
    """List the places that have a name."""
    with Workspace(options) as place:
        store = place.existing_or_empty()
        known = list(read_remotes(store.root).values()) if store else []
    if not known and not options.json:
        say(options, "no remotes (`casstore remote add NAME URL` names one)")
    _show(known, options)


@remote.command("rm")
@click.argument("name", metavar="NAME", type=REMOTE)
@click.pass_obj
def rm(options: Options, *, name: str) -> None:
    """Forget a place; what lies there stays.

    Nothing is sent there or read there any more, unless its URL is given.  Versions that were
    pulled without all of their bytes are named if the rest was to come from there: it can be had
    when the place is added again.
    """
    with Workspace(options) as place:
        place.existing()
        store = place.writable()
        known = read_remotes(store.root)
        same = [each for each in known.values() if name in known and each.url == known[name].url]
        lacking = forget_place(store, same[0].url) if len(same) == 1 else []
        removed = remove_remote(store.root, name)
        left = [f"{view.project}/{reference_to(store, view)}" for view in lacking]
    if options.json:
        print_json(removed=removed.record(), lacking=left)
    elif not options.quiet:
        print_line(f"{removed.name}  is no remote any more; what lies at {removed.url} stays")
    if left:
        more = f" and {len(left) - MAX_NAMED:,} more" if len(left) > MAX_NAMED else ""
        say(
            options,
            f"{count_text(len(left), 'version')} {'lack' if left[1:] else 'lacks'} bytes here that"
            " were to come from it:"
            f" {', '.join(left[:MAX_NAMED])}{more} (`casstore remote add {removed.name}"
            f" {removed.url}` lets them be fetched again)",
        )


@remote.command("check")
@click.argument("name", metavar="[NAME]", required=False, type=REMOTE)
@click.pass_obj
def check(options: Options, *, name: str | None) -> None:
    """Try what places can do, and keep the result; all of them without NAME.

    Writes small objects below probe/ there and removes them again.  Two processes race to create
    the same object: only where one of them always wins are numbers given by exclusive create.
    """
    with Workspace(options) as place:
        root = place.existing().root
        known = read_remotes(root)
        if name is not None and name not in known:
            raise NotFound(f"the store at {root} knows no remote {name!r}")
        place.writable()
        wanted = [name] if name is not None else list(known)
        checked = [keep_probe(root, each, _tried(known[each].url, options)) for each in wanted]
    if options.json:
        print_json(remotes=[each.record() for each in checked])
        return
    for each in checked:
        if each.probe is not None:
            _tell(each, each.probe, options)


@remote.command("compact")
@click.argument("name", metavar="[NAME|URL]", required=False, type=PLACE)
@click.option("-n", "--dry-run", is_flag=True, help="Only say how many could be merged.")
@click.pass_obj
def compact(options: Options, *, name: str | None, dry_run: bool) -> None:
    """Merge the indexes of a place, so that a push from a new machine fetches little.

    A push does some of it by itself.  Nothing is removed there: who began before goes on.
    Without NAME the upstream is meant, else the only place.  With a URL it needs no store, and
    makes none.
    """
    with Workspace(options) as place:
        base = place.base()
        with connected(place, base, name, create=False, follow=False) as connection:
            done = merge_all(connection.depot.frames, dry_run=dry_run)
            called = connection.remote.name
    if options.json:
        print_json(to=called, indexes=done.indexes, objects=done.objects, dry_run=dry_run)
    elif not options.quiet:
        what = "could be merged" if dry_run else f"merged into {done.objects:,}"
        found = f"{done.indexes:,} indexes {what}" if done.indexes else "nothing to merge"
        print_line(one_line(f"{called}  {found}"))


def _tried(url: str, options: Options) -> Probe:
    objects = open_objects(url)
    try:
        return probe(objects)
    finally:
        if options.verbose:
            counts = ", ".join(f"{count} {verb}" for verb, count in objects.requests.items())
            say(options, f"{url}: {counts}")
        objects.close()


def _tell(remote: Remote, found: Probe, options: Options) -> None:
    numbers = (
        "by exclusive create" if found.exclusive_create else "by listing: it cannot be avoided"
    )
    lines = [
        ("exclusive create", found.exclusive_create, f"numbers go {numbers}"),
        ("ranged reads", found.ranged_reads, ""),
        ("list after write", found.list_after_write, "" if found.listing else UNLISTED),
        ("delete", found.delete, "" if found.delete else "collection will not work"),
    ]
    if options.quiet:
        return
    print_line(one_line(f"{remote.name}  {remote.url}"))
    for what, can, note in lines:
        print_line(f"  {'yes' if can else 'no ':3}  {what}{f'  ({note})' if note else ''}")


def _show(remotes: Sequence[Remote], options: Options, *, one: bool = False) -> None:
    if options.json:
        records = [each.record() for each in remotes]
        print_json(**({"remote": records[0]} if one else {"remotes": records}))
    elif options.quiet:
        for each in remotes:
            print_line(each.name)
    elif remotes:
        rows = [(each.name, one_line(each.url), _role(each), _state(each)) for each in remotes]
        print_table(("NAME", "URL", "ROLE", "CHECKED"), rows)


def _role(remote: Remote) -> str:
    return "upstream" if remote.upstream else ""


def _state(remote: Remote) -> str:
    if remote.probe is None:
        return "never"
    exclusive = "exclusive create" if remote.probe.exclusive_create else "no exclusive create"
    return f"{remote.probe.checked_at}, {exclusive}"
