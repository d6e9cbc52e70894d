"""The tree of a manifest: entries in segments, segments under branches, one top.

Knows: where segments are cut, how to walk, look up and compare.  Never: where frames lie, files.

A node is msgpack ``[level, rows]``.  Level 0 (a segment) holds entries, level n rows of
``[first path, digest, entries beneath, bytes beneath]``.  Cuts are a function of paths and content
alone: after an entry whose cut hash begins with k zero bytes, the nodes of levels 0 to k - 1 end.
So the next version of a large tree writes only what changed and the branches above it, and two
versions are compared without reading what they share.
"""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from casstore.digest import Buffer, Digest, digest_of
from casstore.encoding import decode, encode_ordered
from casstore.errors import Corrupt
from casstore.manifests.entries import Entry, ManifestDigest, entry_from_wire, entry_to_wire

__all__ = ["EMPTY_ROOT", "Manifest", "ManifestBuilder", "ManifestTop"]

MAX_NODE_ROWS = 1024
MAX_NODE_PATH_BYTES = 256 * 1024
MAX_LEVEL = 8
EMPTY_ROOT = Digest(bytes(32))

Store = Callable[[bytes], Digest]
Fetch = Callable[[Digest], Buffer]


class ManifestTop(NamedTuple):
    """A finished manifest: its digest, its top node, and how much is beneath.

    ``root`` is ``EMPTY_ROOT`` for a version without entries.  ``size_bytes`` sums the entries' sizes.
    """

    digest: Digest
    root: Digest
    level: int
    entries: int
    size_bytes: int


class _Node(NamedTuple):
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
        self._branches: list[list[_Node]] = []
        self._last = b""
        self._count = 0
        self._size = 0

    def add(self, entry: Entry) -> None:
        """Take the next entry; its path must follow the last one."""
        path = entry.path
        if path <= self._last:
            raise ValueError("entries must come in path order, each path once")
        self._last = path
        self._digest.add(entry)
        self._entries.append(entry)
        self._path_bytes += len(path)
        cut = digest_of(path + entry.content)
        if not cut[0]:
            self._close(len(cut) - len(cut.lstrip(b"\0")))
        elif len(self._entries) >= MAX_NODE_ROWS or self._path_bytes >= MAX_NODE_PATH_BYTES:
            self._close(1)

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
        rows = [entry_to_wire(entry) for entry in entries]
        digest = self._store(encode_ordered([0, rows]))
        self._push(0, _Node(entries[0].path, digest, len(entries), size, 0))
        entries.clear()
        self._path_bytes = 0
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
        self._push(level + 1, _Node(nodes[0].first, digest, total, size, level + 1))
        nodes.clear()

    def _push(self, level: int, node: _Node) -> None:
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
        for item in self._expand(self._roots(), path):
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
        """Yield the digest of every node, parents first."""
        waiting = self._roots()
        while waiting:
            node = waiting.pop()
            yield node.digest
            if node.level:
                waiting += [child for child in self._children(node) if isinstance(child, _Node)]

    def changes(self, other: "Manifest") -> Iterator[tuple[Entry | None, Entry | None]]:
        """Yield (mine, theirs) wherever the two differ, in path order; shared nodes are not read."""
        mine: list[_Node | Entry] = list(self._roots())
        theirs: list[_Node | Entry] = list(other._roots())  # noqa: SLF001 - the same class
        while mine or theirs:
            left = mine[-1] if mine else None
            right = theirs[-1] if theirs else None
            if left == right:
                mine.pop()
                theirs.pop()
            elif isinstance(left, _Node) and not _goes_first(right, left):
                mine += reversed(self._children(mine.pop()))
            elif isinstance(right, _Node) and not _goes_first(left, right):
                theirs += reversed(other._children(theirs.pop()))  # noqa: SLF001
            else:
                yield _smaller(mine, theirs)

    def _roots(self) -> list[_Node]:
        top = self.top
        if not top.entries:
            return []
        return [_Node(b"", top.root, top.entries, top.size_bytes, top.level)]

    def _expand(self, waiting: list[_Node], start: bytes) -> Iterator[Entry]:
        while waiting:
            children = self._children(waiting.pop())
            if children and isinstance(children[0], Entry):
                yield from children
                continue
            nodes = [child for child in children if isinstance(child, _Node)]
            while len(nodes) > 1 and nodes[1].first <= start:
                del nodes[0]
            waiting += reversed(nodes)

    def _children(self, node: "_Node | Entry") -> list[Any]:
        if not isinstance(node, _Node):
            raise TypeError("only a node has children")
        value = decode(self._fetch(node.digest))
        if not isinstance(value, list) or len(value) != 2 or value[0] != node.level:
            raise Corrupt(f"a node of a manifest is not of level {node.level}")
        if node.level > MAX_LEVEL:
            raise Corrupt("a manifest is deeper than any tree needs")
        rows = value[1]
        if node.level == 0:
            return [entry_from_wire(fields) for fields in rows]
        return [_node_from_wire(fields, node.level - 1) for fields in rows]


def _node_from_wire(fields: Any, level: int) -> _Node:
    try:
        first, digest, entries, size = fields
        node = _Node(first, digest, entries, size, level)
    except (TypeError, ValueError):
        raise Corrupt("a branch of a manifest has a broken row") from None
    if not isinstance(node.digest, bytes) or len(node.digest) != 32:
        raise Corrupt("a branch of a manifest has a broken row")
    return node


def _goes_first(item: "_Node | Entry | None", node: _Node) -> bool:
    """Whether ``item`` is an entry that lies before every entry of ``node``."""
    return isinstance(item, Entry) and item.path < node.first


def _smaller(
    mine: "list[_Node | Entry]", theirs: "list[_Node | Entry]"
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
