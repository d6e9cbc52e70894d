"""Learning where frames lie in a depot elsewhere: from indexes and root lists, or from packs.

Knows: listings, what is set aside, what is gone.  Never: reading frames, sending any.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from casstore.depot import marked_name
from casstore.digest import Digest
from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.exchange.indexes import (
    HEAD_BYTES,
    MAX_ROOTS_BYTES,
    Indexed,
    IndexId,
    read_index,
    read_roots,
    size_of_index,
)
from casstore.exchange.mirror import Mirror
from casstore.packs import PackId, rows_at
from casstore.parallel import ordered_map
from casstore.remotes import Listed, Objects

__all__ = ["Learning"]

REQUESTS_AT_ONCE = 4

_INDEX = re.compile(r"index/([0-9a-f]{64})\Z")
_FRAMES = re.compile(r"packs/[0-9a-f]{2}/([0-9a-f]{64})\Z")
_ROOTS = re.compile(r"roots/[0-9a-f]{64}/([0-9a-f]{64})\Z")


class Learning:
    """What is known of the frames of one depot, by ``mirror``.  Safe across threads.

    ``problems`` takes what lies there and cannot be read.
    """

    def __init__(self, objects: Objects, mirror: Mirror, problems: dict[str, str]) -> None:
        self._objects = objects
        self._mirror = mirror
        self._problems = problems
        self._left_out: set[bytes] = set()

    def refresh(self) -> list[Indexed]:
        """Learn of every frame there; returns the packs that no index names (of killed pushes).

        A pack is forgotten only if it was known before the listing that does not show it: another
        process of this machine may be adding some.
        """
        self.learn_all()
        known = self._mirror.packs()
        listed = self._listed()
        self._forget_gone(known, listed)
        found = [self._tail(listed[pack_id]) for pack_id in self._mirror.lacks_packs(listed)]
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
        except (Corrupt, Unsupported) as error:
            self._problems[name] = error.message
            return None
        if not name.endswith(pack_id.hex()):
            self._problems[name] = "it is another pack, renamed"
            return None
        return Indexed(pack_id, kind, listed.size_bytes, rows)

    def learn_all(self) -> None:
        """Fetch every index that was not fetched before; what was set aside is read no more."""
        self._learn(self._indexes())

    def _indexes(self) -> list[IndexId]:
        """List the indexes, and forget where frames lie if more is set aside than before."""
        names: list[IndexId] = []
        aside: set[bytes] = set()
        for item in self._objects.listing("index/"):
            if match := _INDEX.match(item.name):
                names.append(IndexId(bytes.fromhex(match[1])))
            elif (marked := marked_name(item.name)) is not None:
                aside.add(marked)
        if not aside <= self._mirror.set_aside():  # frames of theirs lie elsewhere now
            self._mirror.forget_frames(aside)
        return names

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

    def _learn(self, names: Iterable[IndexId], present: Collection[PackId] | None = None) -> None:
        aside = self._aside()
        missing = self._mirror.lacks_indexes(name for name in names if name not in aside)
        for name, packs in zip(missing, self._fetched(missing), strict=True):
            if packs is not None:
                there = [pack for pack in packs if present is None or pack.pack_id in present]
                self._mirror.add_index(name, [one for one in there if one.pack_id not in aside])

    def _aside(self) -> set[bytes]:
        return self._mirror.set_aside() | self._left_out

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
        size_bytes = size_of_index(name, self._objects.read(place, 0, HEAD_BYTES))
        return read_index(name, self._objects.read(place, 0, size_bytes))

    def look_again(self) -> None:
        """Forget packs that are set aside or not there any more, as after a collection there.

        Raises ``NotFound`` if the depot itself is gone, or its folder is not mounted.
        """
        try:
            self._objects.read("FORMAT")
        except NotFound:
            raise NotFound(
                f"there is no depot at {self._objects.url} any more",
                hint="see whether it is mounted, and call again",
            ) from None
        self.learn_all()
        known = self._mirror.packs()
        self._forget_gone(known, self._listed())

    def _forget_gone(self, known: set[PackId], listed: Collection[PackId]) -> None:
        """If a pack that was known before the listing is gone, read every index again.

        A frame that was known in that pack may lie in another one too.  What an index names that
        was listed before the packs were, and no listing shows, is gone.
        """
        if not known.issubset(listed):
            self._mirror.forget_frames(())
            names = self._indexes()
            self._learn(names, set(self._listed()))

    def _listed(self) -> dict[PackId, Listed]:
        aside = self._aside()
        return {
            PackId(bytes.fromhex(match[1])): item
            for item in self._objects.listing("packs/")
            if (match := _FRAMES.match(item.name)) and bytes.fromhex(match[1]) not in aside
        }

    def _look_for_others(self) -> bool:
        """After damage: tell whether a pack was set aside or is gone: frames lie elsewhere then."""
        aside, known = self._mirror.set_aside(), self._mirror.packs()
        self.look_again()
        return self._mirror.set_aside() != aside or not known <= self._mirror.packs()

    def has(self, digests: Sequence[Digest]) -> list[bool]:
        """Tell of each frame whether it is there, as far as is known."""
        with self._mirror.index.read() as reader:
            return [row is not None for row in reader.chunks(digests)]

    def find(self, digests: Sequence[Digest]) -> list[Digest]:
        """Return those that are there, after fetching every index if some are not known."""
        found = self.has(digests)
        if not all(found):
            self.learn_all()
            found = self.has(digests)
        return [digest for digest, has in zip(digests, found, strict=True) if has]

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take in the packs there; unknown ones count 0."""
        with self._mirror.index.read() as reader:
            return sum([row.stored_bytes for row in reader.chunks(digests) if row is not None])
