"""log: working files into a draft.

walk -> stat cache -> blocks -> cut -> hash, dedup, encode, append (workers) -> entries

Knows: how files are read, batched and checked for changes.  Never: names, numbers, events.
The caller's thread reads and cuts, workers hash and store, results come back in order.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from casstore import durable
from casstore.catalog import StatKey, StatRow
from casstore.chunks import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, Cutter
from casstore.digest import Digest, Hasher, digest_of
from casstore.errors import Busy, Error, FileMissing
from casstore.flows.walk import Source
from casstore.manifests import ChunkListBuilder, Entry, EntryKind
from casstore.names import display_path
from casstore.parallel import default_workers, ordered_map
from casstore.store import Draft, Seen, Session, Store

__all__ = ["LogResult", "log_files"]

BLOCK_BYTES = 4 * 1024 * 1024
WHOLE_FILE_BYTES = 1024 * 1024  # up to here a file is read at once, together with others
MAX_BATCH_FILES = 512
MAX_ATTEMPTS = 3
LOOKAHEAD_FILES = 1024
SETTLED_NS = 2_000_000_000  # a stat is believed when the file had not changed for 2 s (DESIGN 6)

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class LogResult:
    """What logging did: files taken, their bytes, and how many were known unchanged by stat."""

    files: int = 0
    size_bytes: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class _Whole:
    """One file inside a batch: its bytes in the buffer and where they are cut."""

    source: Source
    read_ns: int
    start: int
    lengths: list[int]


@dataclass(slots=True)
class _Batch:
    """A buffer of whole files, for one worker."""

    buffer: memoryview
    files: list[_Whole] = field(default_factory=list)
    used: int = 0


@dataclass(slots=True)
class _Block:
    """A stretch of one large file, for one worker.  ``digest`` and ``seen`` come with the last."""

    buffer: memoryview
    source: Source
    first: bool
    lengths: list[int]
    digest: Digest | None = None
    seen: Seen | None = None


@dataclass(slots=True)
class _Stored:
    """What a worker made of a batch or block: each chunk's (digest, size, token), file by file."""

    work: "_Batch | _Block"
    chunks: list[list[tuple[Digest, int, int]]]
    digests: list[Digest]


class _Buffers:
    """Buffers that are used again: the first touch of memory is slow."""

    def __init__(self) -> None:
        self._free: deque[memoryview] = deque()

    def take(self) -> memoryview:
        if self._free:
            return self._free.pop()
        return memoryview(bytearray(BLOCK_BYTES + MAX_CHUNK_BYTES))

    def give(self, buffer: memoryview) -> None:
        self._free.append(buffer)


def log_files(
    store: Store,
    draft: Draft,
    sources: Iterable[Source],
    *,
    replace: bool = False,
    use_cache: bool = True,
    progress: Progress | None = None,
) -> LogResult:
    """Take files into the store and add them to the draft.

    Raises what ``Draft.put`` raises, ``Busy`` for a file that keeps changing, ``FileMissing`` for
    one that vanished and ``Error`` for one that cannot be read; the draft is then incomplete and
    the caller drops it.  ``progress`` is called with (files, bytes) as they are done.
    """
    result = LogResult()
    note = progress or _unheard
    misses = sources
    if use_cache:
        misses = _without_known(store, draft, sources, result, note, replace=replace)
    buffers = _Buffers()
    workers = default_workers()
    stored = ordered_map(
        lambda work: _store(draft.session, work),
        _work(misses, buffers),
        workers=workers,
        window=2 * workers + 1,
    )
    collector = _Collector(draft, result, note, replace=replace)
    for item in stored:
        collector.take(item)
        buffers.give(item.work.buffer)
    return result


def _without_known(
    store: Store,
    draft: Draft,
    sources: Iterable[Source],
    result: LogResult,
    note: Progress,
    *,
    replace: bool,
) -> Iterator[Source]:
    """Add the files that the stat cache knows to the draft, and yield the others."""
    keeps: dict[int, bool] = {}
    live: dict[int, bool] = {}
    iterator = iter(sources)
    while group := list(islice(iterator, LOOKAHEAD_FILES)):
        rows = store.remembered([StatKey(s.stat.st_dev, s.stat.st_ino) for s in group])
        for source, row in zip(group, rows, strict=True):
            device = source.stat.st_dev
            if device not in keeps:
                keeps[device] = durable.keeps_ctime(_parent(source.path))
            known = row is not None and keeps[device] and _unchanged(source.stat, row)
            if row is None or not known or not _all_live(store, live, row):
                yield source
            else:
                draft.put(_entry(source, row.digest, row.layout), row.pack_rows, replace=replace)
                result.files += 1
                result.unchanged += 1
                result.size_bytes += row.size_bytes
                note(1, row.size_bytes)


