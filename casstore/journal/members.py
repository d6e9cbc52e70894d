"""The rows of collections: what is small about one name, and who is in it.

Knows: clocks, counters, types, labels, member rows.  Never: what happens to a commit.
A collection's row does not grow with its versions: numbers, aliases and seals have their own rows.
"""

from typing import Any, TypeAlias

from casstore.encoding import decode, encode
from casstore.journal import keys, registers
from casstore.journal.bodies import LabelBody, LinkBody, VersionBody
from casstore.journal.events import Event
from casstore.journal.subjects import CollectionSubject
from casstore.journal.table import StateTable

__all__ = [
    "CollectionRow",
    "apply_label",
    "enroll",
    "load",
    "raise_highest",
    "remember_project",
    "save",
    "touch",
]

CollectionRow: TypeAlias = dict[str, Any]


def load(table: StateTable, project: str, name: str) -> CollectionRow:
    """Return a collection's row, a new one if there is none."""
    raw = table.get(keys.collection(project, name))
    if raw is not None:
        row: CollectionRow = decode(raw)
        return row
    remember_project(table, project)
    return {
        "project": project,
        "name": name,
        "clock": 0,
        "created": None,
        "updated": 0,
        "count": 0,
        "highest": [],
        "types": [],
        "labels": {},
    }


def save(table: StateTable, row: CollectionRow) -> None:
    """Write a collection's row."""
    table.put(keys.collection(row["project"], row["name"]), encode(row))


def remember_project(table: StateTable, project: str) -> None:
    """Note that a project exists."""
    table.put(keys.project(project), encode(project))


def touch(row: CollectionRow, event: Event) -> CollectionRow:
    """Note that an event of this collection was seen."""
    row["clock"] = max(row["clock"], event.clock)
    row["updated"] = max(row["updated"], event.time)
    return row


def raise_highest(row: CollectionRow, numbering: bytes | None, number: int) -> None:
    """Note that a numbering, or an authority, has reached a number."""
    highest = {bytes(key): value for key, value in row["highest"]}
    key = numbering or b""
    highest[key] = max(highest.get(key, number), number)
    row["highest"] = sorted(highest.items())


def enroll(
    table: StateTable, row: CollectionRow, event: Event, commit: bytes, body: VersionBody | LinkBody
) -> None:
    """Make a commit a member under the number that its event gives, if it gives one."""
    project, name = row["project"], row["name"]
    row["created"] = event.time if row["created"] is None else min(row["created"], event.time)
    if isinstance(body, VersionBody):
        _note_type(row, body.type, event)
    if body.number is None:
        table.put(keys.unnumbered(project, name, commit), keys.NIL)
    else:
        raise_highest(row, body.numbering, body.number)
        key = keys.number(project, name, body.number, commit)
        raw = table.get(key)
        givers = {body.numbering or b"", *(decode(raw) if raw is not None else ())}
        table.put(key, encode(sorted(givers)))


def _note_type(row: CollectionRow, type_name: str, event: Event) -> None:
    types = {known: (clock, first) for known, clock, first in row["types"]}
    order = (event.clock, event.id)
    types[type_name] = min(types.get(type_name, order), order)
    row["types"] = sorted([known, *first] for known, first in types.items())


def apply_label(
    table: StateTable, event: Event, subject: CollectionSubject, body: LabelBody
) -> None:
    """Fold a label event."""
    row = touch(load(table, subject.project, subject.name), event)
    register = keys.label_register(subject.project, subject.name, body.field)
    before = row["labels"].get(body.field, [])
    heads, _ = registers.drop(table, register, before, body.replaces)
    head = [event.id, event.clock, body.value]
    heads = row["labels"][body.field] = registers.join(table, register, heads, head)
    if body.field == "name":
        _call(table, row, registers.shown(before), registers.shown(heads))
    save(table, row)


def _call(table: StateTable, row: CollectionRow, before: str | None, now: str | None) -> None:
    """Let a renamed collection be found by what it is called; its own name needs no row."""
    project, name = row["project"], row["name"]
    if before not in {None, name}:
        table.delete(keys.called(project, str(before), name))
    if now not in {None, name}:
        table.put(keys.called(project, str(now), name), encode(name))
