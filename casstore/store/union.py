"""The union of what several writers hold: sorted entries in, sorted entries out.

Knows: which of two entries holds at a path, and what is a conflict.  Never: events, frames, stores.

Of one writer the later share holds; of two writers the same path must have the same content.  The
shares are read side by side, at most 256 at once: of more, groups are merged into files first.
"""

import heapq
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from casstore.encoding import decode, encode_ordered
from casstore.errors import Conflict
from casstore.manifests import Entry
from casstore.names import display_path

__all__ = ["Share", "union"]

MAX_STREAMS = 256  # each holds a node of a manifest: some 150 KB of entries

_LENGTH = struct.Struct("<I")
_Stream: TypeAlias = Iterator[tuple[bytes, int, Entry]]


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """What one writer holds, in path order; a ``base`` holds only where nobody else does."""

    writer: str
    entries: Iterable[Entry]
    base: bool = False


def union(shares: Sequence[Share], hint: str, new_file: Callable[[], Path]) -> Iterator[Entry]:
    """Yield the entries of all, in path order, each path once; later shares of a writer come later.

    ``new_file`` names a file for what more than 256 shares need besides memory; it is removed.
    Raises ``Conflict`` naming path and writers where two differ in bytes or executable bit, and
    where one holds a file and another a folder; ``hint`` says what to do then.
    """
    folders = _Folders(hint)
    streams = [_numbered(number, share) for number, share in enumerate(shares)]
    while len(streams) > MAX_STREAMS:
        streams = [
            _spooled(heapq.merge(*streams[first : first + MAX_STREAMS]), new_file())
            for first in range(0, len(streams), MAX_STREAMS)
        ]
    for _, group in groupby(heapq.merge(*streams), key=itemgetter(0)):
        writer, entry = _holding([(shares[number], entry) for _, number, entry in group], hint)
        folders.enter(writer, entry.path)
        yield entry


def _numbered(number: int, share: Share) -> _Stream:
    return ((entry.path, number, entry) for entry in share.entries)


def _spooled(stream: _Stream, path: Path) -> _Stream:
    """Write a stream to a file, and return it from there."""
    with path.open("xb") as file:
        for _, number, entry in stream:
            data = encode_ordered([number, *entry])
            file.write(_LENGTH.pack(len(data)))
            file.write(data)
    return _unspooled(path)


def _unspooled(path: Path) -> _Stream:
    with path.open("rb") as file:
        path.unlink()
        while length := file.read(_LENGTH.size):
            number, *fields = decode(file.read(*_LENGTH.unpack(length)))
            entry = Entry(*fields)
            yield entry.path, number, entry


def _holding(held: list[tuple[Share, Entry]], hint: str) -> tuple[str, Entry]:
    """Return who holds a path, and what; shares come in order."""
    said = {share.writer: entry for share, entry in held if not share.base}
    if not said:
        share, entry = held[0]
        return share.writer, entry
    (writer, entry), *others = said.items()
    for other, another in others:
        if (another.kind, another.content) != (entry.kind, entry.content):
            raise Conflict(
                f"{display_path(entry.path)!r} differs between {writer} and {other}", hint=hint
            )
    return writer, entry


class _Folders:
    """Sees that no file has another beneath it, while paths come in order.

    The files whose path could still begin a later one are few and nested: what lies beneath ``p``
    lies between ``p`` and ``p0``, for ``0`` follows ``/``.
    """

    def __init__(self, hint: str) -> None:
        self._hint = hint
        self._files: list[tuple[bytes, str]] = []

    def enter(self, writer: str, path: bytes) -> None:
        while self._files and path >= self._files[-1][0] + b"0":
            self._files.pop()
        for file, other in self._files:
            if path.startswith(file + b"/"):
                raise Conflict(
                    f"{display_path(file)!r} is a file of {other} and a folder of {writer}",
                    hint=self._hint,
                )
        self._files.append((path, writer))
