"""One LMDB environment for a process: opening, growing, forking, and seeing that it was replaced.

Knows: LMDB's rules (no remote file systems, one environment a process, no fork, map growth).
Never: tables' rows.  ``writemap`` is never used; ``metasync`` is off: LMDB's documentation says
that this keeps the file whole and may undo the last transaction, which the journal gives again.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import lmdb

__all__ = ["Damaged", "Environment", "Replaced"]

FIRST_MAP_BYTES = 256 * 1024 * 1024
MAX_MAP_BYTES = 4 * 1024**4
MAX_TABLES = 16
MAX_READERS = 1024

Result = TypeVar("Result")

_inherited: list[Any] = []  # environments of a parent process: closing them here would hurt it


class Damaged(Exception):  # noqa: N818 - a state of the index, handled by rebuilding it
    """The index cannot be read; it must be made again."""


class Replaced(Exception):  # noqa: N818 - a state of the index, handled by opening it again
    """The file at the index's path is no longer the one that is open."""


class Environment:
    """LMDB at a path.  Transactions are short; no thread writes while it reads."""

    def __init__(self, path: Path, tables: tuple[str, ...]) -> None:
        self.path = path
        self._tables = tables
        self._condition = threading.Condition()
        self._readers = 0
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        file = self.path / "data.mdb"
        size = file.stat().st_size if file.exists() else 0
        map_size = FIRST_MAP_BYTES
        while map_size < 2 * size:
            map_size *= 2
        try:
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
        except (lmdb.CorruptedError, lmdb.InvalidError, lmdb.VersionMismatchError) as error:
            raise Damaged(f"{self.path}: {error}") from error
        except lmdb.PageNotFoundError as error:
            raise Damaged(f"{self.path}: {error}") from error
        self._stat = file.stat()

    def close(self) -> None:
        """Close the environment; a forked child only lets go of it."""
        if self._process == os.getpid():
            self._env.close()
        else:
            _inherited.append(self._env)

    @contextlib.contextmanager
    def read(self) -> Iterator[lmdb.Transaction]:
        """Give a read transaction; it must be short."""
        self._follow_fork()
        with self._condition:
            self._readers += 1
        try:
            with _damage_shown(), self._begin(write=False) as transaction:
                yield transaction
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    def write(self, action: Callable[[lmdb.Transaction], Result]) -> Result:
        """Run ``action`` in a write transaction; again, after growing, if the map was full."""
        self._follow_fork()
        while True:
            try:
                with _damage_shown(), self._begin(write=True) as transaction:
                    self._check_current()
                    return action(transaction)
            except lmdb.MapFullError:
                self._grow()

    def sync(self) -> None:
        """Write everything to disk, metadata included."""
        self._env.sync(True)

    def _begin(self, *, write: bool) -> lmdb.Transaction:
        try:
            return self._env.begin(write=write, buffers=False)
        except lmdb.MapResizedError:
            self._resize(0)
            return self._env.begin(write=write, buffers=False)

    def _grow(self) -> None:
        self._resize(min(2 * self._env.info()["map_size"], MAX_MAP_BYTES))

    def _resize(self, size: int) -> None:
        with self._condition:
            while self._readers > (1 if size == 0 else 0):
                self._condition.wait()
            self._env.set_mapsize(size)

    def _check_current(self) -> None:
        try:
            current = os.path.samestat((self.path / "data.mdb").stat(), self._stat)
        except FileNotFoundError:
            current = False
        if not current:
            raise Replaced(f"{self.path} was removed or replaced")

    def _follow_fork(self) -> None:
        if self._process != os.getpid():
            _inherited.append(self._env)
            self._condition = threading.Condition()
            self._readers = 0
            self._open()


@contextlib.contextmanager
def _damage_shown() -> Iterator[None]:
    try:
        yield
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError) as error:
        raise Damaged(str(error)) from error
