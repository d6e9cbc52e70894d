"""Large files: streams that are cut, hashed and stored block by block.

Knows: one file at a time, with bounded memory whatever its size.  Never: batches, the stat cache.

Where there are files enough, each thread takes whole ones; fewer are taken one after the other, in
parts, by all threads (``parts``).
"""

import os
import time
from collections.abc import Generator, Sequence

from casstore import durable
from casstore.chunks import MAX_CHUNK_BYTES
from casstore.digest import Digest, Hasher
from casstore.flows.log.earlier import Cuts, Earlier
from casstore.flows.log.framing import FileFrames, Framer
from casstore.flows.log.opened import MAX_ATTEMPTS, changing, failed, open_source, stamp_to_believe
from casstore.flows.log.parts import PartedFile
from casstore.flows.log.result import Logged, Progress, entry_of, same_file
from casstore.parallel import Pool, default_workers, ordered_map
from casstore.store import Session
from casstore.worktree import Source, regular

__all__ = ["log_large"]

BLOCK_BYTES = 4 * 1024 * 1024


def log_large(
    session: Session,
    sources: Sequence[Source],
    workers: int,
    note: Progress,
    earlier: Earlier | None = None,
) -> Generator[Logged, None, None]:
    """Store files block by block and yield what became of each, in order; the caller closes it.

    ``earlier`` tells how a file was cut that was at the same path before.
    """
    if len(sources) >= min(workers, default_workers()) > 1:
        with ordered_map(
            lambda source: _log(session, source, None, note, earlier),
            list(sources),
            workers=workers,
            window=len(sources) + 1,
        ) as logged:
            yield from logged
        return
    with Pool(workers) as pool:
        for source in sources:
            yield _log(session, source, pool, note, earlier)


def _log(
    session: Session, source: Source, pool: Pool | None, note: Progress, earlier: Earlier | None
) -> Logged:
    """Store one file; a file that changed while it was read is begun again."""
    kind = os.path.splitext(source.name)[1].decode("latin-1")
    cuts = earlier(source.name) if earlier is not None else None
    for _ in range(MAX_ATTEMPTS):
        descriptor = open_source(source)
        reading: _Stream | PartedFile = (
            _Stream(session, kind, note, cuts)
            if pool is None
            else PartedFile(session, kind, pool, note, cuts)
        )
        try:
            before = regular(source.path, os.fstat(descriptor))
            stamp = stamp_to_believe(descriptor, before, time.time_ns())
            total = reading.take(descriptor, before.st_size)
            after = os.fstat(descriptor)
        except OSError as error:
            if durable.is_out_of_space(error):
                raise
            raise failed(source, error) from error
        finally:
            os.close(descriptor)
        if total == before.st_size and same_file(before, after):
            source = Source(source.path, source.name, before)
            entry = entry_of(source, reading.digest(), reading.frames.layout())
            tokens = reading.frames.tokens
            note(1, 0)
            return Logged([entry], [(stamp, entry, tuple(tokens))] if stamp else [], tokens)
        note(0, -total)
    raise changing(source)


class _Stream:
    """One reading of one file by one thread."""

    def __init__(self, session: Session, kind: str, note: Progress, cuts: Cuts | None) -> None:
        self.frames = FileFrames(session)
        self._session = session
        self._kind = kind
        self._note = note
        self._hasher = Hasher()
        self._framer = Framer(cuts)
        self._buffer = durable.map_memory(BLOCK_BYTES + MAX_CHUNK_BYTES)

    def take(self, descriptor: int, size_bytes: int) -> int:
        """Read to the end; returns how many bytes there were.

        A file that turns out longer than expected is left there: it may grow as fast as it is read.
        """
        buffer = self._buffer
        carried = total = 0
        while True:
            got = durable.read_into(descriptor, buffer[carried : carried + BLOCK_BYTES])
            filled = carried + got
            self._hasher.update(buffer[carried:filled])
            used = self._store(buffer[:filled], final=not got)
            carried = filled - used
            buffer[:carried] = bytes(buffer[used:filled])  # the two may overlap
            total += got
            self._note(0, got)
            if not got or total > size_bytes:
                return total

    def digest(self) -> Digest:
        """Return the file's digest."""
        return Digest(self._hasher.digest())

    def _store(self, data: memoryview, *, final: bool) -> int:
        """Store the frames at the front of ``data``; returns how many bytes they are."""
        frames, used = self._framer.frames(data, final=final)
        if frames:
            self.frames.add(frames, self._session.add(frames, self._kind))
        return used
