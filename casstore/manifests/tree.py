"""The tree of a manifest: entries in segments, segments under branches, one top.

Knows: where segments are cut, how to walk, look up and compare.  Never: where frames lie, files.

A node is msgpack ``[level, rows]``.  Level 0 (a segment) holds entries, level n rows of
``[first path, digest, entries beneath, bytes beneath]``.  Cuts are a function of paths and content
alone: after an entry whose cut hash begins with k zero bytes, the nodes of levels 0 to k - 1 end.
So the next version of a large tree writes only what changed and the branches above it, and two
versions are compared without reading what they share.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from casstore.digest import DIGEST_SIZE, Buffer, Digest, digest_of
from casstore.encoding import decode, encode_ordered
from casstore.errors import Corrupt
from casstore.manifests.entries import Entry, ManifestDigest, entry_from_wire, entry_to_wire

__all__ = ["EMPTY_ROOT", "Manifest", "ManifestBuilder", "ManifestTop", "Node"]

MAX_NODE_ROWS = 1024
MAX_NODE_PATH_BYTES = 256 * 1024
MAX_LEVEL = 8
EMPTY_ROOT = Digest(bytes(32))

Store = Callable[[bytes], Digest]
Fetch = Callable[[Digest], Buffer]


class ManifestTop(NamedTuple):
    """A finished manifest: its digest, its top node, and how much is beneath.

    ``root`` is ``EMPTY_ROOT`` for a version without entries; ``size_bytes`` sums the entries'.
    """

    digest: Digest
    root: Digest
    level: int
    entries: int
    size_bytes: int


class Node(NamedTuple):
    """A node: its first path, its digest, and how much is beneath; level 0 is a segment."""

    first: bytes
    digest: Digest
    entries: int
    size_bytes: int
    level: int


class ManifestBuilder:
    """Takes entries in path order; memory does not grow with their number."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._digest = ManifestDigest()
        self._entries: list[Entry] = []
        self._path_bytes = 0
        self._branches: list[list[Node]] = []
        self._last = b""
        self._count = 0
        self._size = 0

    def extend(self, entries: Iterable[Entry]) -> None:
        """Take the next entries; each path must follow the one before."""
        segment, last, path_bytes = self._entries, self._last, self._path_bytes
        for entry in entries:
            path, _, _, content, _, extra = entry
            if path <= last:
                raise ValueError("entries must come in path order, each path once")
            last = path
            segment.append(entry)
            path_bytes += len(path) + len(extra)
            cut = digest_of(path + content)
            if not cut[0]:
                self._close(len(cut) - len(cut.lstrip(b"\0")))
            elif len(segment) >= MAX_NODE_ROWS or path_bytes >= MAX_NODE_PATH_BYTES:
                self._close(1)
            else:
                continue
            path_bytes = 0
        self._last, self._path_bytes = last, path_bytes

    def finish(self) -> ManifestTop:
        """Write what is left and return the top."""
        if self._entries:
            self._close(1)
        if not self._count:
            return ManifestTop(self._digest.digest(), EMPTY_ROOT, 0, 0, 0)
        level = 0
        while level < len(self._branches) - 1 or len(self._branches[level]) > 1:
            if self._branches[level]:
                self._close_branch(level)
            level += 1
        top = self._branches[level][0]
        return ManifestTop(self._digest.digest(), top.digest, top.level, self._count, self._size)

    def _close(self, levels: int) -> None:
        """End the segment, and the branches above it below level ``levels``."""
        entries = self._entries
        size = sum(map(_SIZE, entries))
        self._count += len(entries)
        self._size += size
        rows = list(map(entry_to_wire, entries))
        digest = self._store(encode_ordered([0, rows]))
        self._push(0, Node(entries[0].path, digest, len(entries), size, 0))
        self._digest.extend(entries)
        entries.clear()
        level = 0
        while level < len(self._branches):
            if level + 1 >= levels and len(self._branches[level]) < MAX_NODE_ROWS:
                return
            self._close_branch(level)
            level += 1

    def _close_branch(self, level: int) -> None:
        nodes = self._branches[level]
        digest = self._store(encode_ordered([level + 1, [node[:4] for node in nodes]]))
        total = sum(node.entries for node in nodes)
        size = sum(node.size_bytes for node in nodes)
        self._push(level + 1, Node(nodes[0].first, digest, total, size, level + 1))
        nodes.clear()

    def _push(self, level: int, node: Node) -> None:
        if len(self._branches) == level:
            self._branches.append([])
        self._branches[level].append(node)


_SIZE = itemgetter(1)


