"""Where things are logged to and looked up: a store and a project.

Knows: that both are resolved once a process.  Never: how they are named (``settings`` does).
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from casstore.names import check_project
from casstore.settings import (
    find_project,
    find_store,
    read_environment,
    read_store_config,
    user_data_dir,
)
from casstore.store import Store, create_store, open_store

__all__ = ["LOCAL_ENTITY", "Place", "current_place", "open_default_store", "place_for"]

LOCAL_ENTITY = "local"


@dataclass(frozen=True, slots=True)
class Place:
    """A store's folder and a project; ``is_default``: the user's own store, which may be empty."""

    root: Path
    project: str
    entity: str = LOCAL_ENTITY
    is_default: bool = False

    def store(self) -> Store:
        """Return the store for reading; ``NotFound`` naming the path if there is none."""
        if self.is_default:
            return create_store(self.root)
        return open_store(self.root)

    def writable_store(self) -> Store:
        """Return the store for writing, made if it is missing."""
        store = create_store(self.root)
        store.require_writable()
        return store

    def in_project(self, project: str) -> "Place":
        """Return the same store with another project, if one is given."""
        return replace(self, project=check_project(project)) if project else self


_resolved: list[Place] = []


def current_place() -> Place:
    """Return where this process works: resolved at the first call, and then kept."""
    if not _resolved:
        _resolved.append(_resolve(None, None, None))
    return _resolved[0]


def place_for(
    store: str | os.PathLike[str] | None, project: str | None, entity: str | None
) -> Place:
    """Return the current place with what was given explicitly."""
    if store is not None:
        return _resolve(store, project, entity)
    place = current_place()
    if project:
        place = replace(place, project=check_project(project))
    return replace(place, entity=entity) if entity else place


def open_default_store(path: str | os.PathLike[str] | None = None) -> Store:
    """Open the store at ``path``, or the one that this process uses.

    Raises ``NotFound`` naming the path if there is none.
    """
    return (place_for(path, None, None) if path is not None else current_place()).store()


def _resolve(
    store: str | os.PathLike[str] | None, project: str | None, entity: str | None
) -> Place:
    environment = read_environment()
    start = Path.cwd()
    choice = find_store(start, store, environment=environment, user_data_dir=user_data_dir())
    config = read_store_config(choice.path)
    name = find_project(project, environment, start=start, store_config=config)
    who = entity or environment.entity or LOCAL_ENTITY
    return Place(choice.path, name, who, is_default=choice.is_default)
