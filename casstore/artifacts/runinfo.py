"""Runs as they are looked up: what a run is called, said, read and logged.

Knows: W&B's names of a public run's fields.  Never: a run that is under way, how artifacts are made
(whoever asks gives the function that makes one of a version).
"""

import json
from collections.abc import Callable
from typing import Any

from casstore.artifacts.config import Config, Summary
from casstore.artifacts.finished import timestamp
from casstore.artifacts.listing import Listing
from casstore.artifacts.place import LOCAL_ENTITY
from casstore.digest import CommitId
from casstore.encoding import canonical_json
from casstore.journal import lineage, queries
from casstore.journal.bodies import RunUpdateBody
from casstore.journal.subjects import RunSubject
from casstore.journal.views import RunView, VersionView
from casstore.store import Store, as_shown, surroundings_of

__all__ = ["Maker", "RunInfo", "artifacts_of", "find_run", "maker_of", "users_of"]

Maker = Callable[[Store, VersionView], Any]
"""Makes an artifact of a version."""


class RunInfo:
    """A recorded run.

    ``name``, ``notes``, ``tags``, ``config`` and ``summary`` may be edited; ``update`` keeps them.
    """

    def __init__(self, store: Store, view: RunView, make: Maker) -> None:
        self._store = store
        self._make = make
        self._show(view)

    def _show(self, view: RunView) -> None:
        self._view = view
        self.name = view.name or view.run
        self.notes = view.notes
        self.tags = list(view.tags)
        self.config: dict[str, Any] = Config(json.loads(view.config)).as_dict()
        self.summary = Summary(json.loads(view.summary))

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"

    @property
    def id(self) -> str:
        """The id, unique in its project."""
        return self._view.run

    @property
    def storage_id(self) -> str:
        """The id."""
        return self._view.run

    @property
    def display_name(self) -> str:
        """The name to show."""
        return self.name

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``failed`` or ``crashed``."""
        return self._view.state

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._view.exit_code

    @property
    def group(self) -> str | None:
        """The group that was given."""
        return self._view.group

    @property
    def job_type(self) -> str | None:
        """The job type that was given."""
        return self._view.job_type

    @property
    def entity(self) -> str:
        """The entity that was recorded; ``local`` where none was given."""
        return self._view.entity or LOCAL_ENTITY

    username = entity

    @property
    def project(self) -> str:
        """The project."""
        return self._view.project

    @property
    def path(self) -> list[str]:
        """``[entity, project, id]``."""
        return [self.entity, self.project, self.id]

    @property
    def url(self) -> str:
        """A URL that names the run."""
        return f"casstore://{self.project}/runs/{self.id}"

    @property
    def created_at(self) -> str:
        """When it began: RFC 3339, UTC."""
        return timestamp(self._view.created_at)

    @property
    def updated_at(self) -> str:
        """When anything of it was last recorded: RFC 3339, UTC."""
        return timestamp(self._view.updated_at)

    @property
    def metadata(self) -> dict[str, Any]:
        """What was recorded of where it ran: command line, host, Python version, commit."""
        return surroundings_of(self._view)

    @property
    def json_config(self) -> str:
        """The config as JSON text."""
        return canonical_json(self.config)

    @property
    def rawconfig(self) -> dict[str, Any]:
        """The config."""
        return self.config

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as a plain dict."""
        return self.summary.as_dict()

    def logged_artifacts(self, per_page: int = 100) -> Listing[Any]:
        """Return the versions that it logged, in order."""
        del per_page
        self.load()
        return artifacts_of(self._store, list(self._view.outputs), self._make, by_time=True)

    def used_artifacts(self, per_page: int = 100) -> Listing[Any]:
        """Return the versions that it read, in order."""
        del per_page
        self.load()
        return artifacts_of(self._store, [used.commit for used in self._view.inputs], self._make)

    def load(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - W&B's
        """Read again what was recorded; with ``force`` what was edited here is dropped."""
        with self._store.index.read() as reader:
            view = lineage.run(reader, self.project, self.id)
        view = None if view is None else as_shown(self._store, view)
        if view is not None and force:
            self._show(view)
        elif view is not None:
            self._view = view

    def update(self) -> None:
        """Record what was edited."""
        view = self._view
        body = RunUpdateBody(
            config=_changed(canonical_json(self.config), view.config),
            summary=_changed(canonical_json(self.summary.as_dict()), view.summary),
            name=_changed(self.name, view.name or view.run),
            notes=_changed(self.notes, view.notes),
            tags=tuple(self.tags) if tuple(self.tags) != view.tags else None,
        )
        if body != RunUpdateBody():
            self._store.require_writable()
            self._store.events.append(RunSubject(self.project, self.id), body)
            self.load(force=True)

    save = update


def find_run(store: Store, project: str, run_id: str, make: Maker) -> RunInfo | None:
    """Return a run, or None if nothing of it is known here."""
    with store.index.read() as reader:
        view = lineage.run(reader, project, run_id)
    return None if view is None else RunInfo(store, as_shown(store, view), make)


def maker_of(store: Store, view: VersionView, make: Maker) -> RunInfo | None:
    """Return the run that logged a version first, of those that are known here."""
    project = view.source[0] if view.source else view.project
    runs = dict.fromkeys([view.run, *(producer.run for producer in view.producers)])
    found = (find_run(store, project, run, make) for run in runs if run is not None)
    return next((info for info in found if info is not None), None)


def users_of(store: Store, commit: CommitId, make: Maker) -> list[RunInfo]:
    """Return the runs that read a version, in order, each once; those that are known here."""
    with store.index.read() as reader:
        uses = dict.fromkeys((use.project, use.run) for use in lineage.users_of(reader, commit))
        views = [lineage.run(reader, project, run) for project, run in uses]
    return [RunInfo(store, as_shown(store, view), make) for view in views if view is not None]


def artifacts_of(
    store: Store, commits: list[CommitId], make: Maker, *, by_time: bool = False
) -> Listing[Any]:
    """Return the versions of commits, each once; those that are known here.

    ``by_time``: by when they were made, since clocks of different collections cannot be compared.
    """
    with store.index.read() as reader:
        found = [queries.version(reader, commit) for commit in dict.fromkeys(commits)]
    views = [view for view in found if view is not None and view.complete]
    if by_time:
        views.sort(key=lambda view: view.created_at)
    return Listing(lambda: views, lambda view: make(store, view), "artifacts")


def _changed(value: str | None, before: str | None) -> str | None:
    return value if value != before else None
