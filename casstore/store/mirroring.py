"""The journal mirrored in the index: what lies in its folders becomes rows, each event once.

Knows: which events and journal packs the index does not have yet, and which the journal has lost.
Never: when the index is behind.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from casstore.catalog import EventPlace, Reader, Writer
from casstore.depot import JournalFiles, read_journal_pack
from casstore.errors import Corrupt, Unsupported
from casstore.journal.events import Event
from casstore.journal.fold import apply
from casstore.journal.subjects import subject_key
from casstore.journal.wire import is_event_name, read_event, read_packed
from casstore.packs import PackId

__all__ = ["Mirror", "Write", "apply_events"]

EVENTS_PER_TRANSACTION = 1000
BYTES_PER_TRANSACTION = 16 * 1024 * 1024


class Write(Protocol):
    """How the index is changed: ``Index.write``."""

    def __call__(self, action: Callable[[Writer], object], *, wait_seconds: float) -> object:
        """Run ``action`` in one transaction; ``Busy`` after so many seconds."""


class Mirror:
    """Applies events that the index lacks; ``problems`` takes what cannot be read, by its path.

    ``newer`` are those paths among them at which nothing is damaged: a later release wrote there.
    Nothing durable is built on a name that might vanish with the power: with ``writable``, names
    that others left are synced before they are used.  ``read`` and ``write`` are the index's.
    """

    def __init__(
        self,
        journal: JournalFiles,
        problems: dict[str, str],
        read: Callable[[], AbstractContextManager[Reader]],
        write: Write,
        *,
        writable: bool,
    ) -> None:
        self._journal = journal
        self._problems = problems
        self.newer: set[str] = set()
        self._read = read
        self._write = write
        self._writable = writable

    def catch_up(self, folder: str, wait_seconds: float) -> bool:
        """Apply what the index lacks of a folder of events; returns whether it lacked anything."""
        month, _, packs = folder.partition("/")
        if packs:
            return self._catch_up_packs(month, folder, wait_seconds)
        return self._catch_up_loose(month, wait_seconds)

    def lost(self, month: str) -> int:
        """Return how many events of a month the index knows and the journal has no more.

        Each is looked for only where the numbers do not agree.
        """
        with self._read() as reader:  # before the listing: what it knows was there by then
            listed, packs = self._journal.names(month), set(self._journal.packs(month))
            here = sum(map(reader.has_event, listed))
            if here >= reader.loose_events(month) and reader.journal_packs(month) <= packs:
                return 0
            known = [name for name, place in reader.events() if place.month == month]
        return sum(not (self._is_there(name) or self._is_there(name)) for name in known)

    def lost_with_their_month(self) -> int:
        """Return how many events the index knows of months whose folders are gone."""
        with self._read() as reader:
            months = dict(self._journal.months())
            return sum(reader.events_of(month) for month in reader.months() if month not in months)

    def _is_there(self, name: str) -> bool:
        """Tell whether an event lies where the index says; if not, it was perhaps gathered now."""
        with self._read() as reader:
            place = reader.event_place(name)
        return place is not None and self._journal.has(name, *place)

    def _catch_up_loose(self, month: str, wait_seconds: float) -> bool:
        listed = [name for name in self._journal.names(month) if is_event_name(name)]
        with self._read() as reader:
            unknown = [name for name in listed if not reader.has_event(name)]
        if unknown and self._writable:
            self._journal.sync_names(month)
        for start in range(0, len(unknown), EVENTS_PER_TRANSACTION):
            events = self._events(month, unknown[start : start + EVENTS_PER_TRANSACTION])
            self._apply(events, EventPlace(month), wait_seconds)
        return bool(unknown)

    def _events(self, month: str, names: list[str]) -> list[Event]:
        events = []
        for name in names:
            try:
                events.append(read_event(name, self._journal.read(month, name)))
                self._problems.pop(f"journal/{month}/{name}", None)
                self.newer.discard(f"journal/{month}/{name}")
            except FileNotFoundError:
                continue  # gathered since it was listed: the packs are looked at after this
            except (Corrupt, Unsupported) as error:
                self._note(f"journal/{month}/{name}", error)
        return events

    def _catch_up_packs(self, month: str, folder: str, wait_seconds: float) -> bool:
        listed = self._journal.packs(month)
        with self._read() as reader:
            unknown = [pack_id for pack_id in listed if not reader.has_journal_pack(pack_id)]
        if unknown and self._writable:
            self._journal.sync_names(folder)
        for pack_id in unknown:
            self._apply_pack(month, pack_id, wait_seconds)
        return bool(unknown)

    def _apply_pack(self, month: str, pack_id: PackId, wait_seconds: float) -> None:
        """Apply every event of a pack that can be read; if that is all of it, the pack is known."""
        place = EventPlace(month, pack_id)
        whole, waiting, size_bytes = True, [], 0
        for packed in read_journal_pack(self._journal.pack_path(month, pack_id)):
            try:
                waiting.append(read_packed(packed.whole()))
                size_bytes += len(packed.data)
            except (Corrupt, Unsupported) as error:
                self._note(f"journal/{month}/packs/{pack_id.hex()}", error)
                whole = False
            if len(waiting) >= EVENTS_PER_TRANSACTION or size_bytes >= BYTES_PER_TRANSACTION:
                self._apply(waiting, place, wait_seconds)
                waiting, size_bytes = [], 0
        self._apply(waiting, place, wait_seconds)
        if whole:
            self._write(
                lambda writer: writer.add_journal_pack(pack_id, month), wait_seconds=wait_seconds
            )

    def _note(self, where: str, error: Corrupt | Unsupported) -> None:
        """Note what cannot be read; of several problems of one file the damage counts."""
        if isinstance(error, Corrupt):
            self.newer.discard(where)
        elif where not in self._problems:
            self.newer.add(where)
        if isinstance(error, Corrupt) or where in self.newer:
            self._problems[where] = error.message

    def _apply(self, events: list[Event], place: EventPlace, wait_seconds: float) -> None:
        if events:
            self._write(
                lambda writer: apply_events(writer, events, place), wait_seconds=wait_seconds
            )


def apply_events(writer: Writer, events: Iterable[Event], place: EventPlace) -> None:
    """Fold events into the index, each once, and note where they lie."""
    for event in events:
        if not writer.has_event(event.name):
            apply(event, writer)
            writer.note_subject(subject_key(event.subject), event.name)
        writer.add_event(event.name, place)
