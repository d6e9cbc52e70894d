"""reading: stretches of one file of a version, to a caller.

Knows: which frames hold which bytes; that an object elsewhere is checked as a whole before any of
it is given.  Never: folders, numbers, events.
"""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import takewhile

from casstore.digest import Buffer, Digest
from casstore.errors import Absent, Corrupt, RemoteError
from casstore.manifests import ChunkRef, Entry, chunk_refs
from casstore.names import display_path
from casstore.references import read
from casstore.store import Readable, concrete, referent_of

__all__ = ["read_entry"]

READ_BYTES = 1024 * 1024
FAR_READ_BYTES = 8 * 1024 * 1024  # where a read is a request


def read_entry(
    store: Readable, entry: Entry, *, start: int = 0, size: int | None = None, ahead: int = 0
) -> Iterator[Buffer]:
    """Yield ``size`` bytes of a file from byte ``start`` on, verified; to its end if None.

    Only the frames that hold those bytes are read; of a reference the whole object is fetched, by
    way of a temporary file.  Frames that are not here are fetched, many at once, and where any has
    to be, those of the next ``ahead`` bytes with them.  Raises ``Corrupt`` naming path and pack,
    ``Absent`` and ``RemoteError`` for what cannot be fetched, and for references what
    ``references.read`` raises.
    """
    content = concrete(store, entry)
    try:
        if content.is_reference:
            yield from _fetched(content, start, size)
            return
        end = content.size_bytes if size is None else min(content.size_bytes, start + size)
        if ahead and store.frames.is_far():
            _get_ready(store, content, start, end, ahead)
        yield from _pieces(store, content, start, end)
    except (Absent, Corrupt, RemoteError) as error:
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


def _get_ready(store: Readable, entry: Entry, start: int, end: int, ahead: int) -> None:
    """Fetch what is missing of a stretch, and with it what is missing of the next."""
    found = takewhile(lambda item: item[0] < end + ahead, _refs(store, entry, start))
    needed: list[Digest] = []
    further: list[Digest] = []
    for offset, ref in found:
        (needed if offset < end else further).append(ref.digest)
    store.frames.prefetch(needed, further)


def _refs(store: Readable, entry: Entry, start: int) -> Iterator[tuple[int, ChunkRef]]:
    content, fetch = Digest(entry.content), store.frames.metadata
    return chunk_refs(entry.layout, content, entry.size_bytes, fetch, start=start)


def _pieces(store: Readable, entry: Entry, start: int, end: int) -> Iterator[Buffer]:
    at_once = FAR_READ_BYTES if store.frames.is_far() else READ_BYTES
    for group in _groups(_refs(store, entry, start), end, at_once):
        frames = store.frames.read([ref.digest for _, ref in group])
        for (offset, _), frame in zip(group, frames, strict=True):
            view = memoryview(frame)
            yield view[max(0, start - offset) : max(0, end - offset)]


def _groups(
    refs: Iterable[tuple[int, ChunkRef]], end: int, at_once: int
) -> Iterator[list[tuple[int, ChunkRef]]]:
    group: list[tuple[int, ChunkRef]] = []
    waiting = 0
    for offset, ref in refs:
        if offset >= end:
            break
        group.append((offset, ref))
        waiting += ref.size_bytes
        if waiting >= at_once:
            yield group
            group, waiting = [], 0
    if group:
        yield group
