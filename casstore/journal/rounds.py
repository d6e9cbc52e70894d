"""Folding events about rounds of parallel writers: parts wait until a finish settles them.

Knows: which rows a part and a finish touch.  Never: commits, which part counts, views.

A part's row is a ``part`` row while it waits and a ``settled`` row once a finish has named it, in
whatever order the two arrive: so those that wait are found without looking at what was finished.
"""

from typing import Any, TypeAlias

from casstore.encoding import decode, encode
from casstore.journal import bodies, keys, members
from casstore.journal.events import Event
from casstore.journal.subjects import RoundSubject
from casstore.journal.table import StateTable

__all__ = ["RoundRow", "apply_round"]

RoundRow: TypeAlias = dict[str, Any]


def apply_round(table: StateTable, event: Event, subject: RoundSubject, body: Any) -> None:
    """Fold an event whose subject is a round."""
    collection = members.load(table, subject.project, subject.name)
    members.save(table, members.touch(collection, event))
    if isinstance(body, bodies.PartBody):
        _part(table, event, subject, body)
    else:
        _finish(table, event, subject, body)


def _part(table: StateTable, event: Event, subject: RoundSubject, body: bodies.PartBody) -> None:
    writers = (subject.project, subject.name, subject.distributed_id)
    ref = body.manifest
    value = [
        *[event.clock, event.time, *writers, subject.round, body.writer_name, body.attempt],
        [ref.digest, ref.root, ref.level, ref.entries, ref.size],
        *[body.type, body.run, body.description, body.metadata, body.aliases, body.tags],
    ]
    settled = keys.settled(*writers, event.id)
    is_settled = table.get(settled) is not None
    table.put(settled if is_settled else keys.part(*writers, event.id), encode(value))


def _finish(
    table: StateTable, event: Event, subject: RoundSubject, body: bodies.FinishBody
) -> None:
    writers = (subject.project, subject.name, subject.distributed_id)
    for part in body.parts:
        _settle(table, keys.part(*writers, part), keys.settled(*writers, part))
    key = keys.round_(*writers, subject.round)
    raw = table.get(key)
    row: RoundRow = (
        {"subject": [*writers, subject.round], "finishes": []} if raw is None else decode(raw)
    )
    finish = [event.clock, event.id, event.time, body.commit, body.parts, body.run]
    row["finishes"] = sorted([*row["finishes"], finish])
    table.put(key, encode(row))
    highest = table.get(keys.finished(*writers))
    if highest is None or decode(highest) < subject.round:
        table.put(keys.finished(*writers), encode(subject.round))


def _settle(table: StateTable, part: bytes, settled: bytes) -> None:
    waiting = table.get(part)
    if waiting is not None:
        table.delete(part)
        table.put(settled, waiting)
    elif table.get(settled) is None:
        table.put(settled, keys.NIL)
