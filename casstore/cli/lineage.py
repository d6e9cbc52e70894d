"""``casstore lineage``: what a version came from, and what came of it.

Knows: the forms that are offered, the keys of their JSON.  Never: how the graph is found or drawn.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from casstore.cli.completing import REF
from casstore.cli.messages import say
from casstore.cli.options import Options, Verb
from casstore.cli.output import print_json_lists, print_line
from casstore.cli.workspace import Workspace
from casstore.flows.lineage import Graph, Node, RunNode, as_dot, as_mermaid, as_svg, tree_text
from casstore.flows.lineage import lineage as lineage_of

__all__ = ["lineage"]

FORMS: dict[str, Callable[[Graph], str]] = {"dot": as_dot, "mermaid": as_mermaid, "svg": as_svg}

NEAREST_EDGES = 1000
"""Of each direction, in a tree that somebody reads; ``--all`` writes the others too."""


@click.command(cls=Verb)
@click.argument("ref", metavar="REF", type=REF)
@click.option("--upstream", is_flag=True, help="Only what it came from.")
@click.option("--downstream", is_flag=True, help="Only what came of it.")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="At most N versions away.")
@click.option("--all", "everything", is_flag=True, help="Write the whole tree, however long.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Print a Mermaid flowchart.")
@click.option("--dot", "form", flag_value="dot", help="Print a Graphviz digraph.")
@click.option("--svg", "form", flag_value="svg", help="Print a picture that browsers show.")
@click.pass_obj
def lineage(
    options: Options,
    *,
    ref: str,
    upstream: bool,
    downstream: bool,
    depth: int | None,
    everything: bool,
    form: str | None,
) -> None:
    """Show which versions and runs a version came from, and which came of it.

    A removed version is found too: what was made of it remembers it.
    """
    both = upstream == downstream
    sides = {"upstream": both or upstream, "downstream": both or downstream}
    with Workspace(options) as place:
        view = place.version(ref, deleted=True)
        graph = lineage_of(
            place.existing(),
            view.commit,
            **sides,
            depth=depth,
            nearest=None if options.json or form or everything else NEAREST_EDGES,
        )
    if not graph.complete:
        say(options, f"only the nearest {graph.edge_count:,} edges are shown; --depth shows fewer")
    if options.json:
        _print_json(graph)
    elif form:
        print_line(FORMS[form](graph))
    else:
        ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
        print_line(tree_text(graph, **sides, ascii_only=ascii_only))


def _print_json(graph: Graph) -> None:
    encode = json.JSONEncoder().encode
    names = {node: _name(known) for node, known in graph.nodes.items()}
    quoted = {node: encode(name) for node, name in names.items()}
    nodes = (encode(_node(names[node], known)) for node, known in graph.nodes.items())
    edges = (  # a hundred thousand of them: by hand it takes a tenth of the time
        f'{{"from": {quoted[source]}, "to": {quoted[target]}, "kind": "{kind}"}}'
        for source, target, kind in graph.edges
    )
    lists = {"nodes": nodes, "edges": edges}
    print_json_lists(lists, commit_id=graph.root.hex(), complete=graph.complete)


def _name(node: Node) -> str:
    """Return what edges call a node: a commit id, or project/run."""
    return f"{node.project}/{node.run}" if isinstance(node, RunNode) else node.commit.hex()


def _node(name: str, node: Node) -> dict[str, Any]:
    if isinstance(node, RunNode):
        return {
            "node": name,
            "kind": "run",
            "project": node.project,
            "id": node.run,
            "name": node.name,
            "job_type": node.job_type,
            "state": node.state,
        }
    return {
        "node": name,
        "kind": "version",
        "project": node.project,
        "name": node.name,
        "version": None if node.number is None else f"v{node.number}",
        "commit_id": name,
        "type": node.type,
        "state": node.state,
    }
