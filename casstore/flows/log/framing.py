"""Frames of one file: cut bytes with their digests, and the list that says what the file is.

Knows: frames, tokens of packs, chunk lists.  Never: files, threads.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from casstore.chunks import MAX_CHUNK_BYTES, Cutter
from casstore.digest import Digest, digest_of
from casstore.flows.log.earlier import Cuts
from casstore.manifests import ChunkListBuilder
from casstore.store import Session, Token

__all__ = ["FileFrames", "Frame", "Framer", "frames_of"]

Frame: TypeAlias = tuple[Digest, memoryview]


def frames_of(data: memoryview, lengths: Iterable[int]) -> list[Frame]:
    """Return the frames at the front of ``data`` that have these lengths in bytes."""
    frames = []
    start = 0
    for length in lengths:
        chunk = data[start : start + length]
        frames.append((digest_of(chunk), chunk))
        start += length
    return frames


class Framer:
    """Cuts a stream, block by block; one per thread.

    The frames are those that a ``Cutter`` alone would give.  Where ``cuts``, those of an earlier
    file, say what should come, that is compared first; cutting starts where it differs, and ends
    with the first chunk that the earlier file has too.
    """

    def __init__(self, cuts: Cuts | None = None) -> None:
        self._cutter = Cutter()
        self._cuts = cuts
        self._expected = -1

    def frames(self, data: memoryview, *, final: bool) -> tuple[list[Frame], int]:
        """Return the frames at the front of ``data``, and how many bytes they are.

        Unless ``final``, bytes may follow: those that are left over go before them.
        """
        if self._cuts is None:
            frames = frames_of(data, self._cutter.cut(data, final=final))
            return frames, sum([len(chunk) for _, chunk in frames])
        return self._compared(self._cuts, data, final=final)

    def _compared(self, cuts: Cuts, data: memoryview, *, final: bool) -> tuple[list[Frame], int]:
        frames: list[Frame] = []
        start = 0
        while start < len(data):
            if self._expected >= 0:
                digest, length = cuts.chunks[self._expected]
                if start + length > len(data) and not final:
                    break
                chunk = data[start : start + length]
                if digest_of(chunk) == digest:
                    frames.append((digest, chunk))
                    start += length
                    self._expected = cuts.following(self._expected)
                    continue
            anew = self._cut_anew(cuts, data[start:], final=final)
            if not anew:
                break
            frames += anew
            start += sum([len(chunk) for _, chunk in anew])
        return frames, start

    def _cut_anew(self, cuts: Cuts, data: memoryview, *, final: bool) -> list[Frame]:
        """Cut until a chunk that the earlier file has, or for the length of the longest chunk."""
        head = data[:MAX_CHUNK_BYTES]
        frames: list[Frame] = []
        start = 0
        for length in self._cutter.cut(head, final=final and len(head) == len(data)):
            chunk = head[start : start + length]
            digest = digest_of(chunk)
            frames.append((digest, chunk))
            start += length
            self._expected = cuts.after(digest)
            if self._expected >= 0:
                break
        return frames


class FileFrames:
    """What one file consists of, frame by frame; ``tokens`` are those of the packs they lie in."""

    def __init__(self, session: Session) -> None:
        self.tokens: set[Token] = set()
        self._session = session
        self._list = ChunkListBuilder(self._add_node)

    def add(self, frames: Sequence[Frame], tokens: Iterable[Token]) -> None:
        """Take the next frames, which the session holds in the packs of ``tokens``."""
        self.tokens.update(tokens)
        for digest, data in frames:
            self._list.add(digest, len(data))

    def layout(self) -> bytes:
        """Return the file's layout, after its last frame."""
        return self._list.finish()

    def _add_node(self, data: bytes) -> Digest:
        digest, token = self._session.add_metadata(data)
        self.tokens.add(token)
        return digest
