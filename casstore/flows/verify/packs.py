"""Packs from end to end: every byte of a pack's file is accounted for.

Knows: structure (header, footer, trailer, name, no gap between records), every frame's head, bytes
and digest, the state of each pack of a run.  Never: versions, paths.

A pack is read from front to back in stretches of a few MiB.  A bit that is flipped in the header or
the footer breaks the pack's name, one in the trailer is compared, one in a record's head is
compared with the footer, one in a payload breaks the frame's digest.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from casstore import durable
from casstore.catalog import ChunkRow
from casstore.chunks import decode
from casstore.digest import Buffer, Digest, digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.flows.verify.problems import Fault
from casstore.packs import PackId, Row, rows_at, unpack_frame
from casstore.packs.format import FOOTER_ROW, HEADER, RECORD, RECORD_MAGIC, TRAILER
from casstore.store import Store

__all__ = ["PackState", "PackStates", "check_pack", "check_pack_at"]

Read: TypeAlias = Callable[[int, int], Buffer]
"""Returns so many bytes at an offset."""

STRETCH_BYTES = 4 * 1024 * 1024

_BY_OFFSET = itemgetter(1)


@dataclass(frozen=True, slots=True)
class PackState:
    """What was found about one pack.

    ``message`` is empty for a sound one.  ``size_bytes`` is -1 for one that is gone.  ``damaged``
    holds the frames that are not what their digest says.  ``broken`` says that the structure is
    not whole, so which frames are is only known by reading each one.
    """

    name: str
    size_bytes: int
    message: str = ""
    damaged: frozenset[Digest] = frozenset()
    broken: bool = False


def check_pack(path: Path, *, quick: bool) -> PackState:
    """Check a pack's structure and, unless ``quick``, every frame in it.  Raises nothing."""
    size_bytes = -1
    try:
        size_bytes = path.stat().st_size
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            read = partial(durable.read_at, descriptor)
            return check_pack_at(read, size_bytes, path.name, quick=quick)
        finally:
            os.close(descriptor)
    except OSError as error:
        return _unreadable(path, size_bytes, error)


def check_pack_at(read: Read, size_bytes: int, name: str, *, quick: bool) -> PackState:
    """Check a pack wherever it lies; ``read(count, offset)`` returns bytes of it."""
    try:
        rows = _checked_rows(read, size_bytes, name)
        damaged = [] if quick else list(_damaged(read, rows))
    except (Corrupt, Unsupported) as error:
        return PackState(name, size_bytes, error.message, broken=True)
    if not damaged:
        return PackState(name, size_bytes)
    row, reason = damaged[0]
    message = (
        f"pack {name}: {len(damaged)} of {len(rows)} frames are damaged, "
        f"the first at byte {row.offset}: {reason}"
    )
    return PackState(name, size_bytes, message, frozenset(row.digest for row, _ in damaged))


def _unreadable(path: Path, size_bytes: int, error: OSError) -> PackState:
    if isinstance(error, FileNotFoundError):
        return PackState(path.name, -1, f"pack {path.name} is gone")
    message = f"pack {path.name} cannot be read: {error.strerror}"
    return PackState(path.name, size_bytes, message, broken=True)


def _checked_rows(read: Read, size_bytes: int, name: str) -> list[Row]:
    """Return the rows by offset, having seen that nothing lies between, before or after them."""
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


def _damaged(read: Read, rows: list[Row]) -> Iterator[tuple[Row, str]]:
    """Yield the rows whose frame is not as written, and why."""
    for stretch in _stretches(rows):
        start, last = stretch[0].offset, stretch[-1]
        size = last.offset + RECORD.size + last.stored_bytes - start
        view = memoryview(read(size, start))
        for row in stretch:
            try:
                _check_record(view[row.offset - start :], row)
            except (Corrupt, Unsupported) as error:
                yield row, error.message


def _stretches(rows: list[Row]) -> Iterator[list[Row]]:
    stretch: list[Row] = []
    for row in rows:
        if stretch and row.offset + row.stored_bytes - stretch[0].offset > STRETCH_BYTES:
            yield stretch
            stretch = []
        stretch.append(row)
    if stretch:
        yield stretch


