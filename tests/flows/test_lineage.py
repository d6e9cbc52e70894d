"""The graph around a version: what it came from, what came of it, across any depth."""

import itertools
import re
import time
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from casstore.catalog import EventPlace
from casstore.digest import CommitId, digest_of
from casstore.errors import Invalid
from casstore.flows.lineage import RunNode, as_dot, as_mermaid, as_svg, lineage, tree_text, walk
from casstore.journal.bodies import (
    DeleteBody,
    LabelBody,
    ManifestRef,
    ProducerBody,
    RunFinishBody,
    RunStartBody,
    RunUseBody,
    VersionBody,
)
from casstore.journal.cards import NodeId
from casstore.journal.subjects import CollectionSubject, CommitSubject, RunSubject
from casstore.journal.wire import write_event
from casstore.store.mirroring import apply_events

SVG = "{http://www.w3.org/2000/svg}"
NASTY = (
    '<a href="x">&amp; "q" \'s\' `b` ]]> --> %% {} [] () | ; : #35; \\n \x07 \u202e \u00e9\u6f22'
)
PLAIN = NASTY.partition(" \x07")[0]


class History:
    """Writes events straight into the index of a store: nothing here reads their files."""

    def __init__(self, store):
        self.store = store
        self.count = itertools.count()
        self.numbers = {}
        self.events = []

    def write(self, subject, body):
        seq = next(self.count)
        written = write_event(
            subject, body, writer=bytes(16), seq=seq, clock=seq + 1, time=time.time_ns() // 1000
        )
        self.events.append(written.event)
        return written.event

    def version(self, name, run=None, *, project="p", type_name="model", bases=()):
        number = self.numbers[project, name] = self.numbers.get((project, name), -1) + 1
        digest = digest_of(f"{project} {name} {number}".encode())
        subject = CommitSubject(project, name, CommitId(digest[:16]))
        manifest = ManifestRef(digest, digest, 0, 1, 1)
        self.write(
            subject,
            VersionBody(
                type_name, "local", manifest, number, self.store.numbering, run, bases=bases
            ),
        )
        return subject

    def run(self, run_id, reads=(), makes=(), *, project="p", name=None, job_type="train"):
        subject = RunSubject(project, run_id)
        self.write(subject, RunStartBody(name=name, job_type=job_type))
        for used in reads:
            self.write(subject, RunUseBody(used.commit, used.project, used.name))
        made = [self.version(each, run_id, project=project) for each in makes]
        self.write(subject, RunFinishBody("finished", 0))
        return made[0] if len(made) == 1 else made

    def graph(self, subject, **how):
        events, self.events = self.events, []
        self.store.index.write(lambda writer: apply_events(writer, events, EventPlace("202601")))
        return lineage(self.store, subject.commit, **how)


class Names(NamedTuple):
    """A graph by names: what is compared."""

    nodes: set
    edges: set


def named(graph):
    def text(node):
        if isinstance(node, RunNode):
            return node.run
        return node.name if node.number is None else f"{node.name}:v{node.number}"

    names = {node: text(known) for node, known in graph.nodes.items()}
    edges = {(names[one], names[other], kind) for one, other, kind in graph.edges}
    assert len(edges) == len(graph.edges)
    return Names(set(names.values()), edges)


@pytest.fixture
def history(store):
    return History(store)


@pytest.fixture
def pipeline(history):
    """Make raw -> prep -> clean -> train -> net -> evaluate -> report, and a draft of net."""
    raw = history.version("raw", type_name="dataset")
    clean = history.run("prep", [raw], ["clean"])
    net = history.run("train", [clean], ["net"])
    history.version("net", bases=(net.commit,))
    history.run("evaluate", [net, clean], ["report"])
    return net


def test_a_version_comes_from_runs_and_what_they_read(history, pipeline):
    """Upstream, across every step."""
    found = named(history.graph(pipeline, downstream=False))
    assert found.edges == {
        ("raw:v0", "prep", "read"),
        ("prep", "clean:v0", "made"),
        ("clean:v0", "train", "read"),
        ("train", "net:v0", "made"),
    }


def test_what_came_of_a_version_are_runs_drafts_and_their_products(history, pipeline):
    """Downstream: what else those runs read is not part of it."""
    found = named(history.graph(pipeline, upstream=False))
    assert found.edges == {
        ("net:v0", "evaluate", "read"),
        ("evaluate", "report:v0", "made"),
        ("net:v0", "net:v1", "drafted"),
    }


def test_both_directions_meet_in_the_version_that_was_asked_for(history, pipeline):
    """It is the first of the nodes."""
    graph = history.graph(pipeline)
    assert next(iter(graph.nodes)) == graph.root == pipeline.commit
    assert len(graph.edges) == graph.edge_count == 7
    assert len(graph.nodes) == graph.node_count == 8
    assert graph.complete


@pytest.mark.parametrize(
    ("depth", "nodes"),
    [(0, {"net:v0"}), (1, {"net:v0", "train", "clean:v0"}), (2, {"raw:v0", "prep"})],
)
def test_depth_counts_versions(history, pipeline, depth, nodes):
    """A run between two versions is no step of its own."""
    found = named(history.graph(pipeline, downstream=False, depth=depth)).nodes
    assert nodes <= found
    assert len(found) == 1 + 2 * depth


