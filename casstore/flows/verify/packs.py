"""Packs from end to end: every byte of a pack is accounted for, wherever it lies.

Knows: structure (header, footer, trailer, name, no gap between records), every frame's head, bytes
and digest.  Never: versions, paths, files, objects.

A pack is read from front to back in stretches of a few MiB.  A bit that is flipped in the header or
the footer breaks the pack's name, one in the trailer is compared, one in a record's head is
compared with the footer, one in a payload breaks the frame's digest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from casstore.chunks import decode
from casstore.digest import Buffer, Digest, digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.packs import PackKind, Row, rows_at
from casstore.packs.format import (
    FOOTER_ROW,
    FORMAT_VERSION,
    HEADER,
    HEADER_MAGIC,
    RECORD,
    RECORD_MAGIC,
    TRAILER,
    pack_id_of,
)

__all__ = [
    "PackState",
    "Read",
    "check_frames",
    "check_pack_at",
    "check_structure",
    "state_of",
    "was_ours",
]

STRETCH_BYTES = 4 * 1024 * 1024
MAX_GAP_BYTES = 64 * 1024  # reading over a gap is cheaper than another read

Read: TypeAlias = Callable[[int, int], Buffer]
"""``read(count, offset)``: bytes of a pack."""

_BY_OFFSET = itemgetter(1)


@dataclass(frozen=True, slots=True)
class PackState:
    """What was found about one pack.

    ``message`` is empty for a sound one.  ``size_bytes`` is -1 for one that is gone.  ``damaged``
    holds the frames that are not what their digest says.  ``broken`` says that the structure is
    not whole, so which frames are is only known by reading each one.  ``newer``: a later release
    wrote it, or frames in it, so nothing here can tell what is wrong, and it is left as it is.
    """

    name: str
    size_bytes: int
    message: str = ""
    damaged: frozenset[Digest] = frozenset()
    broken: bool = False
    newer: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether there is no such pack."""
        return self.size_bytes < 0


def check_pack_at(read: Read, size_bytes: int, name: str, *, quick: bool) -> PackState:
    """Check a pack's structure and, unless ``quick``, every frame in it.

    Raises what ``read`` raises, and nothing about the pack.
    """
    try:
        rows = check_structure(read, size_bytes, name)
    except Corrupt as error:
        return PackState(name, size_bytes, error.message, broken=True)
    except Unsupported as error:
        newer = not was_ours(read, size_bytes, name)
        return PackState(name, size_bytes, error.message, broken=True, newer=newer)
    damaged = [] if quick else list(check_frames(read, size_bytes, rows))
    return state_of(name, size_bytes, rows, damaged)


def state_of(
    name: str,
    size_bytes: int,
    rows: Sequence[Row],
    damaged: Sequence[tuple[Row, Corrupt | Unsupported]],
) -> PackState:
    """Return the state of a pack that is whole but for some frames."""
    if not damaged:
        return PackState(name, size_bytes)
    row, error = damaged[0]
    message = (
        f"pack {name}: {len(damaged)} of {len(rows)} frames are damaged, "
        f"the first at byte {row.offset}: {error.message}"
    )
    frames = frozenset(row.digest for row, _ in damaged)
    newer = any(isinstance(error, Unsupported) for _, error in damaged)
    return PackState(name, size_bytes, message, frames, newer=newer)


def was_ours(read: Read, size_bytes: int, name: str) -> bool:
    """Tell whether a pack that says that it is of a later release says so by damage.

    Its name is that of a header of this release, with the footer that it has.
    """
    random = HEADER.unpack(read(HEADER.size, 0))[-1]
    footer_bytes = TRAILER.unpack(read(TRAILER.size, size_bytes - TRAILER.size))[0]
    start = size_bytes - TRAILER.size - footer_bytes
    if start < HEADER.size:
        return False
    footer = read(footer_bytes, start)
    heads = (HEADER.pack(HEADER_MAGIC, FORMAT_VERSION, kind, 0, random) for kind in PackKind)
    return any(pack_id_of(head, footer).hex() == name for head in heads)


def check_structure(read: Read, size_bytes: int, name: str) -> list[Row]:
    """Return the rows by offset, having seen that nothing lies between, before or after them.

    Raises ``Corrupt`` or ``Unsupported``, and what ``read`` raises.
    """
    pack_id, _, rows = rows_at(read, size_bytes, name)
    if pack_id.hex() != name:
        raise Corrupt(f"pack {name}: its name is not the one that its footer gives")
    rows.sort(key=_BY_OFFSET)
    end = HEADER.size
    for row in rows:
        if row.offset != end:
            raise Corrupt(f"pack {name}: the record at byte {row.offset} should be at {end}")
        end += RECORD.size + row.stored_bytes
    if end + len(rows) * FOOTER_ROW.size + TRAILER.size != size_bytes:
        raise Corrupt(f"pack {name}: it has {size_bytes} bytes, not those that were written")
    return rows


def check_frames(
    read: Read, size_bytes: int, rows: Iterable[Row]
) -> Iterator[tuple[Row, Corrupt | Unsupported]]:
    """Yield the rows whose frame is not as written, and why; they come by offset."""
    for stretch in _stretches(rows):
        start = stretch[0].offset
        end = max(row.offset + RECORD.size + row.stored_bytes for row in stretch)
        view = memoryview(read(min(end, size_bytes) - start, start)) if start < size_bytes else b""
        for row in stretch:
            try:
                _check_record(memoryview(view)[row.offset - start :], row)
            except (Corrupt, Unsupported) as error:
                yield row, error


def _stretches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    stretch: list[Row] = []
    end = 0
    for row in rows:
        far = (
            row.offset + row.stored_bytes - stretch[0].offset > STRETCH_BYTES if stretch else False
        )
        if far or (stretch and row.offset - end > MAX_GAP_BYTES):
            yield stretch
            stretch = []
        stretch.append(row)
        end = row.offset + RECORD.size + row.stored_bytes
    if stretch:
        yield stretch


def _check_record(view: memoryview, row: Row) -> None:
    digest, _, stored, size, codec = row
    if view[: RECORD.size] != RECORD.pack(RECORD_MAGIC, codec, 0, 0, stored, size, digest):
        raise Corrupt("the head of a record is not the one that was written")
    payload = view[RECORD.size : RECORD.size + stored]
    if len(payload) < stored:
        raise Corrupt("a record is cut short")
    if digest_of(decode(codec, payload, size)) != digest:
        raise Corrupt("the bytes are not those that were stored")
