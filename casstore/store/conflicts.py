"""What is said where two things exclude each other, and somebody has to decide.

Knows: the words, and what settles each.  Never: how a conflict is found.
Every version is named so that it can be typed: ``name@commit``.
"""

from collections.abc import Iterable

from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.journal.numbers import Resolution
from casstore.journal.views import AliasView, CollectionView, VersionView

__all__ = [
    "alias_conflict",
    "exact_reference",
    "name_conflict",
    "number_conflict",
    "twins_conflict",
]


def exact_reference(view: VersionView) -> str:
    """Return ``name@commit``, which means this version for ever and everywhere."""
    return _exact(view.label, view.commit)


def number_conflict(collection: CollectionView, found: Resolution) -> Conflict:
    """Say that a number meant other content here than it does now."""
    label = collection.label
    now = _exact(label, found.commit)
    return Conflict(
        f"{label}:v{found.number} is {now} now, and was {_all(label, found.others)} here",
        hint=f"name one of these, or agree: casstore numbers accept {label}",
    )


def twins_conflict(collection: CollectionView, views: Iterable[VersionView]) -> Conflict:
    """Say that a number was given, or sealed, more than once."""
    named = _all(collection.label, [view.commit for view in views])
    return Conflict(
        f"several versions of {collection.label!r} have that number: {named}",
        hint="name one of these",
    )


def alias_conflict(collection: CollectionView, alias: AliasView) -> Conflict:
    """Say what an alias was set to at once, the latest first."""
    named = _all(collection.label, [commit for _, commit in alias.conflict])
    return Conflict(
        f"alias {alias.alias!r} of {collection.label!r} was set to {named} at once",
        hint=f"settle it: casstore alias set REF {alias.alias}",
    )


def name_conflict(root: object, found: list[CollectionView]) -> Conflict:
    """Say that a merge brought two collections of one name together."""
    label, project = found[0].label, found[0].project
    return Conflict(
        f"{len(found)} artifacts are called {label!r} in project {project!r} of {root}: "
        f"created as {' and '.join(view.name for view in found)}",
        hint=f"{label}@ID finds versions of each; rename one of them",
    )


def _all(label: str, commits: Iterable[CommitId | None]) -> str:
    named = ["nothing" if commit is None else _exact(label, commit) for commit in commits]
    return " and ".join(named)


def _exact(label: str, commit: CommitId) -> str:
    return f"{label}@{commit.hex()}"
