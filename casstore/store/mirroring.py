"""The journal mirrored in the index: what lies in its folders becomes rows, each event once.

Knows: which events and journal packs the index does not have yet.  Never: when it is behind.
"""

from collections.abc import Iterable

from casstore.catalog import Catalog, EventPlace, Writer
from casstore.depot import JournalFiles, read_journal_pack
from casstore.errors import Corrupt, Unsupported
from casstore.journal.events import Event
from casstore.journal.fold import apply
from casstore.journal.wire import is_event_name, read_event, read_packed
from casstore.packs import PackId

__all__ = ["Mirror", "apply_events"]

EVENTS_PER_TRANSACTION = 1000


class Mirror:
    """Applies events that the index lacks; ``problems`` takes what cannot be read, by its path.

    Nothing durable is built on a name that might vanish with the power: with ``writable``, names
    that others left are synced before they are used.
    """

    def __init__(self, journal: JournalFiles, problems: dict[str, str], *, writable: bool) -> None:
        self._journal = journal
        self._problems = problems
        self._writable = writable

    def catch_up(self, catalog: Catalog, folder: str) -> bool:
        """Apply what the index lacks of a folder of events; returns whether it lacked anything."""
        month, _, packs = folder.partition("/")
        return self._packs(catalog, month, folder) if packs else self._loose(catalog, month)

    def _loose(self, catalog: Catalog, month: str) -> bool:
        listed = [name for name in self._journal.names(month) if is_event_name(name)]
        with catalog.read() as reader:
            unknown = [name for name in listed if not reader.has_event(name)]
        if unknown and self._writable:
            self._journal.sync_names(month)
        for start in range(0, len(unknown), EVENTS_PER_TRANSACTION):
            events = self._read(month, unknown[start : start + EVENTS_PER_TRANSACTION])
            _apply(catalog, events, EventPlace(month))
        return bool(unknown)

    def _read(self, month: str, names: list[str]) -> list[Event]:
        events = []
        for name in names:
            try:
                events.append(read_event(name, self._journal.read(month, name)))
            except FileNotFoundError:
                continue  # gathered since it was listed: the packs are looked at after this
            except (Corrupt, Unsupported) as error:
                self._problems[f"journal/{month}/{name}"] = error.message
        return events

    def _packs(self, catalog: Catalog, month: str, folder: str) -> bool:
        listed = self._journal.packs(month)
        with catalog.read() as reader:
            unknown = [pack_id for pack_id in listed if not reader.has_journal_pack(pack_id)]
        if unknown and self._writable:
            self._journal.sync_names(folder)
        for pack_id in unknown:
            self._apply_pack(catalog, month, pack_id)
        return bool(unknown)

    def _apply_pack(self, catalog: Catalog, month: str, pack_id: PackId) -> None:
        """Apply every event of a pack that can be read; if that is all of it, the pack is known."""
        place = EventPlace(month, pack_id)
        whole, waiting = True, []
        for packed in read_journal_pack(self._journal.pack_path(month, pack_id)):
            try:
                waiting.append(read_packed(packed.whole()))
            except (Corrupt, Unsupported) as error:
                self._problems[f"journal/{month}/packs/{pack_id.hex()}"] = error.message
                whole = False
            if len(waiting) >= EVENTS_PER_TRANSACTION:
                _apply(catalog, waiting, place)
                waiting = []
        _apply(catalog, waiting, place)
        if whole:
            catalog.write(lambda writer: writer.add_journal_pack(pack_id, month))


def apply_events(writer: Writer, events: Iterable[Event], place: EventPlace) -> None:
    """Fold events into the index, each once, and note where they lie."""
    for event in events:
        if not writer.has_event(event.name):
            apply(event, writer)
        writer.add_event(event.name, place)


def _apply(catalog: Catalog, events: list[Event], place: EventPlace) -> None:
    if events:
        catalog.write(lambda writer: apply_events(writer, events, place))
