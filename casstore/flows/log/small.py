"""Small files: read many into one buffer, hash them, and hand the batch on.

Knows: batches.  Never: large files, entries' paths, the stat cache.
The caller's thread reads, cuts and hashes; workers decide what is new, encode and write.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from casstore import durable
from casstore.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, Cutter
from casstore.digest import Digest, digest_of
from casstore.flows.log.opened import MAX_ATTEMPTS, changing, failed, open_source
from casstore.flows.log.result import Logged, Progress, entry_of, same_file, settled_stamp
from casstore.manifests import ChunkListBuilder
from casstore.parallel import ordered_map
from casstore.store import Session
from casstore.worktree import Source, regular

__all__ = ["WHOLE_FILE_BYTES", "log_small"]

WHOLE_FILE_BYTES = 1024 * 1024  # up to here a file is read at once, together with others
BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_FILES = 512
WORKERS = 1
WINDOW = 3

Frame = tuple[Digest, memoryview]


class _Whole(NamedTuple):
    """One file of a batch: what it is, when it was read, its digest, how many frames it has."""

    source: Source
    read_ns: int
    digest: Digest
    frames: int


@dataclass(slots=True)
class _Batch:
    """A buffer of whole files, their frames in order, and the kind of each frame.

    The buffer has room for one file more than a full batch.
    """

    buffer: memoryview
    files: list[_Whole] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    used: int = 0

    @property
    def full(self) -> bool:
        return self.used >= BATCH_BYTES or len(self.files) >= MAX_BATCH_FILES


def log_small(session: Session, sources: Iterable[Source], note: Progress) -> Iterator[Logged]:
    """Store files of up to ``WHOLE_FILE_BYTES`` and yield what became of each, in order."""
    spare: deque[memoryview] = deque()
    stored = ordered_map(
        lambda batch: (batch, session.add(batch.frames, batch.kinds) if batch.frames else []),
        _batches(sources, spare),
        workers=WORKERS,
        window=WINDOW,
    )
    for batch, tokens in stored:
        start = 0
        for whole in batch.files:
            end = start + whole.frames
            yield _logged(session, whole, batch.frames[start:end], tokens[start:end])
            note(1, whole.source.stat.st_size)
            start = end
        spare.append(batch.buffer)


def _batches(sources: Iterable[Source], spare: deque[memoryview]) -> Iterator[_Batch]:
    cutter = Cutter()
    batch: _Batch | None = None
    for source in sources:
        if batch is None:
            batch = _Batch(spare.pop() if spare else _new_buffer())
        _read(source, batch, cutter)
        if batch.full:
            yield batch
            batch = None
    if batch:
        yield batch


def _new_buffer() -> memoryview:
    return memoryview(bytearray(BATCH_BYTES + WHOLE_FILE_BYTES + MAX_CHUNK_BYTES))


def _read(source: Source, batch: _Batch, cutter: Cutter) -> None:
    """Read one file into the batch, again if it changes, so that it is never torn.

    It is whole if its stat after reading is the one that the walk saw before.
    """
    for _ in range(MAX_ATTEMPTS):
        read_ns = time.time_ns()
        size = source.stat.st_size
        descriptor = open_source(source)
        try:
            room = batch.buffer[batch.used : batch.used + size + 1]
            got = durable.read_into(descriptor, room)
            after = os.fstat(descriptor)
        except OSError as error:
            raise failed(source, error) from error
        finally:
            os.close(descriptor)
        if got == size and same_file(source.stat, after):
            break
        if after.st_size > WHOLE_FILE_BYTES:
            raise changing(source)
        source = Source(source.path, source.name, regular(source.path, after))
    else:
        raise changing(source)
    data = batch.buffer[batch.used : batch.used + got]
    batch.used += got
    digest = digest_of(data)
    frames = [(digest, data)] if got <= MIN_CHUNK_BYTES else _cut(data, cutter)
    if got:
        batch.frames += frames
        batch.kinds += [os.path.splitext(source.name)[1].decode("latin-1")] * len(frames)
    batch.files.append(_Whole(source, read_ns, digest, len(frames) if got else 0))


def _cut(data: memoryview, cutter: Cutter) -> list[Frame]:
    frames = []
    start = 0
    for length in cutter.cut(data, final=True):
        chunk = data[start : start + length]
        frames.append((digest_of(chunk), chunk))
        start += length
    return frames


def _logged(session: Session, whole: _Whole, frames: list[Frame], tokens: list[int]) -> Logged:
    layout = b""
    if len(frames) > 1:
        nodes: list[int] = []
        builder = ChunkListBuilder(lambda data: _add_node(session, nodes, data))
        for digest, data in frames:
            builder.add(digest, len(data))
        layout = builder.finish()
        tokens = [*set(tokens), *nodes]
    source = whole.source
    return Logged(
        entry_of(source, whole.digest, layout), settled_stamp(source.stat, whole.read_ns), tokens
    )


def _add_node(session: Session, tokens: list[int], data: bytes) -> Digest:
    digest, token = session.add_metadata(data)
    tokens.append(token)
    return digest
