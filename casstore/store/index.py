"""The index kept true: opened, brought up to date with the files, made again when it must be.

Knows: when the index is behind, and how journal and packs become rows.  Never: working files.

Invariant: rows say only what the files say.  The journal's events are applied by the fold, packs by
their footers; ``db/`` can vanish at any time.  Every write goes through ``Index.write``, which sees
that it did and makes the index again.  Rows of one index mean nothing in the next, so they never
leave a transaction: whoever keeps something keeps the pack's id.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TypeVar

from casstore import durable
from casstore.catalog import (
    WRITE_WAIT_SECONDS,
    Catalog,
    Damaged,
    Reader,
    Replaced,
    Unusable,
    Writer,
    discard,
    event_names,
)
from casstore.depot import JournalFiles, PackFiles, Sharing
from casstore.digest import Digest
from casstore.errors import Busy, Corrupt, NotFound
from casstore.journal.fold import TABLE_VERSION
from casstore.packs import PackId
from casstore.parallel import Lock
from casstore.processes import in_a_child
from casstore.store.marks import Marks
from casstore.store.mirroring import Mirror
from casstore.store.packmirroring import PackMirror

__all__ = ["Index"]

SCHEMA = f"4.{TABLE_VERSION}"
LOCK_WAIT_SECONDS = 10.0
AT_ONCE_SECONDS = 0.2  # readers wait this long for what they could also leave to others
MAX_OPENINGS = 5
RECENT_MONTHS = 2  # in which others write now

Result = TypeVar("Result")

_healing: ContextVar[bool] = ContextVar("_healing", default=False)  # in this thread, just now


class Index:
    """The index of one store, as this process has it open.

    ``problems`` lists events and packs that could not be read when the index caught up;
    ``lost_events`` counts those that it knew and that are in the journal no more, as after an older
    copy was put back.  With ``renew`` it is made again from the files, whatever state it is in.
    ``owner`` is the id of the store that it must be of, if it says whose it is.
    """

    def __init__(
        self,
        folder: Path,
        journal: JournalFiles,
        packs: PackFiles,
        *,
        read_only: bool = False,
        renew: bool = False,
        sharing: Sharing | None = None,
        owner: str = "",
    ) -> None:
        self._owner = owner.encode()
        self._sharing = sharing
        self.lost_events = 0
        self._writable = not read_only
        self.problems: dict[str, str] = {}
        self._folder = folder
        self._path = folder / "db"
        self._journal = journal
        self._mirror = Mirror(journal, self.problems, self.read, self.write, writable=not read_only)
        self._marks = Marks(self.read, self.write, self.is_shared)
        self._packs = packs
        self._pack_mirror = PackMirror(
            packs, self._marks, self.problems, self.read, self.write, writable=not read_only
        )
        self._guard = Lock()
        self._catalog: Catalog = None  # type: ignore[assignment]  # until it is open
        self._lock = durable.FileLock(folder / "db.lock")
        if not self._lock.acquire(LOCK_WAIT_SECONDS, shared=True):
            raise Busy("another process is making the index again", hint="wait and call again")
        try:
            if renew:
                self._renew()
            else:
                self._catalog = self._open()
                self._after_open()
        except BaseException:
            if self._catalog is not None:
                self._catalog.close()
            self._lock.release()
            raise

    def is_shared(self) -> bool:
        """Tell whether several hosts may use the depot from now on."""
        return self._sharing is not None and self._sharing.now()

    def close(self) -> None:
        """Let the index go."""
        self._catalog.close()
        self._lock.release()

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Ask questions; the transaction must be short.  Never waits for a writer."""
        try:
            with contextlib.ExitStack() as stack:
                catalog = self._catalog
                try:
                    reader = stack.enter_context(catalog.read())
                except Replaced:
                    self._open_again(catalog)
                    reader = stack.enter_context(self._catalog.read())
                yield reader
        except Damaged as error:
            raise _unreadable(error) from error

    def write(
        self, action: Callable[[Writer], Result], *, wait_seconds: float = WRITE_WAIT_SECONDS
    ) -> Result:
        """Change the index in one transaction; ``action`` may run twice.

        The one door for changes: an index that was deleted meanwhile is made again first.  Raises
        ``Busy`` if another process keeps writing for ``wait_seconds``.
        """
        healed = _healing.get()  # making it again writes, too
        while True:
            catalog = self._catalog
            try:
                return catalog.write(action, wait_seconds=wait_seconds)
            except Replaced:
                self._open_again(catalog)
            except Damaged as error:
                if healed or isinstance(error, Unusable):
                    raise _unreadable(error) from error
                healed = True
                self._heal(catalog)

    def catch_up(
        self, *, thorough: bool = False, at_once: bool = False, fresh: bool = False
    ) -> bool:
        """Apply events and index packs that the index does not know; returns whether any were.

        Folders whose mtime is the one seen last are skipped, unless ``thorough``.  With
        ``at_once``, for those who only read, what another process keeps from being written is left
        for later; without, that is ``Busy``.  On a network file system what this host remembers of
        folders (a minute at most) is believed by those who only read, unless ``fresh``.
        """
        wait_seconds = AT_ONCE_SECONDS if at_once else WRITE_WAIT_SECONDS
        with self._guard:
            if self._is_far() and (fresh or not at_once):
                self._journal.look_anew(months=None if fresh else RECENT_MONTHS)
            try:
                return self._catch_up(wait_seconds, thorough=thorough)
            except Busy:
                if not at_once:
                    raise
                return False

    @property
    def newer(self) -> set[str]:
        """Those of ``problems`` at which nothing is damaged: a later release wrote them."""
        return self._mirror.newer

    @property
    def unread_events(self) -> int:
        """How many files of the journal could not be read: what they say is not shown."""
        return sum(where.startswith("journal/") for where in self.problems)

    def find_again(self) -> bool:
        """Look for frames that the index does not know; returns whether something was found."""
        with self._guard:
            if self._pack_mirror.catch_up(WRITE_WAIT_SECONDS, thorough=True):
                return True
            if not self._is_far():
                return False
            self._packs.look_anew()
            return self._pack_mirror.catch_up(WRITE_WAIT_SECONDS, thorough=True)

    def find_elsewhere(self, gone: PackId, digests: Sequence[Digest]) -> bool:
        """Find frames of a pack whose file is gone in others, as after a collection.

        Returns whether all were found; if not, nothing is forgotten.
        """
        self.catch_up(thorough=True)
        return self._pack_mirror.find_elsewhere(gone, digests)

    def _is_far(self) -> bool:
        """Tell whether another host's changes may show late, and can be made to show."""
        return self._writable and self._sharing is not None and self._sharing.far

    def rebuild(self) -> None:
        """Make the index again from the files; ``Busy`` if another process has it open."""
        with self._guard:
            self._renew()

    def _renew(self) -> None:
        if not self._lock.try_acquire():
            self._lock.acquire(LOCK_WAIT_SECONDS, shared=True)
            raise Busy(
                "the index cannot be made again while another process has the store open",
                hint="nothing was changed; close it and call again",
            )
        try:
            if self._catalog is not None:
                self._catalog.close()
            names = in_a_child(lambda: "\n".join(event_names(self._path)).encode())
            shutil.rmtree(self._path, ignore_errors=True)
            self._catalog = self._open()
            self._after_open()
            with self._catalog.read() as reader:
                known = (names or b"").decode().split()
                self.lost_events = sum(not reader.has_event(name) for name in known)
        finally:
            self._lock.try_acquire(shared=True)

    def _open_again(self, replaced: Catalog) -> None:
        """Open the index that is there now, unless another thread did it already."""
        with self._guard:
            if self._catalog is replaced:
                replaced.close()
                self._catalog = self._open()
                self._after_open()

    def _heal(self, damaged: Catalog) -> None:
        """Make the index again in place of one that cannot be written."""
        was = _healing.set(True)
        try:
            discard(self._path, _stat_of(self._path / "data.mdb"))
            self._open_again(damaged)
        finally:
            _healing.reset(was)

    def _open(self) -> Catalog:
        """Open the index, made anew if it is damaged or of another release.

        A damaged one is removed though others have it open: they see it at their next write, as if
        somebody had deleted it.
        """
        why: Exception = Replaced("it was made anew again and again")
        for _ in range(MAX_OPENINGS):
            self._make_folder()
            found = _stat_of(self._path / "data.mdb")
            try:
                catalog = self._usable()
            except Replaced:
                continue
            except Damaged as error:
                why = error
                discard(self._path, found)
                continue
            if catalog is not None:
                return catalog
            self._discard_other()
        raise Corrupt(
            f"the index at {self._path} cannot be opened: {why}",
            hint="nothing is lost; remove that folder and call again",
        )

    def _make_folder(self) -> None:
        try:
            self._path.mkdir(exist_ok=True)
        except FileNotFoundError:
            raise NotFound(
                f"the store at {self._folder} was removed while it was open",
                hint="a new one can be made there",
            ) from None

    def _usable(self) -> Catalog | None:
        """Open what is there; None if it is of another release, or another store's."""
        catalog = Catalog(self._path)
        try:
            with catalog.read() as reader:
                its_own = reader.meta("store") in (None, self._owner)
                if its_own and reader.meta("schema") in (None, SCHEMA.encode()):
                    return catalog
        except Damaged:
            catalog.close()
            raise
        catalog.close()
        return None

    def _discard_other(self) -> None:
        """Remove an index that is not for this store and release; who has it open would do it."""
        if not self._lock.try_acquire():
            self._lock.try_acquire(shared=True)
            raise Busy(
                "the index must be made again, and another process has the store open",
                hint="nothing is lost; close it and call again",
            )
        shutil.rmtree(self._path)
        self._lock.try_acquire(shared=True)

    def _after_open(self) -> None:
        boot = durable.boot_id().encode()
        with self.read() as reader:
            schema, seen = reader.meta("schema"), reader.meta("boot")
        is_new = schema is None
        wait_seconds = WRITE_WAIT_SECONDS if is_new else AT_ONCE_SECONDS
        try:
            # After a restart the last transactions may be missing: compare every name.
            thorough = is_new or seen != boot
            self._catch_up(wait_seconds, thorough=thorough)
            if self.is_shared() and not thorough:
                self._pack_mirror.catch_up(wait_seconds, thorough=False)
            if is_new or seen != boot:
                self.write(partial(self._sign, boot=boot), wait_seconds=wait_seconds)
        except Busy:
            if is_new:
                raise

    def _sign(self, writer: Writer, *, boot: bytes) -> None:
        writer.set_meta("store", self._owner)
        writer.set_meta("schema", SCHEMA.encode())
        writer.set_meta("boot", boot)

    def _catch_up(self, wait_seconds: float, *, thorough: bool) -> bool:
        found = self._catch_up_journal(wait_seconds, thorough=thorough)
        if found or thorough:
            found = self._pack_mirror.catch_up(wait_seconds, thorough=thorough) or found
        return found

    def _catch_up_journal(self, wait_seconds: float, *, thorough: bool) -> bool:
        found = False
        looked: dict[str, dict[str, int]] = {}
        for folder, mtime_ns in self._journal.folders():
            key = f"journal/{folder}"
            if not thorough and self._marks.is_seen(key, mtime_ns):
                continue
            found = self._mirror.catch_up(folder, wait_seconds) or found
            looked.setdefault(folder.partition("/")[0], {})[key] = mtime_ns
        self.lost_events = self._mirror.lost_with_their_month()
        for month, folders in looked.items():
            lost = self._mirror.lost(month)
            self.lost_events += lost
            for key, mtime_ns in folders.items() if not lost else ():
                if not any(where.startswith(f"{key}/") for where in self.problems):
                    self._marks.see(
                        key, mtime_ns, wait_seconds
                    )  # else whoever opens it next is told too
        return found


def _unreadable(error: Damaged) -> Corrupt:
    return Corrupt(
        f"the index cannot be read: {error}", hint="nothing is lost; run `casstore reindex`"
    )


def _stat_of(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
