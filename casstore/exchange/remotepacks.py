"""The packs of a depot elsewhere: which there are, and which frames lie in them.

Knows: listings, indexes, root lists, tails of packs, marks.  Never: events, what is in a frame.

Invariant: a frame is said to be there only if its pack was listed or named by an index.

``refresh`` learns all of it; ``look`` only learns who can say of which frame where it lies, and
``learn_about`` then fetches what says so of some frames.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from casstore.depot import marked_name
from casstore.digest import Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.indexes import (
    HEAD_BYTES,
    MAX_INDEX_BYTES,
    MAX_ROOTS_BYTES,
    Indexed,
    IndexId,
    read_index,
    read_roots,
    rows_of_size,
    size_of_index,
)
from casstore.exchange.lookup import MergedIndexes, merged_id, merged_name
from casstore.exchange.merged import MergedId, MergedTable, Part, merge_parts
from casstore.exchange.mirror import Mirror
from casstore.packs import PackId, rows_at
from casstore.parallel import Lock, ordered_map
from casstore.remotes import MAX_SMALL_BYTES, Listed, Objects

__all__ = ["MAX_LOOKS", "RemotePacks", "pack_name"]

REQUESTS_AT_ONCE = 4
MAX_LOOKS = 3  # after which what is not known counts as not there

_INDEX = re.compile(r"index/([0-9a-f]{64})\Z")
_FRAMES = re.compile(r"packs/[0-9a-f]{2}/([0-9a-f]{64})\Z")
_ROOTS = re.compile(r"roots/[0-9a-f]{64}/([0-9a-f]{64})\Z")


class RemotePacks:
    """The packs of one depot, as far as ``mirror`` knows them.

    ``problems`` takes what lies there and cannot be read.
    """

    def __init__(self, objects: Objects, mirror: Mirror, problems: dict[str, str]) -> None:
        self._objects = objects
        self._mirror = mirror
        self._problems = problems
        self._gone: set[bytes] = set()
        self._merged = MergedIndexes(objects, mirror, problems)
        self._sizes: dict[IndexId, int] = {}  # of the indexes of the last listing
        self._unmerged: list[IndexId] | None = None  # those to be known whole, after a look
        self._unreadable: set[IndexId] = set()  # since the last listing
        self._looking = Lock()

    def refresh(self) -> list[Indexed]:
        """Learn of every frame there; returns the packs that no index names (of killed pushes).

        A pack is forgotten only if it was known before the listing that does not show it: another
        process of this machine may be adding some.
        """
        self.learn_all()
        known = self._mirror.packs()
        listed = self._listed()
        if self._forget_gone(known, listed):
            self.learn_all()
        return self._read_tails(listed, self._mirror.lacks_packs(listed))

    def look(self, *, packs: bool = True) -> list[Indexed]:
        """See what can say where frames lie; ``learn_about`` then needs no listing.

        Returns the packs that no index names, as ``refresh`` does; without ``packs`` they are not
        listed, and what is known of them stays as it is.
        """
        with self._looking:
            names, merged = self._list_indexes()
            listed: dict[PackId, Listed] | None = None
            if packs:
                known = self._mirror.packs()
                listed = self._listed()
                self._forget_gone(known, listed)
            aside = self._mirror.set_aside() | self._gone
            self._unmerged = self._merged.choose(names, merged, listed, aside)
            if listed is None:
                return []
            self._learn(self._unmerged, listed)
            return self._read_tails(listed, self._mirror.lacks_packs(listed, whole=False))

    def answer(self, digests: Sequence[Digest]) -> tuple[list[bool], bool]:
        """Tell of each frame whether it is known to be there, and whether "no" is an answer."""
        with self._looking:
            known = set(self._unmerged or ()) - self._unreadable
            found, knows = self._mirror.answer(digests, known, self._merged.chosen)
            return found, all(found) or (knows and self._unmerged is not None)

    def learn_about(self, digests: Collection[Digest]) -> None:
        """Fetch what says of some frames whether they are there, as far as it was not fetched."""
        with self._looking:
            if self._unmerged is None:
                self.look(packs=False)
            for _ in range(MAX_LOOKS):
                self._learn(set(self._unmerged or ()) - self._unreadable)
                if self._merged.learn(digests):
                    return
                self.look(packs=False)  # something was damaged, or forgotten by another process

    # Merging

    def unmerged(self) -> list[IndexId]:
        """Return the indexes that no merged one stands for, as the last look saw them."""
        return list(self._unmerged or ())

    def merged(self) -> list[MergedTable]:
        """Return the merged indexes that are looked up since the last look."""
        return list(self._merged.chosen)

    def rows_about(self, name: IndexId) -> int:
        """Return about how many rows an index has, by its size."""
        return rows_of_size(self._sizes.get(name, 0))

    def whole_of(self, table: MergedTable) -> bytes:
        """Return every byte of a merged index, to be checked by whoever takes it apart."""
        return self._objects.read(merged_name(table.name), 0, table.size_bytes)

    def left_out(self) -> set[bytes]:
        """Return the packs and indexes that are set aside or known to be gone."""
        return self._mirror.set_aside() | self._gone

    def add_merged(self, parts: Sequence[Part]) -> None:
        """Create a merged index of parts, without packs that are left out.

        It replaces damaged ones, also so that it never has the name of one.
        """
        damaged = Part((), frozenset(), frozenset(self._merged.damaged), b"")
        name, data = merge_parts([*parts, damaged], self.left_out())
        self._objects.create(merged_name(name), data)

    def _read_tails(
        self, listed: Mapping[PackId, Listed], wanted: Iterable[PackId]
    ) -> list[Indexed]:
        found = [self._tail(listed[pack_id]) for pack_id in wanted]
        unnamed = [pack for pack in found if pack is not None]
        self._mirror.add_packs(unnamed)
        return unnamed

    def _tail(self, listed: Listed) -> Indexed | None:
        """Read the footer of a pack; None if it has none, as where an upload was cut short."""
        name = listed.name
        try:
            pack_id, kind, rows = rows_at(
                lambda count, offset: self._objects.read(name, offset, offset + count),
                listed.size_bytes,
                name.rpartition("/")[2],
            )
        except NotFound:  # it went since it was listed, or a roll names it still
            return None
        except (Corrupt, Unsupported) as error:
            self._problems[name] = error.message
            return None
        if not name.endswith(pack_id.hex()):
            self._problems[name] = "it is another pack, renamed"
            return None
        return Indexed(pack_id, kind, listed.size_bytes, rows)

    def learn_all(self) -> None:
        """Fetch every index that was not fetched before; what was set aside is read no more."""
        names, _ = self._list_indexes()
        self._learn(names)

    def _list_indexes(self) -> tuple[list[IndexId], dict[MergedId, int]]:
        """Return the indexes that are there, and the merged ones with their sizes."""
        self._unreadable.clear()
        names: list[IndexId] = []
        merged: dict[MergedId, int] = {}
        aside: set[bytes] = set()
        for item in self._objects.listing("index/"):
            if match := _INDEX.match(item.name):
                names.append(IndexId(bytes.fromhex(match[1])))
                self._sizes[names[-1]] = item.size_bytes
            elif (marked := marked_name(item.name)) is not None:
                aside.add(marked)
            elif (its := merged_id(item.name)) is not None:
                merged[its] = item.size_bytes
        if not aside <= self._mirror.set_aside():  # frames of theirs lie elsewhere now
            self._mirror.forget_frames(aside)
        return names, merged

    def learn(self, root: Digest) -> None:
        """Fetch the indexes that lead to the frames of a manifest, all if nothing says which."""
        for listed in self._objects.listing(f"roots/{root.hex()}/"):
            names = self._roots(listed)
            if names:
                self._learn(names)
                return
        self.learn_all()

    def _roots(self, listed: Listed) -> list[IndexId]:
        match = _ROOTS.match(listed.name)
        if match is None or listed.size_bytes > MAX_ROOTS_BYTES:
            return []
        try:
            return read_roots(match[1], self._objects.read(listed.name, 0, listed.size_bytes))
        except (Corrupt, Unsupported, NotFound) as error:
            self._problems[listed.name] = error.message
            return []

    def _learn(self, names: Iterable[IndexId], listed: Collection[PackId] | None = None) -> None:
        """Fetch indexes; of packs that were ``listed`` after them, those that are not are gone."""
        aside = self._mirror.set_aside() | self._gone
        missing = self._mirror.lacks_indexes(name for name in names if name not in aside)
        for name, packs in zip(missing, self._fetched(missing), strict=True):
            if packs is None:
                self._unreadable.add(name)
                continue
            if listed is not None:
                self._gone.update(one.pack_id for one in packs if one.pack_id not in listed)
            aside |= self._gone
            self._mirror.add_index(name, [pack for pack in packs if pack.pack_id not in aside])

    def _fetched(self, names: list[IndexId]) -> Iterator[list[Indexed] | None]:
        return ordered_map(self._fetch, names, workers=REQUESTS_AT_ONCE, window=REQUESTS_AT_ONCE)

    def _fetch(self, name: IndexId) -> list[Indexed] | None:
        place = f"index/{name.hex()}"
        try:
            return self.index_at(name)
        except (Corrupt, Unsupported, NotFound) as error:
            self._problems[place] = error.message
            return None

    def indexed(self) -> Iterator[list[Indexed]]:
        """Yield the packs of each index as it is there now, one index at a time in memory.

        Those that cannot be read are noted in ``problems``; what is set aside is left out.
        """
        aside = self._mirror.set_aside()
        for listed in list(self._objects.listing("index/")):
            match = _INDEX.match(listed.name)
            name = IndexId(bytes.fromhex(match[1])) if match else None
            if name is None or name in aside:
                continue
            try:
                packs = self.index_at(name)
            except (Corrupt, Unsupported, NotFound) as error:
                self._problems[listed.name] = error.message
            else:
                yield [pack for pack in packs if pack.pack_id not in aside]

    def index_at(self, name: IndexId) -> list[Indexed]:
        """Return an index as it is there now, no more of it than one may have."""
        place = f"index/{name.hex()}"
        listed_bytes = self._sizes.get(name, MAX_INDEX_BYTES)
        if listed_bytes < MAX_INDEX_BYTES:  # one request; the head is checked all the same
            data = self._objects.read(place, 0, listed_bytes)
            size_of_index(name, data)
            return read_index(name, data)
        size_bytes = size_of_index(name, self._objects.read(place, 0, HEAD_BYTES))
        return read_index(name, self._objects.read(place, 0, size_bytes))

    def look_again(self) -> None:
        """Forget packs that are not there any more, as after somebody collected there.

        Raises ``NotFound`` if the depot itself is gone, or its folder is not mounted.
        """
        self._require_depot()
        known = self._mirror.packs()
        if self._forget_gone(known, self._listed()):
            self.learn_all()

    def _require_depot(self) -> None:
        try:
            self._objects.read("FORMAT", at_most=MAX_SMALL_BYTES)
        except NotFound:
            raise NotFound(
                f"there is no depot at {self._objects.url} any more",
                hint="see whether it is mounted, and call again",
            ) from None

    def _forget_gone(self, known: set[PackId], listed: Collection[PackId]) -> bool:
        """If a pack that was known before the listing is gone, forget all; returns whether so.

        A frame that was known in that pack may lie in another one too: indexes are read again.  Or
        it was the only one: then versions lack it, and a push may have it.
        """
        gone = known.difference(listed)
        if gone:
            self._require_depot()  # else all of it is gone, or its folder is not mounted
            self._gone |= gone
            self._mirror.doubt()
            self._mirror.forget_frames(())
        return bool(gone)

    def _listed(self) -> dict[PackId, Listed]:
        """Return the packs that are there and not set aside."""
        aside = self._mirror.set_aside() | self._gone
        return {
            PackId(bytes.fromhex(match[1])): item
            for item in self._objects.listing("packs/")
            if (match := _FRAMES.match(item.name)) and bytes.fromhex(match[1]) not in aside
        }


def pack_name(pack_id: PackId) -> str:
    """Return the name of a pack's object."""
    name = pack_id.hex()
    return f"packs/{name[:2]}/{name}"
