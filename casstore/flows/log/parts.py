"""One large file in parts, which several threads read, cut and hash at once.

Knows: how parts are cut apart and joined.  Never: several files, stat, when a file is read again.

Content-defined cuts depend on where the chunk before them ended, and on nothing else.  So a part is
cut as if a chunk began where it begins; then, in order, the bytes that the part before left over
are cut on into it until a cut falls where the part has one too: from there on its own cuts are the
file's.  That takes a few chunks; where it never happens, the whole part is cut again.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from casstore import durable
from casstore.chunks import Cutter
from casstore.digest import Digest, Hasher
from casstore.flows.log.earlier import Cuts
from casstore.flows.log.framing import FileFrames, Frame, Framer, frames_of
from casstore.flows.log.result import Progress
from casstore.parallel import Pending, Pool
from casstore.store import Session, Token

__all__ = ["PartedFile"]

PART_BYTES = 8 * 1024 * 1024
FIRST_REACH_BYTES = 512 * 1024  # how far into a part the cuts are usually joined
MAX_PARTS_AHEAD = 2
MAX_PARTS_WAITING = 2  # to be stored


@dataclass(slots=True)
class _Part:
    """A stretch of the file, and where it would be cut if a chunk began with it."""

    buffer: memoryview
    data: memoryview
    frames: list[Frame] = field(default_factory=list)


class PartedFile:
    """One reading of one file."""

    def __init__(
        self, session: Session, kind: str, pool: Pool, note: Progress, cuts: Cuts | None = None
    ) -> None:
        self.frames = FileFrames(session)
        self._session = session
        self._kind = kind
        self._pool = pool
        self._note = note
        self._hasher = Hasher()
        self._cutter = Cutter()
        self._cuts = cuts
        self._left_over = b""
        self._spare: list[memoryview] = []
        self._storing: deque[tuple[Pending[list[Token]], list[Frame], memoryview]] = deque()

    def take(self, descriptor: int, size_bytes: int) -> int:
        """Read ``size_bytes``; returns how many bytes there were, fewer if the file was cut."""
        starts = iter(range(0, size_bytes, PART_BYTES))
        ahead: deque[Pending[_Part]] = deque()
        total = 0
        try:
            while True:
                while len(ahead) < MAX_PARTS_AHEAD and (start := next(starts, None)) is not None:
                    ahead.append(self._begin(descriptor, start, size_bytes))
                if not ahead:
                    break
                part = ahead.popleft().result()
                total += len(part.data)
                self._take(part, final=total >= size_bytes)
        finally:
            for reading in ahead:
                reading.error()  # nobody reads on when the caller closes the file
        while self._storing:
            self._settle()
        return total

    def digest(self) -> Digest:
        """Return the file's digest."""
        return Digest(self._hasher.digest())

    def _take(self, part: _Part, *, final: bool) -> None:
        """Hash and store the next part."""
        hashing = self._pool.submit(self._hasher.update, part.data)
        frames = self._joined(part, final=final)
        hashing.result()  # in order, and before the buffer is used again
        storing = self._pool.submit(self._session.add, frames, self._kind)
        self._storing.append((storing, frames, part.buffer))
        if len(self._storing) >= MAX_PARTS_WAITING:
            self._settle()
        self._note(0, len(part.data))

    def _begin(self, descriptor: int, start: int, size_bytes: int) -> Pending[_Part]:
        buffer = self._spare.pop() if self._spare else durable.map_memory(PART_BYTES)
        end = min(start + PART_BYTES, size_bytes)
        final = end == size_bytes
        return self._pool.submit(_read, descriptor, buffer, start, end, self._cuts, final=final)

    def _joined(self, part: _Part, *, final: bool) -> list[Frame]:
        """Return the frames that end in a part, as the whole file has them."""
        frames, left_over = join(self._cutter, self._left_over, part.data, part.frames, final=final)
        self._left_over = left_over
        return frames

    def _settle(self) -> None:
        pending, frames, buffer = self._storing.popleft()
        self.frames.add(frames, pending.result())
        self._spare.append(buffer)


def _read(
    descriptor: int, buffer: memoryview, start: int, end: int, cuts: Cuts | None, *, final: bool
) -> _Part:
    got = durable.read_into_at(descriptor, buffer[: end - start], start)
    data = buffer[:got]
    frames, _ = Framer(cuts).frames(data, final=final)
    return _Part(buffer, data, frames)


def join(
    cutter: Cutter,
    left_over: bytes,
    data: memoryview,
    frames: Sequence[Frame],
    *,
    final: bool,
) -> tuple[list[Frame], bytes]:
    """Return the frames that end in ``data`` when ``left_over`` goes before it, and what is left.

    ``frames`` are those of ``data`` alone; ``final`` says that nothing follows.
    """
    ends = list(accumulate((len(frame) for _, frame in frames), initial=0))
    if not left_over:
        return list(frames), bytes(data[ends[-1] :])
    index_of = {end: index for index, end in enumerate(ends)}
    reach = FIRST_REACH_BYTES
    while True:
        whole = reach >= len(data)
        head = memoryview(left_over + data[:reach])
        lengths = cutter.cut(head, final=final and whole)
        position = -len(left_over)
        for count, length in enumerate(lengths, 1):
            position += length
            if position in index_of:
                ours = frames_of(head, lengths[:count])
                return [*ours, *frames[index_of[position] :]], bytes(data[ends[-1] :])
        if whole:
            return frames_of(head, lengths), bytes(head[sum(lengths) :])
        reach *= 4
