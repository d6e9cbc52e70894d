"""Locks that the kernel holds.

Knows: flock and its like.  Never: what is locked.
"""

import errno
import os
import sys
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover - best effort, not tested
    import msvcrt
else:
    import fcntl

__all__ = ["FileLock"]


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
