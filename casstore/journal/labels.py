"""Questions about a collection's labels: what it is called now, what else was said of it.

Knows: how the registers of a collection's row are read.  Never: versions, who is a member.
"""

from casstore.encoding import decode
from casstore.journal import keys, registers
from casstore.journal.bodies import EventId
from casstore.journal.registers import Heads
from casstore.journal.table import StateReader

__all__ = ["called", "heads", "names_called", "of"]


def heads(table: StateReader, project: str, name: str, field: str) -> list[EventId]:
    """Return the events that a new label of a collection's field replaces."""
    return [EventId(head[0]) for head in of(table, project, name).get(field, [])]


def called(table: StateReader, project: str, name: str) -> str:
    """Return what the collection that was created as ``name`` is called now."""
    return registers.shown(of(table, project, name).get("name", [])) or name


def names_called(table: StateReader, project: str, label: str) -> list[str]:
    """Return the names at creation of what is called ``label``, whether or not it has versions."""
    renamed = [decode(raw) for _, raw in table.scan(keys.called(project, label))]
    return [name for name in (label, *renamed) if called(table, project, name) == label]


def of(table: StateReader, project: str, name: str) -> dict[str, Heads]:
    """Return the heads of every label that was set, by field."""
    raw = table.get(keys.collection(project, name))
    found: dict[str, Heads] = {} if raw is None else decode(raw)["labels"]
    return found
