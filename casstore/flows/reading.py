"""reading: stretches of one file of a version, to a caller.

Knows: which frames hold which bytes; that an object elsewhere is checked as a whole before any of
it is given.  Never: folders, numbers, events.
"""

import tempfile
from collections.abc import Iterable, Iterator

from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt
from casstore.manifests import ChunkRef, Entry, chunk_refs
from casstore.names import display_path
from casstore.references import read
from casstore.store import Store, concrete, referent_of

__all__ = ["read_entry"]

READ_BYTES = 1024 * 1024


def read_entry(
    store: Store, entry: Entry, *, start: int = 0, size: int | None = None
) -> Iterator[Buffer]:
    """Yield ``size`` bytes of a file from byte ``start`` on, verified; to its end if None.

    Only the frames that hold those bytes are read; of a reference the whole object is fetched, by
    way of a temporary file.  Raises ``Corrupt`` naming path and pack, and for references what
    ``references.read`` raises.
    """
    content = concrete(store, entry)
    try:
        if content.is_reference:
            yield from _fetched(content, start, size)
            return
        end = content.size_bytes if size is None else min(content.size_bytes, start + size)
        yield from _pieces(store, content, start, end)
    except Corrupt as error:
        path = display_path(entry.path)
        raise type(error)(f"{path}: {error.message}", hint=error.hint) from error


def _fetched(entry: Entry, start: int, size: int | None) -> Iterator[Buffer]:
    with tempfile.TemporaryFile(prefix="casstore-") as spool:
        spool.writelines(read(referent_of(entry)))
        left = spool.seek(0, 2) - start if size is None else size
        spool.seek(start)
        while left > 0 and (data := spool.read(min(left, READ_BYTES))):
            left -= len(data)
            yield data


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
