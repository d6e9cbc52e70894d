"""The journal, event by event.

Knows: every event that is there, loose or in a journal pack, and every one that should be.
Never: what events mean.
"""

from casstore.depot import read_journal_pack
from casstore.errors import Corrupt, Unsupported
from casstore.flows.verify.packs import check_pack
from casstore.flows.verify.problems import Problem, Problems
from casstore.journal.wire import is_event_name, read_event, read_packed
from casstore.packs import PackId
from casstore.store import Store

__all__ = ["check_events"]


def check_events(store: Store, problems: Problems) -> None:
    """Read every event, and look for those that the index has applied."""
    for month, _ in list(store.journal.months()):
        for name in filter(is_event_name, store.journal.names(month)):
            _check_event(store, month, name, problems)
        for pack_id in store.journal.packs(month):
            _check_journal_pack(store, month, pack_id, problems)
    _find_missing(store, problems)


def _check_event(store: Store, month: str, name: str, problems: Problems) -> None:
    try:
        read_event(name, store.journal.read(month, name))
    except FileNotFoundError:
        return  # it went meanwhile: the index tells whether it should be there
    except OSError as error:
        _add(problems, f"{month}/{name}", f"it cannot be read: {error.strerror}")
    except (Corrupt, Unsupported) as error:
        _add(problems, f"{month}/{name}", error.message)


def _check_journal_pack(store: Store, month: str, pack_id: PackId, problems: Problems) -> None:
    path = store.journal.pack_path(month, pack_id)
    where = f"{month}/packs/{path.name}"
    state = check_pack(path, quick=False)
    if state.message:
        _add(problems, where, state.message)
        return
    for packed in read_journal_pack(path):
        try:
            read_packed(packed.whole())
        except (Corrupt, Unsupported) as error:
            _add(problems, where, error.message)


def _find_missing(store: Store, problems: Problems) -> None:
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
            _add(problems, where + name, "it is gone; only the index still knows what it said")


def _add(problems: Problems, where: str, message: str) -> None:
    message = f"journal/{where}: {message}"
    problems.add(Problem("event", None, None, None, None, message))
