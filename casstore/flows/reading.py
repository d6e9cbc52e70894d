"""reading: stretches of one file of a version, to a caller.

Knows: which frames hold which bytes.  Never: folders, numbers, events.
"""

from collections.abc import Iterable, Iterator

from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, Unsupported
from casstore.manifests import ChunkRef, Entry, chunk_refs
from casstore.names import display_path
from casstore.store import Store

__all__ = ["read_entry"]

READ_BYTES = 1024 * 1024


def read_entry(
    store: Store, entry: Entry, *, start: int = 0, size: int | None = None
) -> Iterator[Buffer]:
    """Yield ``size`` bytes of a file from byte ``start`` on, verified; to its end if None.

    Only the frames that hold those bytes are read.  Raises ``Corrupt`` naming path and pack.
    """
    if entry.is_reference:
        raise Unsupported(
            f"{display_path(entry.path)} is a reference; its bytes are not in the store",
            hint="upgrade casstore to fetch it",
        )
    end = entry.size_bytes if size is None else min(entry.size_bytes, start + size)
    try:
        yield from _pieces(store, entry, start, end)
    except Corrupt as error:
        path = display_path(entry.path)
        raise Corrupt(f"{path}: {error.message}", hint=error.hint) from error


def _pieces(store: Store, entry: Entry, start: int, end: int) -> Iterator[Buffer]:
    refs = chunk_refs(
        entry.layout, Digest(entry.content), entry.size_bytes, store.frames.metadata, start=start
    )
    for group in _groups(refs, end):
        frames = store.frames.read([ref.digest for _, ref in group])
        for (offset, _), frame in zip(group, frames, strict=True):
            view = memoryview(frame)
            yield view[max(0, start - offset) : max(0, end - offset)]


def _groups(refs: Iterable[tuple[int, ChunkRef]], end: int) -> Iterator[list[tuple[int, ChunkRef]]]:
    group: list[tuple[int, ChunkRef]] = []
    waiting = 0
    for offset, ref in refs:
        if offset >= end:
            break
        group.append((offset, ref))
        waiting += ref.size_bytes
        if waiting >= READ_BYTES:
            yield group
            group, waiting = [], 0
    if group:
        yield group
