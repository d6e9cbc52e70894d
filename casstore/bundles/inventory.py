"""Inventories: what a store has, in one sorted file that another is asked against.

Knows: the file's bytes, keys of frames and events, how to look one up without reading it all.
Never: stores, who wants to know.  Specification: ``FORMAT.md``.

A frame's key is the first 16 bytes of its digest.  Among 2^34 frames, which is a petabyte, two
share a key with a chance of 2^-61; what would come of it is a bundle that leaves one chunk too many
out, and whoever applies it is told so.  No wrong byte can: frames are checked by whole digests
wherever they are read.
"""

import os
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from casstore import durable
from casstore.bundles.sorting import sorted_keys
from casstore.digest import Digest, Hasher
from casstore.errors import Conflict, Corrupt, FileMissing, Invalid, Unsupported
from casstore.journal.wire import is_event_name

__all__ = ["FRAME_KEY_BYTES", "Inventory", "event_key", "frame_key", "write_inventory"]

FORMAT_VERSION = 1
MAGIC = b"CASINVEN"
HEADER = struct.Struct("<8sH6x16s")  # magic, format, store id
COUNTS = struct.Struct("<QQ")  # frames, events
CHECKSUM_BYTES = 32
FRAME_KEY_BYTES = 16
EVENT_KEY_BYTES = 32
BLOCK_KEYS = 256  # of each so many the first is in memory
READ_BYTES = 1024 * 1024
KEYS_AT_ONCE = 4096


def frame_key(digest: Digest) -> bytes:
    """Return what stands for a frame: 16 bytes."""
    return digest[:FRAME_KEY_BYTES]


def event_key(name: str) -> bytes:
    """Return what stands for an event: its name in 32 bytes, in the order of names."""
    writer, seq, digest = name.split("-")
    return bytes.fromhex(writer) + int(seq).to_bytes(8, "big") + bytes.fromhex(digest)


def write_inventory(
    path: Path, store_id: str, frames: Iterable[Digest], events: Iterable[str]
) -> tuple[int, int]:
    """Write an inventory, durably; returns how many frames and events it lists.

    Frames and names of events may come in any order and more than once.  Raises ``Conflict`` if
    there is something at ``path``.
    """
    if os.path.lexists(path):
        raise Conflict(f"{path} is there already", hint="nothing was written; choose another name")
    staged = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    writer = _Writer(staged)
    try:
        writer.append(HEADER.pack(MAGIC, FORMAT_VERSION, bytes.fromhex(store_id)))
        counts = (
            writer.append_keys(sorted_keys(map(frame_key, frames), FRAME_KEY_BYTES)),
            writer.append_keys(sorted_keys(map(event_key, events), EVENT_KEY_BYTES)),
        )
        writer.append(COUNTS.pack(*counts))
        writer.finish()
        durable.install(staged, path)
        durable.sync_directory(path.parent)
    except BaseException:
        durable.unlink(staged)
        raise
    finally:
        writer.close()
    return counts


class _Writer:
    """A file that ends with the checksum of what it holds."""

    def __init__(self, path: Path) -> None:
        self._file = durable.create(path)
        self._hasher = Hasher()

    def append(self, data: bytes) -> None:
        self._hasher.update(data)
        self._file.append(data)

    def append_keys(self, keys: Iterator[bytes]) -> int:
        count = 0
        while group := [key for _, key in zip(range(KEYS_AT_ONCE), keys, strict=False)]:
            self.append(b"".join(group))
            count += len(group)
        return count

    def finish(self) -> None:
        self._file.append(self._hasher.digest())
        self._file.sync()

    def close(self) -> None:
        self._file.close()


class Inventory:
    """A list of frames and events, asked one by one; memory is a 256th of it.

    The whole file is compared with its checksum when it is opened.  Raises ``FileMissing``,
    ``Invalid`` for what is no file, ``Corrupt``, or ``Unsupported`` for one of a later release.
    Safe across threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise Invalid(f"{path} is no file", hint="name an inventory")
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            raise FileMissing(
                f"{path}: no such file", hint="make one there: casstore inventory export FILE"
            ) from None
        try:
            self._read = partial(durable.read_at, self._descriptor)
            frames, events = self._checked(os.fstat(self._descriptor).st_size)
            self._frames = _Keys(self._read, HEADER.size, frames, FRAME_KEY_BYTES)
            start = HEADER.size + frames * FRAME_KEY_BYTES
            self._events = _Keys(self._read, start, events, EVENT_KEY_BYTES)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def counts(self) -> tuple[int, int]:
        """How many frames and events are listed."""
        return self._frames.count, self._events.count

    def has_frame(self, digest: Digest) -> bool:
        """Tell whether a frame is listed."""
        return frame_key(digest) in self._frames

    def has_event(self, name: str) -> bool:
        """Tell whether the event of this name is listed."""
        return is_event_name(name) and event_key(name) in self._events

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)

    def _checked(self, size: int) -> tuple[int, int]:
        """Read the file once; return the counts of frames and events."""
        tail = COUNTS.size + CHECKSUM_BYTES
        if size < HEADER.size + tail:
            raise self._damaged("it is shorter than an inventory is")
        magic, version, store_id = HEADER.unpack(self._read(HEADER.size, 0))
        if magic != MAGIC:
            raise self._damaged("it is no inventory")
        if version > FORMAT_VERSION:
            raise Unsupported(f"{self.path} has format {version}", hint="upgrade casstore")
        self.store_id: str = store_id.hex()
        frames, events = COUNTS.unpack(self._read(COUNTS.size, size - tail))
        if HEADER.size + frames * FRAME_KEY_BYTES + events * EVENT_KEY_BYTES + tail != size:
            raise self._damaged("its length is not that of what it lists")
        hasher = Hasher()
        for place in range(0, size - CHECKSUM_BYTES, READ_BYTES):
            hasher.update(self._read(min(READ_BYTES, size - CHECKSUM_BYTES - place), place))
        self.checksum: bytes = hasher.digest()
        if self._read(CHECKSUM_BYTES, size - CHECKSUM_BYTES) != self.checksum:
            raise self._damaged("its checksum does not match")
        return frames, events

    def _damaged(self, message: str) -> Corrupt:
        return Corrupt(f"{self.path}: {message}", hint="export it again on the far side")


class _Keys:
    """Sorted keys in a part of a file."""

    def __init__(self, read: "partial[bytes]", start: int, count: int, width: int) -> None:
        self.count = count
        self._read = read
        self._start = start
        self._width = width
        self._firsts = [
            read(width, start + number * width) for number in range(0, count, BLOCK_KEYS)
        ]

    def __contains__(self, key: bytes) -> bool:
        block = bisect_right(self._firsts, key) - 1
        if block < 0:
            return False
        first = block * BLOCK_KEYS
        size = min(BLOCK_KEYS, self.count - first) * self._width
        data = self._read(size, self._start + first * self._width)
        return _is_in(data, key, self._width)


def _is_in(data: bytes, key: bytes, width: int) -> bool:
    """Tell by bisection whether ``key`` is among the sorted keys of ``data``."""
    low, high = 0, len(data) // width
    while low < high:
        middle = (low + high) // 2
        if data[middle * width : (middle + 1) * width] < key:
            low = middle + 1
        else:
            high = middle
    return data[low * width : (low + 1) * width] == key
