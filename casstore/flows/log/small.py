"""Small files: read many into one buffer, hash them, and hand the batch on.

Knows: batches.  Never: large files, entries' paths, the stat cache.

The caller's thread reads, cuts and hashes.  Where bytes compress, another encodes and writes them
meanwhile; where they do not, it would only contend for the interpreter, so the caller's stores
them too (measured: a fifth less processor time for random bytes).
"""

import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from casstore import durable
from casstore.catalog import Stamp
from casstore.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, Cutter
from casstore.digest import Digest, digest_of
from casstore.flows.log.framing import FileFrames, Frame, frames_of
from casstore.flows.log.opened import MAX_ATTEMPTS, changing, failed, open_source, stamp_to_believe
from casstore.flows.log.result import Logged, Progress, entry_of, same_file
from casstore.parallel import ordered_map
from casstore.store import Session, Token
from casstore.worktree import Source, regular

__all__ = ["WHOLE_FILE_BYTES", "log_small"]

WHOLE_FILE_BYTES = 1024 * 1024  # up to here a file is read at once, together with others
BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_FILES = 512
WINDOW = 3
COMPRESSED = 0.9  # a batch that is stored in this share of its size, or less, took a compressor


@dataclass(slots=True)
class _Batch:
    """A buffer of whole files, their frames in order, and the kind of each frame.

    ``files`` holds (source, digest, stamp if it may be believed, number of frames).  The buffer has
    room for one file more than a full batch.
    """

    buffer: memoryview
    began_ns: int
    files: list[tuple[Source, Digest, Stamp | None, int]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    used: int = 0


def log_small(
    session: Session, sources: Iterable[Source], note: Progress
) -> Generator[Logged, None, None]:
    """Store files of up to ``WHOLE_FILE_BYTES`` and yield what became of them, in order.

    The caller closes it.
    """
    spare: deque[memoryview] = deque()
    storing = _Storing(session)
    with ordered_map(
        storing.store,
        _batches(sources, spare),
        workers=1,
        window=WINDOW,
        worth_a_thread=lambda _: storing.compresses,
    ) as stored:
        for batch, tokens in stored:
            yield _logged(session, batch, tokens, note)
            spare.append(batch.buffer)


class _Storing:
    """Stores batches, one at a time, and learns whether they compress."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.compresses = False

    def store(self, batch: _Batch) -> tuple[_Batch, list[Token]]:
        """Return the batch and the token of each of its frames."""
        session = self._session
        if not batch.frames:
            return batch, []
        new, stored = session.new_bytes, session.stored_bytes
        tokens = session.add(batch.frames, batch.kinds)
        new, stored = session.new_bytes - new, session.stored_bytes - stored
        self.compresses = stored < COMPRESSED * new
        return batch, tokens


def _batches(sources: Iterable[Source], spare: deque[memoryview]) -> Iterator[_Batch]:
    cutter = Cutter()
    batch: _Batch | None = None
    for source in sources:
        if batch is None:
            batch = _Batch(spare.pop() if spare else _new_buffer(), time.time_ns())
        _read(source, batch, cutter)
        if batch.used >= BATCH_BYTES or len(batch.files) >= MAX_BATCH_FILES:
            yield batch
            batch = None
    if batch:
        yield batch


def _new_buffer() -> memoryview:
    return durable.map_memory(BATCH_BYTES + WHOLE_FILE_BYTES + MAX_CHUNK_BYTES)


def _read(source: Source, batch: _Batch, cutter: Cutter) -> None:
    """Read one file into the batch, again if it changes, so that it is never torn.

    It is whole if its stat after reading is the one that the walk saw before.
    """
    start = batch.used
    for _ in range(MAX_ATTEMPTS):
        size = source.stat.st_size
        descriptor = open_source(source)
        try:
            stamp = stamp_to_believe(descriptor, source.stat, batch.began_ns)
            got = durable.read_into(descriptor, batch.buffer[start : start + size + 1])
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
    data = batch.buffer[start : start + got]
    batch.used = start + got
    digest = digest_of(data)
    frames = [(digest, data)] if got else []
    if got > MIN_CHUNK_BYTES:
        frames = frames_of(data, cutter.cut(data, final=True))
    if frames:
        batch.frames += frames
        batch.kinds += [_kind_of(source.name)] * len(frames)
    batch.files.append((source, digest, stamp, len(frames)))


def _kind_of(name: bytes) -> str:
    """Return what follows the last dot of a file's name: files with the same compress alike."""
    return name.rpartition(b"/")[2].partition(b".")[2].rpartition(b".")[2].decode("latin-1")


def _logged(session: Session, batch: _Batch, tokens: list[Token], note: Progress) -> Logged:
    logged = Logged([], [], set(tokens))
    start = 0
    for source, digest, stamp, count in batch.files:
        end = start + count
        own, layout = tokens[start:end], b""
        if count > 1:
            listed = FileFrames(session)
            listed.add(batch.frames[start:end], own)
            layout, own = listed.layout(), list(listed.tokens)
            logged.tokens.update(own)
        entry = entry_of(source, digest, layout)
        logged.entries.append(entry)
        if stamp is not None:
            logged.seen.append((stamp, entry, tuple(own)))
        start = end
    note(len(logged.entries), batch.used)
    return logged
