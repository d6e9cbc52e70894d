"""repair a store from another depot: what is damaged or missing is fetched, and read from then on.

Knows: where a sound copy of a frame may lie, in which order a damaged pack is replaced.
Never: how damage is found, what a depot is made of, events.

A pack with something wrong is replaced whole.  A kill at any arrow leaves every frame where it was,
or in its new place::

    frames that other packs hold  ->  sound ones of the pack, fetched ones: new packs, durable
    ->  their rows, in place of the old  ->  the mark that sets the damaged pack aside

Its file stays until it is collected, but nobody reads it, an index that is made anew neither.
What a later release wrote is named and left as it is: nothing here can tell what is wrong with it.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import FileIO
from itertools import islice

from casstore import durable
from casstore.digest import Digest
from casstore.errors import Corrupt, Unsupported
from casstore.exchange import RemoteDepot
from casstore.flows.verify.files import StorePacks
from casstore.flows.verify.healing_events import heal_events
from casstore.flows.verify.packs import PackState
from casstore.flows.verify.places import PackStates
from casstore.flows.verify.problems import Problem, Problems, Progress
from casstore.flows.verify.store import pack_states, verify_store
from casstore.flows.verify.walking import VersionCheck, live_views
from casstore.journal import parts, queries
from casstore.packs import Encoded, PackId, PackKind, Row, read_rows, scan_rows
from casstore.packs.format import RECORD
from casstore.store import Replacing, Store
from casstore.store.frames import encoded_frame

__all__ = ["Repaired", "fetched", "repair_store"]

FRAMES_AT_ONCE = 1024
MAX_FRAMES_OF_A_GROUP = 200_000  # a pack has less than twice as many

Lost = dict[Digest, PackKind]
Unsound = dict[PackId, PackState]


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did, or in a dry run would do.

    ``frames`` were brought from the other depot, ``stored_bytes`` of them; ``kept`` were sound in
    the depot that was healed, in damaged packs or beside them.  ``set_aside`` are the packs, in
    hex, that nobody reads any more.  ``problems`` is what could not be healed, in a dry run what is
    wrong.

    In a depot elsewhere, too: ``lists`` are the names of damaged indexes, root lists and journal
    packs, which others stand for now; ``named`` packs are found by an index again, and ``claims``
    were made for numbers that had been sealed.
    """

    frames: int
    stored_bytes: int
    kept: int
    events: int
    set_aside: tuple[str, ...]
    problems: list[Problem]
    lists: tuple[str, ...] = ()
    named: int = 0
    claims: int = 0

    @property
    def is_nothing(self) -> bool:
        """Tell whether there was nothing to do, or nothing could be done."""
        counts = self.frames + self.kept + self.events + self.named + self.claims
        return not (counts or self.set_aside or self.lists)


def repair_store(
    store: Store, depot: RemoteDepot, *, dry_run: bool = False, progress: Progress | None = None
) -> Repaired:
    """Heal what is damaged or missing in a store with what another depot has.

    Every byte that is fetched is verified.  ``progress`` is called with bytes of packs as they are
    read here.  Raises what the depot raises; what was healed by then stays.
    """
    if not dry_run:
        store.require_writable()
    store.index.catch_up(thorough=True)
    depot.refresh()
    depot.frames.refresh()
    events = heal_events(store, depot, dry_run=dry_run)
    healing = _Healing(store, depot, dry_run=dry_run)
    healing.heal_packs(progress)
    healing.heal_versions()
    healing.set_aside()
    problems = verify_store(store, quick=True).problems if not dry_run else healing.found.listed()
    return Repaired(
        healing.frames,
        healing.stored_bytes,
        healing.kept,
        events,
        tuple(pack_id.hex() for pack_id in healing.unsound),
        problems,
    )


