"""Judging: is a version that came what its event says, before it is shown.

Knows: what a hostile depot could say otherwise: paths, order, sizes, files that are not their
digests, another content under a known digest.  Never: where frames come from.

Every frame is what its own digest says when it comes.  That the frames of a file are that file, and
that the files are that version, is seen here once; what a version of the name that is here already
shares in whole segments was seen then.
"""

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice

from casstore.digest import Buffer, Digest, Hasher
from casstore.errors import Corrupt, Invalid
from casstore.flows.transfer.witnessing import Witness
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.manifests import ChunkRef, Entry, ManifestDigest
from casstore.parallel import default_workers, ordered_map
from casstore.store import Closure, Keep, Known, Store, reference_to

__all__ = ["Judging", "refusing"]

BATCH_BYTES = 4 * 1024 * 1024
BATCH_FRAMES = 1024
MAX_SEGMENTS = 200_000
MAX_VERSIONS = 4

_Piece = tuple[Entry, ChunkRef | None]
"""A file and one of its frames; None ends the file."""


@contextlib.contextmanager
def refusing(known: Known, view: VersionView | str) -> Iterator[None]:
    """Say of what no version may hold whose it is, and that nothing of it was taken."""
    try:
        yield
    except Invalid as error:
        called = view if isinstance(view, str) else reference_to(known, view)
        raise Corrupt(
            f"{called} of {known.root} is refused: {error.message}",
            hint="nothing of it was taken; whoever made it did not use casstore",
        ) from error


class Judging:
    """Judges versions that are whole in a store, each segment once.

    Files that a ``witness`` saw come are not read again.
    """

    def __init__(self, store: Store, witness: Witness | None = None) -> None:
        self._store = store
        self._witness = witness or Witness()
        self._seen: set[Digest] = set()
        self._names: set[tuple[str, str]] = set()

    def judge(self, view: VersionView, keep: Keep | None = None) -> None:
        """Raise ``Invalid`` unless a version is what its event says; ``Corrupt`` for lists.

        Of one that was taken in part only the files that ``keep`` chooses are looked at.
        """
        if (view.project, view.name) not in self._names:
            self._names.add((view.project, view.name))
            self._seen.update(self._seen_before(view))
        closure = Closure(view.manifest, self._store.frames.metadata)
        new: set[Digest] = set()
        entries = self._judged(closure, new)
        chosen = (
            entry
            for entry in entries
            if (keep is None or keep(entry.path)) and not self._witness.has_seen(entry)
        )
        _judge_files(self._store, _pieces(closure, chosen))
        if len(self._seen) < MAX_SEGMENTS and keep is None:
            self._seen |= new

    def _seen_before(self, view: VersionView) -> Iterator[Digest]:
        """Yield the segments of versions of the same name that are whole here: they were judged."""
        partly = self._store.absences.read()
        with self._store.index.read() as reader:
            views = list(islice(queries.versions(reader, view.project, view.name), MAX_VERSIONS))
        segments = (
            node.digest
            for known in views
            if known.complete and known.commit != view.commit and known.commit not in partly
            for node in Closure(
                known.manifest, self._store.frames.metadata, _passed_over
            ).segments()
        )
        return islice(segments, MAX_SEGMENTS)

    def _judged(self, closure: Closure, new: set[Digest]) -> Iterator[Entry]:
        """Yield the entries that nobody has looked at, and see that all make up the version."""
        digest, last = ManifestDigest(), b""
        for segment in closure.segments():
            entries = closure.entries(segment)
            if entries and entries[0].path <= last:
                raise Invalid("a version's paths are not in order")
            last = entries[-1].path if entries else last
            digest.extend(entries)
            if segment.digest not in self._seen:
                new.add(segment.digest)
                yield from entries
        if digest.digest() != closure.top.digest:
            raise Invalid("a version's files are not the content that its event names")


def _pieces(closure: Closure, entries: Iterable[Entry]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
    size = 0
    for entry in entries:
        if entry.is_reference:
            continue
        for ref in closure.refs(entry):
            batch.append((entry, ref))
            size += ref.size_bytes
            if size >= BATCH_BYTES or len(batch) >= BATCH_FRAMES:
                yield batch
                batch, size = [], 0
        batch.append((entry, None))
    yield batch


def _judge_files(store: Store, batches: Iterable[list[_Piece]]) -> None:
    def read(batch: list[_Piece]) -> tuple[list[_Piece], list[Buffer]]:
        return batch, store.frames.read([ref.digest for _, ref in batch if ref is not None])

    workers = default_workers()
    hasher = Hasher()
    for batch, found in ordered_map(read, batches, workers=workers, window=workers + 1):
        frames = iter(found)
        for entry, ref in batch:
            if ref is None:
                hashed = entry.layout or not entry.size_bytes  # one chunk has its own digest
                if hashed and hasher.digest() != entry.content:
                    raise Invalid("a file's chunks are not the file that its digest names")
                hasher = Hasher() if entry.layout else hasher
                continue
            frame = next(frames)
            if len(frame) != ref.size_bytes:
                raise Invalid("a file's size is not that of its bytes")
            if entry.layout:
                hasher.update(frame)


def _passed_over(_node: object, _error: Exception) -> None:
    """Go on: what is damaged here was not seen, so it is judged anew."""
