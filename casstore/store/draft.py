"""A draft: a version before it exists.

Knows: its entries, which packs they rely on, what to remember of the files read.
Never: names, numbers, events, where bytes came from.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from casstore.catalog import Stamp, StatRow, Writer, pack_rows
from casstore.digest import Digest
from casstore.manifests import Entry, ManifestBuilder, ManifestTop, manifest_digest
from casstore.packs import PackId
from casstore.store.index import Index
from casstore.store.session import Session, Token
from casstore.store.table import EntryTable

__all__ = ["Draft", "Seen"]

MAX_WAITING_STATS = 100_000

Seen: TypeAlias = tuple[Stamp, Entry, tuple[Token, ...]]
"""A file that was read: its stamp, its entry, the tokens of the packs that hold it."""

_Settled: TypeAlias = tuple[Stamp, Entry, tuple[PackId, ...]]


class Draft:
    """Entries on their way to a version.  One thread at a time.

    ``relied`` holds the tokens of every pack that the entries' frames lie in.
    """

    def __init__(self, session: Session, index: Index) -> None:
        self.session = session
        self.relied: set[Token] = set()
        self.table = EntryTable(session.folder.new_path("entries"))
        self._index = index
        self._seen: list[Seen] = []
        self._changed = True
        self._digest = Digest(b"")

    def put(self, entry: Entry, tokens: Iterable[Token] = ()) -> None:
        """Add an entry whose frames lie in the packs of ``tokens``.

        The same path with the same content is a no-op; with other content it is ``Invalid`` (a
        ``ValueError``).
        """
        self.table.admit(entry, replace=False)
        self.table.put(entry)
        self.relied.update(tokens)
        self._changed = True

    def put_all(self, entries: Sequence[Entry], tokens: Iterable[Token], *, replace: bool) -> None:
        """Add entries as ``put`` does, all of whose frames lie in the packs of ``tokens``.

        With ``replace``, other content takes the place of what is at its path.
        """
        self.table.put_all(entries, replace=replace)
        self.relied.update(tokens)
        self._changed = True

    def absorb(self, other: "Draft", *, replace: bool = False) -> None:
        """Take every entry of another draft of the same session, or none.

        Raises what ``put`` raises before anything is taken.
        """
        for entry in other.table:
            self.table.admit(entry, replace=replace)
        for entry in other.table:
            self.table.put(entry)
        self.relied |= other.relied
        self._seen += other._seen  # noqa: SLF001 - the same class
        self._changed = True

    def remove(self, path: bytes) -> bool:
        """Remove an entry; returns whether there was one."""
        self._changed = True
        return self.table.remove(path)

    def remember(self, seen: Iterable[Seen]) -> None:
        """Let the next log of the same, unchanged files cost a stat each."""
        self._seen += seen
        if len(self._seen) >= MAX_WAITING_STATS:
            self.settle()

    def settle(self) -> None:
        """Make all frames durable, and remember the files that were read."""
        self.session.flush()
        places: dict[tuple[Token, ...], tuple[PackId, ...]] = {}  # those who lie together share it
        found: list[_Settled] = []
        waiting = []  # what lies in a pack that a worker is still writing
        for stamp, entry, tokens in self._seen:
            packs = places.get(tokens)
            if packs is None:
                ids = [self.session.pack_of(token) for token in tokens]
                packs = places[tokens] = tuple(pack for pack in ids if pack is not None)
            if len(packs) == len(tokens):
                found.append((stamp, entry, packs))
            else:
                waiting.append((stamp, entry, tokens))
        if found:
            self._index.write(lambda writer: _remember(writer, found))
        self._seen = waiting

    def finish(self) -> ManifestTop:
        """Write the manifest's nodes and make everything durable; returns its top."""
        builder = ManifestBuilder(self._add_node)
        builder.extend(self.table)
        top = builder.finish()
        self.settle()
        return top

    def digest(self) -> Digest:
        """Return the manifest digest of the entries as they are now."""
        if self._changed:
            self._digest = manifest_digest(self.table)
            self._changed = False
        return self._digest

    def relied_packs(self) -> set[PackId]:
        """Return the packs that the entries and nodes rely on, after ``finish``."""
        packs = set(map(self.session.pack_of, self.relied))
        if None in packs:
            raise AssertionError("every pack is findable after finish")
        return {pack for pack in packs if pack is not None}

    def close(self) -> None:
        """Let the draft go; frames that were added stay until they are collected."""
        self.table.close()

    def _add_node(self, data: bytes) -> Digest:
        digest, token = self.session.add_metadata(data)
        self.relied.add(token)
        return digest


def _remember(writer: Writer, found: list[_Settled]) -> None:
    """Keep what files became, with the rows that this index has for the packs beneath."""
    places: dict[tuple[PackId, ...], bytes | None] = {}
    rows = []
    for stamp, entry, packs in found:
        if packs not in places:
            numbers = [row for row in map(writer.pack_row, packs) if row is not None]
            places[packs] = pack_rows(numbers) if len(numbers) == len(packs) else None
        place = places[packs]
        if place is not None:  # else a pack was forgotten meanwhile
            rows.append((stamp, StatRow(Digest(entry.content), entry.layout, place)))
    writer.add_stats(rows)
