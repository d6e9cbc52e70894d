"""The frames of a depot elsewhere: which there are, reading them verified, sending packs of them.

Knows: packs, indexes and root lists as objects.  Never: events, which versions travel.

Invariant: a frame is said to be there only if its pack was listed or named by an index, and every
byte that comes back was compared with its digest.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

from casstore.chunks import decode
from casstore.depot import mark_of
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, Error, NotFound
from casstore.exchange.indexes import (
    Indexed,
    index_groups,
    write_index,
    write_roots,
)
from casstore.exchange.mirror import Mirror
from casstore.exchange.remotepacks import MAX_LOOKS, RemotePacks, pack_name
from casstore.packs import Encoded, PackId
from casstore.packs.format import RECORD
from casstore.parallel import Lock, ordered_map
from casstore.remotes import Objects, Range
from casstore.store.frames import Place, Wanted, encoded_frame, frames_in, places_of, spans

__all__ = ["RemoteFrames"]

_Verified: TypeAlias = tuple[list[tuple[Digest, Encoded]], Corrupt | None]
"""Frames up to the first that is not right, and what that is."""

READ_AHEAD_BYTES = 1024 * 1024
MAX_RANGE_BYTES = 16 * 1024 * 1024  # of one request: a pack is two
READERS = 8
MAX_SPANS_AHEAD = 64
MAX_BYTES_AHEAD = 5 * MAX_RANGE_BYTES + MAX_RANGE_BYTES // 4  # a request ends with a frame
WORTH_A_THREAD_BYTES = 32 * 1024  # hashing less than that does not let go of the interpreter
MAX_CACHED_BYTES = 32 * 1024 * 1024
MAX_LOST = 10_000
DAMAGED_HINT = (
    "`casstore repair --to NAME` heals it with a store that has the version; or take it from"
    " another place"
)


class RemoteFrames(RemotePacks):
    """The frames of one depot, as far as ``mirror`` knows them.  Safe across threads.

    ``lost`` says of frames that were asked for and could not be had why not; whoever asks for many
    things empties it, and need not ask for them again.
    """

    def __init__(self, objects: Objects, mirror: Mirror, problems: dict[str, str]) -> None:
        super().__init__(objects, mirror, problems)
        self.lost: dict[Digest, str] = {}
        self._nodes: OrderedDict[Digest, Encoded] = OrderedDict()
        self._node_bytes = 0
        self._lock = Lock()

    # Reading

    def has(self, digests: Sequence[Digest]) -> list[bool]:
        """Tell of each frame whether it is there, as far as is known."""
        with self._mirror.index.read() as reader:
            return [row is not None for row in reader.chunks(digests)]

    def ask(self, digests: Sequence[Digest]) -> list[bool]:
        """Tell of each frame whether it is there, after fetching what says so.

        What was created since the last ``look`` by others is not seen.
        """
        found, is_answer = self.answer(digests)
        for _ in range(MAX_LOOKS):
            if is_answer:
                break
            self.learn_about(_without(digests, found))
            found, is_answer = self.answer(digests)
        return found

    def find(self, digests: Sequence[Digest]) -> list[Digest]:
        """Return those that are there, after looking once more if some are not known."""
        found = self.has(digests)
        if not all(found):
            self.look(packs=False)
            found = self.ask(digests)
        return [digest for digest, has in zip(digests, found, strict=True) if has]

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take in the packs there; unknown ones count 0."""
        with self._mirror.index.read() as reader:
            return sum([row.stored_bytes for row in reader.chunks(digests) if row is not None])

    def reads_of(self, digests: Sequence[Digest]) -> int:
        """Return how many requests it takes to read frames; ``Corrupt`` if one is nowhere."""
        return len(spans(self._locate(digests), MAX_RANGE_BYTES))

    def read(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, Encoded]]:
        """Yield frames as they are stored, each verified, in the order in which they lie.

        Packs come in the order in which they were asked for first.
        Raises ``Corrupt`` naming pack and frame if one is not what its digest says, or is nowhere.
        """
        far: list[Digest] = []
        for digest in dict.fromkeys(digests):
            near = self._near(digest)
            if near is None:
                far.append(digest)
            else:
                yield digest, near
        yield from self.read_groups([far])

    def read_groups(self, groups: Iterable[Sequence[Digest]]) -> Iterator[tuple[Digest, Encoded]]:
        """Do what ``read`` does for groups of frames, one after the other, without a pause.

        A group is taken when there is room for more requests, while frames of those before it are
        under way; what taking one raises is raised after the frames of those before it.
        """
        awaited: dict[Digest, None] = {}
        taking = _Taking(groups, awaited)
        coming: Iterable[Sequence[Digest]] = taking
        for _ in range(MAX_LOOKS):
            try:
                for digest, frame in self._read(coming):
                    awaited.pop(digest, None)
                    yield digest, frame
            except Corrupt:
                if taking.has_failed or not self._look_again():
                    raise
                coming = chain([list(awaited)], taking)
                continue
            return
        yield from self._read(chain([list(awaited)], taking))

    def _look_again(self) -> bool:
        """After damage: see whether it was set aside or is gone, and where frames lie then."""
        before = self._mirror.set_aside() | self._gone
        self.look()
        return self._mirror.set_aside() | self._gone != before

    def _read(self, groups: Iterable[Sequence[Digest]]) -> Iterator[tuple[Digest, Encoded]]:
        """Fetch spans and verify them where they arrive; they wait, in order, to be taken."""
        failed: list[Error] = []
        fetched = ordered_map(
            self._fetched_span,
            self._asked(groups, failed),
            workers=READERS,
            window=MAX_SPANS_AHEAD,
            weigh=_bytes_of,
            max_weight=MAX_BYTES_AHEAD,
        )
        for span, came in fetched:
            frames, damage = self._verified(span, came) if isinstance(came, bytes) else came
            yield from frames
            if damage is not None:
                raise damage
        for error in failed:
            raise error

    def _asked(self, groups: Iterable[Sequence[Digest]], failed: list[Error]) -> Iterator["_Span"]:
        """Yield what to fetch; what ends the groups is raised after the frames before it."""
        try:
            for group in groups:
                yield from self._spans(group)
        except Error as error:
            failed.append(error)

    def _spans(self, far: Sequence[Digest]) -> Iterator["_Span"]:
        for group in sorted(spans(self._locate(far), MAX_RANGE_BYTES), key=_first_asked):
            yield _Span(group, _range(group))

    def _fetched_span(self, span: "_Span") -> tuple["_Span", "bytes | _Verified"]:
        """Return the frames of a span, or its bytes where hashing them is the caller's to do."""
        group, where = span
        try:
            data = self._objects.read(*where)
        except (Corrupt, NotFound) as error:
            return span, ([], self._damaged(group[0].digest, where.name, _gone_or_short(error)))
        is_worth = len(data) >= WORTH_A_THREAD_BYTES * len(group)
        return span, self._verified(span, data) if is_worth else data

    def _verified(self, span: "_Span", data: bytes) -> "_Verified":
        """Return the frames of a span up to the first that is not right, and what that is."""
        group, where = span
        frames: list[tuple[Digest, Encoded]] = []
        for item in group:
            try:
                frame = encoded_frame(data, item.place.offset - where.start, item.digest)
            except Corrupt as error:
                return frames, self._damaged(item.digest, where.name, error.message)
            frames.append((item.digest, frame))
        return frames, None

    def metadata(self, digest: Digest) -> Buffer:
        """Return one node, verified; those that lie after it are read along."""
        frame = self._near(digest)
        if frame is None:
            try:
                frame = self._read_ahead(digest)
            except Corrupt:
                if not self._look_again():
                    raise
                frame = self._read_ahead(digest)
        codec, size, payload = frame
        return decode(codec, payload, size)

    def _near(self, digest: Digest) -> Encoded | None:
        with self._lock:
            if digest in self._nodes:
                self._nodes.move_to_end(digest)
            return self._nodes.get(digest)

    def _read_ahead(self, digest: Digest) -> Encoded:
        (item,) = self._locate([digest])
        with self._mirror.index.read() as reader:
            row = reader.pack_row(item.place.pack_id)
            pack = reader.pack(row) if row is not None else None
        needed = item.place.offset + RECORD.size + item.place.stored_bytes
        size = pack.size_bytes if pack is not None else needed
        name, start = pack_name(item.place.pack_id), item.place.offset
        end = max(needed, min(size, start + READ_AHEAD_BYTES))
        try:
            data = self._objects.read(name, start, end)
        except (Corrupt, NotFound) as error:
            raise self._damaged(digest, name, _gone_or_short(error)) from error
        asked = None
        for found, frame in frames_in(data):
            asked = frame if found == digest else asked
            self._keep(found, frame)
        if asked is None:
            raise self._damaged(digest, name, "it is not the one that was stored")
        self.lost.pop(digest, None)
        return asked

    def _damaged(self, digest: Digest, pack: str, problem: str) -> Corrupt:
        message = f"frame {digest.hex()} in {pack} of {self._objects.url}: {problem}"
        return self._lost(digest, message)

    def _lost(self, digest: Digest, message: str) -> Corrupt:
        if len(self.lost) < MAX_LOST:
            self.lost[digest] = message
        return Corrupt(message, hint=DAMAGED_HINT)

    def _keep(self, digest: Digest, frame: Encoded) -> None:
        with self._lock:
            if digest not in self._nodes:
                self._nodes[digest] = frame._replace(payload=bytes(frame.payload))
                self._node_bytes += len(frame.payload)
            while self._node_bytes > MAX_CACHED_BYTES:
                self._node_bytes -= len(self._nodes.popitem(last=False)[1].payload)

    def _locate(self, digests: Sequence[Digest]) -> list[Wanted]:
        for step in (self.look, self.refresh, None):  # the last reads all that is there
            with self._mirror.index.read() as reader:
                places = places_of(reader, digests)
            if None not in places or step is None:
                break
            step()
            self.learn_about(_without(digests, places))
        found = []
        for position, (digest, place) in enumerate(zip(digests, places, strict=True)):
            if place is None:
                raise self._lost(
                    digest, f"frame {digest.hex()} is in no pack of {self._objects.url}"
                )
            found.append(Wanted(position, digest, place))
        return sorted(found, key=_by_place)

    # Writing

    def send_pack(self, pack_id: PackId, data: bytes) -> None:
        """Create a pack; it is known to nobody before an index names it."""
        self._objects.create(pack_name(pack_id), data)

    def send_indexes(self, packs: Sequence[Indexed]) -> list[str]:
        """Make packs that were created known to everybody, by an index for each group of them.

        Returns the names of the indexes.
        """
        made = []
        for group in index_groups(packs):
            index_id, data = write_index(group)
            made.append(f"index/{index_id.hex()}")
            self._objects.create(made[-1], data)
            self._mirror.add_index(index_id, group)
        return made

    def leave_out(self, packs: Iterable[PackId]) -> list[Indexed]:
        """Look for no frame in some packs any more; returns the others that no index names."""
        self._gone.update(packs)
        self._mirror.forget_frames(())
        self._nodes.clear()
        self._node_bytes = 0
        return self.refresh()

    def set_aside(self, names: Iterable[bytes]) -> None:
        """Let packs or indexes be read by nobody any more.

        Every frame of theirs that can be had has been sent in others, and these are named.
        """
        marked = set(names)
        for name, data in map(mark_of, sorted(marked)):
            self._objects.create(name, data)
        self._mirror.forget_frames(marked)
        self.refresh()

    def name_packs(self, packs: Iterable[PackId]) -> None:
        """Make packs known to everybody that only this machine knows, by their own footers."""
        lacking = [pack_id for pack_id, name in self._mirror.index_of(packs).items() if not name]
        if not lacking:
            return
        names = {pack_name(pack_id) for pack_id in lacking}
        listed = [item for item in self._objects.listing("packs/") if item.name in names]
        found = [pack for pack in map(self._tail, listed) if pack is not None]
        self.send_indexes(found)

    def send_roots(self, root: Digest, packs: Iterable[PackId]) -> None:
        """Say in which packs a manifest's frames lie; raises ``Corrupt`` for an unnamed one."""
        indexes = self._mirror.index_of(packs)
        if None in indexes.values():
            raise Corrupt(
                f"a pack of {self._objects.url} cannot be read",
                hint="nothing became visible; `casstore repair --to NAME`, and push again",
            )
        name, data = write_roots(index for index in indexes.values() if index is not None)
        self._objects.create(f"roots/{root.hex()}/{name}", data)


