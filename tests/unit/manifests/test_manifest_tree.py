"""Manifests: found, walked, compared, and not believed when they are broken."""

import random

import pytest

from casstore.digest import digest_of
from casstore.encoding import encode_ordered
from casstore.errors import Corrupt, Invalid
from casstore.manifests import EMPTY_ROOT, Entry, Manifest, ManifestTop, manifest_digest, tree


def entries_of(count, seed=1, width=30):
    draw = random.Random(seed)
    paths = sorted({b"d%d/f%07d" % (draw.randrange(width), number) for number in range(count)})
    return [Entry(path, draw.randrange(9999), 0, draw.randbytes(32)) for path in paths]


def differences(old, new):
    """Compare two lists of entries the slow way."""
    before = {entry.path: entry for entry in old}
    after = {entry.path: entry for entry in new}
    paths = sorted({*before, *after})
    return [
        (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 255, 3000])
def test_entries_come_back_in_order(nodes, count):
    """With their digest, number and sizes."""
    entries = entries_of(count)
    manifest = nodes.manifest(entries)
    assert list(manifest) == entries
    assert len(manifest) == count
    assert manifest.top.digest == manifest_digest(entries)
    assert manifest.top.size_bytes == sum(entry.size_bytes for entry in entries)


def test_a_version_without_entries_has_no_node(nodes):
    """Its root is all zeros and nothing is read for it."""
    manifest = nodes.manifest([])
    assert (manifest.top.root, manifest.top.level, nodes) == (EMPTY_ROOT, 0, {})
    assert manifest.get(b"a") is None
    assert list(manifest.nodes()) == []


def test_every_entry_is_found_and_nothing_else(nodes):
    """A path costs one node a level."""
    entries = entries_of(5000)
    manifest = nodes.manifest(entries)
    assert manifest.top.level >= 1
    for entry in entries[::97]:
        nodes.fetched.clear()
        assert manifest.get(entry.path) == entry
        assert len(nodes.fetched) == manifest.top.level + 1
        assert manifest.get(entry.path + b"\0") is None
        assert manifest.get(entry.path[:-1]) is None
    assert manifest.get(b"") is None
    assert manifest.get(b"\xff") is None


def test_a_prefix_is_a_plain_string_prefix(nodes):
    """It may end within a name."""
    entries = entries_of(3000)
    manifest = nodes.manifest(entries)
    for prefix in (b"", b"d1", b"d1/", b"d2/f0000", b"d9/f9", b"zzz", entries[5].path):
        expected = [entry for entry in entries if entry.path.startswith(prefix)]
        assert list(manifest.under(prefix)) == expected


def test_walking_may_start_anywhere(nodes):
    """At a path, between two, before the first, after the last."""
    entries = entries_of(2000)
    manifest = nodes.manifest(entries)
    for start in (b"", entries[700].path, entries[700].path + b"\0", b"\xff"):
        expected = [entry for entry in entries if entry.path >= start]
        assert list(manifest.start_at(start)) == expected


def test_nodes_lists_every_node_once_parents_first(nodes):
    """What is listed is exactly what was stored."""
    manifest = nodes.manifest(entries_of(4000))
    listed = list(manifest.nodes())
    assert listed[0] == manifest.top.root
    assert len(listed) == len(set(listed))
    assert set(listed) == set(nodes)