class Manifest:
    """A finished manifest, read lazily: iterate, look up, compare.

    ``fetch`` returns the verified bytes of a node by digest.
    """

    def __init__(self, top: ManifestTop, fetch: Fetch) -> None:
        self.top = top
        self._fetch = fetch

    def __len__(self) -> int:
        return self.top.entries

    def __iter__(self) -> Iterator[Entry]:
        """Yield every entry in path order."""
        return self.start_at(b"")

    def start_at(self, path: bytes) -> Iterator[Entry]:
        """Yield the entries from ``path`` onwards, in path order."""
        for item in self._expand(self.roots(), path):
            if item.path >= path:
                yield item

    def under(self, prefix: bytes) -> Iterator[Entry]:
        """Yield the entries whose path begins with ``prefix`` (a plain string prefix)."""
        for entry in self.start_at(prefix):
            if not entry.path.startswith(prefix):
                return
            yield entry

    def get(self, path: bytes) -> Entry | None:
        """Return the entry at ``path``, reading one node a level."""
        entry = next(self.start_at(path), None)
        return entry if entry is not None and entry.path == path else None

    def nodes(self) -> Iterator[Digest]:
        """Yield the digest of every node, parents first, in path order."""
        waiting = self.roots()
        while waiting:
            node = waiting.pop()
            yield node.digest
            if node.level:
                waiting += reversed(self.children(node))

    def changes(self, other: "Manifest") -> Iterator[tuple[Entry | None, Entry | None]]:
        """Yield (mine, theirs) where the two differ, in path order; shared nodes are not read."""
        mine: list[Node | Entry] = list(self.roots())
        theirs: list[Node | Entry] = list(other.roots())
        while mine or theirs:
            left = mine[-1] if mine else None
            right = theirs[-1] if theirs else None
            if left == right:
                mine.pop()
                theirs.pop()
            elif isinstance(left, Node) and not _goes_first(right, left):
                mine += reversed(self.children(mine.pop()))
            elif isinstance(right, Node) and not _goes_first(left, right):
                theirs += reversed(other.children(theirs.pop()))
            else:
                yield _smaller(mine, theirs)

    def roots(self) -> list[Node]:
        """Return the top node; none for a version without entries."""
        top = self.top
        if not top.entries:
            return []
        return [Node(b"", top.root, top.entries, top.size_bytes, top.level)]

    def _expand(self, waiting: list[Node], start: bytes) -> Iterator[Entry]:
        while waiting:
            children = self.children(waiting.pop())
            if children and isinstance(children[0], Entry):
                yield from children
                continue
            nodes = [child for child in children if isinstance(child, Node)]
            while len(nodes) > 1 and nodes[1].first <= start:
                del nodes[0]
            waiting += reversed(nodes)

    def children(self, node: Node | Entry) -> list[Any]:
        """Return what lies under a node: entries of a segment, nodes of a branch; checked."""
        if not isinstance(node, Node):
            raise TypeError("only a node has children")
        value = decode(self._fetch(node.digest))
        if not isinstance(value, list) or len(value) != 2 or value[0] != node.level:
            raise Corrupt(f"a node of a manifest is not of level {node.level}")
        if node.level > MAX_LEVEL:
            raise Corrupt("a manifest is deeper than any tree needs")
        rows = value[1]
        if not isinstance(rows, list):
            raise Corrupt("a node of a manifest holds no list")
        if node.level:
            return _in_order([_node_from_wire(fields, node.level - 1) for fields in rows])
        return _in_order([entry_from_wire(fields) for fields in rows])


def _node_from_wire(fields: Any, level: int) -> Node:
    if type(fields) is not list or list(map(type, fields)) != [bytes, bytes, int, int]:
        raise Corrupt("a branch of a manifest has a broken row")
    first, digest, entries, size = fields
    if len(digest) != DIGEST_SIZE or entries <= 0 or size < 0:
        raise Corrupt("a branch of a manifest has a broken row")
    return Node(first, Digest(digest), entries, size, level)


def _in_order(items: list[Any]) -> list[Any]:
    """Return entries or nodes if their paths rise; the first of each is its path."""
    if any(one[0] >= other[0] for one, other in pairwise(items)):
        raise Corrupt("a node of a manifest is out of order")
    return items


def _goes_first(item: Node | Entry | None, node: Node) -> bool:
    """Whether ``item`` is an entry that lies before every entry of ``node``."""
    return isinstance(item, Entry) and item.path < node.first


def _smaller(
    mine: list[Node | Entry], theirs: list[Node | Entry]
) -> tuple[Entry | None, Entry | None]:
    left = mine[-1] if mine else None
    right = theirs[-1] if theirs else None
    left_path = left.path if isinstance(left, Entry) else None
    right_path = right.path if isinstance(right, Entry) else None
    take_left = left_path is not None and (right_path is None or left_path <= right_path)
    take_right = right_path is not None and (left_path is None or right_path <= left_path)
    return (
        mine.pop() if take_left else None,  # type: ignore[return-value]  # entries, by now
        theirs.pop() if take_right else None,
    )
