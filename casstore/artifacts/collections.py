"""Looking up collections and types: all versions of a name, all names of a type.

Knows: how they are found and ordered.  Never: what may be edited, how artifacts are made (whoever
asks gives the function that makes one of a version).
"""

from casstore.artifacts.collection import ArtifactCollection
from casstore.artifacts.listing import Listing
from casstore.artifacts.place import LOCAL_ENTITY
from casstore.artifacts.runinfo import Maker
from casstore.catalog import Reader
from casstore.errors import Invalid, NotFound
from casstore.journal import queries
from casstore.journal.views import CollectionView
from casstore.store import Store, collection_called, no_collection

__all__ = [
    "ArtifactType",
    "collection_created_as",
    "collections_of",
    "find_collection",
    "find_type",
    "types_of",
]


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
    """Return what is called ``name`` now; ``NotFound`` if there is none, or none of that type.

    Where every version was removed there is none (W&B).
    """
    with store.index.read() as reader:
        view = collection_called(store, reader, project, name)
        is_there = view is not None and _holds_versions(reader, view)
    if view is None or not is_there:
        raise no_collection(store, project, name)
    if type_name is not None and view.type != type_name:
        raise NotFound(
            f"{name!r} is of type {view.type!r}, not {type_name!r}, in project {project!r} "
            f"of the store at {store.root}"
        )
    return ArtifactCollection(store, view, make, entity)


def collection_created_as(
    store: Store, project: str, name: str, make: Maker, entity: str
) -> ArtifactCollection:
    """Return the collection of a version, by its name at creation, whatever became of it."""
    with store.index.read() as reader:
        view = queries.collection(reader, project, name)
    if view is None:
        raise no_collection(store, project, name)
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
        return sorted(found, key=lambda view: (getattr(view, field), view.label), reverse=backwards)

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


def _holds_versions(reader: Reader, view: CollectionView) -> bool:
    return any(queries.versions(reader, view.project, view.name))


def _views(store: Store, project: str) -> list[CollectionView]:
    with store.index.read() as reader:
        found = list(queries.collections(reader, project))
        return [view for view in found if _holds_versions(reader, view)]


def _where(store: Store, project: str) -> str:
    return f"in project {project!r} of the store at {store.root}"


def _order(order: str | None) -> tuple[str, bool]:
    """Return the field to sort by and whether backwards."""
    text = order or "+name"
    fields = {"name": "label", "created_at": "created_at", "createdAt": "created_at"}
    field = fields.get(text.lstrip("+-"))
    if field is None:
        raise Invalid(f"order {order!r} is not known", hint="use [+-]name or [+-]created_at")
    return field, text.startswith("-")
