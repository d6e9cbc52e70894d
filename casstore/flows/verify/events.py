"""The journal, event by event.

Knows: every event that is there, loose or in a journal pack, and every one that should be.
Never: what events mean.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from casstore.depot import read_journal_pack
from casstore.errors import Corrupt, Unsupported
from casstore.flows.verify.files import check_pack
from casstore.flows.verify.problems import Problem, Problems
from casstore.journal.wire import is_event_name, read_event, read_packed
from casstore.packs import PackId
from casstore.store import Store

__all__ = ["BadEvent", "bad_events", "check_events", "holds_newer"]


class BadEvent(NamedTuple):
    """An event that is damaged or gone, or, without a ``name``, a journal pack with damage.

    ``newer``: a later release wrote the pack, or an event in it.
    """

    where: str
    message: str
    month: str
    name: str | None
    pack: PackId | None
    newer: bool = False


def check_events(store: Store, problems: Problems) -> None:
    """Read every event, and look for those that the index has applied."""
    for bad in bad_events(store):
        message = f"journal/{bad.where}: {bad.message}"
        problems.add(Problem("event", None, None, None, None, message))


def bad_events(store: Store) -> Iterator[BadEvent]:
    """Yield what is wrong in the journal, after reading every event in it."""
    for month, _ in list(store.journal.months()):
        for name in filter(is_event_name, store.journal.names(month)):
            if message := _wrong(store, month, name):
                yield BadEvent(f"{month}/{name}", message, month, name, None)
        for pack_id in store.journal.packs(month):
            if message := _wrong_in_pack(store, month, pack_id):
                where = f"{month}/packs/{pack_id.hex()}"
                newer = holds_newer(store.journal.pack_path(month, pack_id))
                yield BadEvent(where, message, month, None, pack_id, newer)
    yield from _missing(store)


def _wrong(store: Store, month: str, name: str) -> str:
    try:
        read_event(name, store.journal.read(month, name))
    except FileNotFoundError:
        return ""  # it went meanwhile: the index tells whether it should be there
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except (Corrupt, Unsupported) as error:
        return error.message
    return ""


def _wrong_in_pack(store: Store, month: str, pack_id: PackId) -> str:
    path = store.journal.pack_path(month, pack_id)
    state = check_pack(path, quick=False)
    if state.message:
        return state.message
    for packed in read_journal_pack(path):
        try:
            read_packed(packed.whole())
        except (Corrupt, Unsupported) as error:
            return error.message
    return ""


def holds_newer(path: Path) -> bool:
    """Tell whether a later release wrote a journal pack, or any event in it that can be read."""
    try:
        for packed in read_journal_pack(path):
            with contextlib.suppress(Corrupt):
                read_packed(packed.whole())
    except Unsupported:
        return True
    except FileNotFoundError:
        return False
    return False


def _missing(store: Store) -> Iterator[BadEvent]:
    with store.index.read() as reader:
        events = list(reader.events())
    missing = [n for n, place in events if not store.journal.has(n, *place)]
    if missing:  # they may have been gathered since the index was brought up to date
        store.index.catch_up(thorough=True)
    for name in missing:
        with store.index.read() as reader:
            place = reader.event_place(name)
        if place is not None and not store.journal.has(name, *place):
            where = f"{place.month}/packs/{place.pack.hex()}, " if place.pack else f"{place.month}/"
            gone = "it is gone; only the index still knows what it said"
            yield BadEvent(where + name, gone, place.month, name, place.pack)
