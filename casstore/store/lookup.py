"""Looking up: a reference to the version that it means here.

Knows: what collections are called, numbers, aliases, ``latest``, id prefixes, what to say when
nothing is there or two things are.
Never: entries, frames, how versions come about, which number is whose (``journal.numbers``).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from casstore.catalog import Reader
from casstore.depot import Accepted
from casstore.errors import Conflict, NotFound
from casstore.journal import labels, queries
from casstore.journal.numbers import Label, Numbers, Resolution, Standpoint
from casstore.journal.views import CollectionView, VersionView
from casstore.names import LATEST, NumberLabel, Reference, number_label
from casstore.store.conflicts import (
    alias_conflict,
    exact_reference,
    name_conflict,
    number_conflict,
    twins_conflict,
)
from casstore.store.index import Index

__all__ = [
    "Known",
    "collection_called",
    "find_version",
    "label_of",
    "latest_version",
    "live_versions",
    "newest_version",
    "no_collection",
    "number_of",
    "reference_to",
    "shown_as",
    "shown_latest",
    "versions_of",
]

MAX_NAMED = 8


class Known(Protocol):
    """What is asked: a store, or what is known here of a depot elsewhere."""

    @property
    def index(self) -> Index:
        """The index that answers."""

    @property
    def root(self) -> object:
        """What messages call it."""

    @property
    def standpoint(self) -> Standpoint:
        """Whose numbers count."""

    def accepted(self, project: str, name: str) -> frozenset[Accepted]:
        """Return the numbers of a collection that somebody agreed to."""


def find_version(
    store: Known, reference: Reference, project: str, *, deleted: bool = False
) -> VersionView:
    """Return the version that a reference means in this store.

    ``project`` is used where the reference names none; ``deleted`` finds deleted versions too.
    Raises ``NotFound`` naming store and project, ``Conflict`` for an alias or id with two answers,
    and for a number that meant other content here and was not accepted.
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
    store: Known, reader: Reader, project: str, name: str
) -> CollectionView | None:
    """Return the collection that is called ``name`` now, whatever it was created as.

    Raises ``Conflict`` where a merge brought two of one name together.
    """
    found = queries.named(reader, project, name)
    if len(found) > 1:
        raise name_conflict(store.root, found)
    return found[0] if found else None


def newest_version(store: Known, reader: Reader, project: str, name: str) -> VersionView | None:
    """Return what ``latest`` means: the newest version that is not deleted."""
    return Numbers(reader, project, name, store.standpoint).newest()


def latest_version(store: Known, reader: Reader, project: str, name: str) -> VersionView | None:
    """Return what somebody means who types ``latest``, or a bare name; None where nothing is.

    It is the newest version by this store's numbers; where it has none, what came from elsewhere:
    the newest by the numbers of the one who gave them.  Raises ``Conflict`` naming the newest of
    each if several did.
    """
    numbers = Numbers(reader, project, name, store.standpoint)
    newest = numbers.newest()
    if newest is not None:
        return newest
    others = numbers.newest_elsewhere()
    if len(others) > 1:
        named = " and ".join(_named(numbers, view) for view in others)
        raise Conflict(
            f"several depots numbered {others[0].label!r}, and none is this store's upstream:"
            f" the newest are {named}",
            hint="name one of these",
        )
    return others[0] if others else None


def shown_latest(store: Known, reader: Reader, project: str, name: str) -> VersionView | None:
    """Return what ``latest`` means, None where nobody can tell: for lists."""
    try:
        return latest_version(store, reader, project, name)
    except Conflict:
        return None


def _named(numbers: Numbers, view: VersionView) -> str:
    label = numbers.label(view)
    return f"{view.label}:{label.name}" if label.exact else exact_reference(view)


def live_versions(store: Known, project: str, name: str) -> list[VersionView]:
    """Return the versions of a name that are not deleted, by number."""
    with store.index.read() as reader:
        return versions_of(store, reader, project, name)


def versions_of(
    store: Known, reader: Reader, project: str, name: str, *, include_deleted: bool = False
) -> list[VersionView]:
    """Return the versions of a name: by number, provisional ones after them, then the others."""
    numbers = Numbers(reader, project, name, store.standpoint)
    views = list(queries.versions(reader, project, name, include_deleted=include_deleted))
    return sorted(views, key=lambda view: _place_in_list(numbers.label(view), view))


def _place_in_list(label: Label, view: VersionView) -> tuple[int, int, int]:
    if label.number is None or label.authority is not None:
        return 2, view.created_at, 0
    return int(label.provisional), label.number, view.created_at


def label_of(store: Known, view: VersionView) -> Label:
    """Return what a version is called in this store besides its id."""
    with store.index.read() as reader:
        return Numbers(reader, view.project, view.name, store.standpoint).label(view)


def number_of(store: Known, view: VersionView) -> int | None:
    """Return the N by which ``vN`` gives this very version, None if it has none here."""
    label = label_of(store, view)
    return label.number if label.exact and label.authority is None else None


