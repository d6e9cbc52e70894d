"""Walking from a version to all that it came from and all that came of it.

Knows: steps, depth, the limit.  Never: how rows are folded, drawing.

Depth counts versions: one step goes to another version, through a run or directly from a draft to
its base.  Each node is asked once in each direction, level by level, so a circle (a run that logs
again what it read) ends, and no history is too deep.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from casstore.catalog import Reader
from casstore.digest import CommitId
from casstore.flows.lineage.graph import Graph, Node, RunNode, Step, VersionNode
from casstore.journal import cards, labels, queries, registers, ties
from casstore.journal.cards import NodeId, RunCard, VersionCard
from casstore.journal.ties import DRAFTED, Family
from casstore.store import Store

__all__ = ["MAX_EDGES", "lineage"]

MAX_EDGES = 300_000
"""Where a walk ends and says so: printing a graph of this many edges takes about 250 MB."""


def lineage(
    store: Store,
    commit: CommitId,
    *,
    upstream: bool = True,
    downstream: bool = True,
    depth: int | None = None,
    nearest: int | None = None,
    max_edges: int = MAX_EDGES,
) -> Graph:
    """Return the graph around a version, up to ``depth`` versions away in each direction.

    With ``nearest`` no more than that many edges of each direction are kept of those that are met.
    """
    root = NodeId(commit)
    before: list[Step] = []
    after: list[Step] = []
    met = {root}
    with store.index.read() as reader:
        if upstream:
            before = _walk(reader, met, "sources", depth, max_edges + 1)
        if downstream:
            seen = {root}
            after = _walk(reader, seen, "targets", depth, max_edges + 1 - len(before))
            met |= seen
        complete = len(before) + len(after) <= max_edges
        if not complete:
            (after or before).pop()  # it was asked for only to see whether there is more
        edge_count = len(before) + len(after)
        before, after = before[:nearest], after[:nearest]
        found = list(dict.fromkeys([root, *_ends(before), *_ends(after)]))
        nodes = dict(zip(found, _nodes(reader, found, store.numbering), strict=True))
    return Graph(root, nodes, before, after, len(met), edge_count, complete)


def _walk(
    reader: Reader, seen: set[NodeId], family: Family, depth: int | None, limit: int
) -> list[Step]:
    """Return the steps that can be made from a version, level by level; ``seen`` gets the ends."""
    versions = list(seen)
    found: list[Step] = []
    levels = 0
    while versions and levels != depth and len(found) < limit:
        near = ties.ties(reader, family, versions, limit - len(found))
        found += near
        drafts = _unseen(_drafted(near), seen)
        runs = _unseen(_ends(near), seen)
        far = ties.ties(reader, family, runs, limit - len(found))
        found += far
        versions = drafts + _unseen(_ends(far), seen)
        levels += 1
    return found


def _ends(steps: Iterable[Step]) -> list[NodeId]:
    return [NodeId(end[1:]) for _, end in steps]


def _drafted(steps: Iterable[Step]) -> list[NodeId]:
    return [NodeId(end[1:]) for _, end in steps if end[:1] == DRAFTED]


def _unseen(ends: Iterable[NodeId], seen: set[NodeId]) -> list[NodeId]:
    """Return the ends that were not met before, sorted as the index is, and note them."""
    new = set(ends) - seen
    seen |= new
    return sorted(new)


def _nodes(reader: Reader, found: list[NodeId], numbering: bytes) -> Iterator[Node]:
    said: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for node, card in zip(found, cards.cards(reader, found), strict=True):
        if isinstance(card, RunCard):
            project, run, name, job_type, state, begun = card
            yield RunNode(project, run, name, job_type, state if begun else "not here")
        elif card is None or card.deletes is None:
            project, name = ("", "") if card is None else card[:2]
            yield VersionNode(node, project, name, None, "", "NOT_HERE")
        else:
            place = card[:2]
            if place not in said:
                said[place] = _said_of(reader, *place)
            yield _version(reader, node, card, said[place], numbering)


def _said_of(reader: Reader, project: str, name: str) -> tuple[str | None, str | None]:
    """Return what a collection is called now and which type it was given, None for neither."""
    said = labels.of(reader, project, name)
    return registers.shown(said.get("name", [])), registers.shown(said.get("type", []))


def _version(
    reader: Reader,
    node: NodeId,
    card: VersionCard,
    said: tuple[str | None, str | None],
    numbering: bytes,
) -> VersionNode:
    name, type_name = said
    deleted = bool(card.deletes) and not queries.is_alive(reader, node)
    number = card.number if card.numbering == numbering else None
    state: Literal["DELETED", "COMMITTED"] = "DELETED" if deleted else "COMMITTED"
    return VersionNode(node, card.project, name or card.name, number, type_name or card.type, state)
