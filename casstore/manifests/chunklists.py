"""Chunk lists: which frames, in order, make up a file.

Knows: the three layouts and the tree of long lists.  Never: where frames lie, files.

A layout is a short byte string inside an entry:

- empty: the file is one frame whose digest is the file's own (or the file is empty);
- 2 to 16 rows of (digest, u32 size): those frames, inline;
- u8 level and a digest: the top node of a tree.  A node of level 0 holds rows of (digest, u32
  size), a node of level n rows of (digest, u64 bytes beneath) of nodes of level n - 1.

Nodes are cut by content, so an inserted byte rewrites one leaf and the nodes above it.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt

__all__ = ["ChunkListBuilder", "ChunkRef", "chunk_refs", "layout_nodes"]

MAX_INLINE_CHUNKS = 16
MAX_NODE_ROWS = 4096
MAX_LEVEL = 8
CUT_LEVELS = 6  # how many times 64 bits of a digest can end a node
CUT_BITS = 10  # a node ends after a digest whose low bits are zero: 1,024 rows on average

LEAF_ROW = struct.Struct("<32sI")
BRANCH_ROW = struct.Struct("<32sQ")
TOP = struct.Struct("<B32s")
NODE_HEAD = struct.Struct("<4sB3x")
NODE_MAGIC = b"CScl"

Store = Callable[[bytes], Digest]
Fetch = Callable[[Digest], Buffer]


class ChunkRef(NamedTuple):
    """One frame of a file: its digest and its size in bytes, decoded."""

    digest: Digest
    size_bytes: int


class ChunkListBuilder:
    """Takes a file's chunks in order and returns its layout; memory does not grow with the file."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._levels: list[list[tuple[Digest, int]]] = [[]]
        self._inline = True

    def add(self, digest: Digest, size: int) -> None:
        """Take the next chunk."""
        leaf = self._levels[0]
        leaf.append((digest, size))
        if len(leaf) > MAX_INLINE_CHUNKS or not self._inline:
            self._inline = False
            self._cut_after(digest)

    def finish(self) -> bytes:
        """Return the layout."""
        leaf = self._levels[0]
        if self._inline:
            return b"".join([LEAF_ROW.pack(*row) for row in leaf]) if len(leaf) > 1 else b""
        level = 0
        while level < len(self._levels):
            rows = self._levels[level]
            top = level == len(self._levels) - 1
            if top and level > 0 and len(rows) == 1:
                return TOP.pack(level - 1, rows[0][0])
            if rows:
                self._close(level)
            level += 1
        raise AssertionError("a list always ends in one top node")

    def _cut_after(self, digest: Digest) -> None:
        low = int.from_bytes(digest[:8], "little")
        level = 0
        while True:
            rows = self._levels[level]
            ends = level < CUT_LEVELS and low & ((1 << CUT_BITS) - 1) == 0
            if not ends and len(rows) < MAX_NODE_ROWS:
                return
            self._close(level)
            low = low >> CUT_BITS if ends else 1
            level += 1

    def _close(self, level: int) -> None:
        rows = self._levels[level]
        row = LEAF_ROW if level == 0 else BRANCH_ROW
        body = b"".join([NODE_HEAD.pack(NODE_MAGIC, level), *(row.pack(*item) for item in rows)])
        if len(self._levels) == level + 1:
            self._levels.append([])
        self._levels[level + 1].append((self._store(body), sum(size for _, size in rows)))
        rows.clear()


def chunk_refs(
    layout: bytes,
    digest: Digest,
    size: int,
    fetch: Fetch,
    *,
    start: int = 0,
) -> Iterator[tuple[int, ChunkRef]]:
    """Yield (offset in the file, frame) from the frame that holds byte ``start`` onwards.

    ``digest`` and ``size`` are the file's; ``fetch`` returns a verified node.  Only the nodes on
    the way are read.  Raises ``Corrupt`` if the list does not add up to ``size`` bytes.
    """
    if not layout:
        if size > start:
            yield 0, ChunkRef(digest, size)
        return
    if len(layout) == TOP.size:
        level, top = TOP.unpack(layout)
        leaves = _walk(level, Digest(top), size, fetch, start)
    else:
        leaves = iter([_rows(layout, LEAF_ROW, 0)])
    end = 0
    for rows in leaves:
        if rows:
            offset, ref = rows[-1]
            end = offset + ref.size_bytes
        if start:
            yield from [(offset, ref) for offset, ref in rows if offset + ref.size_bytes > start]
        else:
            yield from rows
    if end != size:
        raise Corrupt(f"a chunk list covers {end} of {size} bytes")


def layout_nodes(layout: bytes, fetch: Fetch) -> Iterator[Digest]:
    """Yield the digests of the nodes of a layout, top first; none if it is inline."""
    if len(layout) == TOP.size:
        level, top = TOP.unpack(layout)
        yield from _nodes(level, Digest(top), fetch)


def _nodes(level: int, digest: Digest, fetch: Fetch) -> Iterator[Digest]:
    yield digest
    if level:
        for row in _branch(digest, level, fetch):
            yield from _nodes(level - 1, row.digest, fetch)


def _walk(
    level: int, digest: Digest, size: int, fetch: Fetch, start: int, base: int = 0
) -> Iterator[list[tuple[int, ChunkRef]]]:
    """Yield the rows of each leaf from the one on that holds byte ``start``."""
    if level > MAX_LEVEL:
        raise Corrupt("a chunk list is deeper than any file needs")
    rows = _rows(_node(digest, level, fetch), BRANCH_ROW if level else LEAF_ROW, base)
    if sum([ref.size_bytes for _, ref in rows]) != size:
        raise Corrupt("a chunk list does not hold as many bytes as it should")
    if level == 0:
        yield rows
        return
    for position, (offset, child) in enumerate(rows):
        if offset + child.size_bytes > start or position == len(rows) - 1:
            yield from _walk(level - 1, child.digest, child.size_bytes, fetch, start, offset)


def _branch(digest: Digest, level: int, fetch: Fetch) -> list[ChunkRef]:
    return [ref for _, ref in _rows(_node(digest, level, fetch), BRANCH_ROW, 0)]


def _node(digest: Digest, level: int, fetch: Fetch) -> memoryview:
    data = memoryview(fetch(digest))
    if len(data) < NODE_HEAD.size or NODE_HEAD.unpack_from(data) != (NODE_MAGIC, level):
        raise Corrupt(f"a node of a chunk list is not of level {level}")
    return data[NODE_HEAD.size :]


def _rows(data: Buffer, row: struct.Struct, base: int) -> list[tuple[int, ChunkRef]]:
    """Return each row of a node, and where in the file it begins."""
    if len(data) % row.size or not len(data) // row.size <= MAX_NODE_ROWS:
        raise Corrupt("a chunk list has a broken row")
    refs = list(map(ChunkRef._make, row.iter_unpack(data)))
    return list(zip(accumulate([ref.size_bytes for ref in refs], initial=base), refs, strict=False))