def _parent(path: bytes) -> Path:
    return Path(os.fsdecode(os.path.dirname(path) or b"."))


def _unchanged(info: os.stat_result, row: StatRow) -> bool:
    if (info.st_size, info.st_mtime_ns, info.st_ctime_ns) != row[:3]:
        return False
    return row.read_ns - max(info.st_mtime_ns, info.st_ctime_ns) >= SETTLED_NS


def _all_live(store: Store, live: dict[int, bool], row: StatRow) -> bool:
    for pack_row in row.pack_rows:
        if pack_row not in live:
            live[pack_row] = store.pack_exists(pack_row)
        if not live[pack_row]:
            return False
    return True


def _unheard(files: int, size: int) -> None:
    """Take progress that nobody asked for."""


def _entry(source: Source, digest: Digest, layout: bytes) -> Entry:
    kind = EntryKind.EXECUTABLE if source.stat.st_mode & 0o100 else EntryKind.FILE
    return Entry(source.name, source.stat.st_size, kind, digest, layout)


# Reading: the caller's thread


def _work(sources: Iterable[Source], buffers: _Buffers) -> Iterator[_Batch | _Block]:
    cutter = Cutter()
    batch: _Batch | None = None
    for source in sources:
        size = source.stat.st_size
        if size > WHOLE_FILE_BYTES:
            if batch:
                yield batch
                batch = None
            yield from _blocks(source, buffers, cutter)
            continue
        if batch and (batch.used + size >= BLOCK_BYTES or len(batch.files) >= MAX_BATCH_FILES):
            yield batch
            batch = None
        if batch is None:
            batch = _Batch(buffers.take())
        _read_whole(source, batch, cutter)
    if batch:
        yield batch


def _read_whole(source: Source, batch: _Batch, cutter: Cutter) -> None:
    """Read one small file into the batch, again if it changes, so that it is never torn."""
    expected = source.stat.st_size
    for _ in range(MAX_ATTEMPTS):
        read_ns = time.time_ns()
        descriptor = _open(source)
        try:
            before = os.fstat(descriptor)
            room = batch.buffer[batch.used : batch.used + before.st_size + 1]
            got = durable.read_into(descriptor, room) if before.st_size <= WHOLE_FILE_BYTES else -1
            after = os.fstat(descriptor)
        except OSError as error:
            raise _failed(source, error) from error
        finally:
            os.close(descriptor)
        if got == expected and _same(before, after) and _same(before, source.stat):
            break
        source = Source(source.path, source.name, after)
        expected = after.st_size
    else:
        raise _changing(source)
    if expected <= MIN_CHUNK_BYTES:
        lengths = [expected] if expected else []
    else:
        lengths = cutter.cut(batch.buffer[batch.used : batch.used + expected], final=True)
    batch.files.append(_Whole(source, read_ns, batch.used, lengths))
    batch.used += expected


def _blocks(source: Source, buffers: _Buffers, cutter: Cutter) -> Iterator[_Block]:
    """Read one large file block by block; a file that changed is begun again."""
    for _ in range(MAX_ATTEMPTS):
        read_ns = time.time_ns()
        descriptor = _open(source)
        try:
            before = os.fstat(descriptor)
            source = Source(source.path, source.name, before)
            last, total = yield from _read_blocks(source, descriptor, buffers, cutter)
            if _same(before, os.fstat(descriptor)) and total == before.st_size:
                key = StatKey(before.st_dev, before.st_ino)
                last.seen = Seen(
                    key, before.st_size, before.st_mtime_ns, before.st_ctime_ns, read_ns
                )
                yield last
                return
            buffers.give(last.buffer)
        except OSError as error:
            raise _failed(source, error) from error
        finally:
            os.close(descriptor)
    raise _changing(source)


def _read_blocks(
    source: Source, descriptor: int, buffers: _Buffers, cutter: Cutter
) -> Generator[_Block, None, tuple[_Block, int]]:
    """Yield all blocks but the last; return that one and how many bytes there were."""
    hasher = Hasher()
    buffer = buffers.take()
    carried = total = 0
    first = True
    while True:
        got = durable.read_into(descriptor, buffer[carried : carried + BLOCK_BYTES])
        hasher.update(buffer[carried : carried + got])
        total += got
        filled = carried + got
        lengths = cutter.cut(buffer[:filled], final=not got)
        used = sum(lengths)
        if not got:
            digest = Digest(hasher.digest())
            return _Block(buffer, source, first, lengths, digest), total
        following = buffers.take()
        carried = filled - used
        following[:carried] = buffer[used:filled]
        yield _Block(buffer, source, first, lengths)
        buffer, first = following, False


