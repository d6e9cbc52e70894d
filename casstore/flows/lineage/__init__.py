"""Lineage: the graph of versions and runs around a version, and pictures of it.

``graph``    the record: nodes, edges, what they are called
``walk``     how it is built from the index, across any depth
``tree``     lines for a terminal
``text_graphs``  Mermaid and DOT
``svg``      a picture, and ``layout``, where its nodes stand
"""

from casstore.flows.lineage.graph import Edge, Graph, Node, RunNode, VersionNode
from casstore.flows.lineage.svg import MAX_PICTURE_NODES, as_svg
from casstore.flows.lineage.text_graphs import as_dot, as_mermaid
from casstore.flows.lineage.tree import tree_text
from casstore.flows.lineage.walk import MAX_EDGES, lineage

__all__ = [
    "MAX_EDGES",
    "MAX_PICTURE_NODES",
    "Edge",
    "Graph",
    "Node",
    "RunNode",
    "VersionNode",
    "as_dot",
    "as_mermaid",
    "as_svg",
    "lineage",
    "tree_text",
]
