"""New files, written from front to back, past the page cache where that pays.

Knows: direct I/O and its alignment, buffers that are used again.  Never: names of finished files.
"""

import contextlib
import errno
import mmap
import os
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from casstore.digest import Buffer
from casstore.durable.steps import Step, done, is_observed, show
from casstore.parallel import Background, Pending

if sys.platform != "win32":
    import fcntl

__all__ = [
    "COMMON_FLAGS",
    "DIRECT_BUFFER_BYTES",
    "FileWriter",
    "create",
    "is_out_of_space",
    "map_memory",
    "new_background",
    "write_new",
    "write_synced",
]

DIRECT_BUFFER_BYTES = 4 * 1024 * 1024
DIRECT_ALIGNMENT_BYTES = 4096
LARGE_PAGE_BYTES = 2 * 1024 * 1024
MAX_SPARE_BUFFERS = 8
COMMON_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_spare_buffers: deque[memoryview] = deque(maxlen=MAX_SPARE_BUFFERS)


class FileWriter:
    """A new file, written from front to back; with ``direct``, past the page cache.

    Direct writes go through aligned buffers, and the last block is padded and cut again.  While one
    buffer is on its way to the disk the next is filled; an error shows at the next call.  A file
    system that refuses direct I/O is written through the page cache.  Not safe across threads.

    ``background`` writes the buffers; who writes file after file gives one that outlives them, for
    a new thread waits long for its first turn where others are busy.
    """

    def __init__(
        self,
        path: Path,
        *,
        direct: bool = False,
        executable: bool = False,
        background: Background | None = None,
    ) -> None:
        self.path = path
        self.size_bytes = 0
        mode = 0o777 if executable else 0o666
        self._descriptor, self._direct = _open_new(path, mode, direct=direct)
        self._buffer = _take_buffer() if self._direct else None
        self._filled = 0
        self._background = background
        self._is_own = background is None
        self._under_way: tuple[Pending[None], memoryview] | None = None
        done("create", path)

    def append(self, data: Buffer) -> None:
        """Write ``data`` at the end."""
        size = len(data)
        self.size_bytes += size
        if self._buffer is None:
            self._write(memoryview(data))
            return
        end = self._filled + size
        if end < DIRECT_BUFFER_BYTES:
            self._buffer[self._filled : end] = data
            self._filled = end
            return
        taken = 0
        source = memoryview(data)
        while taken < size:
            room = min(DIRECT_BUFFER_BYTES - self._filled, size - taken)
            self._buffer[self._filled : self._filled + room] = source[taken : taken + room]
            self._filled += room
            taken += room
            if self._filled == DIRECT_BUFFER_BYTES:
                self._hand_over()

    def sync(self) -> None:
        """Write what is buffered and make the contents survive power loss; the last call."""
        self.flush()
        _sync_data(self._descriptor)
        done("sync", self.path)

    def flush(self) -> None:
        """Write what is buffered; the last call where contents need not survive power loss."""
        written = self._wait()
        if written is not None:
            _spare_buffers.append(written)
        if self._filled and self._buffer is not None:
            padded = -(-self._filled // DIRECT_ALIGNMENT_BYTES) * DIRECT_ALIGNMENT_BYTES
            self._write(self._buffer[:padded])
            os.ftruncate(self._descriptor, self.size_bytes)
            if is_observed():
                show(Step("truncate", self.path, offset=self.size_bytes))
            self._filled = 0

    def close(self) -> None:
        """Give the descriptor and the buffers back; what was not synced may be lost."""
        if self._descriptor < 0:
            return
        if self._under_way is not None:
            pending, buffer = self._under_way
            pending.error()  # nobody may write to a descriptor that is closed
            _spare_buffers.append(buffer)
            self._under_way = None
        if self._background is not None and self._is_own:
            self._background.close()
        os.close(self._descriptor)
        self._descriptor = -1
        if self._buffer is not None:
            _spare_buffers.append(self._buffer)
            self._buffer = None

    def _hand_over(self) -> None:
        """Let the full buffer be written in the background, and go on with another."""
        if self._buffer is None:
            raise AssertionError("only buffered writes are handed over")
        full, self._filled = self._buffer, 0
        self._buffer = self._wait() or _take_buffer()
        if self._background is None:
            self._background = new_background()
        self._under_way = self._background.submit(self._write, full), full

    def _wait(self) -> memoryview | None:
        """Wait for the write under way, raise what it raised, and return its buffer."""
        if self._under_way is None:
            return None
        pending, view = self._under_way
        pending.result()
        self._under_way = None
        return view

    def _write(self, view: memoryview) -> None:
        while view:
            try:
                written = os.write(self._descriptor, view)
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                self._direct = False
                _clear_direct(self._descriptor)
                continue
            if is_observed():
                start = os.lseek(self._descriptor, 0, os.SEEK_CUR) - written
                show(Step("write", self.path, offset=start, data=bytes(view[:written])))
            view = view[written:]


def create(
    path: Path,
    *,
    direct: bool = False,
    executable: bool = False,
    background: Background | None = None,
) -> FileWriter:
    """Create a file that is not there yet; ``FileExistsError`` if it is."""
    return FileWriter(path, direct=direct, executable=executable, background=background)


def new_background() -> Background:
    """Return what writes buffers of one file after the other; whoever asks for it closes it."""
    return Background("casstore-write", max_waiting=1)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file so that its contents survive power loss; there is none after an error.

    Raises ``FileExistsError`` if the name is taken, and leaves what bears it.
    """
    writer = create(path)
    try:
        with contextlib.closing(writer):
            writer.append(data)
            writer.sync()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_new(path: bytes, buffers: Sequence[Buffer], *, executable: bool) -> None:
    """Write a small new file through the page cache; what it had before is replaced."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | COMMON_FLAGS
    descriptor = os.open(path, flags, 0o777 if executable else 0o666)
    try:
        for buffer in buffers:
            written = os.write(descriptor, buffer)
            while written < len(buffer):  # the kernel may take fewer bytes than were given
                written += os.write(descriptor, memoryview(buffer)[written:])
    finally:
        os.close(descriptor)


def is_out_of_space(error: BaseException | None) -> bool:
    """Tell whether ``error`` says, or came of one that says, that a disk or quota is full."""
    seen: set[int] = set()  # causes may lead back to themselves
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _open_new(path: Path, mode: int, *, direct: bool) -> tuple[int, bool]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | COMMON_FLAGS
    direct_flag = getattr(os, "O_DIRECT", 0)
    if direct and direct_flag:
        try:
            return os.open(path, flags | direct_flag, mode), True
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
                raise
            path.unlink(missing_ok=True)  # some kernels create the file before they refuse
    return os.open(path, flags, mode), False


def _clear_direct(descriptor: int) -> None:
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)


def _take_buffer() -> memoryview:
    try:
        return _spare_buffers.pop()
    except IndexError:
        return map_memory(DIRECT_BUFFER_BYTES)


def map_memory(size: int) -> memoryview:
    """Return ``size`` aligned bytes of this process alone: by default a forked child shares them.

    They are asked for in large pages.  The kernel pins each page of a direct write: two of them
    instead of a thousand made a get of 1 GiB an eighth faster; and each page's first use costs.
    """
    whole = -(-size // LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES
    if sys.platform == "win32":  # pragma: no cover - nothing forks there
        return memoryview(mmap.mmap(-1, size))
    memory = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # elsewhere, or a kernel without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)[:size]


def _sync_data(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)
