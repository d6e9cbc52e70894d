"""The format of manifests is frozen: digests, nodes and cuts that no release may move."""

import random
import re
from pathlib import Path

import casstore.manifests
from casstore.chunks import cutter
from casstore.digest import digest_of
from casstore.encoding import encode
from casstore.manifests import (
    ChunkListBuilder,
    Entry,
    EntryKind,
    Manifest,
    ManifestBuilder,
    chunk_refs,
    chunklists,
    layout_nodes,
    manifest_digest,
    tree,
)
from casstore.names import MAX_PATH_BYTES

FORMAT = (Path(casstore.manifests.__file__).parent / "FORMAT.md").read_text()
ONE, TWO, THREE = (bytes([number]) * 32 for number in (1, 2, 3))
ENTRIES = [
    Entry(b"a.txt", 12, EntryKind.FILE, digest_of(b"hello, pack\n")),
    Entry(
        b"bin/run",
        40,
        EntryKind.EXECUTABLE,
        ONE,
        chunklists.LEAF_ROW.pack(TWO, 30) + chunklists.LEAF_ROW.pack(THREE, 10),
    ),
    Entry(b"raw/x", 7, EntryKind.REFERENCE, b'"etag"', b"", encode({"uri": "s3:b/x"})),
]


class Frames(dict):
    """Nodes by digest."""

    def put(self, data):
        digest = digest_of(data)
        self[digest] = data
        return digest

    def manifest(self, entries):
        builder = ManifestBuilder(self.put)
        for entry in entries:
            builder.extend([entry])
        return Manifest(builder.finish(), self.__getitem__)

    def chunk_list(self, chunks):
        builder = ChunkListBuilder(self.put)
        for digest, size in chunks:
            builder.add(digest, size)
        return builder.finish()


def worked_example(number):
    block = FORMAT.split("## Worked example")[1].split("```")[2 * number + 1]
    lines = block.removeprefix("text\n").splitlines()
    return bytes.fromhex("".join(line.partition("  ")[0] for line in lines))


def seeded_entries(count):
    draw = random.Random(7)
    paths = sorted(
        {b"d%d/f%06d" % (draw.randrange(40), draw.randrange(10**6)) for _ in range(count)}
    )
    return [Entry(path, draw.randrange(9999), 0, draw.randbytes(32)) for path in paths]


def seeded_chunks(count):
    draw = random.Random(8)
    return [(draw.randbytes(32), draw.randrange(1, 262144)) for _ in range(count)]


def test_the_worked_segment_is_what_the_code_writes_and_reads():
    """The page shows real bytes, the digests beside them are theirs."""
    frames = Frames()
    top = frames.manifest(ENTRIES).top
    assert frames == {top.root: worked_example(0)}
    assert top.root.hex() in FORMAT
    assert top.digest.hex() in FORMAT
    assert top[2:] == (0, 3, 59)
    assert list(Manifest(top, lambda _: worked_example(0))) == ENTRIES


def test_the_worked_leaf_is_read():
    """A leaf of a chunk list is read as the page says."""
    leaf = worked_example(1)
    layout = chunklists.TOP.pack(0, digest_of(leaf))
    refs = list(chunk_refs(layout, ONE, 66_536, {digest_of(leaf): leaf}.__getitem__))
    assert refs == [(0, (TWO, 65_536)), (65_536, (THREE, 1_000))]


def test_the_manifest_digest_covers_what_the_page_says():
    """The digest is recomputed here from the grammar alone."""
    parts = []
    for path, _, kind, content, *_ in ENTRIES:
        parts += [len(path).to_bytes(4, "little"), path, bytes([kind])]
        parts += [len(content).to_bytes(4, "little"), content]
    assert manifest_digest(ENTRIES) == digest_of(b"".join(parts))
    assert manifest_digest([]) == digest_of(b"")


def test_the_manifest_digest_covers_nothing_else():
    """Equal content is the same version however it is cut, stored or described."""
    bare = [entry._replace(size_bytes=0, layout=b"", extra=b"") for entry in ENTRIES]
    assert manifest_digest(bare) == manifest_digest(ENTRIES)


def test_a_large_manifest_stays_what_it_was():
    """Cuts, levels and digests of 20,000 entries are pinned: a release that moves them fails."""
    frames = Frames()
    manifest = frames.manifest(seeded_entries(20_000))
    top = manifest.top
    assert top.digest.hex()[:32] == "749db6321bbbe6459b6ac4b216108de8"
    assert top.root.hex()[:32] == "5217e9e79ef0ace77ed668f0f3737930"
    assert (top.level, top.entries, top.size_bytes) == (1, 19997, 99668788)
    assert len(list(manifest.nodes())) == 86


def test_a_long_chunk_list_stays_what_it_was():
    """The nodes of a list of 20,000 frames are pinned."""
    frames = Frames()
    layout = frames.chunk_list(seeded_chunks(20_000))
    assert layout.hex() == "01853fd5b014f0695879bc7bb7ee74dc9540a5f0c96c5db4bac9815d0f36fa64d0"
    assert len(list(layout_nodes(layout, frames.__getitem__))) == 22


def test_layouts_are_told_apart_by_their_length():
    """One frame has no layout, two to sixteen stand inline, more are a tree."""
    chunks = seeded_chunks(17)
    lengths = [len(Frames().chunk_list(chunks[:count])) for count in (0, 1, 2, 16, 17)]
    assert lengths == [0, 0, 72, 576, 33]


def stated(label):
    found = re.search(rf"^\| {re.escape(label)} \| ([0-9,]+)", FORMAT, re.MULTILINE)
    assert found, label
    return int(found[1].replace(",", ""))


def test_the_page_states_the_constants_of_trees():
    """Sizes and limits are the same in both."""
    assert stated("rows of a node, at most") == tree.MAX_NODE_ROWS
    assert stated("paths of a segment, about, bytes") == tree.MAX_NODE_PATH_BYTES
    assert stated("levels above segments, at most") == tree.MAX_LEVEL
    assert stated("path, at most, bytes") == MAX_PATH_BYTES


def test_the_page_states_the_constants_of_chunk_lists():
    """Sizes and limits are the same in both."""
    assert stated("frames of an inline list, at most") == chunklists.MAX_INLINE_CHUNKS
    assert stated("rows of a list node, at most") == chunklists.MAX_NODE_ROWS
    assert stated("bits of a digest that end a list node") == chunklists.CUT_BITS
    assert stated("levels of a list above leaves, at most") == chunklists.MAX_LEVEL
    assert stated("leaf row, bytes") == chunklists.LEAF_ROW.size
    assert stated("branch row, bytes") == chunklists.BRANCH_ROW.size
    assert stated("top of a list, bytes") == chunklists.TOP.size
    assert stated("head of a list node, bytes") == chunklists.NODE_HEAD.size


def test_the_page_states_the_constants_of_the_chunker():
    """Sizes and limits are the same in both."""
    assert stated("chunk, at least, bytes") == cutter.MIN_CHUNK_BYTES
    assert stated("chunk, on average, bytes") == cutter.AVERAGE_CHUNK_BYTES
    assert stated("chunk, at most, bytes") == cutter.MAX_CHUNK_BYTES
    assert stated("normalisation level") == cutter.NORMALIZATION_LEVEL
    assert stated("gear seed") == cutter.CHUNKER_PARAMETERS["seed"]
