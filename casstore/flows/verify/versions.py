"""What a version needs: its tree of files, and every frame of every file.

Knows: what is said of damage that a walk over its closure meets.  Never: whole packs, events.

``Tree`` reads the nodes of one version past every cache.  ``Located`` sees that the frames of files
are there; ``Contents`` reads them and hashes whole files.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from casstore.catalog import ChunkRow
from casstore.digest import Buffer, Digest, Hasher
from casstore.errors import Corrupt, RemoteError, Unsupported
from casstore.flows.verify.places import Damage, PackStates
from casstore.flows.verify.problems import Fault, Problem, ProblemKind, Problems, Progress
from casstore.journal.views import PartView, VersionView
from casstore.manifests import ChunkRef, Entry, ManifestDigest, Node
from casstore.names import display_path
from casstore.packs import PackKind
from casstore.parallel import default_workers, ordered_map
from casstore.store import Closure, Known, Store, partly_here, reference_to

__all__ = ["Contents", "Elsewhere", "Located", "Node", "Tree"]

MAX_FRAMES_AT_ONCE = 4096
BATCH_BYTES = 4 * 1024 * 1024
MAX_SOUND_LISTS = 100_000

Elsewhere: TypeAlias = Callable[[Digest], Buffer | None]


class Tree:
    """The entries of one version, node by node; what cannot be read is reported and left out.

    ``elsewhere`` is asked for nodes that cannot be had, so that what lies below is seen too.  Parts
    that wait for their finish are looked at as versions are.  ``is_partly`` says that frames of
    files may be absent here, which is no damage; those of lists of files and chunks may not.
    """

    def __init__(
        self,
        known: Known,
        view: VersionView | PartView,
        packs: PackStates,
        problems: Problems,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._packs = packs
        self._elsewhere = elsewhere
        self._problems = problems
        self._project = view.project
        self._reference = _called(known, view)
        self._told: set[tuple[bytes | None, str | None]] = set()
        self.is_partly = _is_partly(known, view)
        self._closure = Closure(view.manifest, self._fetch, self._broken_node)

    def segments(self) -> Iterator[Node]:
        """Yield the lowest nodes in path order; their entries are not read yet."""
        return self._closure.segments()

    def entries(self, segment: Node) -> list[Entry]:
        """Return the entries of a segment; none if it cannot be read."""
        return self._closure.entries(segment)

    def all_entries(self) -> Iterator[Entry]:
        """Yield every entry in path order, and see that together they are the version's content."""
        digest = ManifestDigest()
        before, last = self._problems.count, b""
        for segment in self.segments():
            for entry in self.entries(segment):
                if entry.path <= last:
                    self._broken_list(entry.path, "its paths are not in order")
                last = entry.path
                digest.extend((entry,))
                yield entry
        whole = self._problems.count == before
        if whole and digest.digest() != self._closure.top.digest:
            self._broken_list(b"", "it is not the content that the version's digest names")

    def refs(self, entry: Entry) -> Iterator[ChunkRef]:
        """Yield the frames of a file; raises ``Damage`` if its list cannot be read to its end."""
        try:
            yield from self._closure.refs(entry)
        except Damage:
            raise
        except Corrupt as error:
            raise Damage(Fault(None, error.message)) from error

    def fault(self, digest: Digest, row: ChunkRow | None) -> Fault | None:
        """Return why a frame of a file cannot be had, as ``PackStates.fault`` does."""
        found = self._packs.fault(digest, row)
        if found is not None and row is None and self.is_partly:
            return found._replace(absent=True)
        return found

    def report(self, path: bytes, fault: Fault) -> None:
        """Note that a file suffers from a fault; once for each pack."""
        if fault.absent:
            return
        self._problems.lose(fault, PackKind.DATA)
        key = (path, fault.pack)
        if key in self._told:
            return
        if len(self._told) >= MAX_FRAMES_AT_ONCE:
            self._told.clear()
        self._told.add(key)
        message = f"{display_path(path)} of {self._reference}: {fault.message}"
        self._add("file", path, fault.pack, message)

    def pack_problem(self, pack: str, message: str) -> Problem:
        """Return the problem that the version relies on a pack with something wrong."""
        return Problem("pack", self._project, self._reference, None, pack, message)

    def _broken_node(self, node: Node, error: Exception) -> None:
        pack = error.fault.pack if isinstance(error, Damage) else None
        self._broken_list(node.first, str(error), pack)

    def _fetch(self, digest: Digest) -> Buffer:
        try:
            return self._packs.read(digest)
        except Damage as damage:
            self._problems.lose(damage.fault, PackKind.METADATA)
            found = self._elsewhere(digest) if self._elsewhere is not None else None
            if found is None:
                raise
            return found

    def _broken_list(self, first: bytes, message: str, pack: str | None = None) -> None:
        where = f" from {display_path(first)} on" if first else ""
        message = f"the list of files of {self._reference}{where} is damaged: {message}"
        self._add("manifest", None, pack, message)

    def _add(self, kind: ProblemKind, path: bytes | None, pack: str | None, message: str) -> None:
        self._problems.add(Problem(kind, self._project, self._reference, path, pack, message))


