"""A depot elsewhere: its identity, its events, and, in ``frames``, its frames.

Knows: where events lie in a depot, how many become visible at once, who numbers versions there.
Never: which versions travel, what is logged here.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from casstore.depot import (
    AUTHORITY_NAME,
    Accepted,
    JournalFiles,
    draw_authority,
    journal_pack,
    month_of,
    new_identity,
    parse_identity,
    read_authority,
)
from casstore.digest import digest_of
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.mirror import Mirror
from casstore.exchange.remoteframes import RemoteFrames
from casstore.journal.numbers import Standpoint
from casstore.journal.wire import MAX_EVENT_BYTES, read_event
from casstore.packs import MAX_PACK_BYTES, PackId
from casstore.remotes import (
    MAX_SMALL_BYTES,
    Listed,
    Objects,
    Range,
    Rolled,
    create_once,
    open_objects,
)
from casstore.store import Index

__all__ = [
    "MAX_EVENTS_OF_A_PACK",
    "MAX_LOOSE_EVENTS",
    "Event",
    "RemoteDepot",
    "nowhere",
    "open_depot",
]

NOWHERE = "memory://nowhere"
NO_ID = "0" * 32
MAX_LOOSE_EVENTS = 16  # more than these go as one journal pack
MAX_EVENTS_OF_A_PACK = 1024
MAX_EVENTS_AT_ONCE = 1024  # of a listing; fetched ones are in memory up to the bytes below
MAX_BYTES_AT_ONCE = 16 * 1024 * 1024

_LOOSE = re.compile(r"journal/([0-9]{6})/([0-9a-f]{32}-[0-9]{12}-[0-9a-f]{16})\Z")
_PACK = re.compile(r"journal/([0-9]{6})/packs/([0-9a-f]{64})\Z")


class Event(NamedTuple):
    """An event file: its name, its time in microseconds, its bytes."""

    name: str
    time: int
    data: bytes

    @property
    def month(self) -> str:
        """Return the month it lies in, ``yyyymm``."""
        return month_of(self.time)


class RemoteDepot:
    """A depot on ``objects``, known by ``mirror``.

    ``problems`` names what lies there and could not be read, ``damaged_events`` what of it is
    damaged and held events, as the last look saw it; ``was_set_back`` says that a look found less
    there than was known.
    """

    def __init__(self, objects: Objects, store_id: str, mirror: Mirror) -> None:
        self.objects = objects
        self.store_id = store_id
        self.mirror = mirror
        self.authority: bytes | None = None
        self.was_set_back = False
        self.problems: dict[str, str] = {}
        self.damaged_events: dict[str, str] = {}
        self.frames = RemoteFrames(objects, mirror, self.problems)

    def __repr__(self) -> str:
        return f"RemoteDepot({self.objects.url!r})"

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self.objects.url

    @property
    def may_list(self) -> bool:
        """Tell whether it is listed itself, and not known by its roll."""
        return not isinstance(self.objects, Rolled) or self.objects.may_list

    def tell(self) -> None:
        """Name in the roll what was created, for who may not list; nothing where nothing was.

        Raises ``RemoteError``: what was created stays, and the next push names it.
        """
        if isinstance(self.objects, Rolled):
            self.objects.tell()

    def close(self) -> None:
        """Let the mirror and the connections go."""
        self.mirror.close()
        self.objects.close()

    @property
    def standpoint(self) -> Standpoint:
        """Who looks at the versions there: whoever asks by the depot's own numbers."""
        return Standpoint(bytes.fromhex(self.store_id), self.authority)

    @property
    def root(self) -> str:
        """What messages call it."""
        return self.url

    @property
    def index(self) -> Index:
        """The index of what is known of it."""
        return self.mirror.index

    @property
    def journal(self) -> JournalFiles:
        """The events that were fetched of it."""
        return self.mirror.journal

    def accepted(self, project: str, name: str) -> frozenset[Accepted]:
        """Return the numbers that somebody agreed to: nobody does so there."""
        del project, name
        return frozenset()

    def read_authority(self) -> bytes | None:
        """Look up the id under which numbers are sealed there; None if it is no upstream."""
        try:
            data = self.objects.read(AUTHORITY_NAME, at_most=MAX_SMALL_BYTES)
            self.authority = read_authority(data)
        except NotFound:
            self.authority = None
        return self.authority

    def become_upstream(self) -> bytes:
        """Let numbers be sealed there from now on; returns under which id, for ever the same.

        Where nothing can be created exclusively, it follows from FORMAT: two who do this at once
        must not draw two.
        """
        if self.read_authority() is None:
            try:
                create_once(self.objects, AUTHORITY_NAME, draw_authority())
            except Unsupported:
                self.objects.create(AUTHORITY_NAME, f"{self.store_id}\n".encode())
        authority = self.read_authority()
        if authority is None:
            raise NotFound(f"{AUTHORITY_NAME} of {self.url} is gone", hint="push again")
        return authority

    # Looking

    def refresh(self) -> None:
        """Fetch the events that were published since the last look.

        Where some that were there are there no more, an older copy of the depot was put back, or
        they were lost: then nothing that was known of it holds, and all is looked at anew.
        """
        if not self._look():
            self.was_set_back = True
            self.mirror.reset()
            self._look()

    def _look(self) -> bool:
        """Fetch what is new; returns whether all that was known is there still."""
        self.damaged_events.clear()
        gone, gone_packs = self.mirror.known_elsewhere()
        packs: dict[PackId, tuple[str, Listed]] = {}
        listing = iter(self.objects.listing("journal/"))
        for batch in iter(lambda: list(islice(listing, MAX_EVENTS_AT_ONCE)), []):
            loose: dict[str, tuple[str, Listed]] = {}
            for listed in batch:
                if match := _LOOSE.match(listed.name):
                    loose[match[2]] = (match[1], listed)
                elif match := _PACK.match(listed.name):
                    packs[PackId(bytes.fromhex(match[2]))] = (match[1], listed)
            gone.difference_update(map(hash, loose))
            self._fetch_loose([loose[name] for name in self.mirror.lacks_events(loose)])
        gone_packs -= packs.keys()
        aside = self.mirror.set_aside()
        for pack_id in self.mirror.lacks_journal_packs(packs.keys() - aside):
            month, listed = packs[pack_id]
            if self._fits(listed, 2 * MAX_PACK_BYTES):
                data = self.objects.read(listed.name, 0, listed.size_bytes)
                self.mirror.add_journal_pack(month, pack_id, data)
        self._note_unread(packs.keys())
        return not gone and not gone_packs

    def _note_unread(self, there: Collection[PackId]) -> None:
        """Show what was fetched, and note what of it cannot be read.

        Where a pack that is ``there`` is damaged it is looked up whether it was healed since.
        """
        found = self.mirror.apply()
        packs = {name: PackId(bytes.fromhex(m[2])) for name in found if (m := _PACK.match(name))}
        aside = self.mirror.set_aside()
        if any(pack_id in there and pack_id not in aside for pack_id in packs.values()):
            self.frames.look(packs=False)
            aside = self.mirror.set_aside()
        for name, problem in found.items():
            pack_id = packs.get(name)
            if pack_id in aside:
                continue
            self.problems[name] = problem
            if pack_id in there and name not in self.mirror.index.newer:
                self.damaged_events[name] = problem

    def _fetch_loose(self, wanted: list[tuple[str, Listed]]) -> None:
        """Fetch event files one by one; what is not the event that its name says is left out."""
        wanted = [item for item in wanted if self._fits(item[1], MAX_EVENT_BYTES)]
        bodies = self.objects.read_ranges(
            Range(listed.name, 0, listed.size_bytes) for _, listed in wanted
        )
        found: dict[str, list[bytes]] = defaultdict(list)
        size_bytes = 0
        for (month, listed), data in zip(wanted, bodies, strict=True):
            try:
                read_event(listed.name.rpartition("/")[2], data)
            except (Corrupt, Unsupported) as error:
                self.problems[listed.name] = error.message
                if isinstance(error, Corrupt):
                    self.damaged_events[listed.name] = error.message
                continue
            found[month].append(data)
            size_bytes += len(data)
            if size_bytes >= MAX_BYTES_AT_ONCE:
                self._keep(found)
                size_bytes = 0
        self._keep(found)

    def _keep(self, found: dict[str, list[bytes]]) -> None:
        for month, files in found.items():
            self.mirror.add_events(month, files)
        found.clear()

    def _fits(self, listed: Listed, limit: int) -> bool:
        if listed.size_bytes > limit:
            problem = f"it has {listed.size_bytes} bytes, more than it may"
            self.problems[listed.name] = self.damaged_events[listed.name] = problem
        return listed.size_bytes <= limit

    # Writing

    def publish(self, events: Sequence[Event]) -> None:
        """Create events, one by one, or many at once in journal packs; here versions appear."""
        if len(events) <= MAX_LOOSE_EVENTS:
            for event in events:
                self.objects.create(f"journal/{event.month}/{event.name}", event.data)
        months: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            months[event.month].append(event)
        for month, its in months.items():
            for start in range(0, len(its), MAX_EVENTS_OF_A_PACK):
                group = [event.data for event in its[start : start + MAX_EVENTS_OF_A_PACK]]
                if len(events) > MAX_LOOSE_EVENTS:
                    self._publish_pack(month, group)
                else:
                    self.mirror.add_events(month, group)
        self.mirror.apply()

    def _publish_pack(self, month: str, files: list[bytes]) -> None:
        pack_id, data = journal_pack(files)
        self.objects.create(f"journal/{month}/packs/{pack_id.hex()}", data)
        self.mirror.add_journal_pack(month, pack_id, data)


