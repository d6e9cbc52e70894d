"""Locks that the kernel holds, files that hold locks, and what tells that others hold a file.

Knows: flock, leases and their like.  Never: what is locked.
"""

import contextlib
import errno
import os
import signal
import sys
import time
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover - best effort, not tested
    import msvcrt
else:
    import fcntl

__all__ = ["FileLock", "is_open_for_writing", "provide_zeros"]


def provide_zeros(path: Path, size_bytes: int) -> None:
    """Make a file of zeros, unless there is one, that takes its room on the disk from the start.

    Memory that is mapped to a hole is room that has yet to be found: where the disk is full the
    kernel ends who writes there (SIGBUS).  Here that is an ``OSError``, and there is no file.
    Where hard links do not exist nothing is made.
    """
    if path.exists():
        return
    aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with aside.open("xb", buffering=0) as stream:
            left = size_bytes
            while left:
                left -= stream.write(bytes(left)) or 0
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}:
            raise
    finally:
        aside.unlink(missing_ok=True)


def is_open_for_writing(descriptor: int) -> bool:
    """Tell whether anybody has the file open for writing, or mapped so that it could be written.

    Linux grants a read lease only on a file that nobody could write (fcntl(2), F_SETLEASE); a
    mapping counts for as long as it stands.  The lease is given back at once: who opens the file
    in that moment waits some microseconds, and the signal for it is one that is ignored.  False
    where it cannot be told: files of other users, other platforms.
    """
    if sys.platform != "linux":  # pragma: no cover - not tested
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


FIRST_PAUSE_SECONDS = 0.0002
LONGEST_PAUSE_SECONDS = 0.02


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

    def acquire(self, seconds: float, *, shared: bool = False) -> bool:
        """Take the lock, waiting up to ``seconds``; returns whether it was had.

        The kernel offers no wait with an end, so the lock is asked for again and again.
        """
        deadline = time.monotonic() + seconds
        pause = FIRST_PAUSE_SECONDS
        while not self.try_acquire(shared=shared):
            if time.monotonic() > deadline:
                self.release()
                return False
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return True

    def inscription(self) -> str:
        """Return what was last inscribed in the file; empty if nothing was."""
        try:
            return self.path.read_text("utf-8")
        except FileNotFoundError:
            return ""

    def inscribe(self, text: str) -> None:
        """Write into the file, which nobody reads but through this; the lock must be held."""
        if sys.platform == "win32":  # pragma: no cover - a locked file cannot be read there
            return
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

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

    def release_everywhere(self) -> None:
        """Drop the lock, also where a forked child still holds its descriptor."""
        if self._descriptor >= 0 and sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.release()
