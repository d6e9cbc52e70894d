"""Gathering: many loose events of a month become one journal pack.

Knows: when there are too many, and in which order files are made and removed.
Never: what events say.

A process may die at any arrow, and no event is lost::

    loose events read and checked
    -> journal pack durable under its name      now they lie there twice
    -> read back                                only what the pack gives back is let go
    -> index rows point into the pack
    -> loose files removed

Nothing is locked: two that gather at once make two packs of the same events, which are one set.
An event that cannot be read, or whose format is of a later release, stays loose.

In a depot that several hosts share the last arrow waits: another host may see that a loose file is
gone before it sees the pack, for up to a minute.  So there a gathering leaves its own files, and
removes those whose pack is five minutes old by the depot's clock.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from casstore.catalog import EventPlace, Writer
from casstore.depot import JournalFiles, read_journal_pack, write_journal_pack
from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.journal.events import Event
from casstore.journal.wire import is_event_name, read_event
from casstore.packs import TARGET_PACK_BYTES
from casstore.store.index import Index
from casstore.store.mirroring import apply_events

__all__ = [
    "MAX_GATHERED_EVENTS",
    "gather",
    "gather_what_is_due",
    "is_time_to_look",
    "mirror_pack",
]

MAX_LOOSE_EVENTS = 256
MAX_LOOSE_IN_PAST_MONTH = 16
LOOK_EVERY_EVENTS = 64
SHARED_PACK_SECONDS = 300.0
MAX_GATHERED_EVENTS = 1024  # a gathering takes a fraction of a second, however many there are


def is_time_to_look(loose_events: int) -> bool:
    """Tell whether the appender that brought a month to so many loose events should look.

    The index gives each number to one appender, so that many at work at once gather once.
    """
    return loose_events % LOOK_EVERY_EVENTS == 1


def gather_what_is_due(
    index: Index, journal: JournalFiles, staging: Callable[[], Path], month: str
) -> int:
    """Gather one month that has too many loose events, if there is one; returns how many went.

    ``month`` is the current one; what is left in the months before it is gathered down to less.
    Events that cannot be gathered now (a full disk) stay as they are: ``index.problems`` says so.
    """
    with index.read() as reader:
        loose = {name: reader.loose_events(name) for name, _ in journal.months()}
    for name, count in loose.items():
        if count > (MAX_LOOSE_IN_PAST_MONTH if name < month else MAX_LOOSE_EVENTS):
            try:
                gathered = gather(index, journal, staging(), name)
            except OSError as error:
                index.problems[f"journal/{name}"] = f"its events could not be gathered: {error}"
                return 0
            if gathered:
                return gathered
    return 0


def gather(index: Index, journal: JournalFiles, staging: Path, month: str) -> int:
    """Gather the loose events of a month into a pack; returns how many were gathered."""
    if index.is_shared():
        _remove_packed(index, journal, staging, month)
    files = dict(_loose(index, journal, month))
    if not files:
        return 0
    staged = staging / f"{os.urandom(8).hex()}.pack"
    pack_id = write_journal_pack(staged, (data for _, data in files.values()))
    path = journal.install_pack(staged, month, pack_id)
    held = {digest_of(packed.data) for packed in read_journal_pack(path) if not packed.problem}
    gone = {name: event for name, (event, data) in files.items() if digest_of(data) in held}
    place = EventPlace(month, pack_id)
    index.write(lambda writer: mirror_pack(writer, list(gone.values()), place))
    if not index.is_shared():
        for name in gone:
            journal.remove_loose(month, name)
    return len(gone)


def _remove_packed(index: Index, journal: JournalFiles, staging: Path, month: str) -> None:
    """Remove the loose files of a shared depot that lie in a pack which every host has seen."""
    probe = staging / f"{os.urandom(8).hex()}.now"
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    names = filter(is_event_name, journal.names(month))
    with index.read() as reader:
        places = {name: reader.event_place(name) for name in names}
    made = {
        place.pack: journal.packed_at(place.month, place.pack)
        for place in places.values()
        if place is not None and place.pack is not None
    }
    old = {pack for pack, at in made.items() if at is not None and now - at > SHARED_PACK_SECONDS}
    for name, place in places.items():
        if place is not None and place.pack in old and place.month == month:
            journal.remove_loose(month, name)


def mirror_pack(writer: Writer, events: list[Event], place: EventPlace) -> None:
    """Show the events of a journal pack in the index, and that the pack is known."""
    apply_events(writer, events, place)
    if place.pack is not None:
        writer.add_journal_pack(place.pack, place.month)


def _loose(
    index: Index, journal: JournalFiles, month: str
) -> Iterator[tuple[str, tuple[Event, bytes]]]:
    """Yield the events of a month that can be gathered, up to what fits into one pack.

    In a shared depot those that are in a pack already are passed over.
    """
    count = size_bytes = 0
    names = [name for name in journal.names(month) if is_event_name(name)]
    if index.is_shared():
        with index.read() as reader:
            known = {name: reader.event_place(name) for name in names}
        names = [name for name in names if (at := known[name]) is None or at.pack is None]
    for name in names:
        if count >= MAX_GATHERED_EVENTS or size_bytes >= TARGET_PACK_BYTES:
            return
        try:
            data = journal.read(month, name)
            event = read_event(name, data)
        except (FileNotFoundError, Corrupt, Unsupported):
            continue  # another gathered it; or it stays, and whoever catches up reports it
        yield name, (event, data)
        count += 1
        size_bytes += len(data)
