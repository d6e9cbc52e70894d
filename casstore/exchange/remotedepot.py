"""A depot elsewhere: packs and events on objects, found by way of its mirror here.

Knows: where everything lies in a depot, in which order it becomes visible.  Never: which versions
travel, what is logged here.

Invariant: a frame is said to be there only if its pack was listed or named by an index, and every
byte that comes back was compared with its digest.
"""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from casstore.chunks import decode
from casstore.depot import (
    AUTHORITY_NAME,
    Accepted,
    draw_authority,
    journal_pack,
    month_of,
    new_identity,
    parse_identity,
    read_authority,
)
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.indexes import (
    Indexed,
    IndexId,
    read_index,
    read_roots,
    write_index,
    write_roots,
)
from casstore.exchange.mirror import Mirror
from casstore.journal.numbers import Standpoint
from casstore.journal.wire import MAX_EVENT_BYTES, read_event
from casstore.packs import MAX_PACK_BYTES, Encoded, PackId, rows_at
from casstore.packs.format import RECORD
from casstore.remotes import Listed, Objects, Range
from casstore.store import Index
from casstore.store.frames import Place, Wanted, encoded_frame, frames_in, places_of, spans

__all__ = ["Event", "RemoteDepot", "open_depot"]

MAX_LOOSE_EVENTS = 16  # more than these go as one journal pack
MAX_EVENTS_OF_A_PACK = 1024
READ_AHEAD_BYTES = 1024 * 1024
MAX_CACHED_BYTES = 32 * 1024 * 1024