def _is_partly(known: Known, view: VersionView | PartView) -> bool:
    if isinstance(known, Store) and isinstance(view, VersionView):
        return partly_here(known, view)
    return False


def _called(known: Known, view: VersionView | PartView) -> str:
    if isinstance(view, VersionView):
        return reference_to(known, view)
    return f"the part of {view.writer_name} for {view.name!r} in {view.distributed_id!r}"


class Located:
    """Sees that every frame of files lies in a sound place; reads only lists of frames."""

    def __init__(self, packs: PackStates) -> None:
        self._packs = packs
        self._sound: set[tuple[bytes, int]] = set()

    def check(self, tree: Tree, entries: Iterable[Entry], note: Progress) -> None:
        """Look up the frames of files; a long list that was sound once is not read again."""
        waiting: list[tuple[bytes, Digest]] = []
        for entry in entries:
            if (entry.layout, entry.size_bytes) not in self._sound:
                self._take(tree, entry, waiting)
            note(1, entry.size_bytes)
        self._judge(tree, waiting)

    def _take(self, tree: Tree, entry: Entry, waiting: list[tuple[bytes, Digest]]) -> None:
        sound, long = True, False
        try:
            for ref in tree.refs(entry):
                waiting.append((entry.path, ref.digest))
                if len(waiting) >= MAX_FRAMES_AT_ONCE:
                    sound = self._judge(tree, waiting) and sound
                    long = True
        except Damage as damage:
            tree.report(entry.path, damage.fault)
            return
        if long and len(self._sound) < MAX_SOUND_LISTS and self._judge(tree, waiting) and sound:
            self._sound.add((entry.layout, entry.size_bytes))

    def _judge(self, tree: Tree, waiting: list[tuple[bytes, Digest]]) -> bool:
        """Judge what is waiting, and say whether all of it is sound."""
        with self._packs.packs.index.read() as reader:
            rows = reader.chunks([digest for _, digest in waiting])
        sound = True
        for (path, digest), row in zip(waiting, rows, strict=True):
            fault = tree.fault(digest, row)
            if fault is not None:
                tree.report(path, fault)
                sound = False
        waiting.clear()
        return sound


@dataclass(slots=True)
class _Piece:
    """Some frames of one file, in order; ``last`` if the file ends with them."""

    entry: Entry
    refs: list[ChunkRef] = field(default_factory=list)
    last: bool = False
    fault: Fault | None = None


@dataclass(slots=True)
class _Batch:
    """Frames that are read at once, and what is known of each."""

    pieces: list[_Piece]
    digests: list[Digest]
    rows: list[ChunkRow | None]
    faults: list[Fault | None]


