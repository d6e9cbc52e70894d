"""repair a depot elsewhere from this store, by objects that are only ever created.

Knows: where a sound copy of a frame may lie, in which order a damaged pack is replaced there.
Never: how damage is found, what an object is.

Nothing there is deleted, and nothing is changed but damaged event files and indexes, which get the
bytes that their names promise.  A kill at any arrow leaves what was sound where it was::

    new packs of what was damaged or is missing  ->  an index of them, and of packs that only a
    damaged index named  ->  events  ->  the marks that set damaged packs and indexes aside

What this store has not is copied from the damaged pack, as far as it is sound there: other people's
versions are healed with what is left of them.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from casstore.digest import Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange import Event, Indexed, RemoteDepot, claim_again, disagreements
from casstore.flows.verify.elsewhere import Looked, check_claims, check_versions, look_elsewhere
from casstore.flows.verify.events import holds_newer
from casstore.flows.verify.healing import Repaired
from casstore.flows.verify.objects import DepotPacks, rows_of
from casstore.flows.verify.places import PackStates
from casstore.flows.verify.problems import Problem, ProblemKind, Problems, Progress
from casstore.journal.wire import is_event_name
from casstore.packs import Encoded, PackBuffer, PackId, PackKind, Row
from casstore.packs.format import RECORD
from casstore.remotes.claims import Claims, settled_mode
from casstore.store import Store, event_files
from casstore.store.frames import encoded_frame

__all__ = ["repair_depot"]

FRAMES_AT_ONCE = 64  # at most 16 MiB
PACKS_OF_A_GROUP = 64

Lost = dict[Digest, PackKind]


def repair_depot(
    store: Store,
    depot: RemoteDepot,
    *,
    seen: RemoteDepot | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Repaired:
    """Heal what is damaged or missing in a depot, opened anew, with what this store has.

    ``seen`` is the same depot as it was known before: events that are there no more are made again.
    Only what is there, or was, is sent.  Raises what the depot raises; what was made stays.
    """
    looked = look_elsewhere(depot, seen=None if seen is None else seen.index, progress=progress)
    healing = _Healing(store, depot, looked, dry_run=dry_run)
    healing.heal_events(seen)
    healing.heal_claims()
    healing.heal_packs()
    healing.heal_versions()
    healing.set_aside()
    return Repaired(
        healing.frames,
        healing.stored_bytes,
        healing.kept,
        healing.events,
        tuple(pack_id.hex() for pack_id in looked.unsound),
        looked.problems.listed() if dry_run else healing.left(),
        lists=tuple(healing.lists),
        named=healing.named,
        claims=healing.claims,
    )


class _Healing:
    """Frames and events on their way into a depot."""

    def __init__(self, store: Store, depot: RemoteDepot, looked: Looked, *, dry_run: bool) -> None:
        self.frames = self.stored_bytes = self.kept = self.events = self.named = self.claims = 0
        self.lists = list(looked.unread)
        self._store = store
        self._depot = depot
        self._looked = looked
        self._dry_run = dry_run
        self._unnamed: list[Indexed] = []
        self._made: list[str] = []  # indexes: those of the same packs have the same name
        self._left = Problems()
        self._packs: dict[PackKind, PackBuffer] = {}
        self._done: set[Digest] = set()

    # Events

    def heal_events(self, seen: RemoteDepot | None) -> None:
        """Make events again that are damaged there or gone, as far as anybody here has them."""
        damaged = [name for name in self._depot.problems if name.startswith("journal/")]
        loose = [name for name in damaged if is_event_name(name.rpartition("/")[2])]
        names = {name.rpartition("/")[2] for name in loose} | set(self._looked.lost_events)
        had = self._had(names, seen)
        for place in loose:
            event = had.pop(place.rpartition("/")[2], None)
            if event is None:
                self._leave("event", f"{place}: {self._depot.problems[place]}")
                continue
            self.events += 1
            if not self._dry_run:
                self._depot.objects.create(place, event.data)
                self._depot.mirror.add_events(event.month, [event.data])
        self._depot.mirror.apply()
        for name in sorted(set(self._looked.lost_events) - had.keys()):
            if not any(place.endswith(name) for place in loose):
                self._leave("event", f"event {name} is gone there, and is not here")
        self._renew_journal_packs([name for name in damaged if name not in loose], had)

    def _had(self, names: Iterable[str], seen: RemoteDepot | None) -> dict[str, Event]:
        wanted = sorted(names)
        sources = [(self._store.index, self._store.journal)]
        sources += [] if seen is None else [(seen.mirror.index, seen.mirror.journal)]
        return {
            fact.name: Event(fact.name, fact.time, data)
            for index, journal in sources
            for fact, data in event_files(wanted, index, journal)
        }

    def _renew_journal_packs(self, damaged: list[str], had: dict[str, Event]) -> None:
        """Publish what was lost, with what can still be read of damaged journal packs.

        Those that hold what a later release wrote stay: nobody here could publish that again.
        """
        mirror = self._depot.mirror
        newer = [name for name in damaged if self._holds_newer(name)]
        for name in newer:
            self._leave("event", f"{name}: {self._depot.problems[name]}")
        damaged = [name for name in damaged if name not in newer]
        packs = {PackId(_id_of(name)) for name in damaged}
        with mirror.index.read() as reader:
            still = [name for name, place in reader.events() if place.pack in packs]
        again = {
            fact.name: Event(fact.name, fact.time, data)
            for fact, data in event_files(still, mirror.index, mirror.journal)
        }
        self.events += len(had)
        events = [*{**again, **had}.values()]
        if events and not self._dry_run:
            self._depot.publish(events)
        self.lists += damaged

    def _holds_newer(self, place: str) -> bool:
        month = place.split("/")[1]
        path = self._depot.mirror.journal.pack_path(month, PackId(_id_of(place)))
        return holds_newer(path)

    def heal_claims(self) -> None:
        """Make the claims that are missing for sealed numbers."""
        mode = settled_mode(self._depot.objects)
        if mode is None:
            return
        if self._dry_run:
            self.claims = sum(found.owner is None for found in disagreements(self._depot))
        else:
            self.claims = claim_again(self._depot, Claims(self._depot.objects, mode))

    # Frames

    def heal_packs(self) -> None:
        """Give each frame of a pack with something wrong a sound place there."""
        unsound = list(self._looked.unsound)
        self._unnamed += self._depot.frames.leave_out(unsound)
        self.named = len(self._unnamed)
        remaining = iter(unsound)
        while group := list(islice(remaining, PACKS_OF_A_GROUP)):
            rows = rows_of(self._depot, {one: self._looked.unsound[one] for one in group})
            lost = {row.digest: kind for kind, its in rows.values() for row in its}
            self._leave_out_sound(lost)
            self._send(self._here(lost), lost)
            for pack_id in group:
                if not self._looked.unsound[pack_id].is_gone:
                    self._send(self._salvaged(pack_id, rows[pack_id][1], lost), lost, kept=True)
            self._seal_all()

    def heal_versions(self) -> None:
        """Bring what versions there need and no pack has."""
        found = self._looked.problems if self._dry_run else Problems()
        self._walk(found)
        lost = {digest: kind for digest, kind in found.lost.items() if digest not in self._done}
        self._send(self._here(lost), lost)
        self._seal_all()
        if not self._dry_run:
            self._made = self._depot.frames.send_indexes(self._unnamed)

    def set_aside(self) -> None:
        """Let nobody read any more what is damaged there."""
        if self._dry_run:
            return
        names: list[bytes] = [
            pack_id for pack_id, state in self._looked.unsound.items() if not state.is_gone
        ]
        names += [_id_of(place) for place in self.lists if place not in self._made]
        if names:
            self._depot.frames.set_aside(names)

    def left(self) -> list[Problem]:
        """Return what could not be healed."""
        check_claims(self._depot, self._left)
        self._walk(self._left)
        return self._left.listed()

    def _walk(self, problems: Problems) -> None:
        packs = PackStates(DepotPacks(self._depot, checked=True), quick=True)
        looked = Looked(packs, problems)
        for _ in check_versions(self._depot, looked, _ignore, self._node_here):
            pass

    def _node_here(self, digest: Digest) -> bytes | None:
        """Return a node of this store, so that what it leads to is looked at too."""
        try:
            return bytes(self._store.frames.metadata(digest))
        except (Corrupt, Unsupported):
            return None  # nobody has it: it stays what it is, and is named

    def _leave_out_sound(self, lost: Lost) -> None:
        digests = list(lost)
        for digest, has in zip(digests, self._depot.frames.has(digests), strict=True):
            if has:
                del lost[digest]

    def _here(self, lost: Lost) -> Iterator[tuple[Digest, Encoded]]:
        """Yield those of some frames that this store has, verified."""
        digests = list(lost)
        with self._store.index.read() as reader:
            rows = reader.chunks(digests)
        known = iter([d for d, row in zip(digests, rows, strict=True) if row is not None])
        while batch := list(islice(known, FRAMES_AT_ONCE)):
            try:
                yield from zip(batch, self._store.frames.read_encoded(batch), strict=True)
            except (Corrupt, Unsupported):
                yield from self._one_by_one(batch)

    def _one_by_one(self, batch: list[Digest]) -> Iterator[tuple[Digest, Encoded]]:
        for digest in batch:
            try:
                (frame,) = self._store.frames.read_encoded([digest])
            except (Corrupt, Unsupported):
                continue  # damaged here too: the versions that need it are named
            yield digest, frame

    def _salvaged(
        self, pack_id: PackId, rows: list[Row], lost: Lost
    ) -> Iterator[tuple[Digest, Encoded]]:
        """Yield frames of a damaged pack that are sound, read there."""
        name = pack_id.hex()
        for row in rows:
            if row.digest not in lost:
                continue
            end = row.offset + RECORD.size + row.stored_bytes
            if end > self._looked.unsound[pack_id].size_bytes:
                continue
            try:
                data = self._depot.objects.read(f"packs/{name[:2]}/{name}", row.offset, end)
                yield row.digest, encoded_frame(data, 0, row.digest)
            except (Corrupt, NotFound, Unsupported):
                continue  # nobody has it: the versions that need it are named

    def _send(
        self, frames: Iterator[tuple[Digest, Encoded]], lost: Lost, *, kept: bool = False
    ) -> None:
        for digest, frame in frames:
            kind = lost.pop(digest, None)
            if kind is None:
                continue
            self._done.add(digest)
            if kept:
                self.kept += 1
            else:
                self.frames += 1
                self.stored_bytes += len(frame.payload)
            if self._dry_run:
                continue
            pack = self._packs.setdefault(kind, PackBuffer(kind))
            pack.append(digest, *frame)
            if pack.full:
                self._seal(kind)

    def _seal_all(self) -> None:
        for kind in list(self._packs):
            self._seal(kind)

    def _seal(self, kind: PackKind) -> None:
        pack_id, data, rows = self._packs.pop(kind).seal()
        self._depot.frames.send_pack(pack_id, data)
        made = Indexed(pack_id, kind, len(data), rows)
        self._depot.mirror.add_packs([made])
        self._unnamed.append(made)

    def _leave(self, kind: ProblemKind, message: str) -> None:
        self._left.add(Problem(kind, None, None, None, None, message))


def _id_of(place: str) -> bytes:
    """Return the id that an index, a root list or a journal pack has, by its name."""
    return bytes.fromhex(place.rpartition("/")[2])


def _ignore(files: int, size_bytes: int) -> None:
    del files, size_bytes
