"""A session: frames on their way into packs, deduplicated in one place.

Knows: lanes (one open pack per worker), what this process has added, when it is durable.
Never: files that people log, entries, events.

Invariant: a digest is looked up in the index only after its pack is durable under its name, so
whoever finds it there may rely on it.  ``flush`` is that point; what is not flushed is lost with
the process, and nothing refers to it.

A pack that was left in the middle of a frame ends the session, and with it all that others added
and have yet to commit.  So Ctrl-C must not come in between: what the main thread adds is written by
another (``parallel.out_of_reach``).
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from casstore import durable
from casstore.catalog import PackRow, Writer
from casstore.chunks import Encoder
from casstore.depot import PackFiles, SessionFolder
from casstore.digest import Buffer, Digest, digest_of
from casstore.errors import Error
from casstore.packs import Encoded, PackId, PackKind, PackWriter, Row
from casstore.parallel import Lock, Turns, out_of_reach
from casstore.store.index import Index

__all__ = ["Session", "Token"]

Token: TypeAlias = PackId | int
"""Which pack holds a frame: its id, or below zero the number of one that is still written."""

# Until its rows are there a frame is found without LMDB, whose lookups other threads delay: with 8
# packs at a time a first log of 1 GiB took a tenth longer.
SEALED_PACKS_PER_TRANSACTION = 32
UNINDEXED_FRAMES_PER_TRANSACTION = 32_768  # 20 ms of LMDB's one writer, and 4 MB

Frame = TypeVar("Frame", bound=object)


class _Sealed(NamedTuple):
    token: int
    pack: PackRow
    rows: list[Row]
    folder: Path


class _Lane:
    """One worker's encoder, open pack, and thread that writes it."""

    def __init__(self, kind: PackKind) -> None:
        self.kind = kind
        self.encoder = Encoder()
        self.writer: PackWriter | None = None
        self.token = 0
        self._background = durable.new_background()

    def begin(self, path: Path) -> None:
        """Open a pack at ``path``."""
        direct = self.kind is PackKind.DATA
        self.writer = PackWriter(path, self.kind, direct=direct, background=self._background)

    def close(self) -> None:
        """Give the open pack back unsealed, and the thread."""
        if self.writer is not None:
            self.writer.close()
        self._background.close()


