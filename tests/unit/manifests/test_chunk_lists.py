"""Chunk lists: from any byte on, by few nodes, and not believed when they do not add up."""

import random

import pytest

from casstore.digest import digest_of
from casstore.errors import Corrupt
from casstore.manifests import chunk_refs, chunklists, layout_nodes

FILE = digest_of(b"the file")


def chunks_of(count, seed=1):
    draw = random.Random(seed)
    return [(draw.randbytes(32), draw.randrange(1, 9999)) for _ in range(count)]


def read(nodes, layout, size, **start):
    return list(chunk_refs(layout, FILE, size, nodes.fetch, **start))


def leaf(nodes, rows, level=0):
    row = chunklists.BRANCH_ROW if level else chunklists.LEAF_ROW
    head = chunklists.NODE_HEAD.pack(chunklists.NODE_MAGIC, level)
    return nodes.put(head + b"".join(row.pack(*item) for item in rows))


@pytest.mark.parametrize("count", [2, 3, 16, 17, 18, 1000, 6000])
def test_frames_come_back_in_order_with_their_offsets(nodes, count):
    """Inline lists and trees alike."""
    chunks = chunks_of(count)
    size = sum(length for _, length in chunks)
    refs = read(nodes, nodes.chunk_list(chunks), size)
    assert [tuple(ref) for _, ref in refs] == chunks
    assert [offset for offset, _ in refs] == [
        sum(length for _, length in chunks[:number]) for number in range(count)
    ]


def test_a_file_of_one_frame_has_no_layout(nodes):
    """The file's own digest is its frame's."""
    assert nodes.chunk_list([(FILE, 7)]) == b""
    assert read(nodes, b"", 7) == [(0, (FILE, 7))]


def test_an_empty_file_has_no_frame(nodes):
    """And no layout."""
    assert nodes.chunk_list([]) == b""
    assert read(nodes, b"", 0) == []


def test_reading_from_the_middle_reads_few_nodes(nodes):
    """Only those on the way, whatever the list's length."""
    chunks = chunks_of(20_000)
    size = sum(length for _, length in chunks)
    layout = nodes.chunk_list(chunks)
    everything = read(nodes, layout, size)
    for start in (0, 1, size // 2, size - 1):
        nodes.fetched.clear()
        first = next(chunk_refs(layout, FILE, size, nodes.fetch, start=start))
        assert len(nodes.fetched) <= 3
        assert first[0] <= start < first[0] + first[1].size_bytes
        assert first in everything
    start = size - 5000
    expected = [item for item in everything if item[0] + item[1].size_bytes > start]
    assert read(nodes, layout, size, start=start) == expected


def test_reading_from_the_end_gives_nothing(nodes):
    """No frame holds the byte after the last."""
    chunks = chunks_of(40)
    size = sum(length for _, length in chunks)
    assert read(nodes, nodes.chunk_list(chunks), size, start=size) == []


def test_the_nodes_of_a_layout_are_listed_top_first(nodes):
    """An inline one has none."""
    assert list(layout_nodes(nodes.chunk_list(chunks_of(16)), nodes.fetch)) == []
    layout = nodes.chunk_list(chunks_of(9000))
    listed = list(layout_nodes(layout, nodes.fetch))
    assert listed[0] == layout[1:]
    assert set(listed) == set(nodes)
    assert len(listed) == len(set(listed))


def test_an_inserted_frame_writes_few_nodes(nodes):
    """One leaf and the nodes above it, wherever it is put."""
    chunks = chunks_of(15_000)
    nodes.chunk_list(chunks)
    before = len(nodes)
    nodes.chunk_list([*chunks[:8000], (bytes(range(32)), 5), *chunks[8000:]])
    assert len(nodes) - before <= 3


def test_a_list_of_frames_that_never_cut_is_cut_at_its_limit(nodes):
    """Equal frames, as of a sparse file, make no node without end."""
    count = 2 * chunklists.MAX_NODE_ROWS + 10
    chunks = [(b"\xff" * 32, 3)] * count
    layout = nodes.chunk_list(chunks)
    assert len(read(nodes, layout, 3 * count)) == count
    assert max(map(len, nodes.values())) <= 8 + 36 * chunklists.MAX_NODE_ROWS


def test_frames_that_end_several_levels_at_once_make_a_list_that_is_read(nodes):
    """Thirty low bits of zeros in each digest."""
    chunks = [((1 << 30).to_bytes(32, "little"), 3)] * 40
    layout = nodes.chunk_list(chunks)
    assert layout[0] >= 3
    assert len(read(nodes, layout, 120)) == 40


@pytest.mark.parametrize("lie", [-1, 1])
@pytest.mark.parametrize("count", [5, 50, 3000])
def test_a_list_that_does_not_add_up_is_corrupt(nodes, count, lie):
    """The file's size is checked against its frames'."""
    chunks = chunks_of(count)
    size = sum(length for _, length in chunks)
    layout = nodes.chunk_list(chunks)
    with pytest.raises(Corrupt):
        read(nodes, layout, size + lie)


def test_a_branch_that_lies_about_what_is_beneath_is_corrupt(nodes):
    """A gap between two leaves is seen though the end is right."""
    one, two = leaf(nodes, [(b"a" * 32, 90)]), leaf(nodes, [(b"b" * 32, 100)])
    top = leaf(nodes, [(one, 100), (two, 100)], level=1)
    with pytest.raises(Corrupt):
        read(nodes, chunklists.TOP.pack(1, top), 200)


@pytest.mark.parametrize("start", [0, 150])
def test_a_leaf_that_is_longer_than_its_branch_says_is_corrupt(nodes, start):
    """Frames never overlap, wherever reading starts."""
    one, two = leaf(nodes, [(b"a" * 32, 100)]), leaf(nodes, [(b"b" * 32, 110)])
    top = leaf(nodes, [(one, 100), (two, 100)], level=1)
    with pytest.raises(Corrupt):
        read(nodes, chunklists.TOP.pack(1, top), 200, start=start)


def test_a_list_of_empty_nodes_ends(nodes):
    """Nodes that name each other's like a thousand times over are not walked for ever."""
    node = leaf(nodes, [])
    for level in range(1, 5):
        node = leaf(nodes, [(node, 0)] * 60, level=level)
    with pytest.raises(Corrupt):
        read(nodes, chunklists.TOP.pack(4, node), 10)
    assert len(nodes.fetched) < 1000


@pytest.mark.parametrize("layout", [b"x", b"x" * 35, b"x" * 37, b"x" * 71])
def test_a_layout_of_an_odd_length_is_corrupt(nodes, layout):
    """It is none of the three kinds."""
    with pytest.raises(Corrupt, match="broken row"):
        read(nodes, layout, 10)


@pytest.mark.parametrize(
    "node",
    [b"", b"CScl", b"XXXX\0\0\0\0", b"CScl\1\0\0\0", b"CScl\0\0\0\0" + b"x" * 35],
)
def test_a_broken_node_is_corrupt(nodes, node):
    """Magic, level and rows are checked."""
    with pytest.raises(Corrupt):
        read(nodes, chunklists.TOP.pack(0, nodes.put(node)), 10)


def test_a_list_that_is_too_deep_is_corrupt(nodes):
    """No file needs so many levels."""
    with pytest.raises(Corrupt, match="deeper"):
        read(nodes, chunklists.TOP.pack(chunklists.MAX_LEVEL + 1, bytes(32)), 10)
