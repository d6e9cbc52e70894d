"""Writing files from frames: small ones whole by workers, large ones in order.

Knows: batches, staged names.  Never: which files, what is there already.

Measured: 1 GiB in new files through the page cache took 0.7 to 3.5 s on one virtual machine, by
whether its memory had been touched before; past it 0.7 s.  So large files are written directly
where the file system takes it, in order, while workers read and verify ahead.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from casstore import durable
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt
from casstore.manifests import ChunkRef, Entry, chunk_refs
from casstore.names import display_path
from casstore.parallel import default_workers, ordered_map
from casstore.store import Store

__all__ = ["File", "Progress", "write_files"]

LARGE_FILE_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 4 * 1024 * 1024
MAX_BATCH_FILES = 256

Progress = Callable[[int, int], None]


class File(NamedTuple):
    """One file to write: its name, the name it is staged under (the same, where nobody sees it)."""

    target: bytes
    staged: bytes
    entry: Entry


@dataclass(slots=True)
class _Batch:
    files: list[File] = field(default_factory=list)
    refs: list[list[ChunkRef]] = field(default_factory=list)
    size_bytes: int = 0


def write_files(store: Store, files: Iterable[File], note: Progress) -> int:
    """Write files and give them their names; returns how many.

    Raises ``Corrupt`` before a wrong byte is written under a name; staged files are then removed.
    """
    written = 0
    unnamed: set[bytes] = set()
    try:
        for large, group in groupby(files, key=_is_large):
            if large:
                for file in group:
                    unnamed.add(file.staged)
                    _write_large(store, file, note)
                    written += _name(file, unnamed)
                    note(1, 0)
                continue
            for batch in ordered_map(
                lambda batch: _write_batch(store, batch),
                _batches(store, group, unnamed),
                workers=default_workers(),
                window=default_workers() + 2,
            ):
                for file in batch.files:
                    written += _name(file, unnamed)
                note(len(batch.files), batch.size_bytes)
    finally:
        for staged in unnamed:
            if os.path.lexists(staged):
                os.unlink(staged)
    return written


def _is_large(file: File) -> bool:
    return file.entry.size_bytes >= LARGE_FILE_BYTES


def _name(file: File, unnamed: set[bytes]) -> int:
    if file.staged != file.target:
        durable.rename(Path(os.fsdecode(file.staged)), Path(os.fsdecode(file.target)))
    unnamed.discard(file.staged)
    return 1


# Large files


def _write_large(store: Store, file: File, note: Progress) -> None:
    workers = default_workers()
    path = Path(os.fsdecode(file.staged))
    writer = durable.create(path, direct=True, executable=file.entry.executable)
    try:
        for frames in ordered_map(
            lambda refs: _read(store, file.entry, refs),
            _stretches(store, file.entry),
            workers=workers,
            window=workers + 1,
        ):
            for frame in frames:
                writer.append(frame)
            note(0, sum(map(len, frames)))
        writer.flush()
    finally:
        writer.close()


def _stretches(store: Store, entry: Entry) -> Iterator[list[ChunkRef]]:
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


def _refs(store: Store, entry: Entry) -> Iterator[ChunkRef]:
    content = Digest(entry.content)
    for _, ref in chunk_refs(entry.layout, content, entry.size_bytes, store.frames.metadata):
        yield ref


def _read(store: Store, entry: Entry, refs: Sequence[ChunkRef]) -> list[Buffer]:
    frames = store.frames.read([ref.digest for ref in refs])
    _check_sizes(entry, refs, frames)
    return frames


def _check_sizes(entry: Entry, refs: Sequence[ChunkRef], frames: Sequence[Buffer]) -> None:
    for ref, frame in zip(refs, frames, strict=True):
        if len(frame) != ref.size_bytes:
            raise Corrupt(f"{display_path(entry.path)}: a chunk list gives a frame another size")


# Small files


def _batches(store: Store, files: Iterable[File], unnamed: set[bytes]) -> Iterator[_Batch]:
    batch = _Batch()
    for file in files:
        unnamed.add(file.staged)
        batch.files.append(file)
        batch.refs.append(list(_refs(store, file.entry)))
        batch.size_bytes += file.entry.size_bytes
        if batch.size_bytes >= BATCH_BYTES or len(batch.files) >= MAX_BATCH_FILES:
            yield batch
            batch = _Batch()
    if batch.files:
        yield batch


def _write_batch(store: Store, batch: _Batch) -> _Batch:
    frames = store.frames.read([ref.digest for refs in batch.refs for ref in refs])
    position = 0
    for file, refs in zip(batch.files, batch.refs, strict=True):
        own = frames[position : position + len(refs)]
        position += len(refs)
        _check_sizes(file.entry, refs, own)
        durable.write_new(file.staged, own, executable=file.entry.executable)
    return batch
