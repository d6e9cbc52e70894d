"""``casstore ls``: names, the versions of a name, or the files of a version.

Knows: which of the three is asked for.  Never: how they are found.
"""

from collections.abc import Iterable

import click

from casstore.catalog import Reader
from casstore.cli.completing import IN_VERSION, REF
from casstore.cli.options import Options, Verb
from casstore.cli.output import (
    path_text,
    print_json_list,
    print_line,
    print_table,
    size_text,
    time_text,
    typed_path,
)
from casstore.cli.records import (
    alias_names,
    artifact_record,
    file_record,
    version_record,
)
from casstore.cli.streams import tell
from casstore.cli.workspace import Workspace
from casstore.digest import CommitId
from casstore.errors import EntryNotFound
from casstore.journal import queries
from casstore.journal.census import Held, census
from casstore.journal.views import CollectionView, VersionView
from casstore.manifests import Entry
from casstore.store import (
    Store,
    label_of,
    number_of,
    partly_here,
    reference_to,
    shown_as,
    shown_latest,
    versions_of,
    with_presence,
)

__all__ = ["ls"]

ID_CHARS = 8


@click.command(cls=Verb)
@click.argument("ref", metavar="[NAME|REF]", required=False, type=REF)
@click.argument("prefix", metavar="[PREFIX]", required=False, type=IN_VERSION)
@click.option("--all", "every_project", is_flag=True, help="List the names of every project.")
@click.option("--deleted", is_flag=True, help="List removed versions too.")
@click.pass_obj
def ls(
    options: Options, *, ref: str | None, prefix: str | None, every_project: bool, deleted: bool
) -> None:
    """List names, versions of a name, or files of a version.

    Without arguments the names of the project; with a bare NAME its versions; with a REF that has a
    version (name:v3, name:latest), or a PREFIX, the files whose path begins with PREFIX.
    """
    with Workspace(options) as place:
        if ref is None:
            _names(place, None if every_project else place.project)
        elif prefix is not None or place.reference(ref).explicit:
            _files(place, ref, prefix or "", deleted=deleted)
        else:
            _versions(place, ref, deleted=deleted)


def _names(place: Workspace, project: str | None) -> None:
    store = place.existing_or_empty()
    found = _collections(store, project) if store else []
    if place.options.json:
        print_json_list("artifacts", (artifact_record(name, held) for name, held, _ in found))
    elif not found:
        where = f"project {project!r}" if project else "any project"
        more = " (--all lists every project)" if project else ""
        _nothing(place, f"nothing was logged to {where} of the store at {place.choice.path}{more}")
    elif place.options.quiet:
        print_line("\n".join([_name(name, project) for name, *_ in found]))
    else:
        rows = [
            (
                _name(name, project),
                name.type,
                latest,
                str(held.versions),
                size_text(held.size),
                time_text(held.time),
            )
            for name, held, latest in found
        ]
        print_table(("NAME", "TYPE", "LATEST", ">VERSIONS", ">SIZE", "LOGGED"), rows)


def _name(collection: CollectionView, project: str | None) -> str:
    return collection.label if project else f"{collection.project}/{collection.label}"


def _collections(store: Store, project: str | None) -> list[tuple[CollectionView, Held, str]]:
    """Return names that have versions, each with what it holds and what its newest is called."""
    found = []
    with store.index.read() as reader:
        for each in queries.projects(reader) if project is None else [project]:
            held = census(reader, each, store.numbering)
            views = [view for view in queries.collections(reader, each) if view.name in held]
            found += [(view, *_newest(store, reader, view, held[view.name])) for view in views]
    return found


def _newest(
    store: Store, reader: Reader, collection: CollectionView, counted: Held
) -> tuple[Held, str]:
    """Return what a collection holds, its newest version being what ``latest`` means here."""
    if counted.number is not None and store.standpoint.authority is None:
        return counted, f"v{counted.number}"  # only this store gives numbers
    newest = shown_latest(store, reader, collection.project, collection.name)
    if newest is None:
        return counted._replace(number=None), "-"
    ref = newest.manifest
    number = number_of(store, newest)
    held = Held(counted.versions, number, ref.size, ref.entries, newest.created_at)
    label = label_of(store, newest)
    return held, label.name if label.exact else f"@{newest.commit.hex()[:ID_CHARS]}"


def _versions(place: Workspace, text: str, *, deleted: bool) -> None:
    store = place.existing_or_empty()
    if store is None:
        place.version(text)  # says that nothing was ever logged
        return
    found = place.collection(text)
    with store.index.read() as reader:
        views = versions_of(store, reader, found.project, found.name, include_deleted=deleted)
    aliases = alias_names(store, found.project, found.name)
    if place.options.json:
        records = (version_record(store, view, aliases.get(view.commit, [])) for view in views)
        print_json_list("versions", records)
        return
    if not views:
        _nothing(place, f"every version of {found.label!r} was removed (--deleted lists them)")
    elif place.options.quiet:
        print_line("\n".join([reference_to(store, view) for view in views]))
    else:
        titles = ("VERSION", ">FILES", ">SIZE", "LOGGED", "ALIASES", "DESCRIPTION")
        print_table(titles, (_version_row(store, view, aliases) for view in views))


def _version_row(
    store: Store, view: VersionView, aliases: dict[CommitId, list[str]]
) -> tuple[str, ...]:
    called = ["(removed)"] if view.deleted else aliases.get(view.commit, [])
    if partly_here(store, view):
        called = [*called, "(partly here)"]
    return (
        shown_as(store, view),
        f"{view.manifest.entries:,}",
        size_text(view.manifest.size),
        time_text(view.created_at),
        ", ".join(called),
        (view.description or "").partition("\n")[0][:60],
    )


def _files(place: Workspace, text: str, prefix: str, *, deleted: bool) -> None:
    view = place.version(text, deleted=deleted)
    store = place.existing()
    partly = partly_here(store, view)
    found = store.manifest(view.manifest).under(typed_path(prefix))
    entries = with_presence(store, found) if partly else ((entry, True) for entry in found)
    if place.options.json:
        records = ({**file_record(entry), "here": here} for entry, here in entries)
        print_json_list("files", records, version=version_record(store, view))
        return
    if not _print_files(entries, plain=place.options.quiet) and prefix:
        reference = reference_to(store, view)
        raise EntryNotFound(
            f"no path of {reference} begins with {prefix!r}",
            hint=f"`casstore ls {reference}` lists them",
        )


def _print_files(entries: Iterable[tuple[Entry, bool]], *, plain: bool) -> int:
    """Print files one by one, for there may be millions; returns how many there were."""
    count = 0
    for entry, here in entries:
        count += 1
        path = path_text(entry.path)
        mark = "*" if entry.executable else " "
        if not here:
            mark += " absent "
        print_line(path if plain else f"{size_text(entry.size_bytes):>8} {mark} {path}")
    return count


def _nothing(place: Workspace, text: str) -> None:
    if not place.options.quiet:
        tell(text)
