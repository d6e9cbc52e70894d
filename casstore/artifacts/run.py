"""``Run``: the object that W&B users know, over a recorded run.

Knows: W&B's names around artifacts.  Never: how a run is recorded, how versions are made.
"""

import operator
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from casstore.artifacts.config import Config, Summary
from casstore.artifacts.elsewhere import push_versions
from casstore.artifacts.inert import Settings
from casstore.artifacts.parallelwriters import ParallelWriters
from casstore.artifacts.runmodels import RunModels
from casstore.artifacts.runrecord import RunRecord
from casstore.artifacts.scalars import fold_scalars
from casstore.artifacts.terminal import termwarn
from casstore.encoding import canonical_json
from casstore.journal import lineage
from casstore.names import texts

__all__ = ["Run"]


class Run(RunModels, ParallelWriters):
    """One run of a script: what it read, what it logged, with which config.

    Made by ``init``.  ``config`` and ``summary`` are recorded; of what ``log`` is given the last
    value of each scalar is kept in ``summary``.
    """

    def __init__(
        self,
        record: RunRecord,
        *,
        allow_val_change: bool = False,
        folder: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        fields = record.fields
        self._record = record
        self._folder = folder
        self._made_folder: str | None = None
        self._name = fields.name or record.id
        self._dropped: set[str] = set()
        self._config = Config(
            fields.config,
            on_change=partial(record.check_usable, "config"),
            allow_val_change=allow_val_change,
            use=self._use_in_config,
        )
        self._summary = Summary(record.summary, on_change=partial(record.check_usable, "summary"))
        self._notes = fields.notes
        self._tags = tuple(fields.tags)
        self.group = fields.group or ""
        self.job_type = fields.job_type or ""
        self.step = 0
        self.start_time = time.time()
        self.settings = settings or Settings()

    def __repr__(self) -> str:
        return f"<Run {self.path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del traceback
        if kind is None:
            self._end("finished", 0)
            return
        clean_exit = kind is SystemExit and getattr(error, "code", 1) in {0, None}
        crashed = issubclass(kind, KeyboardInterrupt) or getattr(error, "code", None) == 143
        state = "finished" if clean_exit else "crashed" if crashed else "failed"
        try:
            self._end(state, 0 if clean_exit else 1)
        except Exception as problem:  # noqa: BLE001 - the exception under way must not be hidden
            termwarn(f"run {self.id}: {problem}")

    # Simple values

    @property
    def id(self) -> str:
        """Eight characters of [a-z0-9], or what ``init`` was given."""
        return self._record.id

    @property
    def name(self) -> str:
        """The name to show."""
        return self._name

    @name.setter
    def name(self, value: str | None) -> None:
        self._record.check_usable("name")
        self._name = self.id if value is None else str(value)

    @property
    def config(self) -> Config:
        """What the run was started with; ``config.update`` changes it."""
        return self._config

    @config.setter
    def config(self, value: object) -> NoReturn:
        del value
        raise _not_replaced("config")

    @property
    def summary(self) -> Summary:
        """The last values; ``summary.update`` changes them."""
        return self._summary

    @summary.setter
    def summary(self, value: object) -> NoReturn:
        del value
        raise _not_replaced("summary")

    @property
    def notes(self) -> str | None:
        """What somebody wrote about it."""
        return self._notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._record.check_usable("notes")
        self._notes = None if value is None else str(value)

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find it by."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str] | str | None) -> None:
        self._record.check_usable("tags")
        self._tags = tuple(str(tag) for tag in texts(value))

    @property
    def display_name(self) -> str:
        """The name to show."""
        return self._name

    @property
    def entity(self) -> str:
        """The entity that was given; ``local`` if none."""
        return self._record.place.entity

    @property
    def project(self) -> str:
        """The project."""
        return self._record.place.project

    def project_name(self) -> str:
        """Return the project."""
        return self.project

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def url(self) -> str:
        """A URL that names the run."""
        return f"casstore://{self.project}/runs/{self.id}"

    def get_url(self) -> str:
        """Return a URL that names the run."""
        return self.url

    @property
    def project_url(self) -> str:
        """A URL that names the project."""
        return f"casstore://{self.project}"

    @property
    def sweep_id(self) -> None:
        """None: a run is never part of a sweep here."""

    @property
    def sweep_url(self) -> None:
        """None: as ``sweep_id``."""

    @property
    def dir(self) -> str:
        """A folder for files of the run; casstore keeps none of them unless they are logged."""
        if self._made_folder is None:
            if self._folder:
                self._made_folder = os.path.abspath(Path(self._folder) / f"run-{self.id}" / "files")
                Path(self._made_folder).mkdir(parents=True, exist_ok=True)
            else:
                self._made_folder = tempfile.mkdtemp(prefix=f"casstore-run-{self.id}-")
        return self._made_folder

    @property
    def resumed(self) -> bool:
        """Whether the run was known and goes on."""
        return self._record.resumed

    @property
    def offline(self) -> bool:
        """Always True: nothing here needs a network."""
        return True

    @property
    def disabled(self) -> bool:
        """Whether nothing is stored."""
        return self._record.disabled

    # Recording

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,  # noqa: FBT001 - W&B's
        sync: bool | None = None,  # noqa: FBT001 - W&B's
    ) -> None:
        """Keep the last value of each scalar in ``summary``; others are dropped, said once."""
        del sync
        self._record.check_usable("log")
        at = None if step is None else operator.index(step)
        dropped = set(fold_scalars(self.summary, data)) - self._dropped
        if dropped and not self._dropped:
            termwarn(f"log keeps scalars only; dropped: {', '.join(sorted(dropped)[:5])}")
        self._dropped |= dropped
        if at is not None:
            self.step = max(self.step, at)
        if commit or (commit is None and at is None):
            self.step += 1

    def finish(
        self,
        exit_code: int | None = None,
        push: bool = False,  # noqa: FBT001, FBT002 - a flag by name
        quiet: bool | None = None,  # noqa: FBT001 - W&B's
    ) -> None:
        """Wait for what was logged and end the run; twice is a no-op.

        With ``push`` the versions that it made go to the upstream, else the only remote, and the
        run itself if all that it read is there.  Raises the first error of what was logged in the
        background; and of pushing, when the run has ended and everything is safe here.
        """
        del quiet
        code = operator.index(exit_code or 0)
        if self._record.process != os.getpid():
            self._record.check_usable("finish")
        was_finished = self._record.finished
        self._end("failed" if code else "finished", code)
        if push and not was_finished and not self._record.disabled:
            self._push()

    # Inside

    def _end(self, state: str, exit_code: int) -> None:
        """End the run if it is this process's; a forked child leaves it to its parent."""
        if not self._record.finished and self._record.process == os.getpid():
            self._record.finish(state, exit_code, self._changes())

    def _push(self) -> None:
        store = self._record.place.store()
        with store.index.read() as reader:
            view = lineage.run(reader, self._record.place.project, self.id)
        if view is not None and view.outputs:
            push_versions(store, view.outputs, None)

    def _changes(self) -> dict[str, object]:
        """Return what is recorded of the run, as it is now."""
        return {
            "config": canonical_json(self.config.as_dict()),
            "summary": canonical_json(self.summary.as_dict()),
            "name": self._name,
            "notes": self._notes,
            "tags": self._tags,
        }


def _not_replaced(what: str) -> AttributeError:
    return AttributeError(f"run.{what} cannot be replaced; use run.{what}.update({{...}})")
