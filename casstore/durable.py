"""Every step that power loss or a crash can cut in two.

Knows: create, write, sync, rename, link, lock, and which file systems keep their promises.
Never: formats, digests, what a file is for.  The only place of ``os.fsync``, ``os.rename``,
``os.link`` and of platform modules.  ``observe`` shows each step to a test, which replays any
prefix of them as a crash.
"""

import contextlib
import errno
import mmap
import os
import secrets
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from casstore.digest import Buffer

if sys.platform == "win32":  # pragma: no cover - best effort, not tested
    import msvcrt
else:
    import fcntl

__all__ = [
    "FileLock",
    "FileWriter",
    "Step",
    "boot_id",
    "create",
    "create_exclusive",
    "filesystem_type",
    "install",
    "is_local_filesystem",
    "is_out_of_space",
    "keeps_ctime",
    "link",
    "make_directory",
    "observe",
    "publish_exclusive",
    "read_at",
    "read_into",
    "rename",
    "replace_file",
    "sync_directory",
    "unlink",
    "write_new",
]

DIRECT_BUFFER_BYTES = 4 * 1024 * 1024
DIRECT_ALIGNMENT_BYTES = 4096
MAX_SPARE_BUFFERS = 4
MAX_SYNCED_NAMES = 100_000
_COMMON_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
LOCAL_FILESYSTEMS = frozenset(
    (
        *("apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs"),
        *("msdos", "ntfs", "ntfs3", "overlay", "ramfs", "reiserfs", "tmpfs", "ufs", "vfat"),
        *("xfs", "zfs"),
    )
)
KEEPS_CTIME = LOCAL_FILESYSTEMS - {"exfat", "msdos", "ntfs", "ntfs3", "ramfs", "tmpfs", "vfat"}

_spare_buffers: deque[mmap.mmap] = deque(maxlen=MAX_SPARE_BUFFERS)
_synced_names: set[Path] = set()
_observers: list[Callable[["Step"], None]] = []


@dataclass(frozen=True, slots=True)
class Step:
    """One durable step, after it was done: ``kind`` and the paths and bytes that it was about."""

    kind: str
    path: Path
    target: Path | None = None
    offset: int = 0
    data: bytes = b""


@contextlib.contextmanager
def observe(observer: Callable[[Step], None]) -> Iterator[None]:
    """Show every step of this process to ``observer``, which may raise to stand for a crash."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def _done(kind: str, path: Path, target: Path | None = None) -> None:
    for observer in _observers:
        observer(Step(kind, path, target))


class FileWriter:
    """A new file, written from front to back; with ``direct``, past the page cache.

    Direct writes go through an aligned buffer, and the last block is padded and cut again.  A file
    system that refuses direct I/O is written through the page cache.  Not safe across threads.
    """

    def __init__(self, path: Path, *, direct: bool = False, executable: bool = False) -> None:
        self.path = path
        self.size_bytes = 0
        mode = 0o777 if executable else 0o666
        self._descriptor, self._direct = _open_new(path, mode, direct=direct)
        self._buffer = _take_buffer() if self._direct else None
        self._view = memoryview(self._buffer) if self._buffer is not None else memoryview(b"")
        self._filled = 0
        _done("create", path)

    def append(self, data: Buffer) -> None:
        """Write ``data`` at the end."""
        size = len(data)
        self.size_bytes += size
        end = self._filled + size
        if self._buffer is not None and end < DIRECT_BUFFER_BYTES:
            self._view[self._filled : end] = data
            self._filled = end
            return
        if self._buffer is None:
            self._write(memoryview(data))
            return
        taken = 0
        source = memoryview(data)
        while taken < size:
            room = min(DIRECT_BUFFER_BYTES - self._filled, size - taken)
            self._view[self._filled : self._filled + room] = source[taken : taken + room]
            self._filled += room
            taken += room
            if self._filled == DIRECT_BUFFER_BYTES:
                self._write(self._view)
                self._filled = 0

    def sync(self) -> None:
        """Write what is buffered and make the contents survive power loss; the last call."""
        self.flush()
        _sync_data(self._descriptor)
        _done("sync", self.path)

    def flush(self) -> None:
        """Write what is buffered; the last call where contents need not survive power loss."""
        if self._filled:
            padded = -(-self._filled // DIRECT_ALIGNMENT_BYTES) * DIRECT_ALIGNMENT_BYTES
            self._write(self._view[:padded])
            os.ftruncate(self._descriptor, self.size_bytes)
            if _observers:
                for observer in _observers:
                    observer(Step("truncate", self.path, offset=self.size_bytes))
            self._filled = 0

    def close(self) -> None:
        """Give the descriptor and the buffer back; what was not synced may be lost."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        if self._buffer is not None:
            self._view.release()
            _spare_buffers.append(self._buffer)
            self._buffer = None

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
            for observer in _observers:
                end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
                observer(
                    Step("write", self.path, offset=end - written, data=bytes(view[:written])),
                )
            view = view[written:]


def create(path: Path, *, direct: bool = False, executable: bool = False) -> FileWriter:
    """Create a file that is not there yet; ``FileExistsError`` if it is."""
    return FileWriter(path, direct=direct, executable=executable)


def install(staged: Path, final: Path) -> None:
    """Give a synced file its name; the caller syncs the directory (many files, one sync)."""
    rename(staged, final)


