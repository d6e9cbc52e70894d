"""What lineage is read from: which run made and read which version, and what each is called.

Knows: nodes, ties, name cards, how they are folded and read.  Never: graphs, depth, other rows.

A *node* is a version or a run, under 16 bytes: the commit id, or a digest of the run's project and
id.  A *tie* goes the way that data goes: from a run to a version that it made, from a version to a
run that read it, from a version to one that was drafted from it.  It stands in two sets, the
``sources`` of its one end and the ``targets`` of the other, as its kind and the end that it leads
to.  A *card* is a small row.  So a walk over a hundred thousand ties reads no other row.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, NewType, TypeAlias

from casstore.digest import digest_of
from casstore.encoding import decode, decode_each, encode
from casstore.journal import keys
from casstore.journal.table import MEMBER_BYTES, StateReader, StateTable

__all__ = [
    "DRAFTED",
    "MADE",
    "READ",
    "Family",
    "NodeId",
    "RunCard",
    "VersionCard",
    "cards",
    "note_asked",
    "note_run",
    "note_run_name",
    "note_version",
    "run_node",
    "tie",
    "ties",
]

NodeId = NewType("NodeId", bytes)
"""16 bytes: a commit id, or what ``run_node`` gives."""

Family: TypeAlias = Literal["sources", "targets"]

NODE_BYTES = MEMBER_BYTES - 1
DRAFTED, MADE, READ = b"d", b"m", b"r"


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


def tie(table: StateTable, kind: bytes, source: bytes, target: bytes) -> None:
    """Note that data went from one node to another."""
    table.join("targets", source, kind + target)
    table.join("sources", target, kind + source)


def note_version(table: StateTable, commit: bytes, facts: dict[str, Any], deletes: int) -> None:
    """Write a version's card."""
    names = [facts["project"], facts["name"], facts["number"], facts["numbering"], facts["type"]]
    table.put(keys.card(commit), encode([*names, deletes]))


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
    table.put(keys.card(commit), encode([*asked, None, None, "", None]))


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


def ties(
    table: StateReader, family: Family, nodes: Sequence[NodeId], limit: int
) -> list[tuple[NodeId, bytes]]:
    """Return (node, kind and other end) of what nodes came from or went into, at most ``limit``."""
    return table.members(family, nodes, limit)  # type: ignore[return-value]


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
