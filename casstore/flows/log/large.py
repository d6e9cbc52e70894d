"""Large files: streams that are cut, hashed and stored block by block.

Knows: one file at a time, with bounded memory whatever its size.  Never: batches, the stat cache.

Of several files, each worker takes whole ones.  A single file is read, cut and hashed by one
thread, while others compute the file's own digest and encode and write its chunks.
"""

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence

from casstore import durable
from casstore.chunks import MAX_CHUNK_BYTES, Cutter
from casstore.digest import Digest, Hasher, digest_of
from casstore.flows.log.opened import MAX_ATTEMPTS, changing, failed, open_source
from casstore.flows.log.result import Logged, Progress, entry_of, same_file, settled_stamp
from casstore.manifests import ChunkListBuilder
from casstore.parallel import Pending, Pool, ordered_map
from casstore.store import Session
from casstore.worktree import Source, regular

__all__ = ["log_large"]

BLOCK_BYTES = 4 * 1024 * 1024
MAX_BLOCKS_WAITING = 4

Frame = tuple[Digest, memoryview]


def log_large(
    session: Session, sources: Sequence[Source], workers: int, note: Progress
) -> Iterator[Logged]:
    """Store files block by block and yield what became of each, in order."""
    if len(sources) > 1:
        yield from ordered_map(
            lambda source: _log(session, source, None, note),
            list(sources),
            workers=workers,
            window=len(sources) + 1,
        )
        return
    with Pool(workers) as pool:
        for source in sources:
            yield _log(session, source, pool, note)


def _log(session: Session, source: Source, pool: Pool | None, note: Progress) -> Logged:
    """Store one file; a file that changed while it was read is begun again."""
    for _ in range(MAX_ATTEMPTS):
        read_ns = time.time_ns()
        descriptor = open_source(source)
        try:
            before = regular(source.path, os.fstat(descriptor))
            stream = _Stream(session, source, pool, note)
            total = stream.take(descriptor, before.st_size)
            after = os.fstat(descriptor)
        except OSError as error:
            if durable.is_out_of_space(error):
                raise
            raise failed(source, error) from error
        finally:
            os.close(descriptor)
        if total == before.st_size and same_file(before, after):
            digest, layout = stream.finish()
            entry = entry_of(Source(source.path, source.name, before), digest, layout)
            stamp = settled_stamp(before, read_ns)
            seen = [] if stamp is None else [(stamp, entry, tuple(stream.tokens))]
            note(1, 0)
            return Logged([entry], seen, stream.tokens)
        note(0, -total)
    raise changing(source)


class _Stream:
    """One reading of one file."""

    def __init__(self, session: Session, source: Source, pool: Pool | None, note: Progress) -> None:
        self.tokens: set[int] = set()
        self._session = session
        self._pool = pool
        self._note = note
        self._kind = os.path.splitext(source.name)[1].decode("latin-1")
        self._hasher = Hasher()
        self._hashing: Pending[object] | None = None
        self._cutter = Cutter()
        self._list = ChunkListBuilder(self._add_node)
        self._waiting: deque[tuple[Pending[list[int]], list[Frame], memoryview]] = deque()
        self._spare: list[memoryview] = []

    def take(self, descriptor: int, expected_bytes: int) -> int:
        """Read to the end; returns how many bytes there were.

        A file that turns out longer than expected is left there: it may grow as fast as it is read.
        """
        buffer = self._buffer()
        carried = total = 0
        while True:
            got = durable.read_into(descriptor, buffer[carried : carried + BLOCK_BYTES])
            filled = carried + got
            self._hash(buffer[carried:filled])
            frames = self._frames(buffer[:filled], final=not got)
            total += got
            used = sum(len(data) for _, data in frames)
            buffer, carried = self._store(frames, buffer, buffer[used:filled])
            self._note(0, got)
            if not got or total > expected_bytes:
                break
        while self._waiting:
            self._settle()
        return total

    def finish(self) -> tuple[Digest, bytes]:
        """Return the file's digest and layout."""
        if self._hashing is not None:
            self._hashing.result()
        return Digest(self._hasher.digest()), self._list.finish()

    def _buffer(self) -> memoryview:
        if self._spare:
            return self._spare.pop()
        return memoryview(bytearray(BLOCK_BYTES + MAX_CHUNK_BYTES))

    def _hash(self, data: memoryview) -> None:
        if self._pool is None:
            self._hasher.update(data)
            return
        if self._hashing is not None:
            self._hashing.result()
        self._hashing = self._pool.submit(self._hasher.update, data)

    def _frames(self, data: memoryview, *, final: bool) -> list[Frame]:
        frames = []
        start = 0
        for length in self._cutter.cut(data, final=final):
            chunk = data[start : start + length]
            frames.append((digest_of(chunk), chunk))
            start += length
        return frames

    def _store(
        self, frames: list[Frame], buffer: memoryview, rest: memoryview
    ) -> tuple[memoryview, int]:
        """Store frames; returns the buffer to read into next and how much of it the rest fills."""
        carried = len(rest)
        if self._pool is None:
            if frames:
                self._collect(self._session.add(frames, self._kind), frames)
            buffer[:carried] = bytes(rest)  # the two may overlap
            return buffer, carried
        following = self._buffer()
        following[:carried] = rest
        if self._hashing is not None:
            self._hashing.result()  # before the buffer is used again
        if frames:
            pending = self._pool.submit(self._session.add, frames, self._kind)
            self._waiting.append((pending, frames, buffer))
        if len(self._waiting) >= MAX_BLOCKS_WAITING:
            self._settle()
        return following, carried

    def _settle(self) -> None:
        pending, frames, buffer = self._waiting.popleft()
        self._collect(pending.result(), frames)
        self._spare.append(buffer)

    def _collect(self, tokens: list[int], frames: list[Frame]) -> None:
        for digest, data in frames:
            self._list.add(digest, len(data))
        self.tokens.update(tokens)

    def _add_node(self, data: bytes) -> Digest:
        digest, token = self._session.add_metadata(data)
        self.tokens.add(token)
        return digest
