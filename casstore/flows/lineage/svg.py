"""A lineage as an SVG picture that stands alone: no script, no font, no address outside it.

Knows: boxes, curves, colours, escaping.  Never: stores, where nodes belong (``layout``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from casstore.errors import Invalid
from casstore.flows.lineage.graph import Graph, Node, RunNode, VersionNode, label, order, remark
from casstore.flows.lineage.layout import Layout, lay_out

__all__ = ["MAX_PICTURE_NODES", "as_svg"]

MAX_PICTURE_NODES = 2000
MAX_TEXT_CHARS = 32
CHAR_WIDTH, LINE_HEIGHT = 7.0, 16.0
PADDING, GAP, COLUMN_GAP, MARGIN = 10.0, 14.0, 64.0, 24.0

_STYLE = """
.lineage text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.lineage .said { fill: #59636e; font-size: 11px }
.lineage .edge { fill: none; stroke: #8c959f; stroke-width: 1.2 }
.lineage .drafted { stroke-dasharray: 2 4 }
.lineage rect { stroke-width: 1.2 }
.lineage .version rect { fill: #ddf4ff; stroke: #0969da }
.lineage .run rect { fill: #f6f8fa; stroke: #818b98 }
.lineage .deleted rect, .lineage .not_here rect
  { fill: #ffffff; stroke: #818b98; stroke-dasharray: 4 3 }
.lineage .asked rect { stroke-width: 3 }
"""

_ARROW = """<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"
 markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#8c959f"/></marker></defs>"""


def as_svg(graph: Graph) -> str:
    """Return the picture: data goes from left to right, versions are boxes, runs are rounded.

    Resting on a node shows all of its name and its id.  Raises ``Invalid`` over
    ``MAX_PICTURE_NODES``.
    """
    if len(graph.nodes) > MAX_PICTURE_NODES:
        raise Invalid(
            f"{len(graph.nodes):,} versions and runs are more than a picture can show"
            f" ({MAX_PICTURE_NODES:,})",
            hint="give --depth, --upstream or --downstream, or another form",
        )
    asked = graph.nodes[graph.root]
    home = asked.project
    placed = sorted(graph.nodes.items(), key=lambda item: order(item[1]))
    numbers = {node: number for number, (node, _) in enumerate(placed)}
    nodes = [node for _, node in placed]
    texts = [[_short(text) for text in (label(node, home), remark(node)) if text] for node in nodes]
    widths = [max(map(_columns, lines)) * CHAR_WIDTH + 2 * PADDING for lines in texts]
    heights = [len(lines) * LINE_HEIGHT + PADDING for lines in texts]
    edges = graph.edges
    layout = lay_out(heights, [(numbers[e.source], numbers[e.target]) for e in edges], GAP)
    lefts, right = _lefts(layout, widths)
    bottom = max(m + h / 2 for m, h in zip(layout.middles, heights, strict=False))
    body = [
        _curve(path, layout, lefts, widths, edge.kind)
        for path, edge in zip(layout.paths, edges, strict=True)
    ]
    for number, (node, lines) in enumerate(zip(nodes, texts, strict=True)):
        corner = (lefts[layout.columns[number]], layout.middles[number] - heights[number] / 2)
        size = (widths[number], heights[number])
        body += _box(node, lines, corner, size, asked=node is asked)
    return _document(body, right + 2 * MARGIN, bottom + 2 * MARGIN, label(asked, ""))


def _document(body: Iterable[str], width: float, height: float, title: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" {size}>',
            f"<title>Lineage of {_xml(title)}</title>",
            f"<style>{_STYLE}</style>",
            _ARROW,
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<g transform="translate({MARGIN:g} {MARGIN:g})">',
            *body,
            "</g>",
            "</svg>",
        ]
    )


def _lefts(layout: Layout, widths: list[float]) -> tuple[list[float], float]:
    """Return the left side of each column, and the right side of all."""
    widest: dict[int, float] = defaultdict(float)
    for column, width in zip(layout.columns, widths, strict=False):
        widest[column] = max(widest[column], width)
    lefts, at = [], 0.0
    for column in range(max(layout.columns) + 1):
        lefts.append(at)
        at += widest[column] + COLUMN_GAP
    return lefts, at - COLUMN_GAP


def _curve(
    path: list[int], layout: Layout, lefts: list[float], widths: list[float], kind: str
) -> str:
    """Return an edge: from the right side of its source through what it passes to its target."""
    source, *passed, target = path
    x, y = lefts[layout.columns[source]] + widths[source], layout.middles[source]
    parts = [f"M{x:.1f} {y:.1f}"]
    for node in [*passed, target]:
        to_x, to_y = lefts[layout.columns[node]], layout.middles[node]
        middle = (x + to_x) / 2 if to_x > x else x + COLUMN_GAP / 2
        back = middle if to_x > x else to_x - COLUMN_GAP / 2
        parts.append(f"C{middle:.1f} {y:.1f} {back:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
        if node != target:
            right = lefts[layout.columns[node] + 1] - COLUMN_GAP if to_x >= x else to_x
            parts.append(f"L{right:.1f} {to_y:.1f}")
            x = right
    drafted = " drafted" if kind == "drafted" else ""
    return f'<path class="edge{drafted}" d="{" ".join(parts)}" marker-end="url(#arrow)"/>'


def _box(
    node: Node,
    lines: list[str],
    corner: tuple[float, float],
    size: tuple[float, float],
    *,
    asked: bool,
) -> Iterator[str]:
    (x, y), (width, height) = corner, size
    radius = height / 2 if isinstance(node, RunNode) else 4.0
    looks = f"{_classes(node)} asked" if asked else _classes(node)
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    yield f'<g class="{looks}"><title>{_xml(_whole(node))}</title>'
    yield f'<rect {place} rx="{radius:g}"/>'
    for number, (line, looks) in enumerate(zip(lines, ("", ' class="said"'), strict=False)):
        at = y + PADDING / 2 + LINE_HEIGHT * (number + 0.75)
        yield (
            f'<text x="{x + width / 2:.1f}" y="{at:.1f}" text-anchor="middle"{looks}>'
            f"{_xml(line)}</text>"
        )
    yield "</g>"


def _classes(node: Node) -> str:
    if isinstance(node, RunNode):
        return "run"
    return "version" if node.state == "COMMITTED" else f"version {node.state.lower()}"


def _whole(node: Node) -> str:
    """Return what resting on a node shows."""
    said = f"{label(node, '')}  {remark(node)}"
    return f"{said}\n{node.commit.hex()}" if isinstance(node, VersionNode) else said


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"


def _columns(text: str) -> float:
    """Return how wide a text is about, in Latin letters: what stands from U+2E80 on is wider."""
    return sum(1.75 if character >= "\u2e80" else 1.0 for character in text)


def _xml(text: str) -> str:
    """Return text as it may stand in an element: what XML cannot hold was escaped by ``label``.

    (``xml.sax.saxutils`` does the same, and loads an HTTP client.)
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
