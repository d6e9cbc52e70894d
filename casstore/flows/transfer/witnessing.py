"""Witnessing: which files are what they are called, seen while their frames pass by.

Knows: the frames of files in order, and how many may wait for those before them.
Never: where frames come from, where they go, what becomes of a file that was not witnessed.

A pull hashes each file from the very buffers that its frames came in, so that what has come is not
read again to be judged.  That holds for files of which every frame comes, about in order: any
other is left to be read once it is here.  Frames were compared with their digests before.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from casstore.chunks import decode
from casstore.digest import Buffer, Digest, Hasher, digest_of
from casstore.manifests import ChunkRef, Entry
from casstore.packs import Encoded
from casstore.parallel import Background, Pending

__all__ = ["Witness"]

_Expected: TypeAlias = tuple[Entry, ChunkRef | None]
"""A chunk of a file, or its end."""

MAX_WAITING_BYTES = 32 * 1024 * 1024
MAX_WAITING_BATCHES = 8
WORTH_A_THREAD_BYTES = 1024 * 1024
MAX_FILES = 200_000  # remembered, 100 bytes each


class Witness:
    """Hashes files as their frames come.

    For each batch: ``expect`` every chunk and every end of a file, in order, then ``begin``; then
    ``see`` its frames as they come, while the next batches may begin.  ``end`` comes after all.
    """

    def __init__(self) -> None:
        self._seen: set[Digest] = set()
        self._noted: list[_Expected] = []
        self._expected: deque[_Expected] = deque()
        self._coming: set[Digest] = set()
        self._needed: Counter[Digest] = Counter()
        self._waiting: dict[Digest, Buffer] = {}
        self._waiting_bytes = 0
        self._hasher = Hasher()
        self._given_up = False
        self._in_a_file = False
        self._helper: Background | None = None
        self._under_way: deque[Pending[None]] = deque()

    def has_seen(self, entry: Entry) -> bool:
        """Tell whether the chunks that an entry lists were seen to be the file that it names."""
        return _key(entry) in self._seen

    def expect(self, entry: Entry, ref: ChunkRef | None) -> None:
        """Note the next chunk of a file, or its end, as ``Closure.kinds`` tells it."""
        if ref is None and not self._in_a_file:  # nothing comes of an empty file, or of a reference
            return
        self._noted.append((entry, ref))
        self._in_a_file = ref is not None

    def begin(self, coming: Iterable[Digest]) -> None:
        """Note which of the frames that are expected will come; others do not."""
        noted, self._noted = self._noted, []
        if self._helper is None:
            self._admit(noted, coming)
        else:
            self._under_way.append(self._helper.submit(self._admit, noted, coming))

    def _admit(self, noted: list[_Expected], coming: Iterable[Digest]) -> None:
        self._coming.update(coming)
        for _, ref in noted:
            if ref is not None:
                self._needed[ref.digest] += 1
        self._expected.extend(noted)
        self._go_on()

    def see(self, frames: Sequence[tuple[Digest, Encoded]]) -> None:
        """Take note of frames, compared with their digests; nobody changes them before ``end``.

        Where hashing them takes long it is done in the background.
        """
        if sum(len(frame.payload) for _, frame in frames) < WORTH_A_THREAD_BYTES:
            self._settle()
            self._see_all(frames)
            return
        if self._helper is None:
            self._helper = Background(max_waiting=MAX_WAITING_BATCHES)
        self._under_way.append(self._helper.submit(self._see_all, frames))

    def _see_all(self, frames: Sequence[tuple[Digest, Encoded]]) -> None:
        for digest, frame in frames:
            self._see(digest, frame)

    def _settle(self) -> None:
        """Wait for what is done in the background."""
        while self._under_way:
            self._under_way.popleft().result()

    def _see(self, digest: Digest, frame: Encoded) -> None:
        self._coming.discard(digest)
        if digest not in self._needed:
            return
        self._wait_with(digest, decode(frame.codec, frame.payload, frame.size_bytes))
        self._go_on()
        if digest in self._waiting:
            self._waiting[digest] = bytes(self._waiting[digest])
        while self._waiting_bytes > MAX_WAITING_BYTES and self._expected:
            self._given_up = True
            self._take()
            self._go_on()

    def end(self) -> None:
        """Note that no more frames come; what lacks one is given up."""
        self._settle()
        self._coming.clear()
        self._go_on()

    def give_up(self) -> None:
        """Expect nothing more of what was under way; files that were seen stay known."""
        self.close()  # what was in the background has ended then
        self._under_way.clear()
        self._noted.clear()
        self._expected.clear()
        self._coming.clear()
        self._needed.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self._hasher = Hasher()
        self._given_up = self._in_a_file = False

    def close(self) -> None:
        """End the thread, if there is one; what was seen stays known."""
        if self._helper is not None:
            self._helper.close()
            self._helper = None

    def _go_on(self) -> None:
        """Take what is expected next, up to a chunk that is still to come."""
        expected, waiting = self._expected, self._waiting
        while expected:
            ref = expected[0][1]
            if ref is not None and not self._given_up and ref.digest not in waiting:
                if ref.digest in self._coming:
                    return
                self._given_up = True
            self._take()

    def _take(self) -> None:
        """Take what is expected next: hash it, if it is there and the file is not given up."""
        entry, ref = self._expected.popleft()
        if ref is None:
            self._finish(entry)
            return
        data = self._waiting.get(ref.digest)
        if data is None or len(data) != ref.size_bytes:
            self._given_up = True
        elif entry.layout and not self._given_up:
            self._hasher.update(data)
        self._needed[ref.digest] -= 1
        if not self._needed[ref.digest]:
            del self._needed[ref.digest]
            if data is not None:
                del self._waiting[ref.digest]
                self._waiting_bytes -= len(data)

    def _finish(self, entry: Entry) -> None:
        """End a file; one chunk that is the whole has the file's own digest."""
        whole = not entry.layout or self._hasher.digest() == entry.content
        if whole and not self._given_up and len(self._seen) < MAX_FILES:
            self._seen.add(_key(entry))
        if entry.layout:
            self._hasher = Hasher()
        self._given_up = False

    def _wait_with(self, digest: Digest, data: Buffer) -> None:
        if digest not in self._waiting:
            self._waiting[digest] = data
            self._waiting_bytes += len(data)


def _key(entry: Entry) -> Digest:
    """Return what names a file and the list of its chunks."""
    sizes = b"%d %d " % (entry.size_bytes, len(entry.content))
    return digest_of(b"".join((sizes, entry.content, entry.layout)))
