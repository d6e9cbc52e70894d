"""The lineage of a version, as it is looked at in Python and notebooks.

Knows: which forms there are.  Never: how a graph is found or drawn.
"""

from casstore.flows.lineage import (
    Graph,
    Node,
    VersionNode,
    as_dot,
    as_mermaid,
    as_svg,
    lineage,
    tree_text,
)
from casstore.journal.cards import NodeId
from casstore.journal.views import VersionView
from casstore.store import Store

__all__ = ["Lineage"]


class Lineage:
    """Versions, runs, and which way data went; printed it is a tree, in a notebook a picture."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @classmethod
    def of(cls, store: Store | None, view: VersionView, depth: int | None) -> "Lineage":
        """Return the lineage of a version; without a store the version stands alone."""
        if store is None:
            root = NodeId(view.commit)
            node = VersionNode(root, view.project, view.name, view.number, view.type, "COMMITTED")
            return cls(Graph(root, {root: node}, [], [], 1, 0))
        return cls(lineage(store, view.commit, depth=depth))

    def __repr__(self) -> str:
        return f"<Lineage of {len(self.nodes):,} versions and runs>"

    def __str__(self) -> str:
        return tree_text(self._graph)

    def _repr_svg_(self) -> str:
        return self.svg()

    @property
    def nodes(self) -> list[Node]:
        """The versions and runs, the one that was asked for first."""
        return list(self._graph.nodes.values())

    @property
    def edges(self) -> list[tuple[Node, Node, str]]:
        """``(source, target, "made" | "read" | "drafted")``: data went from source to target."""
        nodes = self._graph.nodes
        return [(nodes[edge.source], nodes[edge.target], edge.kind) for edge in self._graph.edges]

    def mermaid(self) -> str:
        """Return a Mermaid flowchart."""
        return as_mermaid(self._graph)

    def dot(self) -> str:
        """Return a Graphviz digraph."""
        return as_dot(self._graph)

    def svg(self) -> str:
        """Return a picture that stands alone; ``Invalid`` for more than 2,000 versions and runs."""
        return as_svg(self._graph)
