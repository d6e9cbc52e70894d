"""Collections and types as they are looked up: all versions of a name, all names of a type.

Knows: W&B's names of their fields, which of them may be edited.  Never: how artifacts are made
(whoever asks gives the function that makes one of a version).
"""

from casstore.artifacts.finished import timestamp
from casstore.artifacts.listing import Listing
from casstore.artifacts.place import LOCAL_ENTITY
from casstore.artifacts.runinfo import Maker
from casstore.errors import Invalid, NotFound
from casstore.journal import queries
from casstore.journal.bodies import LabelBody
from casstore.journal.subjects import CollectionSubject
from casstore.journal.views import CollectionView, VersionView
from casstore.names import LATEST, check_tag
from casstore.store import Store, newest_version, no_collection

__all__ = [
    "ArtifactCollection",
    "ArtifactType",
    "collections_of",
    "find_collection",
    "find_type",
    "types_of",
]


class ArtifactCollection:
    """All versions of one name.

    ``description`` and ``tags`` may be edited; ``save`` keeps them.
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
        self._tags = list(view.tags)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"

    @property
    def name(self) -> str:
        """The name of every version in it."""
        return self._view.name

    @property
    def type(self) -> str:
        """The type that the name belongs to."""
        return self._view.type

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
        """``project/name``: unique in the store."""
        return f"{self.project}/{self.name}"

    @property
    def created_at(self) -> str:
        """When its first version was logged: RFC 3339, UTC."""
        return timestamp(self._view.created_at)

    @property
    def tags(self) -> list[str]:
        """The tags; changes in place are kept by ``save``."""
        return self._tags

    @tags.setter
    def tags(self, value: list[str]) -> None:
        self._tags = list(dict.fromkeys(check_tag(tag) for tag in value))

    @property
    def aliases(self) -> list[str]:
        """Every alias that points at a version of it, ``latest`` among them."""
        project, name = self.project, self.name
        with self._store.index.read() as reader:
            given = sorted(view.alias for view in queries.aliases(reader, project, name))
            newest = newest_version(self._store, reader, project, name)
        return given if newest is None else sorted({*given, LATEST})

    def is_sequence(self) -> bool:
        """Whether versions are logged into it, and not only linked."""
        return self._view.count > 0

    def artifacts(self, per_page: int = 50, start: str | None = None) -> Listing[object]:
        """Return its versions, the newest first; removed ones are left out."""
        del per_page, start
        return Listing(self._versions, lambda view: self._make(self._store, view), "artifacts")

    versions = artifacts

    def save(self) -> None:
        """Record an edited description or edited tags."""
        tags = tuple(dict.fromkeys(check_tag(tag) for tag in self._tags))
        if self.description != self._view.description:
            self._label("description", self.description)
        if tags != self._view.tags:
            self._label("tags", tags)
        self._show(_collection(self._store, self.project, self.name))

    def _label(self, field: str, value: str | tuple[str, ...] | None) -> None:
        store, project, name = self._store, self.project, self.name
        store.require_writable()
        with store.index.read() as reader:
            heads = queries.label_heads(reader, project, name, field)
        body = LabelBody(field, value, tuple(heads))
        store.events.append(CollectionSubject(project, name), body)

    def _versions(self) -> list[VersionView]:
        with self._store.index.read() as reader:
            views = list(queries.versions(reader, self.project, self.name))
        return views[::-1]


class ArtifactType:
    """All collections of one type in a project."""

    def __init__(
        self, store: Store, project: str, name: str, make: Maker, entity: str = LOCAL_ENTITY
    ) -> None:
        self._store = store
        self._make = make
        self.name = name
        self.project = project
        self.entity = entity

    def __repr__(self) -> str:
        return f"<ArtifactType {self.name}>"

    @property
    def id(self) -> str:
        """``project/type``: unique in the store."""
        return f"{self.project}/{self.name}"

    def collections(
        self,
        filters: None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> Listing[ArtifactCollection]:
        """Return its collections, by name; ``order`` may be ``[+-]name`` or ``[+-]created_at``."""
        del per_page, start
        if filters:
            raise Invalid("collections cannot be filtered", hint="choose among them in Python")
        return collections_of(
            self._store, self.project, self.name, self._make, entity=self.entity, order=order
        )

    def collection(self, name: str) -> ArtifactCollection:
        """Return the collection of a name; ``NotFound`` if this type has none."""
        return find_collection(
            self._store, self.project, name, self._make, type_name=self.name, entity=self.entity
        )


def find_collection(
    store: Store,
    project: str,
    name: str,
    make: Maker,
    *,
    type_name: str | None = None,
    entity: str = LOCAL_ENTITY,
) -> ArtifactCollection:
    """Return the collection of a name; ``NotFound`` if there is none, or none of that type."""
    view = _collection(store, project, name)
    if type_name is not None and view.type != type_name:
        raise NotFound(
            f"{name!r} is of type {view.type!r}, not {type_name!r}, in project {project!r} "
            f"of the store at {store.root}"
        )
    return ArtifactCollection(store, view, make, entity)


def collections_of(
    store: Store,
    project: str,
    type_name: str,
    make: Maker,
    *,
    entity: str = LOCAL_ENTITY,
    order: str | None = None,
) -> Listing[ArtifactCollection]:
    """Return the collections of a type in a project."""
    field, backwards = _order(order)

    def find() -> list[CollectionView]:
        found = [view for view in _views(store, project) if view.type == type_name]
        return sorted(found, key=lambda view: (getattr(view, field), view.name), reverse=backwards)

    return Listing(find, lambda view: ArtifactCollection(store, view, make, entity), "collections")


def find_type(
    store: Store, project: str, name: str, make: Maker, entity: str = LOCAL_ENTITY
) -> ArtifactType:
    """Return a type; ``NotFound`` if no collection of the project has it."""
    if all(view.type != name for view in _views(store, project)):
        raise NotFound(f"no artifact of type {name!r} {_where(store, project)}")
    return ArtifactType(store, project, name, make, entity)


def types_of(
    store: Store, project: str, make: Maker, entity: str = LOCAL_ENTITY
) -> Listing[ArtifactType]:
    """Return the types that the collections of a project have, by name."""
    return Listing(
        lambda: sorted({view.type for view in _views(store, project)}),
        lambda name: ArtifactType(store, project, name, make, entity),
        "types",
    )


def _collection(store: Store, project: str, name: str) -> CollectionView:
    with store.index.read() as reader:
        view = queries.collection(reader, project, name)
    if view is None:
        raise no_collection(store, project, name)
    return view


def _views(store: Store, project: str) -> list[CollectionView]:
    with store.index.read() as reader:
        return list(queries.collections(reader, project))


def _where(store: Store, project: str) -> str:
    return f"in project {project!r} of the store at {store.root}"


def _order(order: str | None) -> tuple[str, bool]:
    """Return the field to sort by and whether backwards."""
    text = order or "+name"
    fields = {"name": "name", "created_at": "created_at", "createdAt": "created_at"}
    field = fields.get(text.lstrip("+-"))
    if field is None:
        raise Invalid(f"order {order!r} is not known", hint="use [+-]name or [+-]created_at")
    return field, text.startswith("-")
