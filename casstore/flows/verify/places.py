"""Where a frame lies, and whether it can be had from there: a depot's packs, each looked at once.

Knows: the state of each pack of a run, what is said of a frame whose pack has something wrong.
Never: whether packs are files or objects; versions, paths.
"""

from collections.abc import Sequence
from typing import Protocol

from casstore.catalog import ChunkRow
from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, RemoteError, Unsupported
from casstore.flows.verify.packs import PackState
from casstore.flows.verify.problems import Fault
from casstore.packs import PackId
from casstore.packs.format import RECORD
from casstore.store import Index
from casstore.store.frames import encoded_frame

__all__ = ["Damage", "PackStates", "Packs"]


class Damage(Corrupt):
    """A frame that is needed cannot be had."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Packs(Protocol):
    """The packs of a depot, here or elsewhere.  Safe across threads."""

    @property
    def index(self) -> Index:
        """The index that says where frames lie."""

    def look(self, pack_id: PackId) -> PackState:
        """Check a pack's structure.  Raises nothing about the pack."""

    def record(self, pack_id: PackId, row: ChunkRow) -> Buffer:
        """Return a frame's record as it lies there; raises ``OSError``, or ``Corrupt``."""

    def read(self, digests: Sequence[Digest]) -> Sequence[Buffer]:
        """Return frames in the order asked, verified; raises ``Corrupt``."""


class PackStates:
    """The packs of one depot, each looked at once a run.

    ``fault`` is for one thread; ``probe`` may be called from any for a row that ``fault`` has seen.
    """

    def __init__(self, packs: Packs, *, quick: bool) -> None:
        self.packs = packs
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
            return Fault(None, _nowhere(digest), digest)
        state = self.get(row.pack_row)
        if state.is_gone:
            return Fault(state.name, state.message, digest)
        if digest in state.damaged:
            message = _at(state, row, "the bytes are not those that were stored")
            return Fault(state.name, message, digest)
        if row.offset + RECORD.size + row.stored_bytes > state.size_bytes:
            return Fault(state.name, _at(state, row, "the pack ends before it"), digest)
        return self.probe(digest, row) if state.broken and not self._quick else None

    def probe(self, digest: Digest, row: ChunkRow) -> Fault | None:
        """Read one frame and return what is wrong with it."""
        state = self.get(row.pack_row)
        try:
            data = self.packs.record(PackId(bytes.fromhex(state.name)), row)
            encoded_frame(data, 0, digest)
        except RemoteError:
            raise
        except OSError as error:
            return Fault(state.name, _at(state, row, error.strerror or str(error)), digest)
        except (Corrupt, Unsupported) as error:
            return Fault(state.name, _at(state, row, error.message), digest)
        return None

    def read(self, digest: Digest) -> Buffer:
        """Return one frame, verified; raises ``Damage`` saying why it cannot be had."""
        with self.packs.index.read() as reader:
            row = reader.chunk(digest)
        fault = self.fault(digest, row)
        if fault is None:
            try:
                return self.packs.read([digest])[0]
            except RemoteError:
                raise
            except (Corrupt, Unsupported, OSError) as error:
                fault = self.blame(digest, str(error))
        raise Damage(fault)

    def blame(self, digest: Digest, message: str) -> Fault:
        """Return the fault of a frame that could not be read."""
        with self.packs.index.read() as reader:
            row = reader.chunk(digest)
        if row is None:
            return Fault(None, _nowhere(digest), digest)
        return self.fault(digest, row) or Fault(self.get(row.pack_row).name, message, digest)

    def _look(self, row: int) -> PackState:
        with self.packs.index.read() as reader:
            pack = reader.pack(row)
        if pack is None:
            return PackState("", -1, f"the index names pack {row}, which it does not know")
        return self.packs.look(pack.pack_id)


def _at(state: PackState, row: ChunkRow, message: str) -> str:
    return f"the frame at byte {row.offset} of pack {state.name}: {message}"


def _nowhere(digest: Digest) -> str:
    return f"frame {digest.hex()} is in no pack that can be read"