class _Healing:
    """Frames of one store on their way into sound packs."""

    def __init__(self, store: Store, depot: RemoteDepot, *, dry_run: bool) -> None:
        self.frames = self.stored_bytes = self.kept = 0
        self.unsound: Unsound = {}
        self._newer: Unsound = {}
        self.found = Problems()
        self._store = store
        self._depot = depot
        self._dry_run = dry_run
        self._done: set[Digest] = set()

    def heal_packs(self, progress: Progress | None) -> None:
        """Find the packs with something wrong, and give each of their frames a sound place."""
        store = self._store
        with store.index.read() as reader:
            known = {pack.pack_id for _, pack in reader.packs()}
        wanted = {*known, *store.packs.listing()} - store.packs.set_aside.packs()
        sound = []
        for pack_id, state in pack_states(store, wanted, quick=False):
            if state.message:
                (self._newer if state.newer else self.unsound)[pack_id] = state
                message = state.message
                self.found.add(Problem("pack", None, None, None, state.name, message))
            else:
                sound.append(pack_id)
            if progress is not None:
                progress(0, max(state.size_bytes, 0))
        for group in self._groups():
            self._heal_group(group, sound)

    def heal_versions(self) -> None:
        """Bring what versions and waiting parts need and no pack has."""
        store = self._store
        states = PackStates(StorePacks(store), quick=False)
        check = VersionCheck(store, states, self.found, _ignore, self._node_elsewhere)
        with store.index.read() as reader:
            waiting, commits = list(parts.all_waiting(reader)), list(queries.commits(reader))
            for pack_id, state in (self.unsound | self._newer).items():
                if (row := reader.pack_row(pack_id)) is not None:
                    states.put(row, state)
        for part in waiting:
            check.check(part)
        for view in live_views(store, commits, self.found):
            check.check(view)
            if len(self.found.lost) >= MAX_FRAMES_OF_A_GROUP:
                self._bring_lost()
        self._bring_lost()

    def set_aside(self) -> None:
        """Let nobody read the damaged packs any more; their files stay."""
        if self._dry_run or not self.unsound:
            return
        for pack_id, state in self.unsound.items():
            if not state.is_gone:
                self._store.packs.set_aside.add(pack_id, self._store.staging())
        gone = [pack_id for pack_id, state in self.unsound.items() if state.is_gone]
        self._store.index.write(lambda writer: writer.forget_packs(gone))
        self._store.index.find_again()

    def _groups(self) -> Iterator[list[PackId]]:
        group: list[PackId] = []
        count = 0
        for pack_id in self.unsound:
            group.append(pack_id)
            with self._store.index.read() as reader:
                row = reader.pack_row(pack_id)
                pack = None if row is None else reader.pack(row)
            count += FRAMES_AT_ONCE if pack is None else pack.frames
            if count >= MAX_FRAMES_OF_A_GROUP:
                yield group
                group, count = [], 0
        if group:
            yield group

    def _heal_group(self, group: list[PackId], sound: Iterable[PackId]) -> None:
        rows = {pack_id: list(self._rows(pack_id)) for pack_id in group}
        lost: Lost = {}
        for pack_id in group:
            kind = self._kind(pack_id)
            lost.update((row.digest, kind) for row in rows[pack_id])
        self._leave_out_sound(lost)
        replacing = Replacing(self._store.packs, self._store.index, self._store.staging)
        self._find_beside(lost, sound, replacing)
        with replacing.begun():
            for pack_id in group:
                if not self.unsound[pack_id].is_gone:
                    self._salvage(pack_id, rows[pack_id], lost, replacing)
            self._fetch(lost, replacing)

    def _rows(self, pack_id: PackId) -> Iterator[Row]:
        """Yield where frames of a damaged pack lie, by whatever still says so."""
        path = self._store.packs.path(pack_id)
        try:
            yield from read_rows(path)[2]
        except FileNotFoundError:
            yield from self._known_rows(pack_id)
        except (Corrupt, Unsupported, OSError):
            seen = set()
            for row in self._known_rows(pack_id):
                seen.add(row.digest)
                yield row
            yield from (row for row in self._scanned(pack_id) if row.digest not in seen)

    def _known_rows(self, pack_id: PackId) -> list[Row]:
        with self._store.index.read() as reader:
            number = reader.pack_row(pack_id)
            found = [] if number is None else list(reader.frames_in({number}))
        return [Row(digest, row.offset, row.stored_bytes, 0, 0) for digest, row in found]

    def _scanned(self, pack_id: PackId) -> list[Row]:
        try:
            return [row for row, _ in scan_rows(self._store.packs.path(pack_id))]
        except (Corrupt, Unsupported, OSError):
            return []  # it does not begin as a pack does: nothing says where its frames lie

    def _kind(self, pack_id: PackId) -> PackKind:
        with self._store.index.read() as reader:
            number = reader.pack_row(pack_id)
            pack = None if number is None else reader.pack(number)
        return PackKind.DATA if pack is None else pack.kind

    def _leave_out_sound(self, lost: Lost) -> None:
        """Take away what the index finds in a pack that is sound."""
        with self._store.index.read() as reader:
            numbers = {reader.pack_row(pack_id) for pack_id in self.unsound}
            for digest in list(lost):
                row = reader.chunk(digest)
                if row is not None and row.pack_row not in numbers:
                    del lost[digest]

    def _find_beside(self, lost: Lost, sound: Iterable[PackId], replacing: Replacing) -> None:
        """Find frames in sound packs that hold them too, as after a repair that was killed."""
        for pack_id in sound:
            if not lost:
                return
            wanted = set(lost)
            held = replacing.held_by(pack_id, wanted)
            if held and not self._dry_run:
                replacing.find_in(pack_id, wanted)
            self._keep(held, lost)

    def _salvage(self, pack_id: PackId, rows: list[Row], lost: Lost, replacing: Replacing) -> None:
        """Copy the frames of a damaged pack that are sound.

        Raises ``PermissionError`` for one of another user's: it is not set aside for that.
        """
        try:
            pack = FileIO(durable.open_file(self._store.packs.path(pack_id)))
        except PermissionError:
            raise
        except OSError:
            return  # nothing of it can be had
        with closing(pack) as stream:
            for row in sorted(rows, key=_offset):
                if row.digest not in lost:
                    continue
                size = RECORD.size + row.stored_bytes
                try:
                    data = durable.read_at(stream.fileno(), size, row.offset)
                    frame = encoded_frame(data, 0, row.digest)
                except (Corrupt, Unsupported, OSError):
                    continue  # the other depot is asked for it
                if not self._dry_run:
                    replacing.add(row.digest, frame, lost[row.digest])
                self._keep([row.digest], lost)

    def _keep(self, digests: Iterable[Digest], lost: Lost) -> None:
        for digest in digests:
            del lost[digest]
            self._done.add(digest)
            self.kept += 1

    def _fetch(self, lost: Lost, replacing: Replacing) -> None:
        """Bring frames from the other depot, as far as it has them."""
        remaining = iter(list(lost))
        while batch := list(islice(remaining, FRAMES_AT_ONCE)):
            for digest, frame in fetched(self._depot, batch):
                if not self._dry_run:
                    replacing.add(digest, frame, lost[digest])
                self._done.add(digest)
                self.frames += 1
                self.stored_bytes += len(frame.payload)

    def _bring_lost(self) -> None:
        lost = {d: kind for d, kind in self.found.lost.items() if d not in self._done}
        self.found.lost.clear()
        replacing = Replacing(self._store.packs, self._store.index, self._store.staging)
        with replacing.begun():
            self._fetch(lost, replacing)

    def _node_elsewhere(self, digest: Digest) -> bytes | None:
        """Return a node of the other depot, so that what it leads to is looked at too."""
        if not self._depot.frames.has([digest])[0]:
            return None
        try:
            return bytes(self._depot.frames.metadata(digest))
        except (Corrupt, Unsupported):
            return None  # damaged there too: it stays what it is, and is named


def fetched(depot: RemoteDepot, digests: Iterable[Digest]) -> Iterator[tuple[Digest, Encoded]]:
    """Yield those of some frames that a depot has and that are sound there."""
    asked = list(digests)
    has = depot.frames.has(asked)
    left = {digest for digest, there in zip(asked, has, strict=True) if there}
    try:
        for digest, frame in depot.frames.read(sorted(left)):
            left.discard(digest)
            yield digest, frame
    except (Corrupt, Unsupported):
        for digest in sorted(left):  # one of them is damaged: each by itself
            try:
                found = list(depot.frames.read([digest]))
            except (Corrupt, Unsupported):
                continue  # nobody has it: the versions that need it are named
            yield from found


def _offset(row: Row) -> int:
    return row.offset


def _ignore(files: int, size_bytes: int) -> None:
    del files, size_bytes
