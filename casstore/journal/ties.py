"""What lineage is read from: which run made and read which version.

Knows: nodes, ties, how they are folded and read.  Never: graphs, depth, rows.

A *node* is a version or a run, under 16 bytes: the commit id, or a digest of the run's project and
id.  A *tie* goes the way that data goes: from a run to a version that it made, from a version to a
run that read it, from a version to one that was drafted from it.  It stands in two sets, the
``sources`` of its one end and the ``targets`` of the other, as its kind and the end that it leads
to.  So a walk over a hundred thousand ties reads no row at all; ``cards`` name its nodes.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from casstore.journal.cards import NodeId
from casstore.journal.table import StateReader, StateTable

__all__ = ["DRAFTED", "MADE", "READ", "Family", "tie", "ties"]

Family: TypeAlias = Literal["sources", "targets"]

DRAFTED, MADE, READ = b"d", b"m", b"r"


def tie(table: StateTable, kind: bytes, source: bytes, target: bytes) -> None:
    """Note that data went from one node to another."""
    table.join("targets", source, kind + target)
    table.join("sources", target, kind + source)


def ties(
    table: StateReader, family: Family, nodes: Sequence[NodeId], limit: int
) -> list[tuple[NodeId, bytes]]:
    """Return (node, kind and other end) of what nodes came from or went into, at most ``limit``."""
    return table.members(family, nodes, limit)  # type: ignore[return-value]