class Contents:
    """Reads every frame of files and compares each file with its digest.  Once only.

    With a ``sample`` below 1 that part of the frames is read, drawn at random, and no file hashed.
    """

    def __init__(self, packs: PackStates, sample: float = 1.0) -> None:
        self._packs = packs
        self._sample = sample
        self._hasher = Hasher()
        self._whole = True

    def check(self, tree: Tree, entries: Iterable[Entry], note: Progress) -> None:
        """Check files; a few batches of some MiB are in memory at once."""
        workers = default_workers()
        results = ordered_map(
            lambda batch: (batch, self._read(batch)),
            self._batches(tree, entries),
            workers=workers,
            window=2 * workers + 1,
        )
        for batch, frames in results:
            remaining = iter(frames)
            for piece in batch.pieces:
                self._take(tree, piece, remaining)
                note(piece.last, sum(ref.size_bytes for ref in piece.refs))

    def _batches(self, tree: Tree, entries: Iterable[Entry]) -> Iterator[_Batch]:
        pieces: list[_Piece] = []
        size = count = 0
        for entry in entries:
            piece = _Piece(entry)
            pieces.append(piece)
            try:
                for ref in tree.refs(entry):
                    if self._sample < 1 and random.random() >= self._sample:  # noqa: S311 - a sample
                        continue
                    piece.refs.append(ref)
                    size, count = size + ref.size_bytes, count + 1
                    if size >= BATCH_BYTES or count >= MAX_FRAMES_AT_ONCE:
                        yield self._batch(tree, pieces)
                        piece = _Piece(entry)
                        pieces, size, count = [piece], 0, 0
            except Damage as damage:
                piece.fault = damage.fault
            piece.last = True
            if len(pieces) >= MAX_FRAMES_AT_ONCE:  # empty files
                yield self._batch(tree, pieces)
                pieces, size, count = [], 0, 0
        yield self._batch(tree, pieces)

    def _batch(self, tree: Tree, pieces: list[_Piece]) -> _Batch:
        digests = [ref.digest for piece in pieces for ref in piece.refs]
        with self._packs.packs.index.read() as reader:
            rows = reader.chunks(digests)
        faults = [tree.fault(*pair) for pair in zip(digests, rows, strict=True)]
        return _Batch(pieces, digests, rows, faults)

    def _read(self, batch: _Batch) -> list[Buffer | Fault]:
        if not any(batch.faults):
            try:
                return list(self._packs.packs.read(batch.digests))
            except RemoteError:
                raise
            except (Corrupt, Unsupported, OSError):
                pass  # found one by one below
        located = zip(batch.digests, batch.rows, batch.faults, strict=True)
        return [self._read_one(digest, row, fault) for digest, row, fault in located]

    def _read_one(
        self, digest: Digest, row: ChunkRow | None, fault: Fault | None
    ) -> Buffer | Fault:
        if fault is None and row is not None:
            fault = self._packs.probe(digest, row)
        if fault is not None:
            return fault
        try:
            return self._packs.packs.read([digest])[0]
        except RemoteError:
            raise
        except (Corrupt, Unsupported, OSError) as error:
            return self._packs.blame(digest, str(error))

    def _take(self, tree: Tree, piece: _Piece, frames: Iterator[Buffer | Fault]) -> None:
        entry = piece.entry
        for ref in piece.refs:
            frame = next(frames)
            if isinstance(frame, Fault):
                self._fail(tree, entry, frame)
            elif len(frame) != ref.size_bytes:
                self._fail(tree, entry, Fault(None, "a frame is not as long as its list says"))
            elif entry.layout:
                self._hasher.update(frame)
        if piece.fault is not None:
            self._fail(tree, entry, piece.fault)
        if piece.last:
            self._end(tree, entry)

    def _fail(self, tree: Tree, entry: Entry, fault: Fault) -> None:
        self._whole = False
        tree.report(entry.path, fault)

    def _end(self, tree: Tree, entry: Entry) -> None:
        """Compare the file with its digest; one that is a single frame has been already."""
        hashed = not entry.is_reference and (entry.layout or not entry.size_bytes)
        if hashed and self._whole and self._sample >= 1 and self._hasher.digest() != entry.content:
            tree.report(entry.path, Fault(None, "its bytes are not those of its digest"))
        if entry.layout:
            self._hasher = Hasher()
        self._whole = True
