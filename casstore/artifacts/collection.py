"""A collection as W&B users see it: all versions of one name, and what is said of them together.

Knows: W&B 0.31's names, which of them may be edited.  Never: how collections are found, which
events record an edit, how artifacts are made (whoever asks gives the function that makes one).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from casstore.artifacts.finished import timestamp
from casstore.artifacts.lifetime import seconds_of, timedelta_of
from casstore.artifacts.listing import Listing
from casstore.artifacts.place import LOCAL_ENTITY
from casstore.artifacts.runinfo import Maker
from casstore.errors import Invalid
from casstore.flows.lifecycle import describe, remove_collection, rename, retype
from casstore.journal import queries
from casstore.journal.views import CollectionView, VersionView
from casstore.names import LATEST, check_name, check_tag, check_type, texts
from casstore.store import Store, accept_numbers, shown_latest, versions_of

__all__ = ["ArtifactCollection"]


class ArtifactCollection:
    """All versions of one name.

    ``name``, ``type``, ``description``, ``tags`` and ``ttl`` may be edited; ``save`` keeps them.
    A renamed collection is found by its new name only; numbers, commit ids and lineage go on.
    """

    def __init__(
        self, store: Store, view: CollectionView, make: Maker, entity: str = LOCAL_ENTITY
    ) -> None:
        self._store = store
        self._make = make
        self._entity = entity
        self._show(view)

    def _show(self, view: CollectionView) -> None:
        self._view = view
        self.description = view.description
        self._name = view.label
        self._type = view.type
        self._tags = list(view.tags)
        self._ttl = timedelta_of(view.ttl)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"

    @property
    def name(self) -> str:
        """The name of every version in it."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = check_name(value)

    @property
    def type(self) -> str:
        """The type of every version; ``Invalid`` to set where there are only links."""
        return self._type

    @type.setter  # noqa: A003 - W&B's
    def type(self, value: str) -> None:
        if not self.is_sequence():
            raise Invalid(
                f"{self.name!r} holds links only, which have the types of their sources",
                hint="change the type of the source's collection",
            )
        self._type = check_type(value)

    @property
    def project(self) -> str:
        """The project."""
        return self._view.project

    @property
    def entity(self) -> str:
        """The entity that it was asked for with."""
        return self._entity

    @property
    def id(self) -> str:
        """``project/name``, with the name at creation: unique in the store, and it stays."""
        return f"{self.project}/{self._view.name}"

    @property
    def created_at(self) -> str:
        """When its first version was logged or linked: RFC 3339, UTC."""
        return timestamp(self._view.created_at)

    @property
    def updated_at(self) -> str:
        """When anything about it or its versions last changed: RFC 3339, UTC."""
        return timestamp(self._view.updated_at)

    @property
    def tags(self) -> list[str]:
        """The tags; changes in place are kept by ``save``."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = list(dict.fromkeys(check_tag(tag) for tag in texts(value)))

    @property
    def ttl(self) -> dt.timedelta | None:
        """How long versions that say nothing else are wanted; None for ever."""
        return self._ttl

    @ttl.setter
    def ttl(self, value: dt.timedelta | None) -> None:
        self._ttl = timedelta_of(seconds_of(value))

    @property
    def aliases(self) -> list[str]:
        """Every alias that points at a version of it, ``latest`` among them."""
        project, name = self._view.project, self._view.name
        with self._store.index.read() as reader:
            given = sorted(view.alias for view in queries.aliases(reader, project, name))
            newest = shown_latest(self._store, reader, project, name)
        return given if newest is None else sorted({*given, LATEST})

    def is_sequence(self) -> bool:
        """Whether versions are logged into it, and not only linked."""
        return self._view.count > 0

    def artifacts(self, per_page: int = 50, start: str | None = None) -> Listing[object]:
        """Return its versions, the newest first; removed ones are left out."""
        del per_page, start
        return Listing(self.views, lambda view: self._make(self._store, view), "artifacts")

    versions = artifacts

    def views(self) -> list[VersionView]:
        """Return what ``artifacts`` makes artifacts of."""
        with self._store.index.read() as reader:
            found = versions_of(self._store, reader, self._view.project, self._view.name)
        return found[::-1]

    def save(self) -> None:
        """Record what was edited.

        Raises ``Conflict`` for a name that is taken, and then records nothing; ``Invalid`` for tags
        that cannot be.
        """
        tags = tuple(dict.fromkeys(check_tag(tag) for tag in self._tags))
        self._store.index.catch_up()
        if self._name != self._view.label:
            rename(self._store, self._view, self._name)
        if self._type != self._view.type:
            retype(self._store, self._view, self._type)
        ttl = seconds_of(self._ttl) or None
        describe(self._store, self._view, description=self.description, tags=tags, ttl=ttl)
        self._refresh()

    def accept_numbers(self) -> list[str]:
        """Let every number mean what it means now; returns those that were in conflict (``vN``).

        Where an upstream gave a number to another version than this store had, the number is a
        ``Conflict`` until then.  What it meant before is found as ``name@ID``.
        """
        return [f"v{each.number}" for each in accept_numbers(self._store, self._view)]

    def change_type(self, new_type: str) -> None:
        """Give it another type at once: what setting ``type`` and ``save`` does (W&B)."""
        self.type = new_type
        retype(self._store, self._view, new_type)
        self._view = replace(self._view, type=new_type)

    def delete(self) -> None:
        """Remove every version of it, with their aliases and links; of links only the links.

        ``casstore restore`` brings versions back as long as their bytes were not collected.
        Raises ``NotFound`` if nothing is in it any more.
        """
        self._store.index.catch_up()
        remove_collection(self._store, self._view)

    def _refresh(self) -> None:
        with self._store.index.read() as reader:
            view = queries.collection(reader, self._view.project, self._view.name)
        if view is not None:
            self._show(view)
