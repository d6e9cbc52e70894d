"""The record of a lineage: versions, runs, and which way data went.

Knows: nodes, edges, what they are called.  Never: stores, drawing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from casstore.journal.cards import NodeId
from casstore.journal.ties import DRAFTED, MADE, READ
from casstore.names import one_line

__all__ = [
    "Edge",
    "EdgeKind",
    "Graph",
    "Node",
    "RunNode",
    "Step",
    "VersionNode",
    "branches",
    "label",
    "order",
    "remark",
]

SHORT_ID_CHARS = 12

EdgeKind: TypeAlias = Literal["made", "read", "drafted"]
_KINDS: dict[bytes, EdgeKind] = {DRAFTED: "drafted", MADE: "made", READ: "read"}

Step: TypeAlias = tuple[NodeId, bytes]
"""A node, and how it is tied to which other one: ``journal.ties``."""


class VersionNode(NamedTuple):
    """A version.  ``state``: ``COMMITTED``, ``DELETED``, or ``NOT_HERE`` if it has not arrived.

    ``number`` is None if another store numbered it; ``name`` is empty where no event says it.
    """

    commit: NodeId
    project: str
    name: str
    number: int | None
    type: str
    state: Literal["COMMITTED", "DELETED", "NOT_HERE"]

    @property
    def commit_hash(self) -> str:
        """The commit id in hex: it names this version for ever, in every store."""
        return self.commit.hex()


class RunNode(NamedTuple):
    """A run.  ``state`` is its own, or ``not here`` where only what it made is known."""

    project: str
    run: str
    name: str | None
    job_type: str | None
    state: str


Node: TypeAlias = VersionNode | RunNode


class Edge(NamedTuple):
    """Data went from ``source`` to ``target``.

    ``made``: a run logged a version; ``read``: a version was used by a run; ``drafted``: a version
    was begun from another one's files.
    """

    source: NodeId
    target: NodeId
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Graph:
    """What a version came from and what came of it, as it was walked.

    ``nodes`` begins with the version itself.  ``before`` are steps against the way that data
    goes, ``after`` along it, the nearest first.  ``node_count`` and ``edge_count`` tell how many
    were met; fewer are held where only the nearest were asked for.  ``complete`` is False where
    the walk ended at its limit of edges.
    """

    root: NodeId
    nodes: Mapping[NodeId, Node]
    before: list[Step]
    after: list[Step]
    node_count: int
    edge_count: int
    complete: bool = True

    @property
    def edges(self) -> list[Edge]:
        """Every edge once: a circle is met from both sides."""
        found = [Edge(NodeId(end[1:]), node, _KINDS[end[:1]]) for node, end in self.before]
        found += [Edge(node, NodeId(end[1:]), _KINDS[end[:1]]) for node, end in self.after]
        return list(dict.fromkeys(found)) if self.before and self.after else found


def branches(steps: Iterable[Step]) -> dict[NodeId, list[NodeId]]:
    """Return where steps lead from each node."""
    found: dict[NodeId, list[NodeId]] = defaultdict(list)
    for node, end in steps:
        found[node].append(NodeId(end[1:]))
    return found


def label(node: Node, project: str) -> str:
    """Return what people call a node, seen from a project; nothing in it moves a cursor."""
    home = "" if node.project in {project, ""} else f"{node.project}/"
    if isinstance(node, RunNode):
        return one_line(f"run {home}{node.run}")
    if node.number is not None:
        return one_line(f"{home}{node.name}:v{node.number}")
    return one_line(f"{home}{node.name}@{node.commit.hex()[:SHORT_ID_CHARS]}")


def order(node: Node) -> str:
    """Return what nodes are sorted by: runs, then versions, by name; ``v9`` before ``v10``."""
    if isinstance(node, RunNode):
        return f" {node.project}/{node.run}"
    return f"{node.project}/{node.name} {node.number or 0:016}"


def remark(node: Node) -> str:
    """Return what else is worth saying of a node in a few words."""
    if isinstance(node, RunNode):
        words = [node.name if node.name != node.run else None, node.job_type, node.state]
        return one_line("  ".join([word for word in words if word]))
    states = {"COMMITTED": "", "DELETED": "(removed)", "NOT_HERE": "(not here)"}
    return one_line("  ".join([word for word in (node.type, states[node.state]) if word]))
