"""The fold: a set of events in, a state table out.

Knows: which rows an event touches.  Never: files, LMDB, clocks, the order of arrival.

Applying every event of a set once gives the same bytes in any order.  One event costs the size of
the rows that it touches, and never scans: a collection of a million versions takes its next one
as quickly as its first.  ``keys`` lists every row.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from casstore.journal.commits import apply_commit
from casstore.journal.events import Event
from casstore.journal.members import apply_label
from casstore.journal.rounds import apply_round
from casstore.journal.runs import apply_run
from casstore.journal.subjects import CollectionSubject, CommitSubject, RoundSubject, RunSubject
from casstore.journal.table import MemoryTable, StateTable

__all__ = ["TABLE_VERSION", "apply", "fold"]

TABLE_VERSION = 5
"""Raised when rows change their form or a kind becomes known: tables of another one are rebuilt."""

_Folder: TypeAlias = Callable[[StateTable, Event, Any, Any], None]

_FOLDERS: dict[type, _Folder] = {
    CollectionSubject: apply_label,
    CommitSubject: apply_commit,
    RoundSubject: apply_round,
    RunSubject: apply_run,
}


def apply(event: Event, table: StateTable) -> None:
    """Fold one event into a table; the caller sees to it that each event comes once.

    What a later release said is passed over: see ``Event.known``.
    """
    if event.known:
        _FOLDERS[type(event.subject)](table, event, event.subject, event.body)


def fold(events: Iterable[Event]) -> MemoryTable:
    """Return the table of a set of events, in whatever order they come."""
    table = MemoryTable()
    for event in events:
        apply(event, table)
    return table