def publish_exclusive(staged: Path, final: Path) -> None:
    """Give a synced file its name if nobody has it, so that it survives power loss.

    Raises ``FileExistsError`` and leaves the staged file where it is if the name is taken.
    """
    link(staged, final)
    sync_directory(final.parent)
    unlink(staged)


def create_exclusive(final: Path, data: bytes, staging: Path) -> None:
    """Write ``data`` as ``final`` if nobody has that name: whole, durable, or not at all.

    Raises ``FileExistsError`` if it is taken.  ``staging`` lies on the same file system.
    """
    staged = staging / f"{secrets.token_hex(8)}.new"
    _write_synced(staged, data)
    try:
        publish_exclusive(staged, final)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def replace_file(final: Path, data: bytes) -> None:
    """Write ``data`` under the name ``final``, in place of what was there, whole or not at all."""
    staged = final.with_name(f".{final.name}.{secrets.token_hex(4)}")
    _write_synced(staged, data)
    rename(staged, final)
    sync_directory(final.parent)


def _write_synced(path: Path, data: bytes) -> None:
    writer = create(path)
    try:
        writer.append(data)
        writer.sync()
    finally:
        writer.close()


def rename(source: Path, target: Path) -> None:
    """Move a file to a name, atomically, replacing what bore it; one file system only."""
    os.replace(source, target)
    _done("rename", source, target)


def link(source: Path, target: Path) -> None:
    """Give a file a second name; ``FileExistsError`` if it is taken.

    Where hard links do not exist, the bytes are copied under an exclusively created name.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}:
            raise
        _write_synced(target, source.read_bytes())
    _done("link", source, target)


def unlink(path: Path) -> None:
    """Remove a file; one that is gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        _done("unlink", path)


def make_directory(path: Path) -> bool:
    """Make a folder, durably; returns whether it is new.  Its parent must exist.

    A folder that is there may have been made by a process that died before it was durable, so its
    name is synced too, once in this process, together with those beside it.
    """
    if path in _synced_names:
        return False
    try:
        path.mkdir()
        _done("mkdir", path)
        names, new = [path.name], True
    except FileExistsError:
        names, new = os.listdir(path.parent), False
    sync_directory(path.parent)
    if len(_synced_names) >= MAX_SYNCED_NAMES:
        _synced_names.clear()
    _synced_names.update(path.parent / name for name in names)
    return new


def sync_directory(path: Path) -> None:
    """Make the names in a folder survive power loss."""
    if sys.platform == "win32":  # pragma: no cover - folders cannot be synced there
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems refuse; their renames are synchronous
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)
    _done("syncdir", path)


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read up to ``size`` bytes at ``offset``; shorter only at the end of the file."""
    data = os.pread(descriptor, size, offset)
    if len(data) == size or not data:
        return data
    parts = [data]
    got = len(data)
    while got < size:
        data = os.pread(descriptor, size - got, offset + got)
        if not data:
            break
        parts.append(data)
        got += len(data)
    return b"".join(parts)


def read_into(descriptor: int, buffer: memoryview) -> int:
    """Read from where the file stands into ``buffer``; returns the bytes read, 0 at the end."""
    readv = getattr(os, "readv", None)
    if readv is not None:
        count: int = readv(descriptor, [buffer])
        return count
    data = os.read(descriptor, len(buffer))  # pragma: no cover - platforms without readv
    buffer[: len(data)] = data
    return len(data)


def write_new(path: bytes, buffers: Sequence[Buffer], *, executable: bool) -> None:
    """Write a small new file through the page cache; what it had before is replaced."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _COMMON_FLAGS
    descriptor = os.open(path, flags, 0o777 if executable else 0o666)
    try:
        for buffer in buffers:
            view = memoryview(buffer)
            while view:
                view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


class FileLock:
    """A lock that the kernel holds for this process and drops when it dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if it is free; returns whether it was."""
        if self._descriptor < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o666)
        try:
            if sys.platform == "win32":  # pragma: no cover
                msvcrt.locking(self._descriptor, msvcrt.LK_NBLCK, 1)
            else:
                kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}:
                return False
            self.release()
            raise
        return True

    def is_current(self) -> bool:
        """Tell whether the locked file still bears its name, and was not removed meanwhile."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Drop the lock; a descriptor that a forked child still holds keeps it."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1


def filesystem_type(path: Path) -> str:
    """Return the kind of file system that holds ``path`` (``ext4``, ``nfs4``, ...), or ``""``.

    Read from Linux's mount table; elsewhere the answer is ``""``.
    """
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].encode().decode("unicode_escape")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind


def is_local_filesystem(path: Path) -> bool:
    """Tell whether LMDB may lie at ``path``: unknown file systems and FUSE count as remote."""
    if not sys.platform.startswith("linux"):
        return True
    return filesystem_type(path) in LOCAL_FILESYSTEMS


def keeps_ctime(path: Path) -> bool:
    """Tell whether a changed file always shows in its stat there."""
    return filesystem_type(path) in KEEPS_CTIME


def boot_id() -> str:
    """Return a text that changes whenever this machine starts; ``""`` where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_out_of_space(error: BaseException) -> bool:
    """Tell whether ``error`` says that a disk or quota is full."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def _open_new(path: Path, mode: int, *, direct: bool) -> tuple[int, bool]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON_FLAGS
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


def _take_buffer() -> mmap.mmap:
    try:
        return _spare_buffers.pop()
    except IndexError:
        return mmap.mmap(-1, DIRECT_BUFFER_BYTES)


def _sync_data(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)
