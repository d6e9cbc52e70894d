"""Reading frames: locations, merged ranges, verification.

Knows: how to find a frame, and to check it.  Never: entries, events, who asks.

No byte is returned unverified: every frame is decoded and compared with its digest here.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from casstore import durable
from casstore.catalog import Reader
from casstore.chunks import decode
from casstore.depot import PackFiles
from casstore.digest import DIGEST_SIZE, Buffer, Digest, digest_of
from casstore.errors import Corrupt
from casstore.packs import Encoded, PackId, unpack_frame
from casstore.packs.format import RECORD
from casstore.parallel import Lock
from casstore.store.index import Index

__all__ = [
    "FrameReader",
    "Place",
    "Wanted",
    "encoded_frame",
    "frames_in",
    "places_of",
    "spans",
]

MAX_GAP_BYTES = 64 * 1024  # reading over a gap is cheaper than another read
MAX_RANGE_BYTES = 8 * 1024 * 1024
MAX_CACHED_BYTES = 32 * 1024 * 1024

Result = TypeVar("Result")


class Place(NamedTuple):
    """Where a frame lies."""

    pack_id: PackId
    offset: int
    stored_bytes: int


class Wanted(NamedTuple):
    """A frame that was asked for: its position in the request, its digest, and where it lies."""

    position: int
    digest: Digest
    place: Place


class _Gone(Exception):
    """A pack's file is not there: collected since it was looked up, here or by another host."""

    def __init__(self, pack_id: PackId) -> None:
        super().__init__(pack_id.hex())
        self.pack_id = pack_id


