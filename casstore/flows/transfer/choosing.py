"""Which versions somebody means who names some, in this store or in a depot elsewhere.

Knows: references, names, projects.  Never: what becomes of the versions.
"""

from collections.abc import Iterable

from casstore.catalog import Reader
from casstore.digest import CommitId
from casstore.errors import Conflict, NotFound
from casstore.journal import queries
from casstore.journal.bodies import EventId
from casstore.journal.views import VersionView
from casstore.names import Reference, version_number
from casstore.store import Known, collection_called, exact_reference, find_version, no_collection

__all__ = ["alias_heads", "choose", "choose_all"]


def choose(known: Known, references: Iterable[Reference]) -> list[CommitId]:
    """Return the versions that are meant, each once: one of a reference, all of a bare name.

    Of a bare name removed versions are among them, so that what was removed here is removed there.
    References have their project.  Raises ``NotFound`` and ``Conflict`` as ``find_version`` does.
    """
    found: dict[CommitId, None] = {}
    for reference in references:
        if reference.explicit:
            found[_one(known, reference)] = None
        else:
            found.update(dict.fromkeys(_all_of(known, reference)))
    return list(found)


def choose_all(known: Known, project: str | None) -> list[CommitId]:
    """Return every version of a project, or of all, removed ones among them."""
    with known.index.read() as reader:
        collections = list(queries.collections(reader, project))
        found = [
            commit for item in collections for commit in _commits(reader, item.project, item.name)
        ]
    return list(dict.fromkeys(found))


def _all_of(known: Known, reference: Reference) -> list[CommitId]:
    project = reference.project
    with known.index.read() as reader:
        collection = collection_called(known, reader, project, reference.name)
        if collection is None:
            raise no_collection(known, project, reference.name)
        return _commits(reader, project, collection.name)


def _commits(reader: Reader, project: str, name: str) -> list[CommitId]:
    views = queries.versions(reader, project, name, include_deleted=True)
    return [view.commit for view in views]


def _one(known: Known, reference: Reference) -> CommitId:
    try:
        return find_version(known, reference, reference.project, deleted=True).commit
    except NotFound:
        number = version_number(reference.label) if not reference.id_prefix else None
        if number is None:
            raise
        found = _numbered_by_anyone(known, reference, number)
        if not found:
            raise
    if len(found) > 1:
        named = " and ".join(exact_reference(view) for view in found)
        raise Conflict(
            f"several stores numbered a version {reference}: {named}", hint="name one of these"
        )
    return found[0].commit


def _numbered_by_anyone(known: Known, reference: Reference, number: int) -> list[VersionView]:
    """Return the versions that any store numbered so, where no upstream has settled whose it is."""
    with known.index.read() as reader:
        collection = collection_called(known, reader, reference.project, reference.name)
        if collection is None:
            return []
        return queries.numbered(reader, collection.project, collection.name, number)


def alias_heads(known: Known) -> set[EventId]:
    """Return the events that point aliases at something, as a store or a depot has them."""
    with known.index.read() as reader:
        found = [
            queries.alias_heads(reader, one.project, one.name, view.alias)
            for one in list(queries.collections(reader))
            for view in queries.aliases(reader, one.project, one.name)
        ]
    return {event for heads in found for event in heads}