def _check_record(view: memoryview, row: Row) -> None:
    digest, _, stored, size, codec = row
    if view[: RECORD.size] != RECORD.pack(RECORD_MAGIC, codec, 0, 0, stored, size, digest):
        raise Corrupt("the head of a record is not the one that was written")
    payload = view[RECORD.size : RECORD.size + stored]
    if len(payload) < stored:
        raise Corrupt("a record is cut short")
    _check_frame(decode(codec, payload, size), digest)


def _check_frame(frame: Buffer, digest: Digest) -> None:
    if digest_of(frame) != digest:
        raise Corrupt("the bytes are not those that were stored")


class PackStates:
    """The packs of one store, each looked at once a run.

    ``fault`` is for one thread; ``probe`` may be called from any for a row that ``fault`` has seen.
    """

    def __init__(self, store: Store, *, quick: bool) -> None:
        self._store = store
        self._quick = quick
        self._states: dict[int, PackState] = {}

    def put(self, row: int, state: PackState) -> None:
        """Set what was found about the pack of a row of the index."""
        self._states[row] = state

    def get(self, row: int) -> PackState:
        """Return what is known of a pack; one that was not looked at has its structure checked."""
        state = self._states.get(row)
        if state is None:
            state = self._states[row] = self._look(row)
        return state

    def unsound(self) -> list[PackState]:
        """Return the packs with something wrong, by name."""
        found = [state for state in self._states.values() if state.message]
        return sorted(found, key=lambda state: state.name)

    def fault(self, digest: Digest, row: ChunkRow | None) -> Fault | None:
        """Return why a frame that the index has at ``row`` cannot be had, as far as is known.

        A frame of a pack with a broken structure is read, unless the run is a quick one.
        """
        if row is None:
            return Fault(None, _nowhere(digest))
        state = self.get(row.pack_row)
        if state.size_bytes < 0:
            return Fault(state.name, state.message)
        if digest in state.damaged:
            return Fault(state.name, _at(state, row, "the bytes are not those that were stored"))
        if row.offset + RECORD.size + row.stored_bytes > state.size_bytes:
            return Fault(state.name, _at(state, row, "the pack ends before it"))
        return self.probe(digest, row) if state.broken and not self._quick else None

    def probe(self, digest: Digest, row: ChunkRow) -> Fault | None:
        """Read one frame and return what is wrong with it."""
        state = self.get(row.pack_row)
        path = self._store.packs.path(PackId(bytes.fromhex(state.name)))
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                size = RECORD.size + row.stored_bytes
                data = durable.read_at(descriptor, size, row.offset)
            finally:
                os.close(descriptor)
            codec, size_bytes, payload = unpack_frame(data, 0, digest)
            _check_frame(decode(codec, payload, size_bytes), digest)
        except OSError as error:
            return Fault(state.name, _at(state, row, error.strerror or str(error)))
        except (Corrupt, Unsupported) as error:
            return Fault(state.name, _at(state, row, error.message))
        return None

    def blame(self, digest: Digest, message: str) -> Fault:
        """Return the fault of a frame that could not be read."""
        with self._store.index.read() as reader:
            row = reader.chunk(digest)
        if row is None:
            return Fault(None, _nowhere(digest))
        return self.fault(digest, row) or Fault(self.get(row.pack_row).name, message)

    def _look(self, row: int) -> PackState:
        with self._store.index.read() as reader:
            pack = reader.pack(row)
        if pack is None:
            return PackState("", -1, f"the index names pack {row}, which it does not know")
        return check_pack(self._store.packs.path(pack.pack_id), quick=True)


def _at(state: PackState, row: ChunkRow, message: str) -> str:
    return f"the frame at byte {row.offset} of pack {state.name}: {message}"


def _nowhere(digest: Digest) -> str:
    return f"frame {digest.hex()} is in no pack that the index knows: run `casstore reindex`"