class FrameReader:
    """Reads frames of one store.  Safe across threads.

    ``find_again`` is called when the index does not know a frame; it brings the index up to date
    with the files and returns whether that changed anything.
    """

    def __init__(
        self, packs: PackFiles, index: Index, find_again: Callable[[Sequence[Digest]], bool]
    ) -> None:
        self._packs = packs
        self._index = index
        self._find_again = find_again
        self._cache: OrderedDict[Digest, bytes] = OrderedDict()
        self._cached_bytes = 0
        self._lock = Lock()

    def metadata(self, digest: Digest) -> bytes:
        """Return one frame, from a cache of recent ones if it is there."""
        with self._lock:
            cached = self._cache.get(digest)
            if cached is not None:
                self._cache.move_to_end(digest)
                return cached
        data = bytes(self.read([digest])[0])
        with self._lock:
            if digest not in self._cache:
                self._cache[digest] = data
                self._cached_bytes += len(data)
            while self._cached_bytes > MAX_CACHED_BYTES:
                self._cached_bytes -= len(self._cache.popitem(last=False)[1])
        return data

    def read(self, digests: Sequence[Digest]) -> list[Buffer]:
        """Return frames in the order asked; the caller bounds how many bytes that is.

        Raises ``Corrupt`` naming the pack if a frame is not what its digest says or is nowhere.
        """
        return self._read(digests, _decoded)

    def read_encoded(self, digests: Sequence[Digest]) -> list[Encoded]:
        """Return frames as they are stored, in the order asked, verified as ``read`` does."""
        return self._read(digests, encoded_frame)

    def _read(
        self, digests: Sequence[Digest], verify: Callable[[Buffer, int, Digest], Result]
    ) -> list[Result]:
        frames: dict[int, Result] = {}
        for span in spans(self._wanted(digests)):
            try:
                self._read_span(span, frames, verify)
            except _Gone as gone:
                self._read_elsewhere(gone, span, frames, verify)
        return [frames[position] for position in range(len(digests))]

    def _wanted(self, digests: Sequence[Digest]) -> list[Wanted]:
        places = self.locate(digests)
        wanted = [
            Wanted(position, digest, place)
            for position, (digest, place) in enumerate(zip(digests, places, strict=True))
        ]
        wanted.sort(key=_order)
        return wanted

    def _read_elsewhere(
        self,
        gone: _Gone,
        span: list[Wanted],
        frames: dict[int, Result],
        verify: Callable[[Buffer, int, Digest], Result],
    ) -> None:
        """Read frames of a pack that somebody collected from where they lie now."""
        digests = [item.digest for item in span]
        try:
            if not self._index.find_elsewhere(gone.pack_id, digests):
                raise gone
            for found in spans(self._wanted(digests)):
                moved = [item._replace(position=span[item.position].position) for item in found]
                self._read_span(moved, frames, verify)
        except _Gone as again:
            raise Corrupt(
                f"pack {again.pack_id.hex()} is gone",
                hint="run `casstore reindex`; if it stays so, restore the pack from a copy",
            ) from None

    def locate(self, digests: Sequence[Digest]) -> list[Place]:
        """Return where frames lie; raises ``Corrupt`` for one that is in no pack."""
        for again in (True, False):
            with self._index.read() as index:
                places = places_of(index, digests)
            known = [place for place in places if place is not None]
            if len(known) == len(places):
                return known
            if not (again and self._find_again(digests)):
                break
        digest = digests[places.index(None)]
        raise Corrupt(
            f"frame {digest.hex()} is in no pack of this store",
            hint="run `casstore reindex`; if it stays missing, restore its pack from a copy",
        )

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take in their packs; those that are not found count 0."""
        with self._index.read() as index:
            return sum([row.stored_bytes for row in index.chunks(digests) if row is not None])

    def _read_span(
        self,
        span: list[Wanted],
        frames: dict[int, Result],
        verify: Callable[[Buffer, int, Digest], Result],
    ) -> None:
        pack_id, start, _ = span[0].place
        end = max(item.place.offset + RECORD.size + item.place.stored_bytes for item in span)
        data = self._bytes_of(pack_id, start, end)
        for item in span:
            try:
                frames[item.position] = verify(data, item.place.offset - start, item.digest)
            except Corrupt as error:
                raise Corrupt(
                    f"frame {item.digest.hex()} in pack {pack_id.hex()}"
                    f" at byte {item.place.offset}: {error.message}",
                    hint="run `casstore reindex`; if it stays so, restore the pack from a copy",
                ) from error

    def _bytes_of(self, pack_id: PackId, start: int, end: int) -> Buffer:
        try:
            descriptor = os.open(self._packs.path(pack_id), os.O_RDONLY | os.O_CLOEXEC)
            try:
                return durable.read_at(descriptor, end - start, start)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not durable.is_gone(error):
                raise
            raise _Gone(pack_id) from None


def places_of(index: Reader, digests: Sequence[Digest]) -> list[Place | None]:
    """Return where frames lie as an index knows it, None for one that it does not know."""
    rows = index.chunks(digests)
    packs = {row: index.pack_id(row) for row in {row.pack_row for row in rows if row is not None}}
    return [row and Place(packs[row.pack_row], row.offset, row.stored_bytes) for row in rows]


def frames_in(data: Buffer) -> Iterator[tuple[Digest, Encoded]]:
    """Yield the frames whose records lie one after the other from the start of ``data``, verified.

    It ends where a record is cut short, or is none: that is no error here.
    """
    offset = 0
    while offset + RECORD.size <= len(data):
        digest = Digest(bytes(data[offset + RECORD.size - DIGEST_SIZE : offset + RECORD.size]))
        try:
            frame = encoded_frame(data, offset, digest)
        except Corrupt:
            return
        yield digest, frame
        offset += RECORD.size + len(frame.payload)


def _decoded(data: Buffer, offset: int, digest: Digest) -> Buffer:
    codec, size, payload = unpack_frame(data, offset, digest)
    frame = decode(codec, payload, size)
    if digest_of(frame) != digest:
        raise Corrupt("the bytes are not those that were stored")
    return frame


def encoded_frame(data: Buffer, offset: int, digest: Digest) -> Encoded:
    """Return the frame whose record lies at ``offset``, as it is stored; raises ``Corrupt``."""
    _decoded(data, offset, digest)
    return Encoded(*unpack_frame(data, offset, digest))


def _order(item: Wanted) -> Place:
    return item.place


def spans(wanted: list[Wanted]) -> list[list[Wanted]]:
    """Group frames that lie near each other in one pack; each group is one read.

    They come sorted by place.
    """
    groups: list[list[Wanted]] = []
    end = 0
    for item in wanted:
        place = item.place
        near = (
            groups
            and groups[-1][0].place.pack_id == place.pack_id
            and place.offset <= end + MAX_GAP_BYTES
            and place.offset - groups[-1][0].place.offset < MAX_RANGE_BYTES
        )
        if near:
            groups[-1].append(item)
        else:
            groups.append([item])
            end = 0
        end = max(end, place.offset + RECORD.size + place.stored_bytes)
    return groups
