"""Frames of one file: cut bytes with their digests, and the list that says what the file is.

Knows: frames, tokens of packs, chunk lists.  Never: files, threads.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from casstore.digest import Digest, digest_of
from casstore.manifests import ChunkListBuilder
from casstore.store import Session, Token

__all__ = ["FileFrames", "Frame", "frames_of"]

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
