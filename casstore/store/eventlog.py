"""Appending to the journal: an event becomes durable, then visible in the index.

Knows: this process's writer id, its sequence, clocks.  Never: what events are for.
"""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

from casstore.catalog import EventPlace, Reader, Writer
from casstore.depot import JournalFiles
from casstore.errors import Busy
from casstore.journal import lineage, queries
from casstore.journal.bodies import KnownBody
from casstore.journal.events import Event, WriterId, next_clock
from casstore.journal.subjects import KnownSubject, RunSubject
from casstore.journal.wire import Written, write_event
from casstore.parallel import Lock
from casstore.store.gathering import gather_what_is_due, is_time_to_look
from casstore.store.index import Index
from casstore.store.mirroring import apply_events

__all__ = ["EventLog"]


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
    ) -> Event:
        """Write an event; when this returns it survives power loss and the index shows it.

        ``also`` changes the index in the transaction that mirrors the event.
        """
        self._index.write(_nothing)  # who cannot mirror it now writes no event: ``Busy``
        with self._index.read() as reader:
            clock = next_clock(_highest_clock(reader, subject))
        written = self._written(subject, body, clock)
        month = self._journal.publish(
            written.name, written.data, self._staging(), written.event.time
        )
        try:
            loose = self._index.write(lambda writer: _mirror(writer, written.event, month, also))
        except Busy as error:
            raise Busy(
                f"what was logged is safe, but not shown yet: {error.message}", hint=error.hint
            ) from error
        if is_time_to_look(loose):
            gather_what_is_due(self._index, self._journal, self._staging, month)
        return written.event

    def _written(self, subject: KnownSubject, body: KnownBody, clock: int) -> Written:
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
                time=time.time_ns() // 1000,
            )


def _nothing(_writer: Writer) -> None:
    """Change nothing: the transaction alone tells that the index can be written."""


def _mirror(writer: Writer, event: Event, month: str, also: Callable[[Writer], None] | None) -> int:
    """Show an event in the index; returns how many of its month are loose."""
    apply_events(writer, [event], EventPlace(month))
    if also is not None:
        also(writer)
    return writer.loose_events(month)


def _highest_clock(reader: Reader, subject: KnownSubject) -> int:
    if isinstance(subject, RunSubject):
        return lineage.run_clock(reader, subject.project, subject.run)
    return queries.highest_clock(reader, subject.project, subject.name)
