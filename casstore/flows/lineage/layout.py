"""Where the nodes of a picture stand: in columns, left to right, with few crossings.

Knows: numbers, edges between them, sizes.  Never: versions, runs, drawing.

The layered method of Sugiyama, Tagawa and Toda (1981): columns by the longest way from a source,
unseen nodes where an edge passes a column, order within a column by the middle of the neighbours,
heights by moving each node towards its neighbours.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Layout", "lay_out"]

SWEEPS = 12
MAX_PASSED_COLUMNS = 12
"""An edge that passes more columns is drawn straight: room for it would cost more than it helps."""

Links = dict[int, list[int]]


@dataclass(frozen=True, slots=True)
class Layout:
    """``columns``: each node's column.  ``middles``: each node's middle, top is 0.

    ``paths``: for each edge the nodes that it passes, seen and unseen ones, from end to end; those
    from the number of seen nodes on are unseen.
    """

    columns: list[int]
    middles: list[float]
    paths: list[list[int]]


def lay_out(heights: Sequence[float], edges: Sequence[tuple[int, int]], gap: float) -> Layout:
    """Place nodes of these heights, ``gap`` apart; in a circle an edge goes back."""
    columns = _columns(len(heights), edges)
    sizes = list(heights)
    paths = []
    for source, target in edges:
        step = 1 if columns[source] < columns[target] else -1
        passed = range(columns[source] + step, columns[target], step)
        unseen = list(range(len(columns), len(columns) + len(passed)))
        if len(passed) > MAX_PASSED_COLUMNS:
            passed, unseen = range(0), []
        columns += passed
        sizes += [0.0] * len(unseen)
        paths.append([source, *unseen, target])
    left, right = _neighbours(paths, columns)
    members = _ordered(columns, left, right)
    return Layout(columns, _middles(members, sizes, left, right, gap), paths)


def _columns(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the longest way to each node; where a circle is, it is cut at its first node."""
    targets: Links = defaultdict(list)
    waits = [0] * count
    for source, target in edges:
        if source != target:
            targets[source].append(target)
            waits[target] += 1
    columns, done = [0] * count, [False] * count
    ready = [node for node in range(count) if waits[node] == 0]
    following = iter(range(count))
    while True:
        if not ready:
            stuck = next((node for node in following if not done[node]), None)
            if stuck is None:
                break
            ready = [stuck]
        node = ready.pop()
        done[node] = True
        for target in targets[node]:
            if not done[target]:
                columns[target] = max(columns[target], columns[node] + 1)
                waits[target] -= 1
                if waits[target] == 0:
                    ready.append(target)
    return _drawn_near(columns, targets, edges)


def _drawn_near(columns: list[int], targets: Links, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Move what came from nothing to just before what came of it."""
    fed = {target for _, target in edges}
    for node in set(range(len(columns))) - fed:
        if targets[node]:
            columns[node] = min(columns[target] for target in targets[node]) - 1
    lowest = min(columns, default=0)
    return [column - lowest for column in columns]


def _neighbours(paths: Iterable[list[int]], columns: Sequence[int]) -> tuple[Links, Links]:
    left, right = defaultdict(list), defaultdict(list)
    for path in paths:
        for one, other in pairwise(path):
            first, second = (one, other) if columns[one] < columns[other] else (other, one)
            right[first].append(second)
            left[second].append(first)
    return left, right


def _ordered(columns: Sequence[int], left: Links, right: Links) -> list[list[int]]:
    """Return each column's nodes from top to bottom."""
    members: list[list[int]] = [[] for _ in range(max(columns, default=-1) + 1)]
    for node, column in enumerate(columns):
        members[column].append(node)
    place = [0.0] * len(columns)
    for nodes in members:
        _number(nodes, place)
    for sweep in range(SWEEPS):
        links, turn = (left, members) if sweep % 2 == 0 else (right, members[::-1])
        for nodes in turn:
            nodes.sort(key=_middle_of(links, place))
            _number(nodes, place)
    return members


def _number(nodes: list[int], place: list[float]) -> None:
    """Note where in its column each node stands, between 0 and 1."""
    for position, node in enumerate(nodes):
        place[node] = (position + 0.5) / len(nodes)


def _middle_of(links: Links, place: Sequence[float]) -> Callable[[int], float]:
    def middle(node: int) -> float:
        others = links[node]
        return sum(place[other] for other in others) / len(others) if others else place[node]

    return middle


def _middles(
    members: Iterable[list[int]], sizes: Sequence[float], left: Links, right: Links, gap: float
) -> list[float]:
    """Return the middle of each node: near its neighbours, in order, none over another."""
    columns = list(members)
    middles = [0.0] * len(sizes)
    for sweep in range(SWEEPS):
        links, turn = (left, columns) if sweep % 2 == 0 else (right, columns[::-1])
        for column in turn:
            wanted = _middle_of(links, middles)
            _settle(column, [wanted(node) for node in column], sizes, middles, gap)
    top = min((middles[n] - size / 2 for n, size in enumerate(sizes)), default=0.0)
    return [middle - top for middle in middles]


def _settle(
    column: list[int],
    wanted: list[float],
    sizes: Sequence[float],
    middles: list[float],
    gap: float,
) -> None:
    """Put a column's nodes where they are wanted, as far as their order and the gap let them.

    Blocks of nodes that touch stand where their members are wanted on average.
    """
    offsets = [0.0]
    for one, other in pairwise(column):
        offsets.append(offsets[-1] + (sizes[one] + sizes[other]) / 2 + gap)
    blocks: list[tuple[float, int]] = []  # (sum of starts wanted, members)
    for start in (want - offset for want, offset in zip(wanted, offsets, strict=True)):
        total, count = start, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before, more = blocks.pop()
            total, count = total + before, count + more
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    for node, start, offset in zip(column, starts, offsets, strict=True):
        middles[node] = start + offset
