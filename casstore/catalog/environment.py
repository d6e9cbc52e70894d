"""One LMDB environment for a process: opening, growing, forking, and seeing that it was replaced.

Knows: LMDB's rules (no remote file systems, one environment a process, no fork, map growth), and
who may write.  Never: tables' rows.  ``writemap`` is never used; ``metasync`` is off: LMDB's
documentation says that this keeps the file whole and may undo the last transaction, which the
journal gives again.

LMDB forbids an environment that is open across a fork, and growing the map while transactions run
in the process.  So each transaction counts as a user, and the two wait until there is none.

LMDB's own write lock cannot be waited for with an end: a process that is stopped while it writes
would stop all others.  So a lock file of our own is taken first, with a deadline, and LMDB's is
then free; and the environment is opened for reading only until something is written, for LMDB takes
its write lock to open tables for writing.  Invariant: LMDB's write lock is taken under ours alone.
"""

import contextlib
import errno
import os
import shutil
import struct
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import lmdb

from casstore import durable
from casstore.errors import Busy
from casstore.parallel import Gate, Lock, out_of_reach

__all__ = ["WRITE_WAIT_SECONDS", "Damaged", "Environment", "Replaced", "Unusable", "discard"]

WRITE_WAIT_SECONDS = 30.0  # a transaction takes milliseconds; who holds the lock longer is stopped

FIRST_MAP_BYTES = 256 * 1024 * 1024
MAX_MAP_BYTES = 4 * 1024**4
MAX_TABLES = 16
MAX_READERS = 1024
LOCK_FILE_BYTES = MAX_READERS * 64 + 4096  # LMDB maps it: 64 bytes a reader, and its own data
FORK_WAIT_SECONDS = 5.0

_META = struct.Struct("<16xII16xI92xQQ")  # page header; magic, version, .. page size, .. last page
_META_MAGIC = 0xBEEFC0DE
_META_BYTES = 152

