"""The index kept true: opened, brought up to date with the files, made again when it must be.

Knows: when the index is behind, and how journal and packs become rows.  Never: working files.

Invariant: rows say only what the files say.  The journal's events are applied by the fold, packs by
their footers; ``db/`` can vanish whenever no process has the store open.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from casstore import durable
from casstore.catalog import Catalog, Damaged, PackRow, Reader, Replaced, Writer
from casstore.depot import JournalFiles, PackFiles
from casstore.errors import Busy, Corrupt, Unsupported
from casstore.journal.fold import TABLE_VERSION
from casstore.packs import read_rows
from casstore.parallel import Lock
from casstore.store.mirroring import Mirror

__all__ = ["Index"]

SCHEMA = f"3.{TABLE_VERSION}"
PACKS_PER_TRANSACTION = 64
SETTLED_NS = 1_000_000_000  # a folder's mtime is believed when it is this old
LOCK_WAIT_SECONDS = 10.0

Result = TypeVar("Result")


class Index:
    """The index of one store, as this process has it open.

    ``problems`` lists events and packs that could not be read when the index caught up.
    """

    def __init__(
        self, folder: Path, journal: JournalFiles, packs: PackFiles, *, read_only: bool = False
    ) -> None:
        self._writable = not read_only
        self.problems: dict[str, str] = {}
        self._path = folder / "db"
        self._journal = journal
        self._mirror = Mirror(journal, self.problems, writable=not read_only)
        self._packs = packs
        self._guard = Lock()
        self._lock = durable.FileLock(folder / "db.lock")
        _wait_for(self._lock, shared=True)
        self._catalog = self._open()
        self._after_open()

    def close(self) -> None:
        """Let the index go."""
        self._catalog.close()
        self._lock.release()

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Ask questions; the transaction must be short."""
        try:
            with self._catalog.read() as reader:
                yield reader
        except Damaged as error:
            raise Corrupt(
                f"the index cannot be read: {error}",
                hint="nothing is lost; run `casstore reindex`",
            ) from error

    def write(self, action: Callable[[Writer], Result]) -> Result:
        """Change the index in one transaction; ``action`` may run twice.

        An index that was deleted meanwhile is made again first.
        """
        try:
            return self._catalog.write(action)
        except Replaced:
            with self._guard:
                self._catalog.close()
                self._catalog = self._open()
                self._after_open()
            return self._catalog.write(action)

    def catch_up(self, *, thorough: bool = False) -> bool:
        """Apply events and index packs that the index does not know; returns whether any were.

        Folders whose mtime is the one seen last are skipped, unless ``thorough``.
        """
        with self._guard:
            found = self._catch_up_journal(thorough=thorough)
            if found or thorough:
                found = self._catch_up_packs(thorough=thorough) or found
            return found

    def find_again(self) -> bool:
        """Look for frames that the index does not know; returns whether something was found."""
        with self._guard:
            return self._catch_up_packs(thorough=True)

    def rebuild(self) -> None:
        """Make the index again from the files; ``Busy`` if another process has it open."""
        with self._guard:
            if not self._lock.try_acquire():
                raise Busy(
                    "the index cannot be made again while another process has the store open",
                    hint="nothing was changed; close it and call again",
                )
            try:
                self._catalog.close()
                shutil.rmtree(self._path, ignore_errors=True)
                self._catalog = self._open()
                self._after_open()
            finally:
                self._lock.try_acquire(shared=True)

    def _open(self) -> Catalog:
        self._path.mkdir(exist_ok=True)
        for attempt in (1, 2):
            try:
                catalog = Catalog(self._path)
                with catalog.read() as reader:
                    usable = reader.meta("schema") in (None, SCHEMA.encode())
                if usable:
                    return catalog
                catalog.close()
            except Damaged:
                if attempt == 2:
                    raise
            self._discard()
        raise AssertionError("a new index is always usable")

    def _discard(self) -> None:
        """Remove an index that is damaged or of another release."""
        if not self._lock.try_acquire():
            self._lock.try_acquire(shared=True)
            raise Busy(
                "the index must be made again, and another process has the store open",
                hint="nothing is lost; close it and call again",
            )
        shutil.rmtree(self._path)
        self._path.mkdir()
        self._lock.try_acquire(shared=True)

    def _after_open(self) -> None:
        boot = durable.boot_id().encode()
        with self._catalog.read() as reader:
            schema, seen = reader.meta("schema"), reader.meta("boot")
        # After a restart the last transactions may be missing: compare every name.
        self.catch_up(thorough=schema is None or seen != boot)
        if schema is None or seen != boot:
            self._catalog.write(lambda writer: _sign(writer, boot))

    def _catch_up_journal(self, *, thorough: bool) -> bool:
        found = False
        for folder, mtime_ns in self._journal.folders():
            key = f"journal/{folder}"
            if not thorough and self._is_seen(key, mtime_ns):
                continue
            found = self._mirror.catch_up(self._catalog, folder) or found
            self._see(key, mtime_ns)
        return found

    def _catch_up_packs(self, *, thorough: bool) -> bool:
        found = False
        for folder, mtime_ns in list(self._packs.folders()):
            key = f"packs/{folder}"
            if not thorough and self._is_seen(key, mtime_ns):
                continue
            listed = list(self._packs.listing(folder))
            with self._catalog.read() as reader:
                unknown = [pack_id for pack_id in listed if reader.pack_row(pack_id) is None]
            if unknown and self._writable:
                self._packs.sync_names(folder)
            for pack_id in unknown:
                found = self._index_pack(self._packs.path(pack_id)) or found
            self._see(key, mtime_ns)
        return found

    def _index_pack(self, path: Path) -> bool:
        where = f"packs/{path.parent.name}/{path.name}"
        try:
            pack_id, kind, rows = read_rows(path)
        except (Corrupt, Unsupported) as error:
            self.problems[where] = error.message
            return False
        if pack_id.hex() != path.name:
            self.problems[where] = "its name is not the one that its footer gives"
            return False
        pack = PackRow(pack_id, kind, len(rows), path.stat().st_size)
        self._catalog.write(lambda writer: writer.add_pack(pack, rows))
        return True

    def _is_seen(self, key: str, mtime_ns: int) -> bool:
        with self._catalog.read() as reader:
            return reader.meta(key) == str(mtime_ns).encode()

    def _see(self, key: str, mtime_ns: int) -> None:
        if time.time_ns() - mtime_ns > SETTLED_NS:
            value = str(mtime_ns).encode()
            if not self._is_seen(key, mtime_ns):
                self._catalog.write(lambda writer: writer.set_meta(key, value))


def _sign(writer: Writer, boot: bytes) -> None:
    writer.set_meta("schema", SCHEMA.encode())
    writer.set_meta("boot", boot)


def _wait_for(lock: durable.FileLock, *, shared: bool) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not lock.try_acquire(shared=shared):
        if time.monotonic() > deadline:
            raise Busy("another process is making the index again", hint="wait and call again")
        time.sleep(0.02)
