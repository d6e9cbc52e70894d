"""The closure of a version: every frame that it needs to be whole.

Knows: the tree of files and the lists of chunks, node by node, and how to go on past damage.
Never: where frames lie, what becomes of a version that is not whole.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, Invalid
from casstore.journal.bodies import ManifestRef
from casstore.manifests import (
    ChunkRef,
    Entry,
    Manifest,
    ManifestTop,
    Node,
    chunk_refs,
    layout_nodes,
)
from casstore.packs import PackKind

__all__ = ["Broken", "Closure", "Keep", "Passing"]

Broken: TypeAlias = Callable[[Node, Exception], None]
"""Told of a node that cannot be read, or whose numbers do not add up; the walk goes on after it."""

Keep: TypeAlias = Callable[[bytes], bool]
"""Tells of a path whether its file is wanted."""

Passing: TypeAlias = Callable[[Entry, ChunkRef | None], None]
"""Told of a file and one of its chunks; None ends the file."""


class Closure:
    """What one version needs.  ``fetch`` gives the verified bytes of a node by its digest.

    Without ``broken`` the first damage ends the walk: ``Corrupt``, or what ``fetch`` raises.
    """

    def __init__(
        self, ref: ManifestRef, fetch: Callable[[Digest], Buffer], broken: Broken | None = None
    ) -> None:
        self.top = ManifestTop(ref.digest, ref.root, ref.level, ref.entries, ref.size)
        self._manifest = Manifest(self.top, fetch)
        self._fetch = fetch
        self._broken = broken or _end

    def frames(self, seen: set[Digest] | None = None) -> Iterator[Digest]:
        """Yield the digest of every frame, in path order; one that is needed twice comes twice.

        ``seen`` is as in ``nodes``.
        """
        return (digest for digest, _ in self.kinds(seen))

    def kinds(
        self,
        seen: set[Digest] | None = None,
        keep: Keep | None = None,
        passing: Passing | None = None,
    ) -> Iterator[tuple[Digest, PackKind]]:
        """Yield what ``frames`` does, each with the kind of pack that it belongs into.

        ``keep`` chooses paths: of other files the lists of chunks come, and no chunk.  ``passing``
        is told of each chunk before it is yielded, and of the end of each file whose chunks were.
        """
        for node in self.nodes(seen):
            yield node.digest, PackKind.METADATA
            if not node.level:
                for entry in self.entries(node):
                    for digest in layout_nodes(entry.layout, self._fetch):
                        yield digest, PackKind.METADATA
                    if keep is None or keep(entry.path):
                        for ref in self.refs(entry):
                            if passing is not None:
                                passing(entry, ref)
                            yield ref.digest, PackKind.DATA
                        if passing is not None:
                            passing(entry, None)

    def nodes(self, seen: set[Digest] | None = None) -> Iterator[Node]:
        """Yield every node of the tree, parents first, in path order; entries are not read.

        A node that is in ``seen`` is passed over with all below it, others are added to it: so what
        several versions share is walked once.
        """
        waiting = self._manifest.roots()
        while waiting:
            node = waiting.pop()
            if seen is not None:
                if node.digest in seen:
                    continue
                seen.add(node.digest)
            yield node
            if node.level:
                waiting += reversed(self._children(node))

    def segments(self) -> Iterator[Node]:
        """Yield the lowest nodes of the tree in path order."""
        return (node for node in self.nodes() if not node.level)

    def entries(self, segment: Node) -> list[Entry]:
        """Return the entries of a segment; none if it cannot be read."""
        return self._children(segment)

    def refs(self, entry: Entry) -> Iterator[ChunkRef]:
        """Yield the chunks of a file in order; none of a reference, whose bytes lie elsewhere."""
        if entry.is_reference:
            return
        content = Digest(entry.content)
        for _, ref in chunk_refs(entry.layout, content, entry.size_bytes, self._fetch):
            yield ref

    def _children(self, node: Node) -> list[Any]:
        try:
            children = self._manifest.children(node)
            size_bytes = sum(child.size_bytes for child in children)
        except (Corrupt, Invalid, TypeError) as error:
            self._broken(node, error)
            return []
        entries = sum(child.entries for child in children) if node.level else len(children)
        if (entries, size_bytes) != (node.entries, node.size_bytes):
            self._broken(node, Corrupt("its sizes do not add up"))
        return children


def _end(_node: Node, error: Exception) -> None:
    raise error