_LOOSE = re.compile(r"journal/([0-9]{6})/([0-9a-f]{32}-[0-9]{12}-[0-9a-f]{16})\Z")
_PACK = re.compile(r"journal/([0-9]{6})/packs/([0-9a-f]{64})\Z")
_INDEX = re.compile(r"index/([0-9a-f]{64})\Z")
_FRAMES = re.compile(r"packs/[0-9a-f]{2}/([0-9a-f]{64})\Z")
_ROOTS = re.compile(r"roots/[0-9a-f]{64}/([0-9a-f]{64})\Z")


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
    """A depot on ``objects``; ``problems`` names what lies there and could not be read."""

    def __init__(self, objects: Objects, store_id: str, mirror: Mirror) -> None:
        self.objects = objects
        self.store_id = store_id
        self.mirror = mirror
        self.authority: bytes | None = None
        self.problems: dict[str, str] = {}
        self._nodes: OrderedDict[Digest, Encoded] = OrderedDict()
        self._node_bytes = 0

    def __repr__(self) -> str:
        return f"RemoteDepot({self.objects.url!r})"

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        return self.objects.url

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

    def accepted(self, project: str, name: str) -> frozenset[Accepted]:
        """Return the numbers that somebody agreed to: nobody does so there."""
        del project, name
        return frozenset()

    def read_authority(self) -> bytes | None:
        """Look up the id under which numbers are sealed there; None if it is no upstream."""
        try:
            self.authority = read_authority(self.objects.read(AUTHORITY_NAME))
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
                self.objects.create_exclusively(AUTHORITY_NAME, draw_authority())
            except Unsupported:
                self.objects.create(AUTHORITY_NAME, f"{self.store_id}\n".encode())
        authority = self.read_authority()
        if authority is None:
            raise NotFound(f"{AUTHORITY_NAME} of {self.url} is gone", hint="push again")
        return authority

    # Looking

    def refresh(self) -> None:
        """Fetch the events that were published since the last look."""
        loose: dict[str, tuple[str, Listed]] = {}
        packs: dict[PackId, tuple[str, Listed]] = {}
        for listed in self.objects.listing("journal/"):
            if match := _LOOSE.match(listed.name):
                loose[match[2]] = (match[1], listed)
            elif match := _PACK.match(listed.name):
                packs[PackId(bytes.fromhex(match[2]))] = (match[1], listed)
        for pack_id in self.mirror.lacks_journal_packs(packs):
            month, listed = packs[pack_id]
            if self._fits(listed, 2 * MAX_PACK_BYTES):
                self.mirror.add_journal_pack(month, pack_id, self.objects.read(listed.name))
        self._fetch_loose([loose[name] for name in self.mirror.lacks_events(loose)])
        self.mirror.apply()

    def _fetch_loose(self, wanted: list[tuple[str, Listed]]) -> None:
        """Fetch event files one by one; what is not the event that its name says is left out."""
        wanted = [item for item in wanted if self._fits(item[1], MAX_EVENT_BYTES)]
        bodies = self.objects.read_ranges(
            Range(listed.name, 0, listed.size_bytes) for _, listed in wanted
        )
        found: dict[str, list[bytes]] = defaultdict(list)
        for (month, listed), data in zip(wanted, bodies, strict=True):
            try:
                read_event(listed.name.rpartition("/")[2], data)
            except (Corrupt, Unsupported) as error:
                self.problems[listed.name] = error.message
            else:
                found[month].append(data)
        for month, files in found.items():
            self.mirror.add_events(month, files)

    def refresh_packs(self) -> list[Indexed]:
        """Learn of every frame there; returns the packs that no index names (of killed pushes)."""
        self.learn_all()
        listed = {
            PackId(bytes.fromhex(match[1])): item
            for item in self.objects.listing("packs/")
            if (match := _FRAMES.match(item.name))
        }
        self.mirror.forget_packs_but(set(listed))
        found = [self._tail(listed[pack_id]) for pack_id in self.mirror.lacks_packs(listed)]
        unnamed = [pack for pack in found if pack is not None]
        self.mirror.add_packs(unnamed)
        return unnamed

    def _tail(self, listed: Listed) -> Indexed | None:
        """Read the footer of a pack; None if it has none, as where an upload was cut short."""
        name = listed.name
        try:
            pack_id, kind, rows = rows_at(
                lambda count, offset: self.objects.read(name, offset, offset + count),
                listed.size_bytes,
                name.rpartition("/")[2],
            )
        except (Corrupt, Unsupported) as error:
            self.problems[name] = error.message
            return None
        if not name.endswith(pack_id.hex()):
            self.problems[name] = "it is another pack, renamed"
            return None
        return Indexed(pack_id, kind, listed.size_bytes, rows)

    def learn_all(self) -> None:
        """Fetch every index that was not fetched before."""
        names = [
            IndexId(bytes.fromhex(match[1]))
            for item in self.objects.listing("index/")
            if (match := _INDEX.match(item.name))
        ]
        self._learn(names)

    def learn(self, root: Digest) -> None:
        """Fetch the indexes that lead to the frames of a manifest, all if nothing says which."""
        lists = list(self.objects.listing(f"roots/{root.hex()}/"))
        names: list[IndexId] = []
        for listed in lists[:1]:
            match = _ROOTS.match(listed.name)
            if match is not None:
                names = read_roots(match[1], self.objects.read(listed.name))
        if names:
            self._learn(names)
        else:
            self.learn_all()

    def _learn(self, names: Iterable[IndexId]) -> None:
        for name in self.mirror.lacks_indexes(names):
            place = f"index/{name.hex()}"
            try:
                packs = read_index(name, self.objects.read(place))
            except (Corrupt, Unsupported, NotFound) as error:
                self.problems[place] = error.message
            else:
                self.mirror.add_index(name, packs)

    def _fits(self, listed: Listed, limit: int) -> bool:
        if listed.size_bytes > limit:
            self.problems[listed.name] = f"it has {listed.size_bytes} bytes, more than it may"
        return listed.size_bytes <= limit

    # Reading

    def has(self, digests: Sequence[Digest]) -> list[bool]:
        """Tell of each frame whether it is there, as far as is known."""
        with self.mirror.index.read() as reader:
            return [row is not None for row in reader.chunks(digests)]

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take in the packs there; unknown ones count 0."""
        with self.mirror.index.read() as reader:
            return sum([row.stored_bytes for row in reader.chunks(digests) if row is not None])

    def frames(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, Encoded]]:
        """Yield frames as they are stored, each verified, in the order in which they lie.

        Raises ``Corrupt`` naming pack and frame if one is not what its digest says, or is nowhere.
        """
        asked = list(dict.fromkeys(digests))
        far = []
        for digest in asked:
            near = self._nodes.get(digest)
            if near is None:
                far.append(digest)
            else:
                yield digest, near
        wanted = self._locate(far)
        groups = spans(wanted)
        ranges = [_range(group) for group in groups]
        for group, where, data in zip(
            groups, ranges, self.objects.read_ranges(ranges), strict=True
        ):
            for item in group:
                try:
                    yield (
                        item.digest,
                        encoded_frame(data, item.place.offset - where.start, item.digest),
                    )
                except Corrupt as error:
                    raise Corrupt(
                        f"frame {item.digest.hex()} in {where.name} of {self.url}: {error.message}",
                        hint="nothing of it was kept; repair the depot, or take it from another",
                    ) from error

    def metadata(self, digest: Digest) -> Buffer:
        """Return one node, verified; those that lie after it are read along."""
        if digest not in self._nodes:
            self._read_ahead(digest)
        self._nodes.move_to_end(digest)
        codec, size, payload = self._nodes[digest]
        return decode(codec, payload, size)

    def _read_ahead(self, digest: Digest) -> None:
        (item,) = self._locate([digest])
        with self.mirror.index.read() as reader:
            row = reader.pack_row(item.place.pack_id)
            pack = reader.pack(row) if row is not None else None
        needed = item.place.offset + RECORD.size + item.place.stored_bytes
        size = pack.size_bytes if pack is not None else needed
        name, start = _pack_name(item.place.pack_id), item.place.offset
        end = max(needed, min(size, start + READ_AHEAD_BYTES))
        data = self.objects.read(name, start, end)
        for found, frame in frames_in(data):
            self._keep(found, frame)
        if digest not in self._nodes:
            raise Corrupt(
                f"frame {digest.hex()} in {name} of {self.url}: it is not the one that was stored",
                hint="nothing of it was kept; repair the depot, or take it from another",
            )

    def _keep(self, digest: Digest, frame: Encoded) -> None:
        if digest not in self._nodes:
            self._nodes[digest] = frame._replace(payload=bytes(frame.payload))
            self._node_bytes += len(frame.payload)
        while self._node_bytes > MAX_CACHED_BYTES:
            self._node_bytes -= len(self._nodes.popitem(last=False)[1].payload)

    def _locate(self, digests: Sequence[Digest]) -> list[Wanted]:
        for again in (True, False):
            with self.mirror.index.read() as reader:
                places = places_of(reader, digests)
            if None not in places or not again:
                break
            self.learn_all()
        found = []
        for position, (digest, place) in enumerate(zip(digests, places, strict=True)):
            if place is None:
                raise Corrupt(
                    f"frame {digest.hex()} is in no pack of {self.url}",
                    hint="the depot is not whole; repair it from a store that has the version",
                )
            found.append(Wanted(position, digest, place))
        return sorted(found, key=_by_place)

    # Writing

    def send_pack(self, pack_id: PackId, data: Buffer) -> None:
        """Create a pack; it is known to nobody before an index names it."""
        self.objects.create(_pack_name(pack_id), memoryview(data))

    def send_index(self, packs: Sequence[Indexed]) -> None:
        """Make packs that were created known to everybody."""
        name, data = write_index(packs)
        self.objects.create(f"index/{name.hex()}", data)
        self.mirror.add_index(name, packs)

    def send_roots(self, root: Digest, packs: Iterable[PackId]) -> None:
        """Say in which packs the frames of a manifest lie."""
        name, data = write_roots(self.mirror.indexes_of(packs))
        self.objects.create(f"roots/{root.hex()}/{name}", data)

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
        self.objects.create(f"journal/{month}/packs/{pack_id.hex()}", memoryview(data))
        self.mirror.add_journal_pack(month, pack_id, bytes(data))


def open_depot(objects: Objects, cache: Path, *, create: bool = False) -> RemoteDepot:
    """Open the depot on ``objects``, with its mirror below ``cache``; with ``create`` make one.

    Raises ``NotFound`` where there is none, ``Unsupported`` for one of a later release.
    """
    try:
        data = objects.read("FORMAT")
    except NotFound:
        if not create:
            raise NotFound(
                f"there is no depot at {objects.url}", hint="push something there first"
            ) from None
        data = _create(objects)
    identity = parse_identity(data, objects.url)
    return RemoteDepot(objects, identity.store_id, Mirror(cache / identity.store_id))


def _create(objects: Objects) -> bytes:
    """Make a depot; of several at once, the first one's FORMAT holds where that can be told."""
    data = new_identity()
    try:
        objects.create_exclusively("FORMAT", data)
    except Unsupported:
        objects.create("FORMAT", data)
    return objects.read("FORMAT")


def _by_place(item: Wanted) -> Place:
    return item.place


def _range(group: Sequence[Wanted]) -> Range:
    end = max(item.place.offset + RECORD.size + item.place.stored_bytes for item in group)
    return Range(_pack_name(group[0].place.pack_id), group[0].place.offset, end)


def _pack_name(pack_id: PackId) -> str:
    name = pack_id.hex()
    return f"packs/{name[:2]}/{name}"
