"""``Api``: looking things up in a store, under W&B's names.

Knows: W&B 0.31's calls and signatures, how their paths are read.  Never: logging, the index.
Every call waits for what this process is logging, so that it finds it.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.collection import ArtifactCollection
from casstore.artifacts.collections import (
    ArtifactType,
    collections_of,
    find_collection,
    find_type,
    types_of,
)
from casstore.artifacts.filters import run_filter, run_order
from casstore.artifacts.listing import Listing
from casstore.artifacts.place import Place, place_for
from casstore.artifacts.runinfo import RunInfo, find_run
from casstore.artifacts.runrecord import current_record, store_for_looking, working_place
from casstore.errors import Invalid, NotFound
from casstore.journal import lineage, queries
from casstore.journal.views import VersionView
from casstore.names import Reference, check_project, check_tag, parse_reference
from casstore.settings import read_environment
from casstore.store import Store, as_shown, find_version

__all__ = ["Api"]

_make = Artifact._of_view  # noqa: SLF001 - the same room


class Api:
    """Looks up artifacts, collections, types and runs.

    ``overrides`` may name ``entity`` and ``project``; ``store`` names the store's folder.  Without
    them the current run's store and project are used, else those of the process.  Names may be
    ``[[entity/]project/]name``; the entity is accepted and finds nothing.  ``timeout`` and
    ``api_key`` mean nothing here.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
        *,
        store: str | os.PathLike[str] | None = None,
    ) -> None:
        del timeout, api_key
        self._overrides = dict(overrides or {})
        self._root = store

    def __repr__(self) -> str:
        return f"<Api {self._place().root}>"

    @property
    def default_entity(self) -> str:
        """The entity that is recorded where none is given."""
        return self._place().entity

    # Artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:  # noqa: A002 - W&B's
        """Return a version: ``[[entity/]project/]name[:version]``, by default ``latest``.

        Raises ``NotFound`` naming the store and project, ``Invalid`` if it is of another ``type``.
        """
        store, place, reference = self._look(name)
        view = find_version(store, reference, place.project)
        if type is not None and view.type != type:
            raise Invalid(f"{reference} is of type {view.type!r}, not {type!r}")
        return _make(store, view)

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: list[str] | str | None = None,
        start: str | None = None,
    ) -> Listing[Artifact]:
        """Return the versions of a name that have all ``tags``, the newest first.

        ``order`` may be ``+created_at``, ``-created_at``, ``+version`` or ``-version``.
        """
        del per_page, start
        store, place, reference = self._look(name)
        project = reference.project or place.project
        collection = find_collection(store, project, reference.name, _make, type_name=type_name)
        backwards = _version_order(order)
        given = [tags] if isinstance(tags, str) else tags or []
        wanted = {check_tag(tag) for tag in given}

        def find() -> list[VersionView]:
            newest_first = [view for view in collection.views() if wanted <= set(view.tags)]
            return newest_first if backwards else newest_first[::-1]

        return Listing(find, lambda view: _make(store, view), "artifacts")

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Listing[Artifact]:
        """Return the versions of a name, the newest first."""
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:  # noqa: A002 - W&B's
        """Tell whether there is such a version, of that type if one is given."""
        try:
            store, place, reference = self._look(name)
            view = find_version(store, reference, place.project)
        except NotFound:
            return False
        return type is None or view.type == type

    # Collections and types

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Return a collection; ``NotFound`` if there is none of that name and type."""
        store, place, reference = self._look(name)
        return find_collection(
            store,
            reference.project or place.project,
            reference.name,
            _make,
            type_name=type_name,
            entity=reference.entity or place.entity,
        )

    def artifact_collections(
        self,
        project_name: str,
        type_name: str,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> Listing[ArtifactCollection]:
        """Return the collections of a type; ``order``: ``[+-]name`` or ``[+-]created_at``."""
        del per_page, start
        store, place = self._look_in(project_name)
        find_type(store, place.project, type_name, _make)
        return collections_of(
            store, place.project, type_name, _make, entity=place.entity, order=order
        )

    def artifact_collection_exists(self, name: str, type: str) -> bool:  # noqa: A002 - W&B's
        """Tell whether there is a collection of that name and type."""
        try:
            self.artifact_collection(type, name)
        except NotFound:
            return False
        return True

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Return a type; ``NotFound`` if the project has no artifact of it."""
        store, place = self._look_in(project)
        return find_type(store, place.project, type_name, _make, place.entity)

    def artifact_types(
        self, project: str | None = None, start: str | None = None
    ) -> Listing[ArtifactType]:
        """Return the types of a project's artifacts, by name."""
        del start
        store, place = self._look_in(project)
        return types_of(store, place.project, _make, place.entity)

    # Runs

    def run(self, path: str = "") -> RunInfo:
        """Return a run: ``[[entity/]project/]id``, by default the current one."""
        store, place, run_id = self._look_for_run(path)
        found = find_run(store, place.project, run_id, _make)
        if found is None:
            raise NotFound(
                f"no run {run_id!r} in project {place.project!r} of the store at {store.root}",
                hint="`casstore runs` lists them",
            )
        return found

    def runs(
        self,
        path: str | None = None,
        filters: dict[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,  # noqa: FBT001, FBT002 - W&B's
        lazy: bool = True,  # noqa: FBT001, FBT002 - W&B's
    ) -> Listing[RunInfo]:
        """Return the runs of a project that fit ``filters``, by when they began.

        ``path``: ``[entity/]project``.  Raises ``Invalid`` for filters and orders it does not
        know, ``NotFound`` for a project that is named and not there.
        """
        del per_page, include_sweeps, lazy
        fits, backwards = run_filter(filters), run_order(order)
        store, place = self._look_in(path)

        def find() -> list[str]:
            with store.index.read() as reader:
                found = [
                    (view.created_at, view.run)
                    for view in lineage.runs(reader, place.project)
                    if view.complete and fits(as_shown(store, view))
                ]
            return [run for _, run in sorted(found, reverse=backwards)]

        return Listing(find, lambda run: _known_run(store, place.project, run), "runs")

    # Inside

    def _place(self) -> Place:
        entity, project = self._overrides.get("entity"), self._overrides.get("project")
        place = working_place() if self._root is None else place_for(self._root, project, entity)
        place = place.in_project(project or "")
        return replace(place, entity=entity) if entity else place

    def _look(self, name: str) -> tuple[Store, Place, Reference]:
        reference = parse_reference(name)
        place = self._place()
        return store_for_looking(place), place, reference

    def _look_in(self, path: str | None) -> tuple[Store, Place]:
        """Read ``[entity/]project``; a project that is named has to be there."""
        entity, _, project = (path or "").strip("/").rpartition("/")
        place = self._place().in_project(project)
        store = store_for_looking(place)
        if project:
            _require_project(store, project)
        return store, replace(place, entity=entity) if entity else place

    def _look_for_run(self, path: str) -> tuple[Store, Place, str]:
        parts = [part for part in path.split("/") if part]
        if len(parts) > 2 and parts[-2] == "runs":
            del parts[-2]
        if len(parts) > 3:
            raise Invalid(f"{path!r} is not a run", hint="write [[entity/]project/]id")
        place = self._place()
        if len(parts) > 1:
            place = place.in_project(check_project(parts[-2]))
        record = current_record()
        run_id = parts[-1] if parts else record.id if record else read_environment().run_id
        if not run_id:
            raise Invalid("no run was named and none is active", hint="pass [[entity/]project/]id")
        return store_for_looking(place), place, run_id


def _require_project(store: Store, project: str) -> None:
    with store.index.read() as reader:
        if project not in queries.projects(reader):
            raise NotFound(
                f"no project {project!r} in the store at {store.root}",
                hint="`casstore status` says what there is",
            )


def _known_run(store: Store, project: str, run_id: str) -> RunInfo:
    found = find_run(store, project, run_id, _make)
    if found is None:
        raise NotFound(f"no run {run_id!r} in project {project!r} of the store at {store.root}")
    return found


def _version_order(order: str | None) -> bool:
    """Return whether versions are wanted newest first."""
    text = order or "-version"
    if text.lstrip("+-") not in {"version", "created_at", "createdAt", "versionIndex"}:
        raise Invalid(f"order {order!r} is not known", hint="use [+-]created_at or [+-]version")
    return text.startswith("-")
