"""Sessions: a process at work, as its folder under ``tmp/`` and its lock under ``leases/``.

Knows: who is alive, by locks that the kernel drops.  Never: what a session writes.
"""

import os
import shutil
import time
from pathlib import Path

from casstore import durable
from casstore.depot.attempts import Attempt, failed_notes
from casstore.depot.identity import make_folders
from casstore.errors import NotFound

OLD_FILE_SECONDS = 24 * 3600

__all__ = ["SessionFolder", "dead_sessions", "failed_sessions", "is_dead", "live_sessions"]


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
        self._attempts = 0

    def require_there(self) -> None:
        """Raise ``NotFound`` if the folder was removed, alone or with the whole store."""
        if not self.path.exists():
            raise NotFound(
                f"the store at {self._root} was removed while it was open, or its tmp/ was",
                hint="begin anew: casstore.init, or any command that writes, makes one there",
            )

    def is_alone(self) -> bool:
        """Tell whether no other session of the store lives now."""
        return live_sessions(self._root) == [self.id]

    def new_path(self, suffix: str) -> Path:
        """Return a name for a file that does not exist yet."""
        self._files += 1
        return self.path / f"{self._files}.{suffix}"

    def remove_files(self, suffix: str) -> None:
        """Remove the files that have no name yet and were to get none."""
        for path in self.path.glob(f"*.{suffix}"):
            path.unlink(missing_ok=True)

    def new_attempt(self) -> Attempt:
        """Begin to note which packs are written."""
        self._attempts += 1
        return Attempt(self.path, self._attempts)

    def close(self) -> None:
        """Remove the folder with what is left in it, then let the lock go.

        What a failed attempt left, and could not be taken back, stays noted for the next session.
        """
        if self.process == os.getpid():
            _empty(self.path)
            self._lock.path.unlink(missing_ok=True)
        self._lock.release()


def _empty(folder: Path) -> None:
    """Remove a session's folder, but for the notes of failed attempts."""
    notes = failed_notes(folder)
    if not notes:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in sorted(folder.iterdir(), key=lambda path: path.suffix == ".kept"):  # those last
        if path.name in notes:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _take_lease(root: Path) -> durable.FileLock:
    while True:
        lock = durable.FileLock(root / "leases" / os.urandom(8).hex())
        if lock.try_acquire() and lock.is_current():
            return lock
        lock.release()  # a reclaimer saw the file before it was locked: draw another name


def live_sessions(root: Path) -> list[str]:
    """Return the ids of the sessions whose lock is held, by this process or another."""
    return [name for name in _listing(root / "leases") if _is_held(root / "leases" / name)]


def is_dead(root: Path, session: str) -> bool:
    """Tell whether a session that was once alive here is known to live no more; nothing is written.

    False where that cannot be asked without the right to write.
    """
    lease = root / "leases" / Path(session).name
    try:
        return not _is_held(lease)
    except PermissionError:
        return False


def dead_sessions(root: Path) -> list[str]:
    """Reclaim what sessions left behind that died without closing; returns their ids.

    The notes of failed attempts stay: ``failed_sessions`` finds them.
    """
    dead = []
    for name in {*_listing(root / "tmp"), *_listing(root / "leases")}:
        folder = root / "tmp" / name
        _remove_old_file(folder)
        lock = durable.FileLock(root / "leases" / name)
        if folder.is_file() or not lock.try_acquire():
            lock.release()
            continue
        _empty(folder)
        lock.path.unlink(missing_ok=True)
        lock.release()
        dead.append(name)
    return dead


def failed_sessions(root: Path) -> list[Path]:
    """Return the folders of dead sessions whose failed attempts are still to be taken back."""
    alive = live_sessions(root)
    folders = [root / "tmp" / name for name in _listing(root / "tmp") if name not in alive]
    return [folder for folder in folders if failed_notes(folder)]


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
