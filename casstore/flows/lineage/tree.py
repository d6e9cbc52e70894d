"""A lineage as a tree of lines, for a terminal.

Knows: branches, what is shown once, where a tree that grows too deep goes on.  Never: stores.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from casstore.flows.lineage.graph import Graph, Node, Step, branches, label, order, remark
from casstore.journal.cards import NodeId
from casstore.journal.ties import DRAFTED

__all__ = ["tree_text"]

MAX_LEVELS = 24
"""What lies deeper goes on at the left margin, so that no line is longer for it."""


def tree_text(
    graph: Graph, *, upstream: bool = True, downstream: bool = True, ascii_only: bool = False
) -> str:
    """Return the version, what it came from and what came of it, a node a line.

    What stands elsewhere already is named again, in one line, without its own branches.  Where the
    graph holds only the nearest edges, a line says how much more there is.
    """
    root = graph.nodes[graph.root]
    lines = [f"{label(root, root.project)}  {remark(root)}  in project {root.project}"]
    drawing = _Drawing(graph.nodes, root.project, lines, ascii_only=ascii_only)
    if upstream:
        drawing.draw("made from", graph.root, graph.before)
    if downstream:
        drawing.draw("used by", graph.root, graph.after)
    more = graph.edge_count - len(graph.before) - len(graph.after)
    if more:
        lines += ["", f"and {more:,} edges farther away, of {graph.node_count:,} versions and runs"]
    return "\n".join(lines)


class _Drawing:
    """Writes trees; with a stack of its own, since a history may be deeper than Python's."""

    def __init__(
        self, nodes: Mapping[NodeId, Node], home: str, lines: list[str], *, ascii_only: bool
    ) -> None:
        self._nodes = nodes
        self._labels = {node: label(known, home) for node, known in nodes.items()}
        self._lines = lines
        self._middle, self._last, self._through = (
            ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
        )
        self._space = " " * len(self._through)

    def draw(self, title: str, root: NodeId, steps: list[Step]) -> None:
        """Write a title and all that lies below a node."""
        below = branches(steps)
        if root not in below:
            self._lines.append(f"{title}: nothing that is known here")
            return
        self._lines.append(title)
        drafts = {(node, NodeId(end[1:])) for node, end in steps if end[:1] == DRAFTED}
        tree = _Tree(below, drafts, {root}, deque([root]))
        while tree.waiting:
            node = tree.waiting.popleft()
            if node != root:
                self._lines += ["", self._text(node)]
            self._branch(node, tree)

    def _branch(self, top: NodeId, tree: "_Tree") -> None:
        """Write what lies below one node, down to ``MAX_LEVELS``."""
        lines, text, below, shown = self._lines, self._text, tree.below, tree.shown
        deepest = MAX_LEVELS * len(self._space)
        stack = self._pushed(top, "", tree)
        while stack:
            node, end, start, inner = stack.pop()
            if (node, end) in tree.drafts:
                start += "draft: "
            if end not in below:
                lines.append(start + text(end))
            elif end in shown:
                also = [end]
                while stack and stack[-1][0] == node and stack[-1][1] in shown:
                    _, more, start, _ = stack.pop()
                    also.append(more)
                names = ", ".join([self._labels[each] for each in also])
                lines.append(f"{start}{names}  (shown elsewhere)")
            else:
                shown.add(end)
                if len(inner) > deepest:
                    lines.append(start + text(end) + "  (goes on below)")
                    tree.waiting.append(end)
                else:
                    lines.append(start + text(end))
                    stack += self._pushed(end, inner, tree)

    def _pushed(
        self, node: NodeId, indent: str, tree: "_Tree"
    ) -> list[tuple[NodeId, NodeId, str, str]]:
        """Return a node's branches as they go on the stack: what is shown already comes last."""
        nodes, shown = self._nodes, tree.shown
        ends = sorted(
            tree.below[node], key=lambda end: (end in shown, order(nodes[end])), reverse=True
        )
        pushed = [(node, end, indent + self._middle, indent + self._through) for end in ends]
        pushed[0] = (node, ends[0], indent + self._last, indent + self._space)
        return pushed

    def _text(self, node: NodeId) -> str:
        return f"{self._labels[node]}  {remark(self._nodes[node])}".rstrip()


class _Tree(NamedTuple):
    """One direction: where each node leads, which of it are drafts, what stands already."""

    below: Mapping[NodeId, list[NodeId]]
    drafts: set[tuple[NodeId, NodeId]]
    shown: set[NodeId]
    waiting: deque[NodeId]
