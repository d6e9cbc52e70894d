"""Linking: a version becomes a member of another collection too, under a number of its own.

Knows: what may be linked where, which events say so.  Never: how a version came about.

A link is a fact about the version: its bytes, description, metadata and tags stay those of home,
and while the link stands a removal that had not seen it does not take the version away.
"""

from collections.abc import Iterable

from casstore.errors import Invalid
from casstore.flows.lifecycle.labels import set_aliases
from casstore.flows.lifecycle.removal import plan_removal, remove
from casstore.flows.lifecycle.subjects import home, require_live
from casstore.journal import labels, queries
from casstore.journal.bodies import LinkBody
from casstore.journal.views import VersionView
from casstore.names import LATEST, check_alias, check_name, check_project
from casstore.store import (
    Store,
    alias_claims,
    check_type_of,
    reference_to,
    reserved,
    set_label,
    take_number,
)

__all__ = ["link", "unlink"]


def link(
    store: Store, view: VersionView, project: str, name: str, aliases: Iterable[str] = ()
) -> VersionView:
    """Make a version a member of what is called ``name``, and return it as it stands there.

    The collection is made if there is none, for the version's type.  A version that is linked there
    already keeps its number and is given the aliases.  Of a linked version the one at home is
    linked.  Raises ``Invalid`` for a bad name or alias, a collection of another type, and the
    collection where the version was logged; ``NotFound`` if the version was removed.
    """
    check_project(project)
    check_name(name)
    wanted = [check_alias(alias) for alias in dict.fromkeys(aliases) if alias != LATEST]
    current = require_live(store, view)
    with reserved(store, project, name, current.commit) as key:
        check_type_of(store, project, name, current.type)
        if (project, key) == (current.project, current.name):
            raise Invalid(
                f"{reference_to(store, current)} was logged to {project}/{name} itself",
                hint="link it to another collection, or give it an alias",
            )
        linked = _member(store, current, project, key)
        if linked is None:
            _label_new(store, project, key, name=name, type_name=current.type)
            _append(store, current, project, key, wanted)
        else:
            set_aliases(store, linked, wanted)
        linked = _member(store, current, project, key)
    if linked is None:
        raise AssertionError("a version that was linked is a member")
    return linked


def unlink(store: Store, view: VersionView) -> None:
    """End a link, with the aliases that it has there; the version at home stays as it is.

    Raises ``Invalid`` for a version that stands where it was logged.
    """
    if view.source is None:
        raise Invalid(
            f"{reference_to(store, view)} was logged here and is no link",
            hint="delete() removes it",
        )
    remove(store, plan_removal(store, [view], with_aliases=True))


def _member(store: Store, view: VersionView, project: str, key: str) -> VersionView | None:
    with store.index.read() as reader:
        return queries.member(reader, project, key, view.commit)


def _label_new(store: Store, project: str, key: str, *, name: str, type_name: str) -> None:
    """Say of a collection that does not exist yet what it is called and which type it is for."""
    with store.index.read() as reader:
        is_new = queries.collection(reader, project, key) is None
        is_called = labels.called(reader, project, key)
    if is_new and is_called != name:
        set_label(store, project, key, "name", name)
    if is_new:
        set_label(store, project, key, "type", type_name)


def _append(
    store: Store, view: VersionView, project: str, key: str, aliases: Iterable[str]
) -> None:
    number = take_number(store, project, key, view.commit)
    claims = alias_claims(store, project, key, aliases)
    body = LinkBody(project, key, number, store.numbering, claims)
    store.events.append(home(view), body)
