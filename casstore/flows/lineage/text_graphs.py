"""A lineage in the languages that other programs draw: Mermaid and Graphviz DOT.

Knows: their grammars, as far as names could break out of them.  Never: stores, layout.

Sources: mermaid.js.org/syntax/flowchart (entity codes ``#35;`` inside quoted text) and
graphviz.org/doc/info/lang.html with .../docs/attr-types/escString.
"""

import re
from collections.abc import Iterator

from casstore.flows.lineage.graph import Graph, Node, RunNode, label, remark

__all__ = ["as_dot", "as_mermaid"]

# Anything else could be markup, a comment, a directive or the end of the text; ``:`` and ``#``
# together would be taken for a colour.
_UNSAFE_IN_MERMAID = re.compile(r"[^\w \-./@,]")


def as_mermaid(graph: Graph) -> str:
    """Return a Mermaid flowchart, left to right: versions are boxes, runs are rounded."""
    home = graph.nodes[graph.root].project
    names = {node: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node, known in graph.nodes.items():
        text = "<br/>".join(map(_mermaid_text, _texts(known, home)))
        shape = f'(["{text}"])' if isinstance(known, RunNode) else f'["{text}"]'
        lines.append(f"  {names[node]}{shape}")
    for source, target, kind in graph.edges:
        arrow = "-.->" if kind == "drafted" else "-->"
        lines.append(f"  {names[source]} {arrow} {names[target]}")
    lines += ["  classDef asked stroke-width:3px", f"  class {names[graph.root]} asked"]
    return "\n".join(lines)


def as_dot(graph: Graph) -> str:
    """Return a Graphviz digraph, left to right; hovering over a node shows its whole id."""
    home = graph.nodes[graph.root].project
    names = {node: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR", '  node [fontname="sans-serif"]']
    for node, known in graph.nodes.items():
        text = r"\n".join(map(_dot_text, _texts(known, home)))
        look = ", ".join(
            [f'label="{text}"', f'tooltip="{_dot_text(_whole_id(known))}"', *_look(known)]
        )
        width = ", penwidth=3" if node == graph.root else ""
        lines.append(f"  {names[node]} [{look}{width}]")
    for source, target, kind in graph.edges:
        style = " [style=dotted]" if kind == "drafted" else ""
        lines.append(f"  {names[source]} -> {names[target]}{style}")
    return "\n".join([*lines, "}"])


def _texts(node: Node, home: str) -> Iterator[str]:
    yield label(node, home)
    if said := remark(node):
        yield said


def _whole_id(node: Node) -> str:
    return f"{node.project}/{node.run}" if isinstance(node, RunNode) else node.commit.hex()


def _look(node: Node) -> tuple[str, ...]:
    if isinstance(node, RunNode):
        return ("shape=box", 'style="rounded,filled"', 'fillcolor="#eef1f4"')
    style = "solid" if node.state == "COMMITTED" else "dashed"
    return ("shape=box", f'style="{style}"')


def _mermaid_text(text: str) -> str:
    return _UNSAFE_IN_MERMAID.sub(lambda found: f"#{ord(found[0])};", text)


def _dot_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
