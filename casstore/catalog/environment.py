"""One LMDB environment for a process: opening, growing, forking, and seeing that it was replaced.

Knows: LMDB's rules (no remote file systems, one environment a process, no fork, map growth).
Never: tables' rows.  ``writemap`` is never used; ``metasync`` is off: LMDB's documentation says
that this keeps the file whole and may undo the last transaction, which the journal gives again.

LMDB forbids an environment that is open across a fork, and growing the map while transactions run
in the process.  So each transaction counts as a user, and the two wait until there is none.
"""

import contextlib
import errno
import os
import struct
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import lmdb

from casstore.parallel import Gate

__all__ = ["Damaged", "Environment", "Replaced"]

FIRST_MAP_BYTES = 256 * 1024 * 1024
MAX_MAP_BYTES = 4 * 1024**4
MAX_TABLES = 16
MAX_READERS = 1024
FORK_WAIT_SECONDS = 5.0

_META = struct.Struct("<16xII16xI92xQQ")  # page header; magic, version, .. page size, .. last page
_META_MAGIC = 0xBEEFC0DE
_META_BYTES = 152

Result = TypeVar("Result")

_environments: "weakref.WeakSet[Environment]" = weakref.WeakSet()


class Damaged(Exception):
    """The index cannot be read; it must be made again."""


class Replaced(Exception):
    """The file at the index's path is no longer the one that is open."""


class Environment:
    """LMDB at a path: tables of rows, and of sets whose members have one length.

    Transactions are short; no thread writes or forks while it reads.
    """

    def __init__(self, path: Path, tables: tuple[str, ...], sets: tuple[str, ...] = ()) -> None:
        self.path = path
        self._tables = tables
        self._sets = sets
        self._gate = Gate()
        self._open()
        _environments.add(self)

    def _open(self) -> None:
        file = self.path / "data.mdb"
        map_size = FIRST_MAP_BYTES
        while map_size < 2 * (file.stat().st_size if file.exists() else 0):
            map_size *= 2
        if _is_cut_short(file):
            raise Damaged(f"{file} is shorter than it says")
        with _damage_shown():
            self._env = lmdb.open(
                str(self.path),
                map_size=map_size,
                max_dbs=MAX_TABLES,
                max_readers=MAX_READERS,
                metasync=False,
                readahead=False,
            )
            self._env.reader_check()
            self.handles = {name: self._env.open_db(name.encode()) for name in self._tables}
            for name in self._sets:
                self.handles[name] = self._env.open_db(name.encode(), dupsort=True, dupfixed=True)
        self._stat = file.stat()

    def close(self) -> None:
        """Close the environment, when no transaction runs."""
        _environments.discard(self)
        with self._gate.closed():
            self._env.close()

    @contextlib.contextmanager
    def read(self) -> Iterator[lmdb.Transaction]:
        """Give a read transaction; it must be short."""
        while True:
            try:
                with self._gate.open(), _damage_shown(), self._env.begin() as transaction:
                    yield transaction
                    return
            except lmdb.MapResizedError:  # raised by begin alone: another process grew the map
                self._resize(0)

    def write(self, action: Callable[[lmdb.Transaction], Result]) -> Result:
        """Run ``action`` in a write transaction; again, after growing, if the map was full."""
        while True:
            try:
                with self._gate.open(), _damage_shown(), self._env.begin(write=True) as transaction:
                    self._check_current()
                    return action(transaction)
            except lmdb.MapResizedError:
                self._resize(0)
            except lmdb.MapFullError:
                self._resize(min(2 * self._env.info()["map_size"], MAX_MAP_BYTES))

    def sync(self) -> None:
        """Write everything to disk, metadata included."""
        self._env.sync(True)

    def _resize(self, size: int) -> None:
        with self._gate.closed():
            self._env.set_mapsize(size)

    def _check_current(self) -> None:
        try:
            current = os.path.samestat((self.path / "data.mdb").stat(), self._stat)
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
            self._open()
        elif in_child:
            self._env = _Unusable()
        if in_child:
            self._gate = Gate()  # a thread that does not exist here may have been at its door
        elif closed:
            self._gate.reopen()


class _Unusable:
    """What stands for an environment in a child that was forked out of a transaction."""

    def begin(self, *, write: bool = False) -> lmdb.Transaction:
        del write
        raise Damaged("this process was forked while a transaction ran; open the store anew")

    def close(self) -> None:
        """Do nothing: the environment is the parent's."""


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
def _damage_shown() -> Iterator[None]:
    try:
        yield
    except (
        lmdb.CorruptedError,
        lmdb.InvalidError,
        lmdb.PageNotFoundError,
        lmdb.PanicError,
        lmdb.VersionMismatchError,
    ) as error:
        raise Damaged(str(error)) from error
    except lmdb.DiskError as error:
        raise OSError(errno.ENOSPC, "the disk is full") from error
