"""Appending to the journal: an event becomes durable, then visible in the index.

Knows: this process's writer id, its sequence, clocks.  Never: what events are for.
"""

import contextlib
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from casstore.catalog import EventPlace, Reader, Writer
from casstore.depot import JournalFiles, month_of, write_journal_pack
from casstore.errors import Busy, Corrupt
from casstore.journal import lineage, queries
from casstore.journal.bodies import KnownBody
from casstore.journal.events import Event, WriterId, next_clock
from casstore.journal.subjects import CollectionSubject, KnownSubject, RunSubject
from casstore.journal.wire import Written, read_event, write_event
from casstore.packs import PackId
from casstore.parallel import Lock
from casstore.store.gathering import (
    MAX_GATHERED_EVENTS,
    gather_what_is_due,
    is_time_to_look,
    mirror_pack,
)
from casstore.store.index import Index
from casstore.store.mirroring import apply_events

__all__ = ["EventLog"]

MAX_LOOSE_RECEIVED = 16


class EventLog:
    """Writes events under an id that this process draws when it first writes."""

    def __init__(self, index: Index, journal: JournalFiles, staging: Callable[[], Path]) -> None:
        self._index = index
        self._journal = journal
        self._staging = staging
        self._lock = Lock()
        self._process = 0
        self._writer = WriterId(b"")
        self._sequence = itertools.count()

    def append(
        self,
        subject: KnownSubject,
        body: KnownBody,
        *,
        also: Callable[[Writer], None] | None = None,
        seen: int = 0,
    ) -> Event:
        """Write an event; when this returns it survives power loss and the index shows it.

        ``also`` changes the index in the transaction that mirrors the event.  ``seen`` is a clock
        of the collection that was seen elsewhere: the event comes after it.
        """
        self._index.write(_nothing)  # who cannot mirror it now writes no event: ``Busy``
        with self._index.read() as reader:
            clock = next_clock(max(seen, _highest_clock(reader, subject)))
        written = self._written(subject, body, clock, time.time_ns() // 1000)
        month = self._journal.publish(
            written.name, written.data, self._staging(), written.event.time
        )
        with _not_shown_yet():
            loose = self._index.write(lambda writer: _mirror(writer, written.event, month, also))
        if is_time_to_look(loose):
            gather_what_is_due(self._index, self._journal, self._staging, month)
        return written.event

    def append_groups(self, groups: Iterable[Sequence[tuple[KnownSubject, KnownBody]]]) -> None:
        """Write events; of each group all are there or none, whenever the process dies.

        So it is with all groups together, up to ``MAX_GATHERED_EVENTS`` events.  More events than
        one lie in a journal pack from the start, whose name appears in one step.
        """
        together: list[tuple[KnownSubject, KnownBody]] = []
        for group in groups:
            if len(together) + len(group) > MAX_GATHERED_EVENTS:
                self._append_together(together)
                together = []
            together += group
        self._append_together(together)

    def _append_together(self, items: Sequence[tuple[KnownSubject, KnownBody]]) -> None:
        if len(items) < 2:
            for subject, body in items:
                self.append(subject, body)
            return
        self._index.write(_nothing)
        now = time.time_ns() // 1000
        written: list[Written] = []
        seen: dict[KnownSubject, int] = {}
        for subject, body in items:
            place = _whose_clock(subject)
            with self._index.read() as reader:
                clock = next_clock(max(seen.get(place, 0), _highest_clock(reader, subject)))
            seen[place] = clock
            written.append(self._written(subject, body, clock, now))
        month = month_of(now)
        pack_id = self._install_pack(month, [each.data for each in written])
        events = [each.event for each in written]
        with _not_shown_yet():
            self._index.write(
                lambda writer: mirror_pack(writer, events, EventPlace(month, pack_id))
            )

    def receive(self, files: Sequence[tuple[str, int, bytes]]) -> None:
        """Make events of another depot durable here and show them: (name, time in us, bytes) each.

        They were checked by the caller.  Many go into journal packs at once.
        """
        self._index.write(_nothing)
        if len(files) <= MAX_LOOSE_RECEIVED:
            for name, at, data in files:
                self._receive_loose(name, at, data)
        else:
            months: dict[str, list[bytes]] = defaultdict(list)
            for _, at, data in files:
                months[month_of(at)].append(data)
            for month, its in months.items():
                for start in range(0, len(its), MAX_GATHERED_EVENTS):
                    self._install_pack(month, its[start : start + MAX_GATHERED_EVENTS])
        self._index.catch_up()

    def _receive_loose(self, name: str, at: int, data: bytes) -> None:
        """Make an event durable; a file of its name that was damaged gives way to it."""
        try:
            self._journal.publish(name, data, self._staging(), at)
        except FileExistsError:
            month = month_of(at)
            try:
                read_event(name, self._journal.read(month, name))
            except Corrupt:
                self._journal.replace(month, name, data)
            else:
                raise Corrupt(f"event {name} is here with other bytes that bear its name") from None

    def _install_pack(self, month: str, files: Sequence[bytes]) -> PackId:
        staged = self._staging() / f"{os.urandom(8).hex()}.pack"
        try:
            pack_id = write_journal_pack(staged, files)
            self._journal.install_pack(staged, month, pack_id)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        return pack_id

    def _written(self, subject: KnownSubject, body: KnownBody, clock: int, at: int) -> Written:
        with self._lock:
            if self._process != os.getpid():  # a forked child is another writer
                self._process = os.getpid()
                self._writer = WriterId(os.urandom(16))
                self._sequence = itertools.count()
            return write_event(
                subject,
                body,
                writer=self._writer,
                seq=next(self._sequence),
                clock=clock,
                time=at,
            )


@contextlib.contextmanager
def _not_shown_yet() -> Iterator[None]:
    """Say what holds when an event is durable and the index cannot be written."""
    try:
        yield
    except Busy as error:
        raise Busy(
            f"what was logged is safe, but not shown yet: {error.message}", hint=error.hint
        ) from error


def _nothing(_writer: Writer) -> None:
    """Change nothing: the transaction alone tells that the index can be written."""


def _mirror(writer: Writer, event: Event, month: str, also: Callable[[Writer], None] | None) -> int:
    """Show an event in the index; returns how many of its month are loose."""
    apply_events(writer, [event], EventPlace(month))
    if also is not None:
        also(writer)
    return writer.loose_events(month)


def _whose_clock(subject: KnownSubject) -> KnownSubject:
    """Return what stands for all subjects that share a clock: a collection, or the run itself."""
    if isinstance(subject, RunSubject):
        return subject
    return CollectionSubject(subject.project, subject.name)


def _highest_clock(reader: Reader, subject: KnownSubject) -> int:
    if isinstance(subject, RunSubject):
        return lineage.run_clock(reader, subject.project, subject.run)
    return queries.highest_clock(reader, subject.project, subject.name)
