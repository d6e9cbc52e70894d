"""Sessions: a process at work, as its folder under ``tmp/`` and its lease under ``leases/``.

Knows: who is alive, by locks that the kernel drops.  Never: what a session writes.

In a depot that one host has, the lease is the lock.  In one that several hosts share no lock of
another host can be seen, so the lease is a mark there, ``<session>@<machine>``, and the lock lies
on the session's own host: every function takes the folder for those as ``host``, None if nobody
shares.  A host tells of its own sessions whether they live, and takes those of others to live for
as long as their lease is there.
"""

import errno
import os
import shutil
import time
from pathlib import Path

from casstore import durable
from casstore.depot.attempts import Attempt, failed_notes
from casstore.depot.identity import make_folders
from casstore.errors import NotFound

OLD_FILE_SECONDS = 24 * 3600

__all__ = [
    "SessionFolder",
    "dead_sessions",
    "failed_sessions",
    "intent_file",
    "is_dead",
    "live_sessions",
]


class SessionFolder:
    """One session of this process: a place for files that have no name yet, and a held lock.

    The lock is taken before the folder is made, so a folder without a held lock is dead.
    """

    def __init__(self, root: Path, host: Path | None = None) -> None:
        self._root = root
        self.process = os.getpid()
        make_folders(root)
        self._lock = _take_lock(_locks(root, host))
        self.id = self._lock.path.name
        self._lease = root / "leases" / (f"{self.id}@{durable.boot_id()}" if host else self.id)
        self.path = root / "tmp" / self.id
        self._files = 0
        self._attempts = 0
        try:
            self._lease.touch()
            self.path.mkdir()
        except BaseException:
            self.close()
            raise

    def require_there(self) -> None:
        """Raise ``NotFound`` if the folder was removed, alone or with the whole store."""
        if not self.path.exists():
            raise NotFound(
                f"the store at {self._root} was removed while it was open, or its tmp/ was",
                hint="begin anew: casstore.init, or any command that writes, makes one there",
            )

    def is_alone(self) -> bool:
        """Tell whether no other session of the store lives now; it is not shared."""
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
            self._lease.unlink(missing_ok=True)
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


def intent_file(root: Path, session: str, intent: str) -> Path:
    """Return the file that is there while a session has an intent.

    Taking it away needs no room on the disk, so that works where the index cannot be written.
    """
    return root / "tmp" / session / f"{intent}.intent"


def _locks(root: Path, host: Path | None) -> Path:
    """Return the folder of the locks that this host's kernel holds."""
    if host is None:
        return root / "leases"
    host.mkdir(parents=True, exist_ok=True)
    return host


def _take_lock(folder: Path) -> durable.FileLock:
    while True:
        lock = durable.FileLock(folder / os.urandom(8).hex())
        if lock.try_acquire() and lock.is_current():
            return lock
        lock.release()  # a reclaimer saw the file before it was locked: draw another name


def live_sessions(root: Path, host: Path | None = None) -> list[str]:
    """Return the ids of the sessions that live, of this process or another.

    Of a shared depot those of other hosts too, which are taken to live while their lease is there.
    """
    found = []
    for name in sorted(_sessions(root, host)):
        lock = _lock_of(root, host, name)
        if lock is None or _is_held(lock):
            found.append(name)
    return found


def is_dead(root: Path, session: str, host: Path | None = None) -> bool:
    """Tell whether a session that was once alive here is known to live no more; nothing is written.

    False where that cannot be asked without the right to write, and of a shared depot where only
    the session's own host can tell: its lease is there until that host removes it.
    """
    session = Path(session).name
    lock = _lock_of(root, host, session)
    if lock is None:
        return session not in _sessions(root, host)
    try:
        return not _is_held(lock)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        return False


def dead_sessions(root: Path, host: Path | None = None) -> list[str]:
    """Reclaim what sessions left behind that died without closing; returns their ids.

    The notes of failed attempts stay: ``failed_sessions`` finds them.  In a shared depot they go
    too, for nothing is taken back there, and only sessions are touched whose lock is this host's.
    """
    names = _sessions(root, host)
    if host is None:
        names.update(durable.names_in(root / "tmp"))
    return [name for name in names if _reclaim(root, host, name)]


def _reclaim(root: Path, host: Path | None, name: str) -> bool:
    """Remove what a session left, if it is dead; returns whether it is."""
    folder = root / "tmp" / name
    place = _lock_of(root, host, name)
    if place is None:
        return False
    if host is None:
        _remove_old_file(folder)
    lock = durable.FileLock(place)
    try:
        if folder.is_file() or not lock.try_acquire():
            return False
        if host is None:
            _empty(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            for lease in (root / "leases").glob(f"{name}@*"):
                lease.unlink(missing_ok=True)
        lock.path.unlink(missing_ok=True)
        return True
    finally:
        lock.release()


def _sessions(root: Path, host: Path | None) -> set[str]:
    """Return the sessions that have a lease or a lock."""
    leased = {lease.partition("@")[0] for lease in durable.names_in(root / "leases")}
    return leased if host is None else leased | set(durable.names_in(host))


def _lock_of(root: Path, host: Path | None, name: str) -> Path | None:
    """Return the lock of a session, None if only another host can tell whether it is held.

    A depot that came to be shared may have leases of before, which are locks of the host that has
    the disk.
    """
    plain = root / "leases" / name
    if host is None:
        return plain
    if (host / name).exists():
        return host / name
    return plain if plain.exists() and durable.is_local_filesystem(root) else None


def failed_sessions(root: Path) -> list[Path]:
    """Return the folders of dead sessions whose failed attempts are still to be taken back.

    The depot is not shared: in one that is, nothing is taken back.
    """
    alive = live_sessions(root)
    folders = [root / "tmp" / name for name in durable.names_in(root / "tmp") if name not in alive]
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