def _open(source: Source) -> int:
    try:
        return os.open(source.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise _failed(source, error) from error


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (
        one.st_size == other.st_size
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_ctime_ns == other.st_ctime_ns
        and one.st_ino == other.st_ino
    )


def _failed(source: Source, error: OSError) -> Error:
    name = display_path(source.path)
    if isinstance(error, FileNotFoundError):
        return FileMissing(f"{name} vanished while it was read", hint="nothing was logged")
    return Error(f"{name} cannot be read: {error.strerror}", hint="nothing was logged")


def _changing(source: Source) -> Busy:
    name = display_path(source.path)
    return Busy(f"{name} kept changing while it was read", hint="nothing was logged; try again")


# Storing: worker threads


def _store(session: Session, work: _Batch | _Block) -> _Stored:
    if isinstance(work, _Block):
        frames = _frames(work.buffer, 0, work.lengths)
        tokens = session.add(frames, _hint(work.source)) if frames else []
        chunks = [(digest, len(data), token) for (digest, data), token in zip(frames, tokens, strict=True)]
        return _Stored(work, [chunks], [])
    return _store_batch(session, work)


def _store_batch(session: Session, batch: _Batch) -> _Stored:
    by_hint: dict[str, list[int]] = {}
    frames_of, digests = [], []
    for position, whole in enumerate(batch.files):
        frames = _frames(batch.buffer, whole.start, whole.lengths)
        frames_of.append(frames)
        if len(frames) == 1:
            digests.append(frames[0][0])
        else:
            end = whole.start + sum(whole.lengths)
            digests.append(digest_of(batch.buffer[whole.start : end]))
        if frames:
            by_hint.setdefault(_hint(whole.source), []).append(position)
    chunks: list[list[tuple[Digest, int, int]]] = [[] for _ in batch.files]
    for hint, positions in by_hint.items():
        frames = [frame for position in positions for frame in frames_of[position]]
        tokens = iter(session.add(frames, hint))
        for position in positions:
            chunks[position] = [
                (digest, len(data), next(tokens)) for digest, data in frames_of[position]
            ]
    return _Stored(batch, chunks, digests)


def _frames(buffer: memoryview, start: int, lengths: list[int]) -> list[tuple[Digest, memoryview]]:
    frames = []
    for length in lengths:
        data = buffer[start : start + length]
        frames.append((digest_of(data), data))
        start += length
    return frames


def _hint(source: Source) -> str:
    return os.path.splitext(source.name)[1].decode("latin-1")


# Collecting: the caller's thread again


class _Collector:
    """Turns stored chunks into entries."""

    def __init__(self, draft: Draft, result: LogResult, note: Progress, *, replace: bool) -> None:
        self._draft = draft
        self._result = result
        self._note = note
        self._replace = replace
        self._list: ChunkListBuilder | None = None
        self._tokens: set[int] = set()

    def take(self, stored: _Stored) -> None:
        work = stored.work
        if isinstance(work, _Batch):
            for whole, chunks, digest in zip(
                work.files, stored.chunks, stored.digests, strict=True
            ):
                self._begin()
                self._add(chunks)
                info = whole.source.stat
                key = StatKey(info.st_dev, info.st_ino)
                seen = Seen(key, info.st_size, info.st_mtime_ns, info.st_ctime_ns, whole.read_ns)
                self._end(whole.source, digest, seen)
            return
        if work.first:
            self._begin()
        self._add(stored.chunks[0])
        self._note(0, sum(work.lengths))
        if work.digest is not None and work.seen is not None:
            self._end(work.source, work.digest, work.seen)

    def _begin(self) -> None:
        self._tokens = set()
        self._list = ChunkListBuilder(self._add_node)

    def _add(self, chunks: list[tuple[Digest, int, int]]) -> None:
        for digest, size, token in chunks:
            self._list.add(digest, size)  # type: ignore[union-attr]
            self._tokens.add(token)

    def _add_node(self, data: bytes) -> Digest:
        digest, token = self._draft.session.add_metadata(data)
        self._tokens.add(token)
        return digest

    def _end(self, source: Source, digest: Digest, seen: Seen) -> None:
        layout = self._list.finish()  # type: ignore[union-attr]
        entry = _entry(source, digest, layout)
        self._draft.put(entry, self._tokens, replace=self._replace)
        self._draft.remember(seen, entry, self._tokens)
        self._result.files += 1
        self._result.size_bytes += entry.size_bytes
        self._note(1, entry.size_bytes if source.stat.st_size <= WHOLE_FILE_BYTES else 0)
