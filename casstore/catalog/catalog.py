"""The tables of the index, typed.

Knows: which table a question is for.  Never: files of the depot, what a state row says.
"""

import contextlib
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice, repeat
from pathlib import Path
from typing import TypeVar

import lmdb

from casstore.catalog.environment import WRITE_WAIT_SECONDS, Damaged, Environment
from casstore.catalog.rows import (
    CHUNK_ROW,
    FILE_KEY_BYTES,
    ChunkRow,
    EventPlace,
    PackRow,
    Stamp,
    StatRow,
)
from casstore.digest import CommitId, Digest
from casstore.encoding import decode, encode
from casstore.journal.table import MEMBER_BYTES, SET_FAMILIES
from casstore.packs import PackId, Row

__all__ = ["Catalog", "Reader", "Writer", "event_names"]

TABLES = (
    *("meta", "packs", "pack_ids", "chunks", "events", "gathered", "state", "stat", "intents"),
)
MAX_STAT_ROWS = 20_000_000

_PACK_KEY = struct.Struct(">I")
_PACK_ROWS_GIVEN = "pack rows"
_EVENTS_OF = "events of "
_LOOSE = "loose events of "
_SUBJECTS = "subjects"

Result = TypeVar("Result")


class Reader:
    """Questions to the index within one transaction."""

    def __init__(self, transaction: lmdb.Transaction, handles: dict[str, object]) -> None:
        self._transaction = transaction
        self._handles = handles

    def meta(self, key: str) -> bytes | None:
        """Return a setting of the index."""
        return self._get("meta", key.encode())

    def meta_below(self, prefix: str) -> list[str]:
        """Return what follows a prefix in the keys of settings that begin with it."""
        return [key.decode()[len(prefix) :] for key, _ in self._scan("meta", prefix.encode())]

    def chunk(self, digest: Digest) -> ChunkRow | None:
        """Return where a frame lies."""
        data = self._get("chunks", digest)
        return ChunkRow._make(CHUNK_ROW.unpack(data)) if data is not None else None

    def chunks(self, digests: Sequence[Digest]) -> list[ChunkRow | None]:
        """Return where each frame lies, in the order asked.

        Each lookup lets go of the interpreter's lock, so an empty table is asked nothing.
        """
        get, table = self._transaction.get, self._handles["chunks"]
        if not self._transaction.stat(table)["entries"]:
            return [None] * len(digests)
        unpack, make = CHUNK_ROW.unpack, ChunkRow._make
        found = [get(digest, None, table) for digest in digests]
        return [None if data is None else make(unpack(data)) for data in found]

    def frames(self, after: bytes, limit: int) -> list[tuple[Digest, ChunkRow]]:
        """Return the frames whose digests follow ``after``, in order, and where each lies.

        At most ``limit``, so that whoever wants all of them holds no transaction open for long.
        """
        with self._transaction.cursor(self._handles["chunks"]) as cursor:
            if not (cursor.set_range(after) if after else cursor.first()):
                return []
            rows = islice(cursor.iternext(), limit + 1)
            found = [(Digest(key), ChunkRow(*CHUNK_ROW.unpack(data))) for key, data in rows]
        return [item for item in found if item[0] > after][:limit]

    def pack(self, row: int) -> PackRow | None:
        """Return the pack of a row."""
        data = self._get("packs", _PACK_KEY.pack(row))
        return PackRow.unpack(data) if data is not None else None

    def pack_id(self, row: int) -> PackId:
        """Return the id of the pack of a row that another row names.

        Raises ``Damaged`` if there is none: no transaction leaves that.
        """
        pack = self.pack(row)
        if pack is None:
            raise Damaged(f"a row names pack row {row}, which is not there")
        return pack.pack_id

    def pack_row(self, pack_id: PackId) -> int | None:
        """Return the row of a pack."""
        data = self._get("pack_ids", pack_id)
        return _PACK_KEY.unpack(data)[0] if data is not None else None

    def packs(self) -> Iterator[tuple[int, PackRow]]:
        """Yield (row, pack) of every pack."""
        for key, data in self._scan("packs", b""):
            yield _PACK_KEY.unpack(key)[0], PackRow.unpack(data)

    def frames_in(self, pack_rows: Collection[int]) -> Iterator[tuple[Digest, ChunkRow]]:
        """Yield the frames that are found in some packs; every row of the table is looked at."""
        for key, data in self._scan("chunks", b""):
            row = ChunkRow._make(CHUNK_ROW.unpack(data))
            if row.pack_row in pack_rows:
                yield Digest(key), row

    def has_event(self, name: str) -> bool:
        """Tell whether an event was applied."""
        return self._get("events", name.encode()) is not None

    def event_place(self, name: str) -> EventPlace | None:
        """Return where an event lies that was applied."""
        data = self._get("events", name.encode())
        return EventPlace.decoded(data) if data is not None else None

    def events(self) -> Iterator[tuple[str, EventPlace]]:
        """Yield (name, place) of every event that was applied."""
        for key, place in self._scan("events", b""):
            yield key.decode(), EventPlace.decoded(place)

    def loose_events(self, month: str) -> int:
        """Return how many events of a month lie there loose, as far as the index knows."""
        return int(self.meta(f"{_LOOSE}{month}") or 0)

    def events_of(self, month: str) -> int:
        """Return how many events of a month were applied, loose and gathered."""
        return int(self.meta(f"{_EVENTS_OF}{month}") or 0)

    def months(self) -> list[str]:
        """Return the months of which events were applied."""
        return self.meta_below(_EVENTS_OF)

    def has_journal_pack(self, pack_id: PackId) -> bool:
        """Tell whether every event of a journal pack was applied."""
        return self._get("gathered", pack_id) is not None

    def journal_packs(self, month: str) -> set[PackId]:
        """Return the journal packs of a month of which every event was applied."""
        packs = self._scan("gathered", b"")
        return {PackId(pack_id) for pack_id, its in packs if its == month.encode()}

    def events_about(self, subject: bytes) -> list[str]:
        """Return the names of the applied events about a subject: 16 bytes, its ``subject_key``."""
        with self._transaction.cursor(self._handles[_SUBJECTS]) as cursor:
            if not cursor.set_key(subject):
                return []
            return [name.decode() for name in cursor.iternext_dup()]

    def unchanged(self, stamps: Iterable[Stamp]) -> list[StatRow | None]:
        """Return what is remembered of each file that has this stamp still, in the order asked."""
        get, table, read = self._transaction.get, self._handles["stat"], StatRow.unpack
        found: list[StatRow | None] = []
        for stamp in stamps:
            data = get(stamp[:FILE_KEY_BYTES], None, table)
            same = data is not None and data.startswith(stamp[FILE_KEY_BYTES:])
            found.append(read(data) if same else None)
        return found

    def intent(self, project: str, name: str) -> tuple[str, CommitId] | None:
        """Return (session, commit) of whoever is about to commit to a name."""
        data = self._get("intents", f"{project}\0{name}".encode())
        if data is None:
            return None
        session, commit = decode(data)
        return session, CommitId(commit)

    def get(self, key: bytes) -> bytes | None:
        """Return a row of the folded state."""
        return self._get("state", key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of the folded state under a prefix, by key."""
        return self._scan("state", prefix)

    def folded(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield (table, key, row) of all that events were folded into, sorted."""
        for table in sorted(("state", *SET_FAMILIES, _SUBJECTS)):
            yield from ((table, key, row) for key, row in self._scan(table, b""))

    def members(self, family: str, keys: Sequence[bytes], limit: int) -> list[tuple[bytes, bytes]]:
        """Return (key, member) of folded sets, in the order of ``keys``, at most ``limit``."""
        table = self._handles[family]
        with self._transaction.cursor(table) as cursor:
            if self._transaction.stat(table)["entries"] <= limit:  # one call, however many
                whole: list[tuple[bytes, bytes]]
                whole = cursor.getmulti(keys, dupdata=True, dupfixed_bytes=MEMBER_BYTES)
                return whole
            found: list[tuple[bytes, bytes]] = []
            for key in keys:
                if cursor.set_key(key):
                    members = zip(repeat(key), cursor.iternext_dup(), strict=False)
                    found += islice(members, limit - len(found))
            return found

    def _get(self, table: str, key: bytes) -> bytes | None:
        data: bytes | None = self._transaction.get(key, None, self._handles[table])
        return data

    def _scan(self, table: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        with self._transaction.cursor(self._handles[table]) as cursor:
            if not (cursor.set_range(prefix) if prefix else cursor.first()):
                return
            for row in cursor.iternext():
                if not row[0].startswith(prefix):
                    return
                yield row


class Writer(Reader):
    """Questions and changes within one transaction; ``state`` rows through put and delete."""

    def set_meta(self, key: str, value: bytes) -> None:
        """Keep a setting of the index."""
        self._put("meta", key.encode(), value)

    def add_pack(self, pack: PackRow, rows: Sequence[Row]) -> int:
        """Index a pack and its frames, rows sorted by digest; returns its row.

        A frame that is indexed already keeps its older place; a pack that is indexed keeps its row.
        A row is never given twice: what is remembered of files may still name one that was dropped.
        """
        number = self.pack_row(pack.pack_id)
        if number is None:
            number = int(self.meta(_PACK_ROWS_GIVEN) or b"0") + 1
            self.set_meta(_PACK_ROWS_GIVEN, str(number).encode())
            self._put("packs", _PACK_KEY.pack(number), pack.pack())
            self._put("pack_ids", pack.pack_id, _PACK_KEY.pack(number))
        packed = CHUNK_ROW.pack
        items = [(row.digest, packed(number, row.offset, row.stored_bytes)) for row in rows]
        with self._transaction.cursor(self._handles["chunks"]) as cursor:
            cursor.putmulti(items, overwrite=False)
        return number

    def add_chunks(self, items: Iterable[tuple[Digest, ChunkRow]]) -> None:
        """Index frames, sorted by digest, of packs that are indexed; older places are kept."""
        with self._transaction.cursor(self._handles["chunks"]) as cursor:
            cursor.putmulti([(d, CHUNK_ROW.pack(*row)) for d, row in items], overwrite=False)

    def move_chunks(self, pack_row: int, rows: Iterable[Row]) -> None:
        """Let frames be found in another pack that holds them too."""
        for row in rows:
            self._put("chunks", row.digest, CHUNK_ROW.pack(pack_row, row.offset, row.stored_bytes))

    def forget_pack(self, pack_id: PackId, digests: Iterable[Digest]) -> None:
        """Drop a pack and those of its frames that are found in it."""
        number = self.pack_row(pack_id)
        if number is None:
            return
        for digest in digests:
            row = self.chunk(digest)
            if row is not None and row.pack_row == number:
                self._transaction.delete(digest, db=self._handles["chunks"])
        self._transaction.delete(pack_id, db=self._handles["pack_ids"])
        self._transaction.delete(_PACK_KEY.pack(number), db=self._handles["packs"])

    def forget_packs(self, pack_ids: Iterable[PackId]) -> None:
        """Drop packs whose files are gone or will be, and every frame that is found in them."""
        gone = {row for row in map(self.pack_row, pack_ids) if row is not None}
        with self._transaction.cursor(self._handles["chunks"]) as cursor:
            found = cursor.first()
            while found:
                if CHUNK_ROW.unpack(cursor.value())[0] in gone:
                    cursor.delete()
                    found = bool(cursor.key())  # it stands on the next row, if there is one
                else:
                    found = cursor.next()
        for row in gone:
            pack = self.pack(row)
            if pack is not None:
                self._transaction.delete(pack.pack_id, db=self._handles["pack_ids"])
                self._transaction.delete(_PACK_KEY.pack(row), db=self._handles["packs"])

    def clear_meta(self, prefix: str) -> None:
        """Drop every setting whose key begins so."""
        for key in [key for key, _ in self._scan("meta", prefix.encode())]:
            self._transaction.delete(key, db=self._handles["meta"])

    def add_event(self, name: str, place: EventPlace) -> None:
        """Note that an event was applied, and where it lies; a pack replaces a loose file."""
        known = self.event_place(name)
        if known is not None and (known.pack is not None or place.pack is None):
            return
        self._put("events", name.encode(), place.encoded())
        if known is not None:
            self._count(known, -1)
        self._count(place, 1)

    def move_events(self, names: Iterable[str], place: EventPlace) -> None:
        """Let events that were applied be found in another place that holds them too."""
        for name in names:
            known = self.event_place(name)
            if known is not None:
                self._count(known, -1)
                self._put("events", name.encode(), place.encoded())
                self._count(place, 1)

    def note_subject(self, subject: bytes, name: str) -> None:
        """Let an event be found by what it is about."""
        self._put(_SUBJECTS, subject, name.encode())

    def add_journal_pack(self, pack_id: PackId, month: str) -> None:
        """Note that every event of a journal pack was applied."""
        self._put("gathered", pack_id, month.encode())

    def forget_journal_pack(self, pack_id: PackId) -> None:
        """Drop a journal pack that was set aside."""
        self._transaction.delete(pack_id, db=self._handles["gathered"])

    def _count(self, place: EventPlace, change: int) -> None:
        for counter in (_EVENTS_OF, *([_LOOSE] if place.pack is None else [])):
            key = f"{counter}{place.month}"
            self.set_meta(key, str(int(self.meta(key) or 0) + change).encode())

    def add_stats(self, items: Iterable[tuple[Stamp, StatRow]]) -> None:
        """Remember what files were when they were read."""
        if self._transaction.stat(self._handles["stat"])["entries"] > MAX_STAT_ROWS:
            self._transaction.drop(self._handles["stat"], delete=False)
        packed = sorted((stamp[:FILE_KEY_BYTES], row.pack(stamp)) for stamp, row in items)
        with self._transaction.cursor(self._handles["stat"]) as cursor:
            cursor.putmulti(packed)

    def set_intent(self, project: str, name: str, session: str, commit: CommitId) -> None:
        """Say who is about to commit to a name."""
        self._put("intents", f"{project}\0{name}".encode(), encode([session, commit]))

    def clear_intent(self, project: str, name: str) -> None:
        """Say that nobody is about to commit to a name."""
        self._transaction.delete(f"{project}\0{name}".encode(), db=self._handles["intents"])

    def put(self, key: bytes, value: bytes) -> None:
        """Set a row of the folded state."""
        self._put("state", key, value)

    def delete(self, key: bytes) -> None:
        """Remove a row of the folded state."""
        self._transaction.delete(key, db=self._handles["state"])

    def join(self, family: str, key: bytes, member: bytes) -> None:
        """Put a member into a set of the folded state."""
        self._put(family, key, member)

    def _put(self, table: str, key: bytes, value: bytes) -> None:
        self._transaction.put(key, value, db=self._handles[table])


def event_names(path: Path) -> list[str]:
    """Return the events that the index in ``path`` knows; a damaged one may end the process."""
    catalog = Catalog(path)
    try:
        with catalog.read() as reader:
            return [name for name, _ in reader.events()]
    finally:
        catalog.close()


class Catalog:
    """The index of one store in one process."""

    def __init__(self, path: Path) -> None:
        self._environment = Environment(path, TABLES, (*SET_FAMILIES, _SUBJECTS))

    def close(self) -> None:
        """Let the environment go."""
        self._environment.close()

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Ask questions; the transaction must be short."""
        with self._environment.read() as transaction:
            yield Reader(transaction, self._environment.handles)

    def write(
        self, action: Callable[[Writer], Result], *, wait_seconds: float = WRITE_WAIT_SECONDS
    ) -> Result:
        """Run ``action`` in a transaction; it may run twice, so it must change nothing else.

        Raises ``Busy`` if another process keeps writing for ``wait_seconds``.
        """
        environment = self._environment
        return environment.write(
            lambda transaction: action(Writer(transaction, environment.handles)),
            wait_seconds=wait_seconds,
        )
