"""What is known here of a depot elsewhere: its events and its indexes, in a cache folder.

Knows: which events, journal packs and indexes were fetched already.  Never: objects, requests.

The folder is a depot without packs of frames: fetched events lie in journal packs, and the index
beside them is that of any store, so every question to a store can be asked of it.  All of it can be
deleted at any time; it is then fetched again.
"""

import secrets
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from casstore.catalog import PackRow, Writer
from casstore.depot import JournalFiles, PackFiles, write_journal_pack
from casstore.exchange.indexes import Indexed, IndexId
from casstore.packs import PackId
from casstore.store.index import Index

__all__ = ["Mirror"]


class Mirror:
    """One depot elsewhere, as far as it is known in ``folder``."""

    def __init__(self, folder: Path) -> None:
        (folder / "journal").mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.journal = JournalFiles(folder)
        self.index = Index(folder, self.journal, PackFiles(folder))
        self._forget: Callable[[], None] = _nothing

    @classmethod
    def of_nothing(cls) -> "Mirror":
        """Return the mirror of a depot that is not there, which is forgotten when it is closed."""
        folder = tempfile.TemporaryDirectory(prefix="casstore-")
        mirror = cls(Path(folder.name))
        mirror._forget = folder.cleanup
        return mirror

    def close(self) -> None:
        """Let the index go."""
        self.index.close()
        self._forget()

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

    def lacks_packs(self, packs: Iterable[PackId]) -> list[PackId]:
        """Return the packs among ``packs`` whose frames are not known."""
        with self.index.read() as reader:
            return [pack_id for pack_id in packs if reader.pack_row(pack_id) is None]

    def packs(self) -> set[PackId]:
        """Return every pack whose frames are known."""
        with self.index.read() as reader:
            return {pack.pack_id for _, pack in reader.packs()}

    def forget_packs(self, gone: Collection[PackId]) -> None:
        """Forget packs that are not there any more."""
        if gone:
            self.index.write(lambda writer: writer.forget_packs(gone))

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

    def apply(self) -> None:
        """Show the events that were added."""
        self.index.catch_up(thorough=True)

    def add_index(self, name: IndexId, packs: Iterable[Indexed]) -> None:
        """Know where frames lie, as an index says."""
        found = list(packs)
        self.index.write(lambda writer: _add(writer, name, found))

    def add_packs(self, packs: Iterable[Indexed]) -> None:
        """Know where frames lie in packs that no index names yet."""
        found = list(packs)
        self.index.write(lambda writer: _add(writer, None, found))

    def index_of(self, packs: Iterable[PackId]) -> dict[PackId, IndexId | None]:
        """Return an index that names each pack, None where none is known."""
        with self.index.read() as reader:
            found = {pack_id: reader.meta(_of_pack(pack_id)) for pack_id in packs}
        return {pack_id: None if name is None else IndexId(name) for pack_id, name in found.items()}

    def _new_path(self) -> Path:
        return self._folder / f"{secrets.token_hex(8)}.part"


def _nothing() -> None:
    """Forget nothing."""


def _add(writer: Writer, name: IndexId | None, packs: list[Indexed]) -> None:
    for pack in packs:
        row = PackRow(pack.pack_id, pack.kind, len(pack.rows), pack.size_bytes)
        writer.add_pack(row, pack.rows)
        if name is not None:
            writer.set_meta(_of_pack(pack.pack_id), name)
    if name is not None:
        writer.set_meta(_key(name), b"")


def _key(name: IndexId) -> str:
    return f"index {name.hex()}"


def _of_pack(pack_id: PackId) -> str:
    return f"index of pack {pack_id.hex()}"
