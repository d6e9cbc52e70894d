"""What is known here of a depot elsewhere: its events and its indexes, in a cache folder.

Knows: which events, journal packs and indexes were fetched already.  Never: objects, requests.

The folder is a depot without packs of frames: fetched events lie in journal packs, and the index
beside them is that of any store, so every question to a store can be asked of it.  All of it can be
deleted at any time; it is then fetched again.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from casstore.catalog import ChunkRow, PackRow, Writer
from casstore.depot import JournalFiles, PackFiles, write_journal_pack
from casstore.digest import CommitId, Digest
from casstore.exchange.indexes import Indexed, IndexId
from casstore.exchange.merged import MergedId, MergedPack, MergedRow, MergedTable
from casstore.journal import queries
from casstore.packs import PackId
from casstore.parallel import Lock
from casstore.store.index import Index

__all__ = ["Mirror"]

_open: dict[Path, "Mirror"] = {}
_lock = Lock()


_INDEX = "index "
_TABLE = f"{_INDEX}merged table "  # forgotten with all that is known of indexes
_BUCKETS = f"{_INDEX}merged buckets "
_PARTLY = b"frames in buckets"
_ASIDE = "set aside "
_DOUBTED = "doubted "
_FETCHED = "journal pack of there "


class Mirror:
    """One depot elsewhere, as far as it is known in ``folder``.  Safe across threads."""

    journal: JournalFiles
    index: Index

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()
        self._forget: Callable[[], None] = _nothing
        self._users = 1

    @classmethod
    def shared(cls, folder: Path) -> "Mirror":
        """Return the mirror in ``folder``: one object a process, for LMDB forbids to open it twice.

        Whoever has asked for it closes it once.
        """
        with _lock:
            mirror = _open.get(folder)
            if mirror is None:
                mirror = _open[folder] = cls(folder)
            else:
                mirror._users += 1
            return mirror

    def _open(self) -> None:
        (self._folder / "journal").mkdir(parents=True, exist_ok=True)
        self.journal = JournalFiles(self._folder)
        self.index = Index(self._folder, self.journal, PackFiles(self._folder))

    @classmethod
    def of_nothing(cls, beside: Path | None = None) -> "Mirror":
        """Return a mirror that knows nothing yet, and is forgotten when it is closed.

        It lies in ``beside`` if that is given, for what it comes to hold may be large.
        """
        if beside is not None:
            beside.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="casstore-", dir=beside)
        mirror = cls(Path(folder.name))
        mirror._forget = folder.cleanup
        return mirror

    def close(self) -> None:
        """Let the index go, if nobody else uses it; who asks for it meanwhile waits."""
        with _lock:
            self._users -= 1
            if self._users:
                return
            _open.pop(self._folder, None)
            self.index.close()
        self._forget()

    def reset(self) -> None:
        """Forget everything: the depot is not the one that was known, but an older copy."""
        self.index.close()
        shutil.rmtree(self._folder)
        self._open()

    # Events

    def known_elsewhere(self) -> tuple[set[int], set[PackId]]:
        """Return the hashes of the names that were fetched loose, and the packs that were fetched.

        What is among them and is not there any more was lost there, or an older copy put back.
        """
        with self.index.read() as reader:
            packs = {PackId(bytes.fromhex(hex_)) for hex_ in reader.meta_below(_FETCHED)}
            loose = {hash(name) for name, place in reader.events() if place.pack not in packs}
        return loose, packs

    def lacks_events(self, names: Iterable[str]) -> list[str]:
        """Return the events among ``names`` that were not fetched."""
        with self.index.read() as reader:
            return [name for name in names if not reader.has_event(name)]

    def lacks_journal_packs(self, packs: Iterable[PackId]) -> list[PackId]:
        """Return the journal packs among ``packs`` that were not fetched."""
        with self.index.read() as reader:
            return [pack_id for pack_id in packs if not reader.has_journal_pack(pack_id)]

    def lacks_indexes(self, indexes: Iterable[IndexId]) -> list[IndexId]:
        """Return the indexes among ``indexes`` that were not fetched."""
        with self.index.read() as reader:
            return [found for found in indexes if reader.meta(_key(found)) is None]

    def lacks_packs(self, packs: Iterable[PackId], *, whole: bool = True) -> list[PackId]:
        """Return the packs among ``packs`` whose frames are not known.

        Without ``whole`` those of which it is enough that an index is known to name them.
        """
        with self.index.read() as reader:
            return [
                pack_id
                for pack_id in packs
                if reader.pack_row(pack_id) is None
                or (whole and (reader.meta(_of_pack(pack_id)) or b"").endswith(_PARTLY))
            ]

    # Frames

    def set_aside(self) -> set[bytes]:
        """Return the packs and indexes that are known to be set aside there."""
        with self.index.read() as reader:
            return {bytes.fromhex(name) for name in reader.meta_below(_ASIDE)}

    def forget_frames(self, set_aside: Iterable[bytes]) -> None:
        """Forget where frames lie, for something was set aside that may have held any of them."""
        keys = [f"{_ASIDE}{name.hex()}" for name in set_aside]

        def change(writer: Writer) -> None:
            writer.forget_packs([pack.pack_id for _, pack in writer.packs()])
            writer.clear_meta(_INDEX)
            for key in keys:
                writer.set_meta(key, b"")

        self.index.write(change)

    def doubt(self, commits: Collection[CommitId] | None = None) -> None:
        """Doubt that versions are whole there, all that are known without ``commits``.

        Something of them, or a pack that may have held any of it, was seen to be gone.  A push that
        is asked for them looks every frame up, once.
        """
        with self.index.read() as reader:
            known = list(queries.commits(reader)) if commits is None else list(commits)

        def change(writer: Writer) -> None:
            for commit in known:
                writer.set_meta(f"{_DOUBTED}{commit.hex()}", b"")

        self.index.write(change)

    def doubted(self) -> set[CommitId]:
        """Return the versions of which it is in doubt that they are whole there."""
        with self.index.read() as reader:
            return {CommitId(bytes.fromhex(text)) for text in reader.meta_below(_DOUBTED)}

    def trust(self, commits: Iterable[CommitId]) -> None:
        """Doubt versions no more: every frame of theirs was looked up."""
        found = list(commits)

        def change(writer: Writer) -> None:
            for commit in found:
                writer.clear_meta(f"{_DOUBTED}{commit.hex()}")

        self.index.write(change)

    def packs(self) -> set[PackId]:
        """Return the packs whose frames are known."""
        with self.index.read() as reader:
            return {pack.pack_id for _, pack in reader.packs()}

    def add_events(self, month: str, files: Iterable[bytes]) -> None:
        """Keep event files, checked by the caller; ``apply`` shows them."""
        staged = self._new_path()
        pack_id = write_journal_pack(staged, files)
        self.journal.install_pack(staged, month, pack_id)

    def add_journal_pack(self, month: str, pack_id: PackId, data: bytes) -> None:
        """Keep a journal pack as it lies elsewhere; what is damaged in it is passed over later."""
        staged = self._new_path()
        staged.write_bytes(data)
        self.journal.install_pack(staged, month, pack_id)
        self.index.write(lambda writer: writer.set_meta(f"{_FETCHED}{pack_id.hex()}", b""))

    def apply(self) -> dict[str, str]:
        """Show the events that were added; returns what could not be read, by where it lies."""
        self.index.catch_up(thorough=True)
        return self.index.problems

    def add_index(self, name: IndexId, packs: Iterable[Indexed]) -> None:
        """Know where frames lie, as an index says."""
        found = list(packs)
        self.index.write(lambda writer: _add(writer, name, found))

    def add_packs(self, packs: Iterable[Indexed]) -> None:
        """Know where frames lie in packs that no index names yet."""
        found = list(packs)
        self.index.write(lambda writer: _add(writer, None, found))

    def merged_table(self, name: MergedId) -> bytes | None:
        """Return the table of a merged index, if it is known."""
        with self.index.read() as reader:
            return reader.meta(f"{_TABLE}{name.hex()}")

    def add_table(self, table: MergedTable, packs: Iterable[MergedPack]) -> None:
        """Know which packs a merged index names; of their frames none is known by that.

        ``packs`` are those that are there, with an index each that others can be led to, if any.
        """
        found = list(packs)
        self.index.write(lambda writer: _add_table(writer, table, found))

    def known_buckets(self, name: MergedId) -> int | None:
        """Return which buckets of a merged index are known, bit by bit; None without its table."""
        with self.index.read() as reader:
            bits = reader.meta(f"{_BUCKETS}{name.hex()}")
        return None if bits is None else int.from_bytes(bits, "little")

    def add_buckets(
        self, table: MergedTable, buckets: Sequence[tuple[int, Sequence[MergedRow]]]
    ) -> bool:
        """Know where the frames of some buckets lie, as far as their packs are there.

        Returns whether that was so: if the table was forgotten meanwhile, nothing is kept.
        """
        return self.index.write(lambda writer: _add_buckets(writer, table, buckets))

    def answer(
        self,
        digests: Sequence[Digest],
        indexes: Collection[IndexId],
        tables: Sequence[MergedTable],
    ) -> tuple[list[bool], bool]:
        """Tell of each frame whether it is known to be there, and whether "no" is an answer.

        It is if all of ``indexes`` are known, and of ``tables`` every bucket that one of the others
        would be in: at one moment, for another process may be forgetting all of it.
        """
        with self.index.read() as reader:
            found = [row is not None for row in reader.chunks(digests)]
            missing = [digest for digest, has in zip(digests, found, strict=True) if not has]
            if not missing:
                return found, True
            knows = all(reader.meta(_key(name)) is not None for name in indexes)
            for table in tables if knows else ():
                bits = reader.meta(f"{_BUCKETS}{table.name.hex()}")
                known = int.from_bytes(bits or b"", "little")
                knows = knows and bits is not None
                knows = knows and table.buckets_of(missing, known) == []
        return found, knows

    def index_of(self, packs: Iterable[PackId]) -> dict[PackId, IndexId | None]:
        """Return an index that names each pack, None where none is known."""
        with self.index.read() as reader:
            found = {pack_id: reader.meta(_of_pack(pack_id)) for pack_id in packs}
        return {pack_id: _index_in(value) for pack_id, value in found.items()}

    def _new_path(self) -> Path:
        return self._folder / f"{os.urandom(8).hex()}.part"


def _nothing() -> None:
    """Forget nothing."""


def _add(writer: Writer, name: IndexId | None, packs: list[Indexed]) -> None:
    for pack in packs:
        if _is_aside(writer, pack.pack_id):  # another process saw its mark meanwhile
            continue
        row = PackRow(pack.pack_id, pack.kind, len(pack.rows), pack.size_bytes)
        writer.add_pack(row, pack.rows)
        key = _of_pack(pack.pack_id)
        if name is not None or writer.meta(key) is not None:
            writer.set_meta(key, name or _index_in(writer.meta(key)) or b"")
    if name is not None:
        writer.set_meta(_key(name), b"")


def _add_table(writer: Writer, table: MergedTable, packs: Iterable[MergedPack]) -> None:
    for pack in packs:
        key = _of_pack(pack.pack_id)
        if _is_aside(writer, pack.pack_id):
            continue
        if writer.pack_row(pack.pack_id) is None:
            writer.add_pack(PackRow(pack.pack_id, pack.kind, pack.frames, pack.size_bytes), ())
            writer.set_meta(key, pack.named_by + _PARTLY)
        elif pack.named_by and _index_in(writer.meta(key)) is None:
            writer.set_meta(key, pack.named_by + (writer.meta(key) or b""))
    writer.set_meta(f"{_TABLE}{table.name.hex()}", table.data)
    if writer.meta(f"{_BUCKETS}{table.name.hex()}") is None:
        writer.set_meta(f"{_BUCKETS}{table.name.hex()}", b"")


def _add_buckets(
    writer: Writer, table: MergedTable, buckets: Sequence[tuple[int, Sequence[MergedRow]]]
) -> bool:
    key = f"{_BUCKETS}{table.name.hex()}"
    bits = writer.meta(key)
    if bits is None:
        return False
    known = int.from_bytes(bits, "little")
    rows: dict[int, int | None] = {}
    items: list[tuple[Digest, ChunkRow]] = []
    for bucket, its in buckets:
        known |= 1 << bucket
        for digest, offset, stored, pack in its:
            if pack not in rows:
                rows[pack] = writer.pack_row(table.pack_id(pack))
            row = rows[pack]
            if row is not None:
                items.append((Digest(digest), ChunkRow(row, offset, stored)))
    writer.add_chunks(items)
    writer.set_meta(key, known.to_bytes((table.buckets + 7) // 8, "little"))
    return True


def _is_aside(writer: Writer, name: bytes) -> bool:
    return writer.meta(f"{_ASIDE}{name.hex()}") is not None


def _index_in(value: bytes | None) -> IndexId | None:
    """Return the index that is noted for a pack, in front of whether its frames are all known."""
    index = (value or b"").removesuffix(_PARTLY)
    return IndexId(index) if index else None


def _key(name: IndexId) -> str:
    return f"{_INDEX}{name.hex()}"


def _of_pack(pack_id: PackId) -> str:
    return f"{_INDEX}of pack {pack_id.hex()}"