def test_runs_of_other_projects_are_found(history):
    """Each with the project that it ran in."""
    data = history.version("data")
    history.run("there", [data], ["net"], project="q")
    graph = history.graph(data)
    run = next(node for node in graph.nodes.values() if isinstance(node, RunNode))
    assert (run.project, run.run, run.job_type, run.state) == ("q", "there", "train", "finished")
    assert "run q/there" in tree_text(graph)
    assert "q/net:v0" in tree_text(graph)


def test_a_renamed_collection_is_called_what_it_is_called_now(history, pipeline):
    """Its type, too, is the one that it was given last."""
    place = CollectionSubject("p", "net")
    history.write(place, LabelBody("name", "resnet"))
    history.write(place, LabelBody("type", "weights"))
    graph = history.graph(pipeline)
    node = graph.nodes[graph.root]
    assert (node.name, node.type) == ("resnet", "weights")
    assert tree_text(graph).startswith("resnet:v0  weights")


def test_every_producer_of_the_same_content_is_there(history):
    """Also one that only logged again what was there."""
    net = history.run("first", [], ["net"])
    history.run("second")
    history.write(net, ProducerBody("second"))
    assert named(history.graph(net)).edges == {
        ("first", "net:v0", "made"),
        ("second", "net:v0", "made"),
    }


def test_a_circle_ends(history):
    """A run that reads a version and logs its content again is upstream and downstream of it."""
    net = history.version("net")
    history.run("loop", [net])
    history.write(net, ProducerBody("loop"))
    graph = history.graph(net)
    assert named(graph).edges == {("net:v0", "loop", "read"), ("loop", "net:v0", "made")}
    assert "(shown elsewhere)" in tree_text(graph)
    for draw in (as_dot, as_mermaid, as_svg):
        assert draw(graph)


def test_versions_that_draft_each_other_are_survived(history):
    """Nobody can write that; a forged event could."""
    one = CommitId(bytes([1]) * 16)
    two = history.version("two", bases=(one,))
    digest = digest_of(b"one")
    body = VersionBody("model", "local", ManifestRef(digest, digest, 0, 1, 1), bases=(two.commit,))
    subject = CommitSubject("p", "one", one)
    history.write(subject, body)
    graph = history.graph(subject)
    assert len(graph.edges) == 2
    assert as_svg(graph)
    assert tree_text(graph)


def test_a_removed_version_keeps_its_place(history, pipeline):
    """It is marked, and what came of it is still reached."""
    version = next(
        event
        for event in history.events
        if event.subject == pipeline and isinstance(event.body, VersionBody)
    )
    history.write(pipeline, DeleteBody((version.id,)))
    graph = history.graph(pipeline)
    assert graph.nodes[graph.root].state == "DELETED"
    assert len(graph.edges) == 7
    assert "(removed)" in tree_text(graph)


def test_a_version_that_never_arrived_is_shown_as_not_here(history):
    """By the name that the run asked for it by, and its commit id."""
    missing = CommitSubject("p", "elsewhere", CommitId(b"\xab" * 16))
    net = history.run("train", [missing], ["net"])
    graph = history.graph(net)
    node = graph.nodes[NodeId(missing.commit)]
    assert (node.name, node.state, node.commit_hash) == ("elsewhere", "NOT_HERE", "ab" * 16)
    assert "elsewhere@abababababab  (not here)" in tree_text(graph)


def test_a_run_of_which_only_the_product_arrived_is_named(history):
    """Its id is all that is known."""
    graph = history.graph(history.version("net", run="far"))
    (run,) = [node for node in graph.nodes.values() if isinstance(node, RunNode)]
    assert (run.run, run.state) == ("far", "not here")


@pytest.fixture
def chain(history):
    """2,000 runs, each reading what the one before it made."""
    version = history.version("step")
    for number in range(2000):
        version = history.run(f"run{number}", [version], ["step"])
    return version


def test_a_history_of_thousands_of_steps_is_walked_and_written(history, chain):
    """No recursion, and no line that grows with the depth."""
    graph = history.graph(chain)
    assert len(graph.edges) == 4000
    lines = tree_text(graph).splitlines()
    assert max(map(len, lines)) < 150
    shown = [re.sub(r"^[│├└─ ]*|  .*", "", line) for line in lines]
    assert {f"step:v{number}" for number in range(2001)} <= set(shown)


def test_a_walk_ends_at_its_limit_and_says_so(history, chain):
    """The nearest edges are kept."""
    graph = history.graph(chain, max_edges=11)
    assert (len(graph.edges), graph.complete) == (11, False)
    assert "run1999" in named(graph).nodes
    exact = history.graph(chain, max_edges=4000)
    assert (len(exact.edges), exact.complete) == (4000, True)


def test_only_the_nearest_can_be_kept_of_what_was_met(history, chain):
    """The others are counted, and the tree says how many there are."""
    graph = history.graph(chain, nearest=100)
    assert (len(graph.edges), graph.edge_count, graph.node_count) == (100, 4000, 4001)
    assert tree_text(graph).endswith("and 3,900 edges farther away, of 4,001 versions and runs")