class _Taking:
    """Groups of frames as they are taken, noted in ``awaited``."""

    def __init__(self, groups: Iterable[Sequence[Digest]], awaited: dict[Digest, None]) -> None:
        self.has_failed = False
        self._groups = iter(groups)
        self._awaited = awaited

    def __iter__(self) -> Iterator[Sequence[Digest]]:
        try:
            for group in self._groups:
                self._awaited.update(dict.fromkeys(group))
                yield group
        except Error:
            self.has_failed = True
            raise


class _Span(NamedTuple):
    """Frames that lie near each other, and the bytes that hold them all."""

    group: list[Wanted]
    where: Range


def _gone_or_short(error: Error) -> str:
    return "the pack is gone" if isinstance(error, NotFound) else "the pack is cut short"


def _bytes_of(span: _Span) -> int:
    return span.where.end - span.where.start


def _first_asked(group: Sequence[Wanted]) -> int:
    return min(item.position for item in group)


def _without(digests: Sequence[Digest], found: Sequence[object]) -> list[Digest]:
    """Return the frames of which nothing is known."""
    return [digest for digest, its in zip(digests, found, strict=True) if not its]


def _by_place(item: Wanted) -> Place:
    return item.place


def _range(group: Sequence[Wanted]) -> Range:
    end = max(item.place.offset + RECORD.size + item.place.stored_bytes for item in group)
    return Range(pack_name(group[0].place.pack_id), group[0].place.offset, end)