class Session:
    """What one process is adding to a store.  Safe across threads; made anew after a fork.

    ``add`` returns *tokens* of the packs that hold the frames: the pack's id, or a number below
    zero for a pack that this session writes, whose id ``pack_of`` tells after ``flush``.
    ``new_bytes`` counts what was not there before, ``stored_bytes`` what it takes when encoded.
    """

    def __init__(self, folder: SessionFolder, packs: PackFiles, index: Index) -> None:
        self.folder = folder
        self.process = folder.process
        self.new_bytes = 0
        self.stored_bytes = 0
        self._packs = packs
        self._index = index
        self._lock = Lock()
        self._turns = Turns()
        self._commits = Turns()
        self._attempt = folder.new_attempt()
        self._lanes: dict[PackKind, list[_Lane]] = {PackKind.DATA: [], PackKind.METADATA: []}
        self._in_use: set[_Lane] = set()
        self._must_seal: set[int] = set()
        self._unindexed: dict[Digest, int] = {}
        self._sealed: list[_Sealed] = []
        self._ids: dict[int, PackId] = {}
        self._tokens = 0
        self._failed: BaseException | None = None

    def add(
        self,
        frames: Sequence[tuple[Digest, Buffer]],
        hint: str | Sequence[str] = "",
        kind: PackKind = PackKind.DATA,
    ) -> list[Token]:
        """Keep frames that the store does not hold yet; returns the token of each one's pack.

        ``hint`` groups frames that compress alike: one for all of them, or one for each.  The
        buffers may be reused after the call.
        """
        hints = [hint] * len(frames) if isinstance(hint, str) else hint

        def encoded(data: Buffer, position: int, lane: _Lane) -> Encoded:
            codec, payload = lane.encoder.encode(data, hints[position])
            return Encoded(codec, len(data), payload)

        return self._keep(frames, kind, encoded)

    def add_encoded(self, frames: Sequence[tuple[Digest, Encoded]], kind: PackKind) -> list[Token]:
        """Keep frames as another depot stored them, verified by the caller; else as ``add``."""

        def as_it_is(frame: Encoded, _position: int, _lane: _Lane) -> Encoded:
            return frame

        return self._keep(frames, kind, as_it_is)

    def _keep(
        self,
        frames: Sequence[tuple[Digest, Frame]],
        kind: PackKind,
        encoded: Callable[[Frame, int, _Lane], Encoded],
    ) -> list[Token]:
        """Keep the frames that are new, each as ``encoded`` gives it."""

        def append() -> list[Token]:
            with self._turns.turn():
                self._require_going()
                return self._append(frames, kind, encoded)

        return out_of_reach(append)

    def _append(
        self,
        frames: Sequence[tuple[Digest, Frame]],
        kind: PackKind,
        encoded: Callable[[Frame, int, _Lane], Encoded],
    ) -> list[Token]:
        """Append the frames that are new to a lane; an error may leave it torn, and ends all."""
        lane = self._take_lane(kind)
        new_bytes = stored_bytes = 0
        try:
            tokens, new = self._claim(frames, lane)
            append = lane.writer.append  # type: ignore[union-attr]
            for position in new:
                digest, data = frames[position]
                codec, size, payload = encoded(data, position, lane)
                append(digest, codec, size, payload)
                new_bytes += size
                stored_bytes += len(payload)
            self._seal_if_full(lane)
            self._give_back(lane)
        except BaseException as error:
            self._failed = error
            self._in_use.discard(lane)
            lane.close()
            raise
        with self._lock:
            self.new_bytes += new_bytes
            self.stored_bytes += stored_bytes
        return tokens

    def add_metadata(self, data: bytes) -> tuple[Digest, Token]:
        """Keep one frame of metadata; returns its digest and the token of its pack."""
        digest = digest_of(data)
        return digest, self.add([(digest, data)], "metadata", PackKind.METADATA)[0]

    def flush(self) -> None:
        """Make everything that was added durable and findable.

        Frames may lie in a pack that another thread is adding to.  That thread seals it at the end
        of its call, which is waited for; a call that begins later finds no pack of before.
        """
        out_of_reach(self._flush)

    def _flush(self) -> None:
        self._check()
        try:
            with self._lock:
                self._must_seal.update(lane.token for lane in self._in_use)
                for lanes in self._lanes.values():
                    for lane in lanes:
                        self._seal(lane)
            self._turns.wait()
            self._check()
            with self._lock:
                self._index_sealed()
        except BaseException as error:
            self._failed = error
            raise

    @property
    def failed(self) -> bool:
        """Whether an error has ended it; a new session is needed."""
        return self._failed is not None

    def pack_of(self, token: Token) -> PackId | None:
        """Return the id of a token's pack; None while that is not findable."""
        return self._ids.get(token) if isinstance(token, int) else token

    def holds(self, digest: Digest) -> bool:
        """Tell whether a frame was added that is not findable yet."""
        return digest in self._unindexed

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Be about to refer to what was written, so that it is not taken back meanwhile."""
        with self._commits.turn():
            self._check()
            yield

    def published(self, packs: Iterable[PackId]) -> None:
        """Note that a version refers to packs from now on."""
        self._attempt.published(packs)

    def fail(self, error: BaseException) -> None:
        """End it after a full disk, when nobody is at work: what was written may be taken back.

        Packs without a name are removed at once: that makes room for what taking back writes.
        """
        self._failed = self._failed or error
        self._turns.wait()
        self._commits.wait()
        self._attempt.fail()
        self._close_lanes()
        self.folder.remove_files("pack")

    def close(self) -> None:
        """End the session; what was not flushed is gone.  Its folder is the caller's.

        A forked child leaves the packs, and the writes under way, to its parent.
        """
        self._failed = self._failed or Error("the session has ended")
        if self.process == os.getpid():
            self._close_lanes()

    def _close_lanes(self) -> None:
        for lanes in self._lanes.values():
            for lane in lanes:
                lane.close()

    def _check(self) -> None:
        self.folder.require_there()
        self._require_going()

    def _require_going(self) -> None:
        if self._failed is not None:
            raise Error(
                f"nothing more can be added after an error: {self._failed}",
                hint="start the artifact anew; versions logged before are whole",
            ) from self._failed

    def _take_lane(self, kind: PackKind) -> _Lane:
        with self._lock:
            lane = self._lanes[kind].pop() if self._lanes[kind] else _Lane(kind)
            if lane.writer is None:
                self.folder.require_there()
                self._tokens -= 1
                lane.token = self._tokens
                lane.begin(self.folder.new_path("pack"))
            self._in_use.add(lane)
        return lane

    def _give_back(self, lane: _Lane) -> None:
        """Let others use a lane; one with a pack that somebody waits for is sealed first."""
        with self._lock:
            if lane.token in self._must_seal:
                self._must_seal.discard(lane.token)
                self._seal(lane)
            self._in_use.discard(lane)
            self._lanes[lane.kind].append(lane)

    def _claim(
        self, frames: Sequence[tuple[Digest, object]], lane: _Lane
    ) -> tuple[list[Token], list[int]]:
        """Decide which frames are new; the one place where dedup is decided."""
        unindexed = self._unindexed
        with self._lock, self._index.read() as index:
            tokens: list[Token] = [unindexed.get(digest, 0) for digest, _ in frames]
            unknown = [position for position, token in enumerate(tokens) if not token]
            found = index.chunks([frames[position][0] for position in unknown])
            packs = {row: index.pack_id(row) for row in {row.pack_row for row in found if row}}
            new = []
            for position, row in zip(unknown, found, strict=True):
                digest = frames[position][0]
                if row is not None:
                    tokens[position] = packs[row.pack_row]
                elif digest in unindexed:  # twice in one batch
                    tokens[position] = unindexed[digest]
                else:
                    tokens[position] = unindexed[digest] = lane.token
                    new.append(position)
        return tokens, new

    def _seal_if_full(self, lane: _Lane) -> None:
        if lane.writer is not None and lane.writer.full:
            self._seal(lane)
            with self._lock:
                if (
                    len(self._sealed) >= SEALED_PACKS_PER_TRANSACTION
                    or len(self._unindexed) >= UNINDEXED_FRAMES_PER_TRANSACTION
                ):
                    self._index_sealed()

    def _seal(self, lane: _Lane) -> None:
        writer = lane.writer
        if writer is None or writer.empty:  # everything was there: it waits for the next frame
            return
        pack_id, rows = writer.seal()
        size = writer.path.stat().st_size
        self._attempt.note(pack_id)
        folder = self._packs.install(writer.path, pack_id)
        pack = PackRow(pack_id, lane.kind, len(rows), size)
        with self._lock:
            self._sealed.append(_Sealed(lane.token, pack, rows, folder))
        lane.writer = None

    def _index_sealed(self) -> None:
        """Make sealed packs findable: their names durable first, then their rows."""
        sealed = self._sealed
        if not sealed:
            return
        self._packs.sync(item.folder for item in sealed)
        self._index.write(lambda writer: _add_packs(writer, sealed))
        for item in sealed:
            self._ids[item.token] = item.pack.pack_id
            for frame in item.rows:
                self._unindexed.pop(frame.digest, None)
        self._sealed = []


def _add_packs(writer: Writer, sealed: list[_Sealed]) -> None:
    for item in sealed:
        writer.add_pack(item.pack, item.rows)
