"""A draft: a version before it exists.

Knows: its entries, which packs they rely on, what to remember of the files read.
Never: names, numbers, events, where bytes came from.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from casstore.catalog import StatKey, StatRow, Writer
from casstore.digest import Digest
from casstore.errors import Invalid
from casstore.manifests import Entry, ManifestBuilder, ManifestTop, manifest_digest
from casstore.names import display_path
from casstore.packs import PackId
from casstore.store.index import Index
from casstore.store.session import Session, Token
from casstore.store.table import EntryTable

__all__ = ["Draft", "Seen"]

MAX_WAITING_STATS = 100_000


class Seen(NamedTuple):
    """What a file was when it was read; times in nanoseconds."""

    key: StatKey
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    read_ns: int


_Settled: TypeAlias = tuple[Seen, Entry, list[PackId]]


class Draft:
    """Entries on their way to a version.  One thread at a time.

    ``relied`` holds the tokens of every pack that the entries' frames lie in.
    """

    def __init__(self, session: Session, index: Index) -> None:
        self.session = session
        self.relied: set[Token] = set()
        self.table = EntryTable(session.folder.new_path("entries"))
        self._index = index
        self._seen: list[tuple[Seen, Entry, tuple[Token, ...]]] = []
        self._changed = True
        self._digest = Digest(b"")

    def put(self, entry: Entry, tokens: Iterable[Token] = (), *, replace: bool = False) -> None:
        """Add an entry whose frames lie in the packs of ``tokens``.

        The same path with the same content is a no-op; with other content it is ``Invalid`` (a
        ``ValueError``) unless ``replace``.
        """
        self._check(entry, replace=replace)
        self.table.put(entry)
        self.relied.update(tokens)
        self._changed = True

    def absorb(self, other: "Draft", *, replace: bool = False) -> None:
        """Take every entry of another draft of the same session, or none.

        Raises what ``put`` raises before anything is taken.
        """
        for entry in other.table:
            self._check(entry, replace=replace)
        for entry in other.table:
            self.table.put(entry)
        self.relied |= other.relied
        self._seen += other._seen  # noqa: SLF001 - the same class
        self._changed = True

    def remove(self, path: bytes) -> bool:
        """Remove an entry; returns whether there was one."""
        self._changed = True
        return self.table.remove(path)

    def remember(self, seen: Seen, entry: Entry, tokens: Iterable[Token]) -> None:
        """Let the next log of the same, unchanged file cost a stat."""
        self._seen.append((seen, entry, tuple(tokens)))
        if len(self._seen) >= MAX_WAITING_STATS:
            self.settle()

    def settle(self) -> None:
        """Make all frames durable, and remember the files that were read."""
        self.session.flush()
        found: list[_Settled] = []
        waiting = []  # what lies in a pack that a worker is still writing
        for seen, entry, tokens in self._seen:
            packs = [pack for pack in map(self.session.pack_of, tokens) if pack is not None]
            if len(packs) < len(tokens):
                waiting.append((seen, entry, tokens))
                continue
            found.append((seen, entry, packs))
        if found:
            self._index.write(lambda writer: _remember(writer, found))
        self._seen = waiting

    def finish(self) -> ManifestTop:
        """Write the manifest's nodes and make everything durable; returns its top."""
        builder = ManifestBuilder(self._add_node)
        for entry in self.table:
            builder.add(entry)
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

    def _check(self, entry: Entry, *, replace: bool) -> None:
        present = self.table.admit(entry.path)
        if present is not None and present[2:4] != entry[2:4] and not replace:
            raise Invalid(
                f"{display_path(entry.path)!r} was added already with other content",
                hint="nothing was added; replace it with overwrite=True (add_dir: merge=True)",
            )

    def _add_node(self, data: bytes) -> Digest:
        digest, token = self.session.add_metadata(data)
        self.relied.add(token)
        return digest


def _remember(writer: Writer, found: list[_Settled]) -> None:
    rows = {pack: writer.pack_row(pack) for pack in {pack for *_, packs in found for pack in packs}}
    items = []
    for seen, entry, packs in found:
        places = tuple(row for row in map(rows.get, packs) if row is not None)
        if len(places) == len(packs):  # else the pack was forgotten meanwhile
            content = Digest(entry.content)
            items.append((seen.key, StatRow(*seen[1:], content, entry.layout, places)))
    writer.add_stats(items)
