"""Journal packs: event files gathered into one file, each a frame of its own.

Knows: packs of kind 3, which frames are event files.  Never: what an event says, month folders.
"""

import os
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from casstore import durable
from casstore.chunks import Encoder, decode
from casstore.digest import digest_of
from casstore.errors import Corrupt
from casstore.packs import (
    PackBuffer,
    PackId,
    PackKind,
    PackWriter,
    Row,
    read_rows,
    scan_rows,
    unpack_frame,
)
from casstore.packs.format import RECORD

__all__ = ["Packed", "journal_pack", "read_journal_pack", "write_journal_pack"]

_BY_OFFSET = itemgetter(1)


class Packed(NamedTuple):
    """What one frame of a journal pack holds: an event file, or why it cannot be had."""

    data: bytes
    problem: str = ""

    def whole(self) -> bytes:
        """Return the event file; raises ``Corrupt`` saying why if it cannot be had."""
        if self.problem:
            raise Corrupt(self.problem)
        return self.data


def write_journal_pack(staged: Path, files: Iterable[bytes]) -> PackId:
    """Write event files as one pack, durably; returns its name.  The caller bounds their number."""
    writer = PackWriter(staged, PackKind.JOURNAL, direct=False)
    try:
        _append(writer, files)
        return writer.seal()[0]
    finally:
        writer.close()


def journal_pack(files: Iterable[bytes]) -> tuple[PackId, bytes]:
    """Return event files as one pack: its name and its bytes."""
    buffer = PackBuffer(PackKind.JOURNAL)
    _append(buffer, files)
    return buffer.seal()[:2]


def _append(pack: PackWriter | PackBuffer, files: Iterable[bytes]) -> None:
    encoder = Encoder()
    for data in files:
        codec, payload = encoder.encode(data, "event")
        pack.append(digest_of(data), codec, len(data), payload)


def read_journal_pack(path: Path) -> Iterator[Packed]:
    """Yield the event files of a pack in the order in which they were gathered, each verified.

    A pack whose tail is lost or damaged is read from its front: what it still holds comes first,
    then the reason as the last item.  Raises ``FileNotFoundError`` if there is no such pack,
    ``Unsupported`` for one of a later release.
    """
    try:
        rows = _rows(path)
    except Corrupt as error:
        yield from _salvaged(path)
        yield Packed(b"", error.message)
        return
    descriptor = durable.open_file(path)
    try:
        for row in sorted(rows, key=_BY_OFFSET):
            yield _read(descriptor, row)
    finally:
        os.close(descriptor)


def _rows(path: Path) -> list[Row]:
    pack_id, kind, rows = read_rows(path)
    if pack_id.hex() != path.name or kind is not PackKind.JOURNAL:
        raise Corrupt(f"{path.name} is another pack, renamed")
    return rows


def _salvaged(path: Path) -> Iterator[Packed]:
    try:
        for row, payload in scan_rows(path):
            yield _checked(row, row.codec, row.size_bytes, memoryview(payload))
    except Corrupt:
        return  # it does not begin as a pack does: there is nothing to be had


def _read(descriptor: int, row: Row) -> Packed:
    try:
        with durable.damage_told("it"):
            data = durable.read_at(descriptor, RECORD.size + row.stored_bytes, row.offset)
        codec, size, payload = unpack_frame(data, 0, row.digest)
    except Corrupt as error:
        return Packed(b"", f"the event at byte {row.offset}: {error.message}")
    return _checked(row, codec, size, payload)


def _checked(row: Row, codec: int, size: int, payload: memoryview) -> Packed:
    try:
        data = bytes(decode(codec, payload, size))
    except Corrupt as error:
        return Packed(b"", f"the event at byte {row.offset}: {error.message}")
    if digest_of(data) != row.digest:
        return Packed(b"", f"the event at byte {row.offset}: it is not the one that was gathered")
    return Packed(data)
