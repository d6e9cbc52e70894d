"""Writing files from frames: small ones whole by workers, large ones in order; and references.

Knows: batches, staged names.  Never: which files, what is there already.

Measured: 1 GiB in new files through the page cache took 0.7 to 3.5 s on one virtual machine, by
whether its memory had been touched before; past it 0.7 s.  So large files are written directly
where the file system takes it, in order, while workers read and verify ahead.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from casstore import durable
from casstore.digest import Buffer, Digest
from casstore.errors import Absent, Corrupt, Error, RemoteError
from casstore.flows.checkout.referenced import Resolved
from casstore.manifests import ChunkRef, Entry, chunk_refs
from casstore.names import display_path
from casstore.parallel import Background, ordered_map
from casstore.store import Readable

__all__ = ["File", "Progress", "Writer"]

LARGE_FILE_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 4 * 1024 * 1024
AHEAD_BYTES = 32 * 1024 * 1024  # what is not here is fetched so much at once
MAX_BATCH_FILES = 256
SAMPLED_FRAMES = 8
COMPRESSED = 0.9  # what is stored in this share of its size, or less, takes a decompressor
MAX_FETCHERS = 8  # connections, which wait rather than work

Progress = Callable[[int, int], None]
Group = TypeVar("Group")

_Written: TypeAlias = Generator["File", None, None]
"""Files as they are written, nobody else's to touch until it is closed."""


class File(NamedTuple):
    """One file to write: its name, the name it is staged under (the same, where nobody sees it)."""

    target: bytes
    staged: bytes
    entry: Entry


@dataclass(slots=True)
class _Batch:
    """Small files, the frames of all of them in order, and how many each has."""

    files: list[File] = field(default_factory=list)
    refs: list[ChunkRef] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes files of one store with ``workers`` threads; ``note`` takes the progress.

    ``place`` gives a file that was staged its name.
    """

    store: Readable
    workers: int
    note: Progress
    resolved: Resolved
    place: Callable[[File], None]

    def write(self, files: Iterable[File]) -> int:
        """Write files and give them their names; returns how many.

        Raises ``Corrupt`` before a wrong byte is written under a name; staged files are then
        removed.
        """
        written = 0
        unnamed: set[bytes] = set()
        try:
            ways = {"small": self._write_small, "large": self._write_large}
            ways["elsewhere"] = self._fetch
            for kind, group in groupby(files, key=_kind):
                with closing(ways[kind](group, unnamed)) as done:
                    for file in done:
                        if file.staged != file.target:
                            self.place(file)
                        unnamed.discard(file.staged)
                        written += 1
        finally:
            for staged in unnamed:
                if os.path.lexists(staged):
                    os.unlink(staged)
        return written

    def _write_small(self, files: Iterable[File], unnamed: set[bytes]) -> _Written:
        with ordered_map(
            lambda batch: _write_batch(self.store, batch),
            _ahead(self.store, _batches(self.store, files, unnamed), lambda batch: batch.refs),
            workers=self.workers,
            window=self.workers + 2,
            worth_a_thread=self._is_compressed,
        ) as batches:
            for batch in batches:
                yield from batch.files
                self.note(len(batch.files), batch.size_bytes)

    def _is_compressed(self, batch: _Batch) -> bool:
        """Tell, by a few of its frames, whether a batch is work for a decompressor."""
        sample = batch.refs[:SAMPLED_FRAMES]
        stored = self.store.frames.stored_bytes([ref.digest for ref in sample])
        return stored < COMPRESSED * sum([ref.size_bytes for ref in sample])

    def _write_large(self, files: Iterable[File], unnamed: set[bytes]) -> _Written:
        with closing(durable.new_background()) as background:
            for file in files:
                unnamed.add(file.staged)
                self._write_one(file, background)
                yield file
                self.note(1, 0)

    def _fetch(self, files: Iterable[File], unnamed: set[bytes]) -> _Written:
        with ordered_map(
            lambda file: (file, self.resolved.fetch(file.entry, file.staged)),
            _noted(files, unnamed),
            workers=MAX_FETCHERS,
            window=2 * MAX_FETCHERS,
        ) as fetched:
            for file, is_there in fetched:
                if is_there:
                    yield file
                self.note(1, file.entry.size_bytes)

    def _write_one(self, file: File, background: Background) -> None:
        path = Path(os.fsdecode(file.staged))
        writer = durable.create(
            path, direct=True, executable=file.entry.executable, background=background
        )
        try:
            for frames in ordered_map(
                lambda refs: _read(self.store, file.entry, refs),
                _ahead(self.store, _stretches(self.store, file.entry), lambda refs: refs),
                workers=self.workers,
                window=self.workers + 1,
            ):
                for frame in frames:
                    writer.append(frame)
                self.note(0, sum(map(len, frames)))
            writer.flush()
        finally:
            writer.close()


def _kind(file: File) -> str:
    if file.entry.is_reference:
        return "elsewhere"
    return "large" if file.entry.size_bytes >= LARGE_FILE_BYTES else "small"


def _noted(files: Iterable[File], unnamed: set[bytes]) -> Iterator[File]:
    for file in files:
        unnamed.add(file.staged)
        yield file


def _ahead(
    store: Readable, groups: Iterable[Group], refs_of: Callable[[Group], list[ChunkRef]]
) -> Iterator[Group]:
    """Yield groups of frames on; where reading takes requests, many groups' frames come first."""
    if not store.frames.is_far():
        yield from groups
        return
    waiting: list[Group] = []
    refs: list[ChunkRef] = []
    for group in groups:
        waiting.append(group)
        refs += refs_of(group)
        if sum([ref.size_bytes for ref in refs]) >= AHEAD_BYTES:
            store.frames.prefetch([ref.digest for ref in refs])
            yield from waiting
            waiting, refs = [], []
    store.frames.prefetch([ref.digest for ref in refs])
    yield from waiting


