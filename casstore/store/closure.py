"""Which packs entries rely on: the place of every frame of every file.

Knows: which frames an entry needs.  Never: names, versions, events.
"""

from collections.abc import Iterable, Iterator

from casstore.digest import Digest
from casstore.manifests import Entry, chunk_refs, layout_nodes
from casstore.store.frames import FrameReader

__all__ = ["packs_of"]

MAX_LOCATED_FRAMES = 1024


def packs_of(frames: FrameReader, entries: Iterable[Entry]) -> set[int]:
    """Return the rows of the packs that the frames of entries lie in; the index is asked in groups.

    Raises ``Corrupt`` for a frame that is in no pack.
    """
    rows: set[int] = set()
    group: list[Digest] = []
    for digest in _frames_of(frames, entries):
        group.append(digest)
        if len(group) >= MAX_LOCATED_FRAMES:
            rows |= {row.pack_row for row in frames.locate(group)}
            group.clear()
    return rows | {row.pack_row for row in frames.locate(group)}


def _frames_of(frames: FrameReader, entries: Iterable[Entry]) -> Iterator[Digest]:
    fetch = frames.metadata
    for entry in entries:
        if entry.is_reference:
            continue
        yield from layout_nodes(entry.layout, fetch)
        for _, ref in chunk_refs(entry.layout, Digest(entry.content), entry.size_bytes, fetch):
            yield ref.digest