# What the system refuses, and no damage: LMDB's binding tells these by their text alone.
_SYSTEM = (
    *(errno.EFBIG, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    *(errno.EACCES, errno.EPERM, errno.EROFS),
)

Result = TypeVar("Result")

_environments: "weakref.WeakSet[Environment]" = weakref.WeakSet()


class Damaged(Exception):
    """The index cannot be read; it must be made again."""


class Unusable(Damaged):
    """The index cannot be used by this process, and nothing is wrong with the file."""


class Replaced(Exception):
    """The file at the index's path is no longer the one that is open."""


class Environment:
    """LMDB at a path: tables of rows, and of sets whose members have one length.

    Transactions are short; no thread writes or forks while it reads.
    """

    def __init__(self, path: Path, tables: tuple[str, ...], sets: tuple[str, ...] = ()) -> None:
        self.path = path
        self.handles: dict[str, object] = {}
        self._tables = tables
        self._sets = sets
        self._gate = Gate()
        self._writing = Lock()
        self._writable = False
        if not self._open(readonly=True):
            with self._write_lock(WRITE_WAIT_SECONDS):
                self._open(readonly=False)
        self._stat = self._file.stat()
        _environments.add(self)

    @property
    def _file(self) -> Path:
        return self.path / "data.mdb"

    def _open(self, *, readonly: bool) -> bool:
        """Open LMDB; returns False if it is to be read only and has yet to be made."""
        size = self._file.stat().st_size if self._file.exists() else 0
        lock_file = self.path / "lock.mdb"
        if readonly and not (size and lock_file.exists()):
            return False
        durable.provide_zeros(lock_file, LOCK_FILE_BYTES)  # LMDB would make one that is a hole
        map_size = FIRST_MAP_BYTES
        while map_size < 2 * size:
            map_size *= 2
        if _is_cut_short(self._file):
            raise Damaged(f"{self._file} is shorter than it says")
        with _damage_shown():
            self._env = lmdb.open(
                str(self.path),
                map_size=map_size,
                max_dbs=MAX_TABLES,
                max_readers=MAX_READERS,
                metasync=False,
                readahead=False,
                readonly=readonly,
            )
            try:
                self._env.reader_check()
                self.handles = {
                    **self._rows(create=not readonly),
                    **self._members(create=not readonly),
                }
            except lmdb.NotFoundError:  # whoever makes it has not come to this table
                self._env.close()
                return False
            except lmdb.Error:
                self._env.close()
                raise
        self._writable = not readonly
        return True

    def _rows(self, *, create: bool) -> dict[str, object]:
        return {name: self._env.open_db(name.encode(), create=create) for name in self._tables}

    def _members(self, *, create: bool) -> dict[str, object]:
        return {
            name: self._env.open_db(name.encode(), create=create, dupsort=True, dupfixed=True)
            for name in self._sets
        }

    def _open_again(self, *, readonly: bool) -> None:
        """Open what was closed for a moment; another file by now makes every use ``Replaced``."""
        try:
            self._check_current()
            if self._open(readonly=readonly):
                self._check_current()
                return
            self._env = _Closed(Replaced(f"{self.path} was made anew"))
        except (Damaged, Replaced) as error:
            self._env = _Closed(error)
        except OSError as error:  # no memory, no file to be opened: nothing is said of the index
            self._env = _Closed(error)
        except lmdb.Error as error:
            self._env = _Closed(Unusable(str(error)))

    def _try_again(self) -> None:
        """Open what the system refused to open again: it may have memory and files to give now."""
        if self._was_refused():
            self._alone(lambda: self._open_again(readonly=True) if self._was_refused() else None)

    def _was_refused(self) -> bool:
        return isinstance(self._env, _Closed) and self._env.may_pass

    def close(self) -> None:
        """Close the environment, when no transaction runs."""
        _environments.discard(self)
        self._alone(self._close)

    @contextlib.contextmanager
    def read(self) -> Iterator[lmdb.Transaction]:
        """Give a read transaction; it must be short."""
        while True:
            self._try_again()
            try:
                with self._gate.open(), _damage_shown(), self._env.begin() as transaction:
                    yield transaction
                    return
            except lmdb.MapResizedError:  # raised by begin alone: another process grew the map
                self._resize(0)

    def write(
        self,
        action: Callable[[lmdb.Transaction], Result],
        *,
        wait_seconds: float = WRITE_WAIT_SECONDS,
    ) -> Result:
        """Run ``action`` in a write transaction; again, after growing, if the map was full.

        Raises ``Busy`` if another process keeps writing for ``wait_seconds``, ``Replaced`` if the
        index was removed or made anew.
        """
        with self._writing, self._write_lock(wait_seconds):
            self._try_again()
            return self._write(action)

    def _write(self, action: Callable[[lmdb.Transaction], Result]) -> Result:
        while True:
            try:
                with self._gate.open():
                    if self._may_write():
                        with _cut_short_shown(), self._env.begin(write=True) as transaction:
                            self._check_current()
                            return action(transaction)
                self._alone(self._make_writable)
            except lmdb.MapResizedError:
                self._resize(0)
            except lmdb.MapFullError:
                self._resize(min(2 * self._env.info()["map_size"], MAX_MAP_BYTES))

    def _may_write(self) -> bool:
        """Tell whether it is open for writing; also where beginning to write says why it is not."""
        return self._writable or isinstance(self._env, _Closed)

    @contextlib.contextmanager
    def _write_lock(self, wait_seconds: float) -> Iterator[None]:
        with write_lock(self.path, wait_seconds) as lock:
            if not lock.is_current():
                raise Replaced(f"{self.path} was removed or replaced")
            yield

    def _close(self) -> None:
        self._env.close()

    def _make_writable(self) -> None:
        """Open for writing what was never written to, or was opened again after a fork."""
        if not self._may_write():
            self._env.close()
            self._open_again(readonly=False)

    def _resize(self, size: int) -> None:
        self._alone(lambda: self._env.set_mapsize(size))

    def _alone(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` returns, done while no transaction runs."""
        return out_of_reach(lambda: self._gate.alone(work))

    def _check_current(self) -> None:
        try:
            current = os.path.samestat(self._file.stat(), self._stat)
        except FileNotFoundError:
            current = False
        if not current:
            raise Replaced(f"{self.path} was removed or replaced")

    def before_fork(self) -> None:
        """Close, so that nothing of LMDB is open across the fork."""
        if self._gate.close(FORK_WAIT_SECONDS):
            self._env.close()

    def after_fork(self, *, in_child: bool) -> None:
        """Open again, in the parent and in the child.

        A child that was forked out of a running transaction has no index: using it is ``Damaged``.
        """
        closed = self._gate.is_closed
        if closed:
            self._open_again(readonly=True)
        elif in_child:
            why = "this process was forked while a transaction ran; open the store anew"
            self._env = _Closed(Unusable(why))
        if in_child:
            self._gate = Gate()  # a thread that does not exist here may have been at its door
        elif closed:
            self._gate.reopen()


class _Closed:
    """What stands for an environment that could not be opened again: every use raises ``why``."""

    def __init__(self, why: Exception) -> None:
        self._why = why
        self.may_pass = isinstance(why, OSError)

    def begin(self, *, write: bool = False) -> lmdb.Transaction:
        del write
        raise self._why

    def close(self) -> None:
        """Do nothing: the environment is the parent's, or closed."""


@contextlib.contextmanager
def write_lock(path: Path, wait_seconds: float) -> Iterator[durable.FileLock]:
    """Hold the lock under which alone the index in ``path`` is written.

    It lies beside LMDB's files, so that an index that is made anew has a new one.
    """
    lock = durable.FileLock(path / "write.lock")
    try:
        if not lock.acquire(wait_seconds):
            raise Busy(
                f"another process has been writing to the index for {wait_seconds:g} s",
                hint="it may be stopped: let it go on, or end it, and call again",
            )
    except FileNotFoundError:
        raise Replaced(f"{path} was removed") from None
    try:
        yield lock
    finally:
        lock.release_everywhere()


def discard(path: Path, found: os.stat_result | None) -> None:
    """Remove a damaged index, whoever has it open: their next write raises ``Replaced``.

    ``found`` is what its file was before damage was found: one that was made anew since stays.
    """
    with write_lock(path, WRITE_WAIT_SECONDS) as lock:
        try:
            now = (path / "data.mdb").stat()
        except FileNotFoundError:
            return
        same = found and os.path.samestat(now, found) and now.st_ctime_ns == found.st_ctime_ns
        if same and lock.is_current():
            shutil.rmtree(path)


def _is_cut_short(file: Path) -> bool:
    """Tell whether an LMDB file has fewer bytes than its newest meta page says: reading would kill.

    Source: LMDB's ``mdb.c``, struct ``MDB_meta``: two meta pages begin the file, the one of the
    higher transaction counts.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(_META_BYTES)
            if len(head) < _META_BYTES:
                return len(head) > 0
            magic, _, page_size, last_page, transaction = _META.unpack(head)
            stream.seek(page_size)
            other = stream.read(_META_BYTES)
            size = stream.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return False
    if magic != _META_MAGIC or len(other) < _META_BYTES:
        return True
    _, _, _, other_last, other_transaction = _META.unpack(other)
    newest = last_page if transaction >= other_transaction else other_last
    return bool(size < (newest + 1) * page_size)


def _before_fork() -> None:
    for environment in list(_environments):
        environment.before_fork()


def _after_fork_in_parent() -> None:
    for environment in list(_environments):
        environment.after_fork(in_child=False)


def _after_fork_in_child() -> None:
    for environment in list(_environments):
        environment.after_fork(in_child=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )


@contextlib.contextmanager
def _cut_short_shown() -> Iterator[None]:
    """Show damage as ``_damage_shown`` does, but what may be a full disk as a full disk.

    LMDB says "Input/output error" when only a part of its pages could be written (``mdb.c``,
    ``mdb_page_flush``).  The file is as it was, so nothing would be gained by making it again.
    """
    try:
        with _damage_shown():
            yield
    except Damaged as error:
        if os.strerror(errno.EIO) not in str(error):
            raise
        raise OSError(errno.ENOSPC, "the disk is full, or it fails") from error


@contextlib.contextmanager
def _damage_shown() -> Iterator[None]:
    try:
        yield
    except lmdb.DiskError as error:
        raise OSError(errno.ENOSPC, "the disk is full") from error
    except (lmdb.MapFullError, lmdb.MapResizedError, lmdb.NotFoundError, lmdb.ReadersFullError):
        raise
    except lmdb.Error as error:
        for code in _SYSTEM:
            if os.strerror(code) in str(error):
                raise OSError(code, os.strerror(code)) from error
        raise Damaged(
            str(error)
        ) from error  # whatever else LMDB says, a healthy file gives no cause
    except (struct.error, UnicodeDecodeError) as error:
        raise Damaged(f"a row of it is none: {error}") from error
