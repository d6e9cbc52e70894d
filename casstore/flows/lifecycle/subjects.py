"""What the verbs of a version's life share.

Knows: a version as the subject of events, as it is now.  Never: which verb is at work.
"""

from casstore.catalog import Reader
from casstore.errors import NotFound
from casstore.journal import queries
from casstore.journal.bodies import AliasBody
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import VersionView
from casstore.store import Store, reference_to

__all__ = ["current_version", "home", "require_live", "take_alias"]


def home(view: VersionView) -> CommitSubject:
    """Return a version as the subject of events, under the name where it was logged."""
    project, name = view.source[:2] if view.source else (view.project, view.name)
    return CommitSubject(project, name, view.commit)


def current_version(store: Store, view: VersionView) -> VersionView:
    """Return the version at home as it is now."""
    store.index.catch_up()
    with store.index.read() as reader:
        current = queries.version(reader, view.commit)
    if current is None or not current.complete:
        raise NotFound(
            f"the store at {store.root} does not know {view.label}@{view.commit.hex()} "
            f"of project {view.project!r}"
        )
    return current


def require_live(store: Store, view: VersionView) -> VersionView:
    """Return the version at home as it is now; ``NotFound`` if it was removed."""
    store.require_writable()
    current = current_version(store, view)
    if current.deleted:
        reference = reference_to(store, current)
        raise NotFound(
            f"{reference} was removed from project {current.project!r} of {store.root}",
            hint=f"`casstore restore {reference}` brings it back",
        )
    return current


def take_alias(
    reader: Reader, subject: CommitSubject, alias: str
) -> tuple[CommitSubject, AliasBody]:
    """Return the event that takes an alias away from wherever it points."""
    heads = queries.alias_heads(reader, subject.project, subject.name, alias)
    return subject, AliasBody(alias, set=False, replaces=tuple(heads))