def open_depot(
    objects: Objects,
    cache: Path,
    *,
    create: bool = False,
    planning: bool = False,
    anew: bool = False,
) -> RemoteDepot:
    """Open the depot on ``objects``, with its mirror below ``cache``; with ``create`` make one.

    Raises ``NotFound`` where there is none, ``Unsupported`` for one of a later release.  With
    ``planning`` one that is not there is an empty one, of which nothing is kept.  ``anew`` believes
    nothing that was known before, and keeps nothing.
    """
    try:
        data = objects.read("FORMAT", at_most=MAX_SMALL_BYTES)
    except NotFound:
        if planning:
            return RemoteDepot(objects, NO_ID, Mirror.of_nothing())
        if not create:
            raise NotFound(
                f"there is no depot at {objects.url}", hint="push something there first"
            ) from None
        data = _create(objects)
    identity = parse_identity(data, objects.url)
    if anew:
        return RemoteDepot(objects, identity.store_id, Mirror.of_nothing(cache))
    place = digest_of(objects.url.encode()).hex()[:16]  # a copy has the same id, and other events
    known = cache / f"{identity.store_id}-{place}"
    if isinstance(objects, Rolled):
        objects.keep_notes(known)
    mirror = Mirror.shared(known)
    return RemoteDepot(objects, identity.store_id, mirror)


def nowhere() -> RemoteDepot:
    """Return a depot that holds nothing, for whoever must do without one; close it."""
    return RemoteDepot(open_objects(NOWHERE), NO_ID, Mirror.of_nothing())


def _create(objects: Objects) -> bytes:
    """Make a depot; of several at once, the first one's FORMAT holds where that can be told."""
    data = new_identity()
    try:
        return create_once(objects, "FORMAT", data)
    except Unsupported:
        objects.create("FORMAT", data)
    return objects.read("FORMAT", at_most=MAX_SMALL_BYTES)
