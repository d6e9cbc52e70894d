"""repair the journal of a store: events that are damaged or gone come back from another depot.

Knows: which events are missed here, what replaces a damaged file of them.  Never: frames.

An event is bound to its name, so one that is fetched is the one that was lost.  A journal pack with
damage is written anew, with all of it that can be had, and set aside; but for one that holds what a
later release wrote: nobody here could write that anew.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from functools import partial

from casstore.catalog import EventPlace, Writer
from casstore.depot import month_of, read_journal_pack, write_journal_pack
from casstore.errors import Corrupt, Unsupported
from casstore.exchange import RemoteDepot
from casstore.flows.verify.events import BadEvent, bad_events
from casstore.journal import queries
from casstore.journal.events import Event
from casstore.journal.wire import read_packed
from casstore.packs import PackId
from casstore.store import Store, event_files

__all__ = ["heal_events"]

MAX_EVENTS_OF_A_PACK = 1024


def heal_events(store: Store, depot: RemoteDepot, *, dry_run: bool = False) -> int:
    """Bring back the events that are damaged or missing here and that a depot has.

    Returns how many, in a dry run how many it would be.
    """
    bad = list(bad_events(store))
    packs = [
        (one.month, one.pack, one.newer) for one in bad if one.name is None and one.pack is not None
    ]
    wanted = {one.name for one in bad if one.name is not None} | _unmade(store, depot)
    for _, pack_id, _ in packs:
        wanted |= _lost_of(store, pack_id)
    had = {fact.name: (fact, data) for fact, data in _files(depot, wanted)}
    if dry_run:
        return len(had)
    for month, pack_id, newer in packs:
        if not newer:
            _replace_pack(store, month, pack_id, had)
    loose = _replace_loose(store, bad, had)
    months: dict[str, list[tuple[Event, bytes]]] = defaultdict(list)
    for name, (fact, data) in had.items():
        if name not in loose:
            months[month_of(fact.time)].append((fact, data))
    for month, items in sorted(months.items()):
        _install(store, month, items)
    store.index.catch_up(thorough=True)
    return len(had)


def _files(depot: RemoteDepot, names: Iterable[str]) -> list[tuple[Event, bytes]]:
    return list(event_files(sorted(names), depot.mirror.index, depot.mirror.journal))


def _unmade(store: Store, depot: RemoteDepot) -> set[str]:
    """Return the events of the depot about versions of which this store lacks the first one."""
    with store.index.read() as reader, depot.index.read() as there:
        views = (queries.version(reader, commit) for commit in queries.commits(reader))
        unmade = [view.commit for view in views if view is not None and not view.complete]
        names = {name for commit in unmade for name in there.events_about(commit)}
        return {name for name in names if not reader.has_event(name)}


def _lost_of(store: Store, pack_id: PackId) -> set[str]:
    """Return the events that the index knows to be in a journal pack and that it has lost."""
    with store.index.read() as reader:
        known = {name: place for name, place in reader.events() if place.pack == pack_id}
    month = next((place.month for place in known.values()), "")
    return known.keys() - {fact.name for fact, _ in _readable(store, month, pack_id)}


def _readable(store: Store, month: str, pack_id: PackId) -> list[tuple[Event, bytes]]:
    found = []
    try:
        for packed in read_journal_pack(store.journal.pack_path(month, pack_id)):
            try:
                found.append((read_packed(packed.whole()), packed.data))
            except (Corrupt, Unsupported):
                continue  # the other depot is asked for it
    except (FileNotFoundError, Unsupported):
        return found
    return found


def _replace_pack(
    store: Store, month: str, pack_id: PackId, had: dict[str, tuple[Event, bytes]]
) -> None:
    """Write what can be had of a journal pack into a new one, and set the damaged one aside."""
    lost = _lost_of(store, pack_id)
    items = _readable(store, month, pack_id) + [had[name] for name in sorted(lost) if name in had]
    _install(store, month, items)
    store.journal.set_aside.add(pack_id, store.staging())
    store.index.write(lambda writer: writer.forget_journal_pack(pack_id))


def _install(store: Store, month: str, items: list[tuple[Event, bytes]]) -> None:
    """Keep events in a new journal pack, and let them be found there from now on."""
    for start in range(0, len(items), MAX_EVENTS_OF_A_PACK):
        group = items[start : start + MAX_EVENTS_OF_A_PACK]
        staged = store.staging() / f"{os.urandom(8).hex()}.pack"
        made = write_journal_pack(staged, [data for _, data in group])
        store.journal.install_pack(staged, month, made)
        store.index.catch_up(thorough=True)
        names, place = [fact.name for fact, _ in group], EventPlace(month, made)
        store.index.write(partial(Writer.move_events, names=names, place=place))


def _replace_loose(
    store: Store, bad: Iterable[BadEvent], had: dict[str, tuple[Event, bytes]]
) -> set[str]:
    """Give damaged event files the bytes that their names promise; returns which."""
    replaced = set()
    for one in bad:
        path = store.journal.event_path(one.month, one.name or "")
        if one.name in had and os.path.lexists(path) and not path.is_dir():
            store.journal.replace(one.month, one.name, had[one.name][1])
            replaced.add(one.name)
    return replaced
