"""The bytes of events, wherever in a journal they lie.

Knows: loose files, journal packs, the index that says which.  Never: what becomes of the events.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from casstore.depot import JournalFiles, read_journal_pack
from casstore.errors import Corrupt, Unsupported
from casstore.journal.events import Event
from casstore.journal.wire import read_event, read_packed
from casstore.packs import PackId
from casstore.store.index import Index

__all__ = ["event_files"]


def event_files(
    names: Iterable[str], index: Index, journal: JournalFiles
) -> Iterator[tuple[Event, bytes]]:
    """Yield events that ``index`` knows with their bytes, verified.

    Raises ``Corrupt`` for a damaged loose one; what a journal pack has lost is left out.
    """
    with index.read() as reader:
        places = [(name, reader.event_place(name)) for name in names]
    packed: dict[tuple[str, PackId], set[str]] = defaultdict(set)
    for name, place in places:
        if place is None:
            continue
        found = None if place.pack else _loose(journal, place.month, name)
        if found is not None:
            yield found
            continue
        for pack_id in [place.pack] if place.pack else journal.packs(place.month):
            packed[place.month, pack_id].add(name)
    yield from _packed(journal, packed)


def _loose(journal: JournalFiles, month: str, name: str) -> tuple[Event, bytes] | None:
    """Return a loose event and its bytes; None if it was gathered meanwhile."""
    try:
        data = journal.read(month, name)
    except FileNotFoundError:
        return None
    return read_event(name, data), data


def _packed(
    journal: JournalFiles, packs: Mapping[tuple[str, PackId], set[str]]
) -> Iterator[tuple[Event, bytes]]:
    yielded: set[str] = set()
    for (month, pack_id), wanted in packs.items():
        for frame in read_journal_pack(journal.pack_path(month, pack_id)):
            try:
                fact = read_packed(frame.whole())
            except (Corrupt, Unsupported):
                continue  # none of those that are wanted, which the index has applied, or lost
            if fact.name in wanted and fact.name not in yielded:
                yielded.add(fact.name)
                yield fact, frame.data