# Large files


def _stretches(store: Readable, entry: Entry) -> Iterator[list[ChunkRef]]:
    stretch: list[ChunkRef] = []
    size = 0
    for ref in _refs(store, entry):
        stretch.append(ref)
        size += ref.size_bytes
        if size >= BATCH_BYTES:
            yield stretch
            stretch, size = [], 0
    if stretch:
        yield stretch


def _refs(store: Readable, entry: Entry) -> Iterator[ChunkRef]:
    content = Digest(entry.content)
    try:
        for _, ref in chunk_refs(entry.layout, content, entry.size_bytes, store.frames.metadata):
            yield ref
    except Corrupt as error:
        raise _with_path(entry, error) from error


def _read(store: Readable, entry: Entry, refs: Sequence[ChunkRef]) -> list[Buffer]:
    try:
        frames = store.frames.read([ref.digest for ref in refs])
    except (Absent, Corrupt, RemoteError) as error:
        raise _with_path(entry, error) from error
    _check_sizes(entry, refs, frames)
    return frames


def _check_sizes(entry: Entry, refs: Sequence[ChunkRef], frames: Sequence[Buffer]) -> None:
    for ref, frame in zip(refs, frames, strict=True):
        if len(frame) != ref.size_bytes:
            raise Corrupt(f"{display_path(entry.path)}: a chunk list gives a frame another size")


def _with_path(entry: Entry, error: Error) -> Error:
    """Return an error as it is told: with the path that suffers."""
    return type(error)(f"{display_path(entry.path)}: {error.message}", hint=error.hint)


# Small files


def _batches(store: Readable, files: Iterable[File], unnamed: set[bytes]) -> Iterator[_Batch]:
    batch = _Batch()
    for file in files:
        entry = file.entry
        unnamed.add(file.staged)
        batch.files.append(file)
        if entry.layout:
            refs = list(_refs(store, entry))
        else:  # most small files are one frame
            refs = [ChunkRef(Digest(entry.content), entry.size_bytes)] if entry.size_bytes else []
        batch.refs += refs
        batch.counts.append(len(refs))
        batch.size_bytes += entry.size_bytes
        if batch.size_bytes >= BATCH_BYTES or len(batch.files) >= MAX_BATCH_FILES:
            yield batch
            batch = _Batch()
    if batch.files:
        yield batch


def _write_batch(store: Readable, batch: _Batch) -> _Batch:
    frames = _read_batch(store, batch)
    start = 0
    for (_, staged, entry), count in zip(batch.files, batch.counts, strict=True):
        end = start + count
        own = frames[start:end]
        _check_sizes(entry, batch.refs[start:end], own)
        durable.write_new(staged, own, executable=entry.executable)
        start = end
    return batch


def _read_batch(store: Readable, batch: _Batch) -> list[Buffer]:
    """Read the frames of a whole batch at once; damage is then traced to its file."""
    try:
        return store.frames.read([ref.digest for ref in batch.refs])
    except Corrupt:
        start = 0
        for file, count in zip(batch.files, batch.counts, strict=True):
            _read(store, file.entry, batch.refs[start : start + count])
            start += count
        raise
