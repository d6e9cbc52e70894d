"""Registers: a value that many may set, without losing what two set at once.

Knows: heads, what replaces what, which value is shown.  Never: what a register is of.

A register is the graph of the events that set it: each names those it replaces.  Its *heads* are
the events that have arrived and that no arrived event replaces.  Which those are depends on the set
of events only, not on their order, because what is replaced is remembered for ever, in rows of its
own: without that, an event that was replaced twice would come back when it arrives last.

A head is ``[event id, clock, value, ...]``; heads are sorted by event id.
"""

from collections.abc import Collection
from typing import Any, TypeAlias

from casstore.journal import keys
from casstore.journal.table import StateTable

__all__ = ["Head", "Heads", "distinct", "drop", "join", "shown", "union"]

Head: TypeAlias = list[Any]
Heads: TypeAlias = list[Head]


def drop(
    table: StateTable, register: bytes, heads: Heads, replaces: Collection[bytes]
) -> tuple[Heads, Heads]:
    """Take out what is replaced, now and when it arrives; return the heads kept and dropped."""
    if not replaces:
        return heads, []
    for event in replaces:
        table.put(keys.replaced(event, register), keys.NIL)
    kept = [head for head in heads if head[0] not in replaces]
    return kept, [head for head in heads if head[0] in replaces]


def join(table: StateTable, register: bytes, heads: Heads, head: Head) -> Heads:
    """Return the heads with ``head``, unless it has been replaced before it arrived."""
    if table.get(keys.replaced(head[0], register)) is not None:
        return heads
    return sorted([*heads, head], key=_event_id) if heads else [head]


def shown(heads: Heads) -> Any:
    """Return the value of the latest head by (clock, event id), or None without heads."""
    if len(heads) == 1:
        return heads[0][2]
    return max(heads, key=_order)[2] if heads else None


def distinct(heads: Heads) -> Heads:
    """Return one head for each value, the latest first; more than one is a conflict."""
    if len(heads) == 1:
        return heads
    found: Heads = []
    for head in sorted(heads, key=_order, reverse=True):
        if all(head[2] != other[2] for other in found):
            found.append(head)
    return found


def union(heads: Heads) -> list[str]:
    """Return the value of a register of sets: concurrent heads are joined."""
    if len(heads) == 1:
        return list(heads[0][2])
    return sorted({item for head in heads for item in head[2]})


def _event_id(head: Head) -> bytes:
    return bytes(head[0])


def _order(head: Head) -> tuple[int, bytes]:
    return head[1], head[0]