def test_the_limit_holds_for_what_one_version_went_into(history):
    """A version that very many runs read is not read whole."""
    hub = history.version("hub")
    for number in range(50):
        history.run(f"run{number}", [hub])
    assert len(history.graph(hub, max_edges=10).edges) == 10
    assert walk.MAX_EDGES > 100_000


# Pictures


@pytest.fixture
def nasty(history):
    """Make a graph whose names try to break out of every form."""
    data = history.version("data", type_name=NASTY)
    net = history.run("train", [data], ["net"], name=NASTY, job_type="end")
    history.version("net", bases=(net.commit,))
    return history.graph(net)


def svg_of(graph):
    return ET.fromstring(as_svg(graph))


def test_a_picture_holds_every_node_and_edge(nasty):
    """Versions and runs as groups with a title, edges as curves."""
    root = svg_of(nasty)
    groups = root.findall(f".//{SVG}g[@class]")
    assert sorted(group.get("class") for group in groups) == [
        *("run", "version", "version", "version asked"),
    ]
    curves = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(curves) == len(nasty.edges) == 3
    assert sum("drafted" in path.get("class") for path in curves) == 1


def test_a_picture_shows_names_as_they_are_and_nothing_acts(nasty):
    """Only shapes and text, no address but the arrow's; text comes back, control codes escaped."""
    text = as_svg(nasty)
    root = ET.fromstring(text)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"}
    given = {name: value for element in root.iter() for name, value in element.attrib.items()}
    assert not [name for name in given if name.startswith(("on", "href", "{", "style"))]
    values = {value for element in root.iter() for value in element.attrib.values()}
    assert {value for value in values if "url" in value} == {"url(#arrow)"}
    style = root.find(f"{SVG}style").text
    assert not re.search(r"url|@|<|expression", style)
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert sum(PLAIN in title for title in titles) == 2
    assert "\x07" not in text


def test_nothing_in_a_picture_lies_over_another(history, pipeline):
    """Boxes of one column are apart, and every box is inside the picture."""
    root = svg_of(history.graph(pipeline))
    width, height = float(root.get("width")), float(root.get("height"))
    boxes = [
        tuple(float(rect.get(key)) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
        if rect.get("x")
    ]
    assert len(boxes) == 8
    for (x, y, w, h), (x2, y2, w2, h2) in itertools.combinations(boxes, 2):
        assert x + w < x2 or x2 + w2 < x or y + h < y2 or y2 + h2 < y
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)


def test_data_goes_from_left_to_right(history, pipeline):
    """Each edge begins left of where it ends."""
    root = svg_of(history.graph(pipeline))
    for path in root.iter(f"{SVG}path"):
        if path.get("marker-end"):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d"))]
            assert numbers[0] < numbers[-2]


def test_a_picture_of_too_many_nodes_is_refused(history, chain):
    """The message says what to do."""
    with pytest.raises(Invalid, match="more than a picture can show"):
        as_svg(history.graph(chain))
    assert svg_of(history.graph(chain, depth=100)) is not None


def test_graphviz_gets_one_statement_a_line_with_every_name_quoted(nasty):
    """By graphviz.org/doc/info/lang.html a quoted text ends at the first bare double quote."""
    first, direction, font, *lines, last = as_dot(nasty).splitlines()
    assert (first, direction.strip(), last) == ("digraph lineage {", "rankdir=LR", "}")
    assert font == '  node [fontname="sans-serif"]'
    text = r'"(?:[^"\\]|\\.)*"'
    node = re.compile(rf"  n\d+ \[label=({text})(?:, \w+=(?:\w+|{text}))*\]")
    labels = [found[1] for line in lines if (found := node.fullmatch(line))]
    edges = [line for line in lines if re.fullmatch(r"  n\d+ -> n\d+(?: \[style=dotted\])?", line)]
    assert (len(labels), len(edges)) == (4, 3)
    assert len(lines) == 7
    shown = [re.sub(r"\\([\\\"])", r"\1", label[1:-1]).replace("&amp;", "&") for label in labels]
    assert sum(PLAIN in label for label in shown) == 2


def test_mermaid_gets_nothing_that_its_grammar_could_take_for_its_own(nasty):
    """Each line is a node, an edge or a class; quoted text is words, spaces and entity codes."""
    head, *lines = as_mermaid(nasty).splitlines()
    assert head == "flowchart LR"
    text = r'"(?:[\w \-./@,]|#\d+;|<br/>)*"'
    node, edge = rf"  n\d+(?:\[{text}\]|\(\[{text}\]\))", r"  n\d+ (?:-->|-\.->) n\d+"
    kinds = [
        "node" if re.fullmatch(node, line) else "edge" if re.fullmatch(edge, line) else line
        for line in lines
    ]
    assert kinds == [
        *("node",) * 4,
        *("edge",) * 3,
        "  classDef asked stroke-width:3px",
        "  class n0 asked",
    ]
    codes = "".join(lines)
    decoded = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), codes)
    assert PLAIN in decoded
