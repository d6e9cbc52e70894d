"""Which packs entries rely on: the place of every frame of every file.

Knows: which frames an entry needs.  Never: names, versions, events.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from casstore.digest import Digest
from casstore.manifests import Entry, chunk_refs, layout_nodes
from casstore.store.frames import FrameReader
from casstore.store.session import Token

__all__ = ["packs_of", "passing"]

MAX_LOCATED_FRAMES = 1024


def packs_of(frames: FrameReader, entries: Iterable[Entry]) -> set[Token]:
    """Return the packs that the frames of entries lie in.

    Raises ``Corrupt`` for a frame that is in no pack.
    """
    packs: set[Token] = set()
    deque(passing(frames, entries, packs), maxlen=0)
    return packs


def passing(frames: FrameReader, entries: Iterable[Entry], packs: set[Token]) -> Iterator[Entry]:
    """Yield entries on, and add the packs that they rely on to ``packs``.

    The index is asked about many frames at once, so ``packs`` is whole at the end only.
    """
    group: list[Digest] = []
    for entry in entries:
        if not entry.is_reference:
            for digest in _frames_of(frames, entry):
                group.append(digest)
                if len(group) >= MAX_LOCATED_FRAMES:
                    _locate(frames, group, packs)
        yield entry
    _locate(frames, group, packs)


def _frames_of(frames: FrameReader, entry: Entry) -> Iterator[Digest]:
    yield from layout_nodes(entry.layout, frames.metadata)
    content = Digest(entry.content)
    for _, ref in chunk_refs(entry.layout, content, entry.size_bytes, frames.metadata):
        yield ref.digest


def _locate(frames: FrameReader, group: list[Digest], packs: set[Token]) -> None:
    packs.update(place.pack_id for place in frames.locate(group))
    group.clear()
