"""Questions about rounds of parallel writers: whose parts wait, which count, what they become.

Knows: how rows become views, which attempt counts, the commit id of a round.
Never: how rows came about, entries, LMDB.
Iterators read the table while they are used: keep its transaction open until then.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from casstore.digest import CommitId, commit_id_of
from casstore.encoding import decode, encode
from casstore.journal import keys
from casstore.journal.bodies import EventId, ManifestRef
from casstore.journal.fields import EVENT_ID_SIZE
from casstore.journal.subjects import RoundSubject
from casstore.journal.table import StateReader
from casstore.journal.views import FinishView, PartView, RoundView

__all__ = [
    "all_waiting",
    "commit_of_part",
    "commit_of_round",
    "last_attempts",
    "last_finished",
    "open_round",
    "settled",
    "waiting",
]


def waiting(
    table: StateReader, project: str, name: str, distributed_id: str
) -> tuple[PartView, ...]:
    """Return the parts that no finish has settled, by (clock, event id).

    One that was added to a round while somebody else finished it waits for the next finish.
    """
    rows = table.scan(keys.parts(project, name, distributed_id))
    found = [(decode(raw), key[-EVENT_ID_SIZE:]) for key, raw in rows]
    found.sort(key=lambda item: (item[0][0], item[1]))
    return tuple(_part(event, value) for value, event in found)


def all_waiting(table: StateReader) -> Iterator[PartView]:
    """Yield every part that no finish has settled, of all projects."""
    for key, raw in table.scan(keys.all_parts()):
        yield _part(key[-EVENT_ID_SIZE:], decode(raw))


def settled(table: StateReader, round_: RoundView) -> list[PartView]:
    """Return the parts that the finishes of a round settled, those that have arrived."""
    writers = (round_.project, round_.name, round_.distributed_id)
    found = []
    for event in dict.fromkeys(part for finish in round_.finishes for part in finish.parts):
        value = decode(table.get(keys.settled(*writers, event)) or keys.NIL)
        if value is not None:
            found.append(_part(event, value))
    return found


def open_round(table: StateReader, project: str, name: str, distributed_id: str) -> int:
    """Return the number of the round that parts are added to now, from 0."""
    raw = table.get(keys.finished(project, name, distributed_id))
    return 0 if raw is None else int(decode(raw)) + 1


def last_finished(
    table: StateReader, project: str, name: str, distributed_id: str
) -> RoundView | None:
    """Return the highest round that was finished, or None."""
    number = open_round(table, project, name, distributed_id) - 1
    raw = table.get(keys.round_(project, name, distributed_id, number)) if number >= 0 else None
    return None if raw is None else _round(decode(raw))


def commit_of_part(table: StateReader, part: PartView) -> CommitId | None:
    """Return the version that a part went into, or None while it waits."""
    writers = (part.project, part.name, part.distributed_id)
    for number in range(part.round, open_round(table, *writers)):
        raw = table.get(keys.round_(*writers, number))
        for finish in _round(decode(raw)).finishes if raw is not None else ():
            if part.event in finish.parts:
                return finish.commit
    return None


def last_attempts(parts: Sequence[PartView]) -> list[PartView]:
    """Return the parts that count: of each writer all of its last attempt, in the order given."""
    last: dict[str, int] = {}
    for part in parts:
        last[part.writer_name] = max(last.get(part.writer_name, 0), part.attempt)
    return [part for part in parts if part.attempt == last[part.writer_name]]


def commit_of_round(subject: RoundSubject, parts: Sequence[EventId]) -> CommitId:
    """Return the commit id of a round that settles ``parts``: the same whoever finishes it."""
    where = [subject.project, subject.name, subject.distributed_id, subject.round]
    return commit_id_of(encode([*where, sorted(parts)]))


def _part(event: bytes, value: list[Any]) -> PartView:
    _, time, project, name, distributed_id, number, writer_name, attempt, manifest, *said = value
    type_name, run_id, description, metadata, aliases, tags = said
    return PartView(
        event=EventId(event),
        project=project,
        name=name,
        distributed_id=distributed_id,
        round=number,
        writer_name=writer_name,
        attempt=attempt,
        manifest=ManifestRef(*manifest),
        type=type_name,
        run=run_id,
        description=description,
        metadata=metadata,
        aliases=tuple(aliases),
        tags=tuple(tags),
        time=time,
    )


def _round(row: dict[str, Any]) -> RoundView:
    finishes = [
        FinishView(EventId(event), CommitId(commit), tuple(parts), run, time)
        for _, event, time, commit, parts, run in row["finishes"]
    ]
    project, name, distributed_id, number = row["subject"]
    return RoundView(project, name, distributed_id, number, tuple(finishes))