@pytest.mark.parametrize("count", [0, 1, 300, 6000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_changes_are_those_of_a_naive_comparison(nodes, count, seed):
    """Added, removed and changed, in path order, in both directions."""
    draw = random.Random(seed)
    old = entries_of(count)
    new = [entry for entry in old if draw.random() > 0.003]
    new = [
        entry._replace(content=draw.randbytes(32)) if draw.random() < 0.003 else entry
        for entry in new
    ]
    new += [Entry(b"e/%d" % number, 1, 1, draw.randbytes(32)) for number in range(3)]
    new.sort()
    one, two = nodes.manifest(old), nodes.manifest(new)
    assert list(one.changes(two)) == differences(old, new)
    assert list(two.changes(one)) == differences(new, old)
    assert list(one.changes(one)) == []


def test_trees_of_very_different_heights_are_compared(nodes):
    """Neither side has to be the larger one."""
    small, large = entries_of(3, seed=4), entries_of(9000)
    one, two = nodes.manifest(small), nodes.manifest(large)
    assert two.top.level > one.top.level
    assert list(one.changes(two)) == differences(small, large)
    assert list(two.changes(one)) == differences(large, small)


def test_one_change_reads_few_nodes(nodes):
    """What two versions share is not read."""
    entries = entries_of(20_000)
    changed = list(entries)
    changed[12_345] = changed[12_345]._replace(content=bytes(32))
    one, two = nodes.manifest(entries), nodes.manifest(changed)
    nodes.fetched.clear()
    assert len(list(one.changes(two))) == 1
    assert len(nodes.fetched) <= 4 * (one.top.level + 1)
    assert len(list(one.nodes())) > 50


def test_one_change_writes_few_nodes(nodes):
    """The next version writes its changed segment and the branches above."""
    entries = entries_of(20_000)
    nodes.manifest(entries)
    before = len(nodes)
    del entries[7_000]
    top = nodes.manifest(entries).top
    assert len(nodes) - before <= 2 * (top.level + 1)


def test_equal_entries_give_equal_trees_whatever_came_before(nodes):
    """Nodes are a function of paths and content alone."""
    entries = entries_of(5000)
    first = nodes.manifest(entries).top
    nodes.manifest(entries[:2500])
    assert nodes.manifest(entries).top == first


@pytest.mark.parametrize("paths", [(b"b", b"a"), (b"a", b"a")])
def test_entries_out_of_order_are_refused(nodes, paths):
    """Each path once, in byte order."""
    with pytest.raises(ValueError, match="path order"):
        nodes.manifest([Entry(path, 0, 0, bytes(32)) for path in paths])


def test_a_segment_has_a_largest_number_of_rows(nodes, monkeypatch):
    """Content that never cuts cannot make a node without end."""
    monkeypatch.setattr(tree, "digest_of", lambda _: b"\x01" * 32)
    manifest = nodes.manifest(entries_of(3 * tree.MAX_NODE_ROWS + 5))
    assert len(list(manifest.nodes())) == 5
    assert len(list(manifest)) == len(manifest)


def test_a_segment_has_a_largest_number_of_path_bytes(nodes, monkeypatch):
    """Long paths end a segment earlier."""
    monkeypatch.setattr(tree, "digest_of", lambda _: b"\x01" * 32)
    entries = [Entry(b"%04d" % number + b"x" * 4000, 0, 0, bytes(32)) for number in range(200)]
    manifest = nodes.manifest(entries)
    segments = [data for digest, data in nodes.items() if digest != manifest.top.root]
    assert len(segments) == 4
    assert max(map(len, segments)) < tree.MAX_NODE_PATH_BYTES + 20_000


def test_all_kinds_of_entries_come_back(nodes):
    """Executables, references with extras, paths that are not UTF-8."""
    entries = [
        Entry(b"a\xff", 3, 0, bytes(32), b"layout"),
        Entry(b"b", 3, 1, bytes(32)),
        Entry(b"c", 0, 2, b"etag", b"", b"\x80"),
    ]
    assert list(nodes.manifest(entries)) == entries
    assert [entry.executable for entry in entries] == [False, True, False]
    assert [entry.is_reference for entry in entries] == [False, False, True]


GOOD = [b"a", 1, 0, bytes(32)]
BROKEN_SEGMENTS = {
    "no list": 5,
    "a map": {},
    "one item": [0],
    "another level": [1, [GOOD]],
    "rows are no list": [0, 5],
    "a row is no list": [0, [5]],
    "a row is short": [0, [[b"a", 1, 0]]],
    "a row is long": [0, [[*GOOD, b"", b"", b""]]],
    "a path is no bytes": [0, [["a", 1, 0, bytes(32)]]],
    "a path is a list": [0, [[[], 1, 0, bytes(32)]]],
    "a size is negative": [0, [[b"a", -1, 0, bytes(32)]]],
    "a size is text": [0, [[b"a", "1", 0, bytes(32)]]],
    "a kind is unknown": [0, [[b"a", 1, 3, bytes(32)]]],
    "a digest is short": [0, [[b"a", 1, 0, bytes(31)]]],
    "a digest is text": [0, [[b"a", 1, 0, "x" * 32]]],
    "a reference is no bytes": [0, [[b"a", 1, 2, 7]]],
    "a layout is a number": [0, [[*GOOD, 7]]],
    "paths are out of order": [0, [[b"b", 1, 0, bytes(32)], GOOD]],
}
BROKEN_BRANCHES = {
    "rows are no list": [1, 7],
    "a row is short": [1, [[b"a", bytes(32), 1]]],
    "a digest is short": [1, [[b"a", bytes(31), 1, 1]]],
    "a digest is text": [1, [[b"a", "x" * 32, 1, 1]]],
    "a path is a number": [1, [[5, bytes(32), 1, 1], [6, bytes(32), 1, 1]]],
    "it is a segment": [0, [GOOD]],
}


def broken(value, level):
    data = encode_ordered(value)
    return Manifest(ManifestTop(b"", digest_of(data), level, 1, 1), lambda _: data)


@pytest.mark.parametrize("what", sorted(BROKEN_SEGMENTS))
def test_a_broken_segment_is_corrupt(what):
    """Whoever wrote it, reading gives an error of ours and no odd entry."""
    with pytest.raises(Corrupt):
        list(broken(BROKEN_SEGMENTS[what], 0))


@pytest.mark.parametrize("what", sorted(BROKEN_BRANCHES))
def test_a_broken_branch_is_corrupt(what):
    """Whoever wrote it, walking and looking up give an error of ours."""
    with pytest.raises(Corrupt):
        list(broken(BROKEN_BRANCHES[what], 1))
    with pytest.raises(Corrupt):
        broken(BROKEN_BRANCHES[what], 1).get(b"z")


@pytest.mark.parametrize("path", [b"../a", b"/a", b"", b"a//b", b"C:x", b"a\0"])
def test_a_segment_with_a_path_that_leads_elsewhere_is_refused(path):
    """A version that a stranger wrote cannot name files outside its folder."""
    with pytest.raises((Corrupt, Invalid)):
        list(broken([0, [[path, 1, 0, bytes(32)]]], 0))


def test_a_tree_that_is_too_deep_is_corrupt():
    """A node cannot send its reader down for ever."""
    level = tree.MAX_LEVEL + 1
    with pytest.raises(Corrupt, match="deeper"):
        list(broken([level, [[b"a", bytes(32), 1, 1]]], level))


def test_bytes_that_are_not_msgpack_are_corrupt():
    """Nor is something appended to a node passed over."""
    for data in (b"", b"\xc1", encode_ordered([0, []]) + b"\0"):
        manifest = Manifest(ManifestTop(b"", bytes(32), 0, 1, 1), lambda _, data=data: data)
        with pytest.raises(Corrupt):
            list(manifest)
