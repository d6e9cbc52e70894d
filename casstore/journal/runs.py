"""Folding events about runs.

Knows: last writer wins for each field of a run.  Never: commits, views.
"""

from typing import Any, TypeAlias

from casstore.encoding import decode, encode
from casstore.journal import bodies, cards, keys, members, ties
from casstore.journal.events import Event
from casstore.journal.subjects import RunSubject
from casstore.journal.table import StateTable

__all__ = ["RunRow", "apply_run"]

RunRow: TypeAlias = dict[str, Any]

_RUNNING = ["running", None]


def apply_run(table: StateTable, event: Event, subject: RunSubject, body: Any) -> None:
    """Fold an event whose subject is a run."""
    key = keys.run(subject.project, subject.run)
    row = _load_run(table, key, event, subject)
    row["clock"] = max(row["clock"], event.clock)
    row["created"] = min(row["created"], event.time)
    row["updated"] = max(row["updated"], event.time)
    if isinstance(body, bodies.RunUseBody):
        _use(table, event, subject, body)
    elif isinstance(body, bodies.RunFinishBody):
        _set(row, event, "state", [body.state, body.exit_code])
    else:
        _set_all(row, event, body)
    cards.note_run(table, row)
    table.put(key, encode(row))


def _load_run(table: StateTable, key: bytes, event: Event, subject: RunSubject) -> RunRow:
    raw = table.get(key)
    if raw is not None:
        row: RunRow = decode(raw)
        return row
    members.remember_project(table, subject.project)
    return {
        "project": subject.project,
        "run": subject.run,
        "clock": 0,
        "created": event.time,
        "updated": event.time,
        "started": False,
        "fields": {},
    }


def _set_all(row: RunRow, event: Event, body: bodies.RunStartBody | bodies.RunUpdateBody) -> None:
    if isinstance(body, bodies.RunStartBody):
        row["started"] = True
        _set(row, event, "state", _RUNNING)
    for field in type(body)._fields:
        value = getattr(body, field)
        if value is not None:
            _set(row, event, field, value)


def _set(row: RunRow, event: Event, field: str, value: Any) -> None:
    """Set a field if this event is the latest to do so, by (clock, writer, seq, id)."""
    order = [event.clock, event.writer, event.seq, event.id]
    known = row["fields"].get(field)
    if known is None or order > known[0]:
        row["fields"][field] = [order, value]


def _use(table: StateTable, event: Event, subject: RunSubject, body: bodies.RunUseBody) -> None:
    project, run = subject.project, subject.run
    used = [body.commit, body.project, body.name, body.use_as]
    table.put(keys.input_(project, run, event.clock, event.id), encode(used))
    user = [event.clock, event.time, project, run, body.use_as]
    table.put(keys.use(body.commit, event.id), encode(user))
    cards.note_asked(table, body.commit, body.project, body.name)
    ties.tie(table, ties.READ, body.commit, cards.run_node(project, run))
