"""A run as the journal knows it: started, used, logged, updated, finished.

Knows: the run's events, the queue of what it logs, which runs of this process are active.
Never: the W&B-shaped face.

What a run logs is committed in the background, in call order, one after the other; ``drain`` waits
for it.  An error is kept with what it belongs to and raised there, and again by ``finish``.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from casstore.artifacts.place import Place, current_place
from casstore.artifacts.surroundings import Wanted, surroundings, wanted_by
from casstore.artifacts.terminal import termwarn
from casstore.artifacts.wordnames import run_name
from casstore.encoding import canonical_json
from casstore.errors import Conflict, NotFound, UsageError
from casstore.journal import keys, lineage
from casstore.journal.bodies import (
    ProducerBody,
    RunFinishBody,
    RunStartBody,
    RunUpdateBody,
    RunUseBody,
)
from casstore.journal.subjects import CommitSubject, RunSubject
from casstore.journal.views import RunView, VersionView
from casstore.parallel import Background, Lock, Pending
from casstore.store import Store, lease_facts

__all__ = [
    "RunFields",
    "RunRecord",
    "current_record",
    "store_for_looking",
    "working_place",
]

MAX_WAITING_COMMITS = 64

Result = TypeVar("Result")

_active: list["RunRecord"] = []


def current_record() -> "RunRecord | None":
    """Return the run that calls without a run act on: the oldest of this process that is active."""
    return next((record for record in _active if record.process == os.getpid()), None)


def working_place() -> Place:
    """Return where calls without a run look: the current run's place, else the process's."""
    record = current_record()
    return record.place if record is not None else current_place()


def store_for_looking(place: Place) -> Store:
    """Return the store of a place, in which everything is found that this process has logged.

    Waits for what is being logged.  Raises ``NotFound`` naming the path if there is no store.
    """
    for record in tuple(_active):
        if record.process == os.getpid():
            record.drain()
    store = place.store()
    store.index.catch_up(at_once=True)
    return store


@dataclass(slots=True)
class RunFields:
    """What is recorded of a run; JSON fields are plain values."""

    name: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    config: dict[str, object] = field(default_factory=dict)


class RunRecord:
    """One run, begun in this process.

    ``resume``: ``never`` refuses a known id (``Conflict``), ``must`` an unknown one (``NotFound``).
    A known run goes on: ``fields`` then holds what was recorded where nothing is given anew, and
    ``ended_badly`` says that it had not finished well.
    With ``disabled`` nothing is stored.  ``wanted`` says what of the surroundings is recorded, by
    default what the environment says.
    """

    def __init__(
        self,
        place: Place,
        run_id: str,
        fields: RunFields,
        *,
        resume: str = "allow",
        disabled: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        self.place = place
        self._wanted = wanted or wanted_by()
        self.id = run_id
        self.process = os.getpid()
        self.disabled = disabled
        self.resumed = False
        self.ended_badly = False
        self.upserted: set[tuple[str, str]] = set()  # names and distributed ids
        self.finished = False
        self._ending: RunFinishBody | None = None  # as it was to end, if that was not recorded
        self.summary: dict[str, Any] = {}
        self.fields = fields
        self._store: Store | None = None
        self._queue: Background | None = None
        self._pending: list[Pending[object]] = []
        self._recorded: dict[str, object] = {}
        self._used: set[RunUseBody] = set()
        self._submitting = Lock()  # held while the queue is full: never taken by what it runs
        self._recording = Lock()
        if disabled:
            fields.name = fields.name or run_name(0)
        else:
            self._start(resume)
        _active.append(self)

    @property
    def subject(self) -> RunSubject:
        """What the run's events are about."""
        return RunSubject(self.place.project, self.id)

    def view(self) -> RunView | None:
        """Return what the store knows of the run now."""
        with self.place.store().index.read() as reader:
            return lineage.run(reader, self.place.project, self.id)

    def check_usable(self, call: str) -> None:
        """Raise ``UsageError`` in a forked child or after ``finish``."""
        if self.process != os.getpid():
            raise UsageError(
                f"{call}: this run belongs to another process", hint="call init in the child"
            )
        if self.finished:
            raise UsageError(f"{call}: run {self.id} is finished", hint="call init again")

    def submit(self, work: Callable[[], Result]) -> Pending[Result]:
        """Do ``work`` in the background, after what was submitted before."""
        with self._submitting:
            if self._queue is None:
                self._queue = Background(max_waiting=MAX_WAITING_COMMITS)
            pending = self._queue.submit(work)
            self._pending = [item for item in self._pending if not _succeeded(item)]
            self._pending.append(pending)  # type: ignore[arg-type]
        return pending

    def drain(self) -> BaseException | None:
        """Wait for everything that was submitted; returns the first error."""
        return next(iter(self._errors()), None)

    def _errors(self) -> list[BaseException]:
        """Wait for everything that was submitted; returns every error that differs, in order."""
        found = [pending.error() for pending in list(self._pending)]
        return list({id(error): error for error in found if error is not None}.values())

    def use(self, view: VersionView, use_as: str | None) -> None:
        """Record that the run reads a version, once."""
        body = RunUseBody(view.commit, view.project, view.label, use_as)
        if body not in self._used:
            self._own_store().events.append(self.subject, body)
            self._used.add(body)

    def produce(self, view: VersionView) -> None:
        """Record that the run logged a version that was finished before."""
        if view.run == self.id or any(producer.run == self.id for producer in view.producers):
            return
        subject = CommitSubject(view.project, view.name, view.commit)
        self._own_store().events.append(subject, ProducerBody(self.id))

    def update(self, changes: dict[str, object]) -> None:
        """Record fields of the run that differ from what was recorded last."""
        if self.disabled:
            return
        with self._recording:
            news = {key: value for key, value in changes.items() if self._recorded[key] != value}
            if news:
                body = RunUpdateBody(**news)  # type: ignore[arg-type]
                self._own_store().events.append(self.subject, body)
                self._recorded.update(news)

    def finish(
        self, state: str, exit_code: int | None, changes: dict[str, object] | None = None
    ) -> None:
        """Wait for what was logged and record the last changes and how the run ended.

        Raises the first error of what was logged, and says the others; the run has then ended as
        ``failed``.  Where that cannot be recorded the run goes on, so that it can be finished
        again, and ends as badly as it was to end before; unless its store is gone.
        """
        if self.finished:
            return
        errors = self._errors()
        error = errors[0] if errors else None
        if self._queue is not None:
            self._queue.close()
            self._queue = None
        if error is not None and state == "finished":
            state, exit_code = "failed", 1
        if self._ending is None or state != "finished":
            self._ending = RunFinishBody(state, exit_code)
        try:
            if not self.disabled:
                self.update(changes or {})
                self._own_store().events.append(self.subject, self._ending)
        except NotFound:
            self.let_go()
            raise
        self.let_go()
        for other in errors[1:]:
            termwarn(f"run {self.id}: {other}")
        if error is not None:
            raise error

    def let_go(self) -> None:
        """Be finished for this process, whatever is recorded of it; twice is a no-op."""
        self.finished = True
        if self in _active:
            _active.remove(self)

    def _own_store(self) -> Store:
        """Return the store that the run was begun in; ``NotFound`` if it was removed since."""
        if self._store is not None:
            self._store.require_there()
        return self.place.writable_store()

    def _start(self, resume: str) -> None:
        store = self._store = self.place.writable_store()
        store.index.catch_up()
        _tell_losses(store)
        with store.index.read() as reader:
            known = lineage.run(reader, self.place.project, self.id)
            count = 0 if known else sum(1 for _ in reader.scan(keys.runs(self.place.project)))
        self._check_resumption(store, resume, is_known=known is not None)
        if known is not None:
            self._continue(known)
        fields = self.fields
        fields.name = fields.name or run_name(count + 1)
        self._recorded = {
            "config": canonical_json(fields.config),
            "summary": canonical_json(self.summary),
            "name": fields.name,
            "notes": fields.notes,
            "tags": fields.tags,
        }
        store.events.append(
            self.subject,
            RunStartBody(
                name=fields.name,
                group=fields.group,
                job_type=fields.job_type,
                entity=self.place.entity,
                notes=fields.notes,
                tags=fields.tags,
                config=canonical_json(fields.config),
                environment=canonical_json(
                    {**surroundings(self._wanted), "lease": lease_facts(store)}
                ),
            ),
        )

    def _check_resumption(self, store: Store, resume: str, *, is_known: bool) -> None:
        where = f"project {self.place.project!r} of the store at {store.root}"
        if is_known and resume == "never":
            raise Conflict(
                f"run {self.id!r} is known in {where}",
                hint="leave out id, or pass resume='allow' to continue it",
            )
        if not is_known and resume == "must":
            raise NotFound(f"no run {self.id!r} in {where}", hint="leave out resume='must'")

    def _continue(self, known: RunView) -> None:
        """Fill in what a known run was called and what it recorded."""
        fields = self.fields
        self.resumed = True
        self.ended_badly = known.state != "finished"
        self.summary = json.loads(known.summary)
        fields.name = fields.name or known.name
        fields.group = fields.group or known.group
        fields.job_type = fields.job_type or known.job_type
        fields.notes = known.notes if fields.notes is None else fields.notes
        fields.tags = fields.tags or known.tags
        fields.config = {**json.loads(known.config), **fields.config}


def _tell_losses(store: Store) -> None:
    if store.index.lost_events:
        termwarn(
            f"{store.index.lost_events} events are gone from the journal of {store.root}:"
            " put its newer copy back, or run `casstore reindex`"
        )
    if store.index.unread_events:
        termwarn(
            f"journal files that cannot be read: {store.index.unread_events} of {store.root};"
            " what they say is not shown (run `casstore verify`)"
        )


def _succeeded(pending: Pending[object]) -> bool:
    return pending.done() and pending.error() is None
