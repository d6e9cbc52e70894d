"""The frames of a depot elsewhere: which there are, reading them verified, sending packs of them.

Knows: packs, indexes and root lists as objects.  Never: events, which versions travel.

Invariant: a frame is said to be there only if its pack was listed or named by an index, and every
byte that comes back was compared with its digest.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from casstore.chunks import decode
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.indexes import (
    MAX_INDEXED_PACKS,
    Indexed,
    IndexId,
    read_index,
    read_roots,
    write_index,
    write_roots,
)
from casstore.exchange.mirror import Mirror
from casstore.packs import Encoded, PackId, rows_at
from casstore.packs.format import RECORD
from casstore.parallel import ordered_map
from casstore.remotes import Listed, Objects, Range
from casstore.store.frames import Place, Wanted, encoded_frame, frames_in, places_of, spans

__all__ = ["RemoteFrames"]

REQUESTS_AT_ONCE = 4
READ_AHEAD_BYTES = 1024 * 1024
MAX_CACHED_BYTES = 32 * 1024 * 1024

_INDEX = re.compile(r"index/([0-9a-f]{64})\Z")
_FRAMES = re.compile(r"packs/[0-9a-f]{2}/([0-9a-f]{64})\Z")
_ROOTS = re.compile(r"roots/[0-9a-f]{64}/([0-9a-f]{64})\Z")


class RemoteFrames:
    """The frames of one depot, as far as ``mirror`` knows them.

    ``problems`` takes what lies there and cannot be read.
    """

    def __init__(self, objects: Objects, mirror: Mirror, problems: dict[str, str]) -> None:
        self._objects = objects
        self._mirror = mirror
        self._problems = problems
        self._nodes: OrderedDict[Digest, Encoded] = OrderedDict()
        self._node_bytes = 0

    # Looking

    def refresh(self) -> list[Indexed]:
        """Learn of every frame there; returns the packs that no index names (of killed pushes).

        A pack is forgotten only if it was known before the listing that does not show it: another
        process of this machine may be adding some.
        """
        self.learn_all()
        known = self._mirror.packs()
        listed = {
            PackId(bytes.fromhex(match[1])): item
            for item in self._objects.listing("packs/")
            if (match := _FRAMES.match(item.name))
        }
        self._mirror.forget_packs(known.difference(listed))
        found = [self._tail(listed[pack_id]) for pack_id in self._mirror.lacks_packs(listed)]
        unnamed = [pack for pack in found if pack is not None]
        self._mirror.add_packs(unnamed)
        return unnamed

    def _tail(self, listed: Listed) -> Indexed | None:
        """Read the footer of a pack; None if it has none, as where an upload was cut short."""
        name = listed.name
        try:
            pack_id, kind, rows = rows_at(
                lambda count, offset: self._objects.read(name, offset, offset + count),
                listed.size_bytes,
                name.rpartition("/")[2],
            )
        except (Corrupt, Unsupported) as error:
            self._problems[name] = error.message
            return None
        if not name.endswith(pack_id.hex()):
            self._problems[name] = "it is another pack, renamed"
            return None
        return Indexed(pack_id, kind, listed.size_bytes, rows)

    def learn_all(self) -> None:
        """Fetch every index that was not fetched before."""
        names = [
            IndexId(bytes.fromhex(match[1]))
            for item in self._objects.listing("index/")
            if (match := _INDEX.match(item.name))
        ]
        self._learn(names)

    def learn(self, root: Digest) -> None:
        """Fetch the indexes that lead to the frames of a manifest, all if nothing says which."""
        lists = list(self._objects.listing(f"roots/{root.hex()}/"))
        names: list[IndexId] = []
        for listed in lists[:1]:
            match = _ROOTS.match(listed.name)
            if match is not None:
                names = read_roots(match[1], self._objects.read(listed.name))
        if names:
            self._learn(names)
        else:
            self.learn_all()

    def _learn(self, names: Iterable[IndexId]) -> None:
        missing = self._mirror.lacks_indexes(names)
        for name, packs in zip(missing, self._fetched(missing), strict=True):
            if packs is not None:
                self._mirror.add_index(name, packs)

    def _fetched(self, names: list[IndexId]) -> Iterator[list[Indexed] | None]:
        return ordered_map(self._fetch, names, workers=REQUESTS_AT_ONCE, window=REQUESTS_AT_ONCE)

    def _fetch(self, name: IndexId) -> list[Indexed] | None:
        place = f"index/{name.hex()}"
        try:
            return read_index(name, self._objects.read(place))
        except (Corrupt, Unsupported, NotFound) as error:
            self._problems[place] = error.message
            return None

    # Reading

    def has(self, digests: Sequence[Digest]) -> list[bool]:
        """Tell of each frame whether it is there, as far as is known."""
        with self._mirror.index.read() as reader:
            return [row is not None for row in reader.chunks(digests)]

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take in the packs there; unknown ones count 0."""
        with self._mirror.index.read() as reader:
            return sum([row.stored_bytes for row in reader.chunks(digests) if row is not None])

    def read(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, Encoded]]:
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
            groups, ranges, self._objects.read_ranges(ranges), strict=True
        ):
            for item in group:
                try:
                    yield (
                        item.digest,
                        encoded_frame(data, item.place.offset - where.start, item.digest),
                    )
                except Corrupt as error:
                    raise self._damaged(item.digest, where.name, error.message) from error

    def metadata(self, digest: Digest) -> Buffer:
        """Return one node, verified; those that lie after it are read along."""
        if digest not in self._nodes:
            self._read_ahead(digest)
        self._nodes.move_to_end(digest)
        codec, size, payload = self._nodes[digest]
        return decode(codec, payload, size)

    def _read_ahead(self, digest: Digest) -> None:
        (item,) = self._locate([digest])
        with self._mirror.index.read() as reader:
            row = reader.pack_row(item.place.pack_id)
            pack = reader.pack(row) if row is not None else None
        needed = item.place.offset + RECORD.size + item.place.stored_bytes
        size = pack.size_bytes if pack is not None else needed
        name, start = _pack_name(item.place.pack_id), item.place.offset
        end = max(needed, min(size, start + READ_AHEAD_BYTES))
        data = self._objects.read(name, start, end)
        for found, frame in frames_in(data):
            self._keep(found, frame)
        if digest not in self._nodes:
            raise self._damaged(digest, name, "it is not the one that was stored")

    def _damaged(self, digest: Digest, pack: str, problem: str) -> Corrupt:
        return Corrupt(
            f"frame {digest.hex()} in {pack} of {self._objects.url}: {problem}",
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
            with self._mirror.index.read() as reader:
                places = places_of(reader, digests)
            if None not in places or not again:
                break
            self.learn_all()
        found = []
        for position, (digest, place) in enumerate(zip(digests, places, strict=True)):
            if place is None:
                raise Corrupt(
                    f"frame {digest.hex()} is in no pack of {self._objects.url}",
                    hint="the depot is not whole; repair it from a store that has the version",
                )
            found.append(Wanted(position, digest, place))
        return sorted(found, key=_by_place)

    # Writing

    def send_pack(self, pack_id: PackId, data: bytes) -> None:
        """Create a pack; it is known to nobody before an index names it."""
        self._objects.create(_pack_name(pack_id), data)

    def send_index(self, packs: Sequence[Indexed]) -> None:
        """Make packs that were created known to everybody."""
        name, data = write_index(packs)
        self._objects.create(f"index/{name.hex()}", data)
        self._mirror.add_index(name, packs)

    def name_packs(self, packs: Iterable[PackId]) -> None:
        """Make packs known to everybody that only this machine knows, by their own footers."""
        lacking = [pack_id for pack_id, name in self._mirror.index_of(packs).items() if not name]
        if not lacking:
            return
        names = {_pack_name(pack_id) for pack_id in lacking}
        listed = [item for item in self._objects.listing("packs/") if item.name in names]
        found = [pack for pack in map(self._tail, listed) if pack is not None]
        for start in range(0, len(found), MAX_INDEXED_PACKS):
            self.send_index(found[start : start + MAX_INDEXED_PACKS])

    def send_roots(self, root: Digest, packs: Iterable[PackId]) -> None:
        """Say in which packs a manifest's frames lie; raises ``Corrupt`` for an unnamed one."""
        indexes = self._mirror.index_of(packs)
        if None in indexes.values():
            raise Corrupt(
                f"a pack of {self._objects.url} cannot be read",
                hint="nothing became visible; repair the depot, and push again",
            )
        name, data = write_roots(index for index in indexes.values() if index is not None)
        self._objects.create(f"roots/{root.hex()}/{name}", data)


def _by_place(item: Wanted) -> Place:
    return item.place


def _range(group: Sequence[Wanted]) -> Range:
    end = max(item.place.offset + RECORD.size + item.place.stored_bytes for item in group)
    return Range(_pack_name(group[0].place.pack_id), group[0].place.offset, end)


def _pack_name(pack_id: PackId) -> str:
    name = pack_id.hex()
    return f"packs/{name[:2]}/{name}"
