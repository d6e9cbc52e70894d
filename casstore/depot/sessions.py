"""Sessions: a process at work, as its folder under ``tmp/`` and its lock under ``leases/``.

Knows: who is alive, by locks that the kernel drops.  Never: what a session writes.
"""

import os
import shutil
import time
from pathlib import Path

from casstore import durable
from casstore.depot.identity import make_folders

OLD_FILE_SECONDS = 24 * 3600

__all__ = ["SessionFolder", "dead_sessions", "live_sessions"]


class SessionFolder:
    """One session of this process: a place for files that have no name yet, and a held lock.

    The lock is taken before the folder is made, so a folder without a held lock is dead.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.process = os.getpid()
        make_folders(root)
        self._lock = _take_lease(root)
        self.id = self._lock.path.name
        self.path = root / "tmp" / self.id
        self.path.mkdir()
        self._files = 0

    def is_alone(self) -> bool:
        """Tell whether no other session of the store lives now."""
        return live_sessions(self._root) == [self.id]

    def new_path(self, suffix: str) -> Path:
        """Return a name for a file that does not exist yet."""
        self._files += 1
        return self.path / f"{self._files}.{suffix}"

    def close(self) -> None:
        """Remove the folder with what is left in it, then let the lock go."""
        if self.process == os.getpid():
            shutil.rmtree(self.path, ignore_errors=True)
            self._lock.path.unlink(missing_ok=True)
        self._lock.release()


def _take_lease(root: Path) -> durable.FileLock:
    while True:
        lock = durable.FileLock(root / "leases" / os.urandom(8).hex())
        if lock.try_acquire() and lock.is_current():
            return lock
        lock.release()  # a reclaimer saw the file before it was locked: draw another name


def live_sessions(root: Path) -> list[str]:
    """Return the ids of the sessions whose lock is held, by this process or another."""
    return [name for name in _listing(root / "leases") if _is_held(root / "leases" / name)]


def dead_sessions(root: Path) -> list[str]:
    """Reclaim what sessions left behind that died without closing; returns their ids."""
    dead = []
    for name in {*_listing(root / "tmp"), *_listing(root / "leases")}:
        folder = root / "tmp" / name
        _remove_old_file(folder)
        lock = durable.FileLock(root / "leases" / name)
        if folder.is_file() or not lock.try_acquire():
            lock.release()
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.path.unlink(missing_ok=True)
        lock.release()
        dead.append(name)
    return dead


def _remove_old_file(path: Path) -> None:
    """Remove a file that a process left between writing it and linking it, a day ago or more."""
    if path.is_file() and time.time() - path.stat().st_mtime > OLD_FILE_SECONDS:
        path.unlink(missing_ok=True)


def _is_held(lease: Path) -> bool:
    lock = durable.FileLock(lease)
    try:
        return lease.exists() and not lock.try_acquire()
    finally:
        lock.release()


def _listing(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
