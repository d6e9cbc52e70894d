"""Where things are logged to and looked up: a store and a project.

Knows: that both are resolved once a process, and that workers work where their job does.
Never: how they are named (``settings`` does).

A worker (a process that ``multiprocessing`` or Ray started to run functions of another one) may
work in any folder.  It uses the store and project that the process which started it had resolved by
then, unless its own ``CASSTORE_HOME`` or project variable says otherwise.  Every other process asks
its own working directory, whoever started it: who changes into another project works in that one.

A run may also name a depot elsewhere through which it shares what it makes while it runs.  Where
that depot alone is named, by its URL, the run's own store lies beside the user's, one for each URL.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from casstore.artifacts.elsewhere import on_demand
from casstore.digest import digest_of
from casstore.names import check_project
from casstore.processes import process_worked_for
from casstore.settings import (
    Environment,
    Job,
    find_project,
    find_store,
    is_ray_worker,
    read_environment,
    read_job,
    read_store_config,
    tell_children,
    user_data_dir,
)
from casstore.store import Store, create_store, open_store

__all__ = ["LOCAL_ENTITY", "Place", "current_place", "place_for"]

LOCAL_ENTITY = "local"
STORES_OF_DEPOTS = "casstore-elsewhere"
MAX_SLUG_CHARS = 40

_NO_SLUG = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A store's folder and a project; ``is_default``: the user's own store, which may be empty.

    ``remote`` is the name or URL of a depot elsewhere that a run shares its versions through, empty
    without one; ``is_elsewhere``: the store is the run's own copy of that depot.
    """

    root: Path
    project: str
    entity: str = LOCAL_ENTITY
    is_default: bool = False
    remote: str = ""
    is_elsewhere: bool = False

    def store(self) -> Store:
        """Return the store for reading; ``NotFound`` naming the path if there is none."""
        if self.is_default or self.is_elsewhere:
            return on_demand(create_store(self.root))
        return on_demand(open_store(self.root))

    def is_made(self) -> bool:
        """Tell whether there is a store."""
        return (self.root / "FORMAT").exists()

    def writable_store(self) -> Store:
        """Return the store for writing, made if it is missing."""
        store = on_demand(create_store(self.root))
        store.require_writable()
        return store

    def in_project(self, project: str) -> "Place":
        """Return the same store with another project, if one is given."""
        return replace(self, project=check_project(project)) if project else self


_resolved: list[Place] = []


def current_place() -> Place:
    """Return where this process works: resolved at the first call, and then kept."""
    if not _resolved:
        environment = read_environment()
        place = _of_the_job(environment) or _resolve(None, None, None)
        _resolved.append(place)
        tell_children(
            Job(
                process=os.getpid(),
                store=str(place.root),
                is_default=place.is_default,
                project=place.project,
                home=environment.store,
                project_variable=environment.project,
            )
        )
    return _resolved[0]


def place_for(
    store: str | os.PathLike[str] | None, project: str | None, entity: str | None
) -> Place:
    """Return the current place with what was given explicitly.

    ``store`` may be the URL of a depot elsewhere; one of ``file://`` means the folder.
    """
    if isinstance(store, str) and _is_elsewhere(store):
        place = _resolve(_store_of(store), project, entity)
        return replace(place, remote=store, is_elsewhere=True)
    if store is not None:
        return _resolve(store, project, entity)
    place = current_place()
    if project:
        place = replace(place, project=check_project(project))
    return replace(place, entity=entity) if entity else place


def _of_the_job(environment: Environment) -> Place | None:
    """Return where the job works that this process is a worker of, unless it was told otherwise."""
    job = read_job()
    if job is None or environment.store != job.home:
        return None
    if process_worked_for() != job.process and not is_ray_worker():
        return None  # told to somebody else, further up
    told = environment.project if environment.project != job.project_variable else ""
    project = check_project(told) if told else job.project
    return Place(Path(job.store), project, environment.entity or LOCAL_ENTITY, job.is_default)


def _is_elsewhere(store: str) -> bool:
    scheme, separator, _ = store.partition("://")
    return bool(separator) and scheme.lower() != "file"


def _store_of(url: str) -> Path:
    """Return the folder of the store that runs of this user have for a depot elsewhere."""
    url = url.rstrip("/")
    slug = _NO_SLUG.sub("-", url.lower())[:MAX_SLUG_CHARS].strip("-")
    name = f"{slug}-{digest_of(url.encode()).hex()[:8]}"
    return user_data_dir().with_name(STORES_OF_DEPOTS) / name


def _resolve(
    store: str | os.PathLike[str] | None, project: str | None, entity: str | None
) -> Place:
    environment = read_environment()
    start = Path.cwd()
    choice = find_store(start, store, environment=environment, user_data_dir=user_data_dir)
    config = read_store_config(choice.path)
    name = find_project(project, environment, start=start, store_config=config)
    who = entity or environment.entity or LOCAL_ENTITY
    return Place(choice.path, name, who, is_default=choice.is_default)
