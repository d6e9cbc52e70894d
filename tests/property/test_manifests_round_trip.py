"""Whatever the entries and chunks, trees give them back and are compared as dictionaries are."""

import contextlib
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from casstore.digest import digest_of
from casstore.encoding import encode_ordered
from casstore.errors import Corrupt, Invalid
from casstore.manifests import (
    ChunkListBuilder,
    Entry,
    Manifest,
    ManifestBuilder,
    ManifestTop,
    chunk_refs,
    chunklists,
    layout_nodes,
    manifest_digest,
    tree,
)

parts = st.binary(min_size=1, max_size=3).filter(
    lambda part: (
        not {b"/", b"\0", b":"} & {part[i : i + 1] for i in range(len(part))}
        and part not in {b".", b".."}
    )
)
paths = st.lists(parts, min_size=1, max_size=3).map(b"/".join)
contents = st.integers(0, 5).map(lambda number: bytes([number]) * 32)
entries = st.builds(Entry, paths, st.integers(0, 2**50), st.sampled_from([0, 1]), contents)
versions = st.lists(entries, max_size=80, unique_by=lambda entry: entry.path).map(sorted)
chunks = st.lists(
    st.tuples(
        st.integers(0, 9).map(lambda n: bytes([n % 3 * 85]) + bytes([n]) * 31), st.integers(1, 99)
    ),
    max_size=120,
)


class Nodes(dict):
    """Frames by digest."""

    def put(self, data):
        digest = digest_of(data)
        self[digest] = data
        return digest


def cut_often(data):
    """Return a digest that ends a node often, and several levels at times."""
    digest = digest_of(data)
    levels = {0: 2, 1: 1, 2: 1}.get(digest[0] % 8, 0)
    return bytes(levels) + bytes([digest[1] | 1]) + digest[levels + 1 :]


def manifest_of(nodes, items):
    builder = ManifestBuilder(nodes.put)
    with mock.patch.object(tree, "digest_of", cut_often):
        for entry in items:
            builder.extend([entry])
        return Manifest(builder.finish(), nodes.__getitem__)


@given(versions)
def test_every_entry_comes_back_and_is_found(items):
    """Walking, looking up, counting and the digest."""
    manifest = manifest_of(Nodes(), items)
    assert list(manifest) == items
    assert [manifest.get(entry.path) for entry in items] == items
    assert manifest.top.digest == manifest_digest(items)
    assert manifest.top[3:] == (len(items), sum(entry.size_bytes for entry in items))


@given(versions, paths)
def test_a_prefix_and_a_start_give_what_a_list_gives(items, path):
    """Whether anything is there or not."""
    manifest = manifest_of(Nodes(), items)
    assert list(manifest.start_at(path)) == [entry for entry in items if entry.path >= path]
    assert list(manifest.under(path)) == [entry for entry in items if entry.path.startswith(path)]
    assert manifest.get(path) == next((entry for entry in items if entry.path == path), None)


@given(versions, versions, st.data())
def test_changes_are_the_differences_of_two_dictionaries(one, two, data):
    """In path order, of unrelated versions and of those that share most."""
    shared = data.draw(st.integers(0, len(one)))
    merged = {entry.path: entry for entry in [*one[:shared], *two]}
    two = [merged[path] for path in sorted(merged)]
    nodes = Nodes()
    before = {entry.path: entry for entry in one}
    expected = [
        (before.get(path), merged.get(path))
        for path in sorted({*before, *merged})
        if before.get(path) != merged.get(path)
    ]
    assert list(manifest_of(nodes, one).changes(manifest_of(nodes, two))) == expected


@given(versions)
def test_nodes_are_exactly_those_that_were_stored(items):
    """None is missing for a transfer, none is named that is not there."""
    nodes = Nodes()
    manifest = manifest_of(nodes, items)
    assert set(manifest.nodes()) == set(nodes)


@given(chunks, st.integers(0, 12_000), st.integers(1, 4))
def test_every_chunk_comes_back_from_any_byte_on(items, start, bits):
    """Whatever the shape of the tree, with the nodes that were stored."""
    nodes = Nodes()
    with mock.patch.object(chunklists, "CUT_BITS", bits):
        builder = ChunkListBuilder(nodes.put)
        for digest, size in items:
            builder.add(digest, size)
        layout = builder.finish()
    size = sum(length for _, length in items)
    digest = items[0][0] if items else bytes(32)
    expected, offset = [], 0
    for item in items:
        if offset + item[1] > start:
            expected.append((offset, item))
        offset += item[1]
    found = chunk_refs(layout, digest, size, nodes.__getitem__, start=start)
    assert [(offset, tuple(ref)) for offset, ref in found] == expected
    assert set(layout_nodes(layout, nodes.__getitem__)) == set(nodes)


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 300), st.binary(max_size=40), st.text(max_size=3)
    ),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=25,
)


@given(values, st.integers(0, 3))
def test_a_node_that_a_stranger_wrote_is_read_or_refused(value, level):
    """Never with anything but an error of ours."""
    data = encode_ordered([level, value])
    manifest = Manifest(ManifestTop(bytes(32), bytes(32), level, 1, 1), lambda _: data)
    for ask in (lambda: next(iter(manifest), None), lambda: manifest.get(b"a")):
        with contextlib.suppress(Corrupt, Invalid):
            ask()