def reference_to(store: Known, view: VersionView) -> str:
    """Return what gives the version again: ``name:vN``, or ``name@commit`` without a number."""
    label = label_of(store, view)
    return f"{view.label}:{label.name}" if label.exact else exact_reference(view)


def shown_as(store: Known, view: VersionView) -> str:
    """Return ``name:vN``, with a star where an upstream has yet to seal the number."""
    label = label_of(store, view)
    return f"{view.label}:{label.text}" if label.text else exact_reference(view)


def no_collection(store: Known, project: str, name: str) -> NotFound:
    """Return the error for a name that nothing was logged under, or that was changed since."""
    with store.index.read() as reader:
        return _no_collection(store, reader, project, name)


def _no_collection(store: Known, reader: Reader, project: str, name: str) -> NotFound:
    now = labels.called(reader, project, name)
    return NotFound(
        f"no artifact {name!r} in project {project!r} of the store at {store.root}",
        hint=_what_there_is(store, reader, project) if now == name else f"it is {now!r} now",
    )


def _what_there_is(store: Known, reader: Reader, project: str) -> str:
    """Return where names are listed; of a depot elsewhere, which no verb lists, some of them."""
    if isinstance(store.root, Path):
        return "`casstore ls --all` lists what there is"
    names = sorted(view.label for view in queries.collections(reader, project))
    others = [each for each in queries.projects(reader) if each != project]
    if names:
        return f"there it has {_some(names)}"
    return f"there are the projects {_some(others)}" if others else "nothing is there"


def _versions_there_are(store: Known, reader: Reader, name: str, project: str) -> str:
    """Return where versions of a name are listed; of a depot elsewhere, some of them."""
    if isinstance(store.root, Path):
        return f"`casstore ls {name}` lists its versions"
    found = queries.named(reader, project, name)
    views = [view for each in found for view in versions_of(store, reader, project, each.name)]
    numbers = [Numbers(reader, project, view.name, store.standpoint) for view in views]
    named = [_named(mine, view) for mine, view in zip(numbers, views, strict=True)]
    return f"there are {_some(named[::-1])}" if named else "it has no versions there"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"


def _by_label(store: Known, reader: Reader, collection: CollectionView, label: str) -> VersionView:
    project, name = collection.project, collection.name
    number = number_label(label)
    view: VersionView | None
    if number is not None:
        view = _by_number(store, reader, collection, number)
    elif label == LATEST:
        view = latest_version(store, reader, project, name)
    else:
        view = _by_alias(reader, collection, label)
    if view is None:
        raise NotFound(
            f"{collection.label!r} has no version {label!r} in project {project!r} of {store.root}",
            hint=_hint(store, reader, collection, number),
        )
    return view


def _hint(
    store: Known, reader: Reader, collection: CollectionView, wanted: NumberLabel | None
) -> str:
    """Return how to name what others call by a number that this store has not; else a listing."""
    numbers = Numbers(reader, collection.project, collection.name, store.standpoint)
    if wanted is not None and not wanted.authority:
        views = numbers.resolve_sealed("", wanted.number)
        views += queries.numbered(reader, collection.project, collection.name, wanted.number)
        named = dict.fromkeys(_named(numbers, view) for view in views)
        if named:
            return f"elsewhere v{wanted.number} is {' and '.join(named)}"
    return _versions_there_are(store, reader, collection.label, collection.project)


def _by_number(
    store: Known, reader: Reader, collection: CollectionView, wanted: NumberLabel
) -> VersionView | None:
    numbers = Numbers(reader, collection.project, collection.name, store.standpoint)
    if wanted.authority:
        found = numbers.resolve_sealed(wanted.authority, wanted.number)
    elif wanted.provisional:
        found = numbers.given(wanted.number)
    else:
        resolution = numbers.resolve(wanted.number)
        if resolution is None:
            return None
        _refuse_unaccepted(store, collection, resolution)
        found = [resolution.view] if resolution.view is not None else []
    if len(found) > 1:
        raise twins_conflict(collection, found)
    return found[0] if found else None


def _refuse_unaccepted(store: Known, collection: CollectionView, found: Resolution) -> None:
    """Raise ``Conflict`` for a number that meant other content here, unless it was accepted."""
    if not found.others:
        return
    accepted = store.accepted(collection.project, collection.name)
    if (found.number, found.commit) not in accepted:
        raise number_conflict(collection, found)


def _by_alias(reader: Reader, collection: CollectionView, label: str) -> VersionView | None:
    place = (collection.project, collection.name)
    alias = queries.alias(reader, *place, label)
    if alias.conflict:
        raise alias_conflict(collection, alias)
    return queries.member(reader, *place, alias.commit) if alias.commit is not None else None


def _by_id(store: Known, reader: Reader, reference: Reference, project: str) -> VersionView:
    found = {view.commit: view for view in _with_id(reader, reference, project)}
    if not found and not queries.named(reader, project, reference.name):
        raise _no_collection(store, reader, project, reference.name)
    if not found:
        raise NotFound(
            f"nothing in project {project!r} of the store at {store.root} is {reference}",
            hint=_versions_there_are(store, reader, reference.name, project),
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
