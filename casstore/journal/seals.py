"""Questions about sealed numbers: who claims one, who holds it, in which order things were said.

Knows: how the rows of seals are read.  Never: which authority counts, views.
Iterators read the table while they are used: keep its transaction open until then.
"""

from collections.abc import Iterator
from typing import NamedTuple

from casstore.digest import COMMIT_ID_SIZE, CommitId
from casstore.encoding import decode
from casstore.journal import keys
from casstore.journal.bodies import EventId
from casstore.journal.table import StateReader

__all__ = ["Seal", "claimants", "holder", "order_of", "sealed"]

_NUMBER_SIZE = 8


class Seal(NamedTuple):
    """What was said first of a commit and a number: sorted, the one that holds comes first."""

    clock: int
    event: EventId
    commit: CommitId


def claimants(
    table: StateReader, project: str, name: str, authority: bytes, number: int
) -> list[Seal]:
    """Return who was sealed with a number, the one that holds it first; several only by accident.

    They are several where an upstream was copied, and both copies gave the number out.
    """
    rows = table.scan(keys.sealed(project, name, authority, number))
    found = []
    for key, raw in rows:
        clock, event = decode(raw)
        found.append(Seal(clock, EventId(event), CommitId(key[-COMMIT_ID_SIZE:])))
    return sorted(found)


def holder(
    table: StateReader, project: str, name: str, authority: bytes, number: int
) -> CommitId | None:
    """Return the commit that holds a sealed number, or None."""
    found = claimants(table, project, name, authority, number)
    return found[0].commit if found else None


def sealed(
    table: StateReader, project: str, name: str, authority: bytes
) -> Iterator[tuple[int, CommitId]]:
    """Yield (number, commit) of every seal of an authority, by number; none is decided upon."""
    for key, _ in table.scan(keys.sealed_numbers(project, name, authority)):
        number = key[-_NUMBER_SIZE - COMMIT_ID_SIZE : -COMMIT_ID_SIZE]
        yield int.from_bytes(number, "big"), CommitId(key[-COMMIT_ID_SIZE:])


def order_of(table: StateReader, project: str, name: str, commit: bytes) -> tuple[int, bytes]:
    """Return (clock, event id) of what made a commit a member; the lowest of all if it left."""
    raw = table.get(keys.version(commit))
    if raw is None:
        raise AssertionError("only known commits are asked for")
    row = decode(raw)
    facts = row["facts"]
    if facts is not None and (facts["project"], facts["name"]) == (project, name):
        return facts["clock"], facts["id"]
    links = [head for head in row["links"] if head[2][:2] == [project, name]]
    return min(((head[1], head[0]) for head in links), default=(0, b""))
