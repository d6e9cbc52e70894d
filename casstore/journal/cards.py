"""Cards: the small rows by which versions and runs are listed and drawn.

Knows: what is on a card, how cards are folded and read.  Never: graphs, other rows.

A version's whole row takes five times as long to read as its card; a listing of ten thousand names
and a graph of a hundred thousand edges read cards only.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NewType

from casstore.digest import digest_of
from casstore.encoding import decode, decode_each, encode
from casstore.journal import keys
from casstore.journal.table import MEMBER_BYTES, StateReader, StateTable

__all__ = [
    "NODE_BYTES",
    "NodeId",
    "RunCard",
    "VersionCard",
    "cards",
    "note_asked",
    "note_run",
    "note_run_name",
    "note_version",
    "run_node",
]

NodeId = NewType("NodeId", bytes)
"""16 bytes: a commit id, or what ``run_node`` gives."""

NODE_BYTES = MEMBER_BYTES - 1


class VersionCard(NamedTuple):
    """A version at home; ``deletes`` counts delete events, of which none may have taken effect.

    Of a version that has not arrived, only what a run asked for it by: ``deletes`` is then None.
    """

    project: str
    name: str
    number: int | None
    numbering: bytes | None
    type: str
    deletes: int | None
    size: int
    entries: int
    time: int


class RunCard(NamedTuple):
    """A run; ``begun`` tells whether its start is known here."""

    project: str
    run: str
    name: str | None
    job_type: str | None
    state: str
    begun: bool


def run_node(project: str, run: str) -> NodeId:
    """Return the node of a run."""
    return NodeId(digest_of(keys.run(project, run))[:NODE_BYTES])


def note_version(table: StateTable, commit: bytes, facts: dict[str, Any], deletes: int) -> None:
    """Write a version's card."""
    names = [facts["project"], facts["name"], facts["number"], facts["numbering"], facts["type"]]
    _, _, _, entries, size = facts["manifest"]
    table.put(keys.card(commit), encode([*names, deletes, size, entries, facts["time"]]))


def note_asked(table: StateTable, commit: bytes, project: str, name: str) -> None:
    """Give a version that has not arrived a card of what it was asked for by.

    Of several such names the first in order stands, so that the order of events changes nothing.
    """
    raw = table.get(keys.card(commit))
    asked = [project, name]
    if raw is not None:
        known = decode(raw)
        if known[5] is not None:
            return
        asked = min(known[:2], asked)
    table.put(keys.card(commit), encode([*asked, None, None, "", None, 0, 0, 0]))


def note_run_name(table: StateTable, project: str, run: str) -> None:
    """Give a run that only its products name a card, unless it has one."""
    key = keys.card(run_node(project, run))
    if table.get(key) is None:
        table.put(key, encode([project, run, None, None, "", False]))


def note_run(table: StateTable, row: dict[str, Any]) -> None:
    """Write a run's card from its row."""
    said = {field: value for field, (_, value) in row["fields"].items()}
    state = said.get("state", ["running"])[0]
    project, run = row["project"], row["run"]
    card = [project, run, said.get("name"), said.get("job_type"), state, row["started"]]
    table.put(keys.card(run_node(project, run)), encode(card))


def cards(table: StateReader, nodes: Sequence[NodeId]) -> Iterator[VersionCard | RunCard | None]:
    """Yield the card of each node, None for what is not known here."""
    get, key = table.get, keys.card
    raws = [get(key(node)) for node in nodes]
    known = decode_each(b"".join([raw for raw in raws if raw is not None]))
    make_run, make_version = RunCard._make, VersionCard._make
    for raw in raws:
        if raw is None:
            yield None
            continue
        fields = next(known)
        is_run = type(fields[5]) is bool  # a version ends in a count
        yield make_run(fields) if is_run else make_version(fields)
