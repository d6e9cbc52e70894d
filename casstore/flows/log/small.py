"""Small files: read many into one buffer, hash them, and hand the batch on.

Knows: batches.  Never: large files, entries' paths, the stat cache.
The caller's thread reads, cuts and hashes; workers decide what is new, encode and write.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from casstore import durable
from casstore.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, Cutter
from casstore.digest import Digest, digest_of
from casstore.flows.log.opened import MAX_ATTEMPTS, changing, failed, open_source
from casstore.flows.log.result import Logged, Progress, entry_of, same_file, seen_of
from casstore.manifests import ChunkListBuilder
from casstore.parallel import ordered_map
from casstore.store import Session
from casstore.worktree import Source

__all__ = ["WHOLE_FILE_BYTES", "log_small"]

WHOLE_FILE_BYTES = 1024 * 1024  # up to here a file is read at once, together with others
BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_FILES = 512
WORKERS = 1
WINDOW = 3

Frame = tuple[Digest, memoryview]


@dataclass(slots=True)
class _Whole:
    """One file of a batch."""

    source: Source
    read_ns: int
    digest: Digest
    frames: list[Frame]


@dataclass(slots=True)
class _Batch:
    """A buffer of whole files.  It has room for one file more than a full batch."""

    buffer: memoryview
    files: list[_Whole] = field(default_factory=list)
    used: int = 0

    @property
    def full(self) -> bool:
        return self.used >= BATCH_BYTES or len(self.files) >= MAX_BATCH_FILES


def log_small(session: Session, sources: Iterable[Source], note: Progress) -> Iterator[Logged]:
    """Store files of up to ``WHOLE_FILE_BYTES`` and yield what became of each, in order."""
    spare: deque[memoryview] = deque()
    stored = ordered_map(
        lambda batch: (batch, _store(session, batch)),
        _batches(sources, spare),
        workers=WORKERS,
        window=WINDOW,
    )
    for batch, tokens in stored:
        for whole in batch.files:
            yield _logged(session, whole, [next(tokens) for _ in whole.frames])
            note(1, whole.source.stat.st_size)
        batch.files.clear()
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
    """Read one file into the batch, again if it changes, so that it is never torn."""
    for _ in range(MAX_ATTEMPTS):
        read_ns = time.time_ns()
        descriptor = open_source(source)
        try:
            before = os.fstat(descriptor)
            room = batch.buffer[batch.used : batch.used + source.stat.st_size + 1]
            got = durable.read_into(descriptor, room)
            after = os.fstat(descriptor)
        except OSError as error:
            raise failed(source, error) from error
        finally:
            os.close(descriptor)
        if got == before.st_size and same_file(before, after) and same_file(before, source.stat):
            break
        if after.st_size > WHOLE_FILE_BYTES:
            raise changing(source)
        source = Source(source.path, source.name, after)
    else:
        raise changing(source)
    data = batch.buffer[batch.used : batch.used + got]
    batch.used += got
    batch.files.append(_cut(source, read_ns, data, cutter))


def _cut(source: Source, read_ns: int, data: memoryview, cutter: Cutter) -> _Whole:
    digest = digest_of(data)
    if not data:
        return _Whole(source, read_ns, digest, [])
    if len(data) <= MIN_CHUNK_BYTES:
        return _Whole(source, read_ns, digest, [(digest, data)])
    frames: list[Frame] = []
    start = 0
    for length in cutter.cut(data, final=True):
        chunk = data[start : start + length]
        frames.append((digest_of(chunk), chunk))
        start += length
    return _Whole(source, read_ns, digest, frames)


def _store(session: Session, batch: _Batch) -> Iterator[int]:
    """Store a batch's frames, each kind of file by itself; returns their tokens in file order."""
    kinds: dict[str, list[int]] = {}
    for position, whole in enumerate(batch.files):
        kinds.setdefault(_kind(whole.source), []).append(position)
    tokens: dict[int, list[int]] = {}
    for kind, positions in kinds.items():
        frames = [frame for position in positions for frame in batch.files[position].frames]
        added = iter(session.add(frames, kind)) if frames else iter(())
        for position in positions:
            tokens[position] = [next(added) for _ in batch.files[position].frames]
    return (token for position in range(len(batch.files)) for token in tokens[position])


def _kind(source: Source) -> str:
    return source.name[source.name.rfind(b".") + 1 :][-16:].decode("latin-1")


def _logged(session: Session, whole: _Whole, tokens: list[int]) -> Logged:
    layout = b""
    if len(whole.frames) > 1:
        nodes: list[int] = []
        builder = ChunkListBuilder(lambda data: _add_node(session, nodes, data))
        for digest, data in whole.frames:
            builder.add(digest, len(data))
        layout = builder.finish()
        tokens = [*set(tokens), *nodes]
    source = whole.source
    return Logged(
        entry_of(source, whole.digest, layout), seen_of(source.stat, whole.read_ns), tokens
    )


def _add_node(session: Session, tokens: list[int], data: bytes) -> Digest:
    digest, token = session.add_metadata(data)
    tokens.append(token)
    return digest
