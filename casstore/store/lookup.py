"""Looking up: a reference to the version that it means here.

Knows: what collections are called, numbers, aliases, ``latest``, id prefixes, what to say when
nothing is there.
Never: entries, frames, how versions come about.
"""

from collections.abc import Iterator

from casstore.catalog import Reader
from casstore.errors import Conflict, NotFound
from casstore.journal import labels, queries
from casstore.journal.views import CollectionView, VersionView
from casstore.names import LATEST, Reference, version_number
from casstore.store.store import Store

__all__ = [
    "collection_called",
    "find_version",
    "live_versions",
    "newest_version",
    "no_collection",
    "number_of",
    "reference_to",
]


def find_version(
    store: Store, reference: Reference, project: str, *, deleted: bool = False
) -> VersionView:
    """Return the version that a reference means in this store.

    ``project`` is used where the reference names none; ``deleted`` finds deleted versions too.
    Raises ``NotFound`` naming store and project, ``Conflict`` for an alias or id with two answers.
    """
    project = reference.project or project
    with store.index.read() as reader:
        if reference.id_prefix:
            view = _by_id(store, reader, reference, project)
        else:
            collection = collection_called(store, reader, project, reference.name)
            if collection is None:
                raise _no_collection(store, reader, project, reference.name)
            view = _by_label(store, reader, collection, reference.label)
    if view.deleted and not deleted:
        raise NotFound(
            f"{reference_to(store, view)} of project {project!r} was removed",
            hint=f"`casstore restore {project}/{reference_to(store, view)}` brings it back",
        )
    return view


def collection_called(
    store: Store, reader: Reader, project: str, name: str
) -> CollectionView | None:
    """Return the collection that is called ``name`` now, whatever it was created as.

    Raises ``Conflict`` where a merge brought two of one name together.
    """
    found = queries.named(reader, project, name)
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} artifacts are called {name!r} in project {project!r} of {store.root}: "
            f"created as {' and '.join(view.name for view in found)}",
            hint=f"{name}@ID finds versions of each; rename one of them",
        )
    return found[0] if found else None


def newest_version(store: Store, reader: Reader, project: str, name: str) -> VersionView | None:
    """Return the version of the highest number that is not deleted."""
    collection = queries.collection(reader, project, name)
    highest = collection.highest.get(store.numbering, -1) if collection else -1
    for number in range(highest, -1, -1):
        view = _numbered(store, reader, project, name, number)
        if view is not None and not view.deleted:
            return view
    return None


def live_versions(store: Store, project: str, name: str) -> list[VersionView]:
    """Return the versions of a name that are not deleted, by number."""
    with store.index.read() as reader:
        return list(queries.versions(reader, project, name))


def number_of(store: Store, view: VersionView) -> int | None:
    """Return the number that this store gave the version, None if another store did."""
    return view.number if view.numbering == store.numbering else None


def reference_to(store: Store, view: VersionView) -> str:
    """Return ``name:vN``, or ``name@commit`` for a version that has no number here."""
    number = number_of(store, view)
    if number is None:
        return f"{view.label}@{view.commit.hex()}"
    return f"{view.label}:v{number}"


def no_collection(store: Store, project: str, name: str) -> NotFound:
    """Return the error for a name that nothing was logged under, or that was changed since."""
    with store.index.read() as reader:
        return _no_collection(store, reader, project, name)


def _no_collection(store: Store, reader: Reader, project: str, name: str) -> NotFound:
    now = labels.called(reader, project, name)
    return NotFound(
        f"no artifact {name!r} in project {project!r} of the store at {store.root}",
        hint="`casstore ls --all` lists what there is" if now == name else f"it is {now!r} now",
    )


def _by_label(store: Store, reader: Reader, collection: CollectionView, label: str) -> VersionView:
    project, name = collection.project, collection.name
    number = version_number(label)
    view: VersionView | None
    if number is not None:
        view = _numbered(store, reader, project, name, number)
    elif label == LATEST:
        view = newest_version(store, reader, project, name)
    else:
        view = _by_alias(store, reader, collection, label)
    if view is None:
        raise NotFound(
            f"{collection.label!r} has no version {label!r} in project {project!r} of {store.root}",
            hint=f"`casstore ls {collection.label}` lists its versions",
        )
    return view


def _by_alias(
    store: Store, reader: Reader, collection: CollectionView, label: str
) -> VersionView | None:
    place = (collection.project, collection.name)
    alias = queries.alias(reader, *place, label)
    if alias.conflict:
        heads = [
            reference_to(store, view)
            for _, commit in alias.conflict
            if commit is not None and (view := queries.member(reader, *place, commit)) is not None
        ]
        raise Conflict(
            f"alias {label!r} was set to {' and '.join(heads) or 'nothing'} at once",
            hint=f"settle it: casstore alias set REF {label}",
        )
    return queries.member(reader, *place, alias.commit) if alias.commit is not None else None


def _by_id(store: Store, reader: Reader, reference: Reference, project: str) -> VersionView:
    found = {view.commit: view for view in _with_id(reader, reference, project)}
    if not found and not queries.named(reader, project, reference.name):
        raise _no_collection(store, reader, project, reference.name)
    if not found:
        raise NotFound(
            f"nothing in project {project!r} of the store at {store.root} is {reference}",
            hint=f"`casstore ls {reference.name}` lists its versions",
        )
    same = {view.manifest.digest for view in found.values()}
    if len(same) > 1:
        raise Conflict(
            f"{reference} means {len(found)} versions", hint="give more characters of the id"
        )
    alive = [view for view in found.values() if not view.deleted]
    return max(alive or found.values(), key=lambda view: (view.created_at, view.commit))


def _with_id(reader: Reader, reference: Reference, project: str) -> Iterator[VersionView]:
    text = reference.id_prefix
    prefix = bytes.fromhex(text[: len(text) // 2 * 2])
    names = [view.name for view in queries.named(reader, project, reference.name)]
    for commit in [
        *queries.commits(reader, prefix[:16]),
        *queries.commits_of_manifest(reader, prefix),
    ]:
        members = [queries.member(reader, project, name, commit) for name in names]
        for view in members:
            if view is None:
                continue
            if view.commit.hex().startswith(text) or view.manifest.digest.hex().startswith(text):
                yield view


def _numbered(
    store: Store, reader: Reader, project: str, name: str, number: int
) -> VersionView | None:
    views = queries.numbered(reader, project, name, number)
    return next((view for view in views if view.numbering == store.numbering), None)
