"""Reading frames: locations, merged ranges, verification.

Knows: how to find a frame, and to check it; that some may be elsewhere.
Never: entries, events, who asks, where elsewhere is: whoever opens the store gives a ``Fetcher``.

No byte is returned unverified: every frame is decoded and compared with its digest here.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from casstore import durable
from casstore.catalog import Reader
from casstore.chunks import decode
from casstore.depot import AbsenceFiles, PackFiles
from casstore.digest import DIGEST_SIZE, Buffer, Digest, digest_of
from casstore.errors import Absent, Corrupt, Error
from casstore.packs import Encoded, PackId, unpack_frame
from casstore.packs.format import RECORD
from casstore.parallel import Lock
from casstore.store.fetching import Fetcher, FindAgain
from casstore.store.index import Index

__all__ = [
    "FrameReader",
    "Place",
    "Wanted",
    "decoded",
    "encoded_frame",
    "frames_in",
    "places_of",
    "spans",
]

MAX_GAP_BYTES = 64 * 1024  # reading over a gap is cheaper than another read
MAX_RANGE_BYTES = 8 * 1024 * 1024
MAX_CACHED_BYTES = 32 * 1024 * 1024
LOST_HINT = (
    "run `casstore reindex`; if it stays so, `casstore repair --from NAME` takes it from a remote,"
    " another store or a bundle"
)

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

    ``find_again`` is called when the index does not know a frame; it returns whether more can be
    found after it.  What is not here then is asked of the fetcher that ``fetch_with`` gave, many
    frames at once.
    """

    def __init__(
        self,
        packs: PackFiles,
        index: Index,
        absences: AbsenceFiles,
        find_again: FindAgain,
    ) -> None:
        self.fetcher: Fetcher | None = None
        self._make_fetcher: Callable[[], Fetcher] | None = None
        self._packs = packs
        self._index = index
        self._absences = absences
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
        return self._read(digests, decoded)

    def read_encoded(self, digests: Sequence[Digest]) -> list[Encoded]:
        """Return frames as they are stored, in the order asked, verified as ``read`` does."""
        return self._read(digests, _as_stored)

    def fetch_with(self, make: Callable[[], Fetcher] | None) -> None:
        """Ask a fetcher for frames that are elsewhere, made when first needed; None: ask nobody."""
        self._make_fetcher = make

    def _the_fetcher(self) -> Fetcher | None:
        """Return whom to ask; None where no version was pulled without all of its bytes."""
        if self.fetcher is None and self._make_fetcher is not None and self._absences.read():
            with self._lock:
                self.fetcher = self.fetcher or self._make_fetcher()
        return self.fetcher

    def is_far(self) -> bool:
        """Tell whether reading may take requests; then ``prefetch`` pays."""
        return self._the_fetcher() is not None and bool(self._absences.read())

    def prefetch(self, digests: Collection[Digest], further: Collection[Digest] = ()) -> None:
        """Fetch those of many frames that are elsewhere, in few requests, for reads to come.

        Where any of them is, those of ``further`` are fetched along.
        """
        fetcher = self._the_fetcher()
        if fetcher is not None and (missing := self._elsewhere(fetcher, digests)):
            fetcher.fetch([*missing, *self._elsewhere(fetcher, further)])

    def _elsewhere(self, fetcher: Fetcher, digests: Collection[Digest]) -> list[Digest]:
        asked = list(dict.fromkeys(digests))
        missing = _missing(asked, self._places(asked), {})
        held = fetcher.held(missing)
        return [digest for digest in missing if digest not in held]

    def are_here(self, digests: Sequence[Digest]) -> list[bool]:
        """Tell of each frame whether the index knows it in this store."""
        with self._index.read() as index:
            return [row is not None for row in index.chunks(digests)]

    def _read(
        self, digests: Sequence[Digest], verify: Callable[[Encoded, Digest], Result]
    ) -> list[Result]:
        places, far = self._find(digests)
        frames: dict[int, Result] = {}
        wanted = []
        for position, (digest, place) in enumerate(zip(digests, places, strict=True)):
            if place is not None:
                wanted.append(Wanted(position, digest, place))
            else:
                frames[position] = verify(far[digest], digest)
        wanted.sort(key=_order)
        for span in spans(wanted):
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
        verify: Callable[[Encoded, Digest], Result],
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
                hint=LOST_HINT,
            ) from None

    def _find(
        self, digests: Sequence[Digest]
    ) -> tuple[list[Place | None], Mapping[Digest, Encoded]]:
        """Return where frames lie, and those that lie nowhere here, from elsewhere."""
        places = self._places(digests)
        if None not in places:
            return places, {}
        fetcher = self._the_fetcher()
        far = fetcher.held(_missing(digests, places, {})) if fetcher is not None else {}
        if self._find_again(_missing(digests, places, far), thorough=fetcher is None):
            places = self._places(digests)
        missing = _missing(digests, places, far)
        if missing and fetcher is not None:
            far = {**far, **fetcher.fetch(missing)}
            missing = _missing(digests, places, far)
            if missing and self._find_again(missing, thorough=True):
                places = self._places(digests)
                missing = _missing(digests, places, far)
        if missing:
            raise self._nowhere(missing)
        return places, far

    def locate(self, digests: Sequence[Digest]) -> list[Place]:
        """Return where frames lie here; nothing is fetched.

        Raises ``Corrupt`` for one that is in no pack, ``Absent`` where versions were pulled without
        all of their bytes.
        """
        known = self.locate_here(digests)
        if len(known) < len(digests):
            raise self._nowhere(_missing(digests, self._places(digests), {}))
        return known

    def locate_here(self, digests: Sequence[Digest]) -> list[Place]:
        """Return where those of the frames lie that are here; nothing is fetched."""
        places = self._places(digests)
        if None in places and self._find_again(digests, thorough=True):
            places = self._places(digests)
        return [place for place in places if place is not None]

    def _places(self, digests: Sequence[Digest]) -> list[Place | None]:
        with self._index.read() as index:
            return places_of(index, digests)

    def _nowhere(self, missing: Sequence[Digest]) -> Error:
        absences = self._absences.read()
        if absences:
            places, removed = absences.places, absences.removed_places
            return Absent(
                f"{len(missing)} chunks are absent here: a version was pulled without them",
                hint=f"`casstore pull REF` brings it whole from {' or '.join(places)}"
                if places
                else f"`casstore remote add NAME {removed[0]}` names again where they are",
            )
        return Corrupt(
            f"frame {missing[0].hex()} is in no pack of this store",
            hint=LOST_HINT,
        )

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take in their packs; those that are not found count 0."""
        with self._index.read() as index:
            return sum([row.stored_bytes for row in index.chunks(digests) if row is not None])

    def _read_span(
        self,
        span: list[Wanted],
        frames: dict[int, Result],
        verify: Callable[[Encoded, Digest], Result],
    ) -> None:
        pack_id, start, _ = span[0].place
        end = max(item.place.offset + RECORD.size + item.place.stored_bytes for item in span)
        data = self._bytes_of(pack_id, start, end)
        for item in span:
            try:
                frame = Encoded(*unpack_frame(data, item.place.offset - start, item.digest))
                frames[item.position] = verify(frame, item.digest)
            except Corrupt as error:
                raise Corrupt(
                    f"frame {item.digest.hex()} in pack {pack_id.hex()}"
                    f" at byte {item.place.offset}: {error.message}",
                    hint=LOST_HINT,
                ) from error

    def _bytes_of(self, pack_id: PackId, start: int, end: int) -> Buffer:
        try:
            with durable.damage_told(f"pack {pack_id.hex()}"):
                descriptor = durable.open_file(self._packs.path(pack_id))
                try:
                    return durable.read_at(descriptor, end - start, start)
                finally:
                    os.close(descriptor)
        except Corrupt as error:
            raise Corrupt(error.message, hint=LOST_HINT) from error
        except OSError as error:
            if not durable.is_gone(error):
                raise
            raise _Gone(pack_id) from None


def places_of(index: Reader, digests: Sequence[Digest]) -> list[Place | None]:
    """Return where frames lie as an index knows it, None for one that it does not know."""
    rows = index.chunks(digests)
    packs = {row: index.pack_id(row) for row in {row.pack_row for row in rows if row is not None}}
    return [row and Place(packs[row.pack_row], row.offset, row.stored_bytes) for row in rows]


def _missing(
    digests: Sequence[Digest], places: Sequence[Place | None], far: Mapping[Digest, Encoded]
) -> list[Digest]:
    """Return the frames that lie nowhere here and did not come from afar, each once."""
    found = zip(digests, places, strict=True)
    return list(
        dict.fromkeys(digest for digest, place in found if place is None and digest not in far)
    )


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


def decoded(frame: Encoded, digest: Digest) -> Buffer:
    """Return the bytes of a frame; raises ``Corrupt`` if they are not those of its digest."""
    data = decode(frame.codec, frame.payload, frame.size_bytes)
    if digest_of(data) != digest:
        raise Corrupt("the bytes are not those that were stored")
    return data


def encoded_frame(data: Buffer, offset: int, digest: Digest) -> Encoded:
    """Return the frame whose record lies at ``offset``, as it is stored; raises ``Corrupt``."""
    return _as_stored(Encoded(*unpack_frame(data, offset, digest)), digest)


def _as_stored(frame: Encoded, digest: Digest) -> Encoded:
    decoded(frame, digest)
    return frame


def _order(item: Wanted) -> Place:
    return item.place


def spans(wanted: list[Wanted], max_bytes: int = MAX_RANGE_BYTES) -> list[list[Wanted]]:
    """Group frames that lie near each other in one pack; each group is one read.

    They come sorted by place.  No frame of a group begins ``max_bytes`` after its first.
    """
    groups: list[list[Wanted]] = []
    end = 0
    for item in wanted:
        place = item.place
        near = (
            groups
            and groups[-1][0].place.pack_id == place.pack_id
            and place.offset <= end + MAX_GAP_BYTES
            and place.offset - groups[-1][0].place.offset < max_bytes
        )
        if near:
            groups[-1].append(item)
        else:
            groups.append([item])
            end = 0
        end = max(end, place.offset + RECORD.size + place.stored_bytes)
    return groups
