"""A depot elsewhere, read as a store: for a look at one version without pulling it.

Knows: what is here already, and what has to come.  Never: paths, what is done with bytes.

Nothing is kept in the store.  A frame that no version here needs would be nobody's: a collection
would drop it and taking back could not tell whose it is.  What the store has is read from it.
"""

from collections.abc import Collection, Mapping, Sequence

from casstore.chunks import decode
from casstore.depot import Accepted
from casstore.digest import Buffer, Digest
from casstore.exchange.arriving import Arriving
from casstore.exchange.remotedepot import RemoteDepot
from casstore.journal.bodies import ManifestRef
from casstore.journal.numbers import Standpoint
from casstore.manifests import Manifest, ManifestTop
from casstore.packs import Encoded
from casstore.store import Index, Store

__all__ = ["Afar"]


class Afar:
    """See ``store.Readable``: versions of a depot elsewhere, whose events were fetched.

    What ``store`` has of them is read there, if there is a store.
    """

    def __init__(self, store: Store | None, depot: RemoteDepot) -> None:
        self.frames = _Frames(store, depot)
        self._depot = depot
        self._learned: set[Digest] = set()

    @property
    def index(self) -> Index:
        """See ``Known``."""
        return self._depot.index

    @property
    def root(self) -> str:
        """See ``Known``."""
        return self._depot.url

    @property
    def standpoint(self) -> Standpoint:
        """See ``Known``: numbers are those of the depot."""
        return self._depot.standpoint

    def accepted(self, project: str, name: str) -> frozenset[Accepted]:
        """See ``Known``."""
        return self._depot.accepted(project, name)

    def manifest(self, ref: ManifestRef) -> Manifest:
        """See ``Readable``; the indexes that lead to the version's frames are fetched first."""
        if ref.root not in self._learned:
            self._depot.frames.learn(ref.root)
            self._learned.add(ref.root)
        top = ManifestTop(ref.digest, ref.root, ref.level, ref.entries, ref.size)
        return Manifest(top, self.frames.metadata)


class _Frames:
    """See ``store.Frames``: from the store what it has, the rest from the depot."""

    def __init__(self, store: Store | None, depot: RemoteDepot) -> None:
        self._here = None if store is None else store.frames
        self._there = depot.frames
        self._arriving = Arriving(self._bring)

    def is_far(self) -> bool:
        """See ``Frames``."""
        return True

    def metadata(self, digest: Digest) -> Buffer:
        """See ``Frames``."""
        if self._here is not None and self._here.are_here([digest])[0]:
            return self._here.metadata(digest)
        return self._there.metadata(digest)

    def prefetch(self, digests: Collection[Digest], further: Collection[Digest] = ()) -> None:
        """See ``Frames``."""
        if missing := self._elsewhere(digests):
            self._arriving.fetch([*missing, *self._elsewhere(further)])

    def read(self, digests: Sequence[Digest]) -> list[Buffer]:
        """See ``Frames``; they were verified when they came, or are now."""
        found: dict[Digest, Buffer] = {}
        if self._here is not None:
            here = self._here.are_here(digests)
            near = [digest for digest, is_here in zip(digests, here, strict=True) if is_here]
            found.update(zip(near, self._here.read(near), strict=True))
        far = dict.fromkeys(digest for digest in digests if digest not in found)
        for digest, frame in self._arriving.fetch(far).items():
            found[digest] = decode(frame.codec, frame.payload, frame.size_bytes)
        return [found[digest] for digest in digests]

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """See ``Frames``."""
        return self._there.stored_bytes(digests)

    def _elsewhere(self, digests: Collection[Digest]) -> list[Digest]:
        asked = list(dict.fromkeys(digests))
        held = self._arriving.held(asked)
        here = [False] * len(asked) if self._here is None else self._here.are_here(asked)
        return [
            digest
            for digest, is_here in zip(asked, here, strict=True)
            if not is_here and digest not in held
        ]

    def _bring(self, digests: Sequence[Digest]) -> Mapping[Digest, Encoded]:
        return {
            digest: frame._replace(payload=bytes(frame.payload))
            for digest, frame in self._there.read(digests)
        }
