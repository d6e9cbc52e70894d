"""Taking back: the packs that a failed attempt wrote and that nothing needs.

Knows: which packs the versions of the journal need, in which order rows and files go.
Never: why an attempt failed, packs that no attempt noted.

Invariant: a pack is deleted only if no event in the journal, mirrored or not, leads to a frame that
is found in it, and no other session lives that might rely on it.  The rows go first; a session that
begins after that cannot find them.  If one began before it, the files stay: it lives still, or it
has ended and left an event that was not there when the needed packs were sought.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from casstore.catalog import Writer
from casstore.depot import (
    AbsenceFiles,
    JournalFiles,
    PackFiles,
    SessionFolder,
    failed_notes,
    forget_failed,
    read_journal_pack,
)
from casstore.digest import CommitId, Digest
from casstore.errors import Absent, Corrupt, RemoteError, Unsupported
from casstore.journal.bodies import ManifestRef, PartBody, UnknownBody, VersionBody
from casstore.journal.events import Event
from casstore.journal.subjects import CommitSubject
from casstore.journal.wire import is_event_name, read_event, read_packed
from casstore.packs import PackId, read_rows
from casstore.store.closure import Closure
from casstore.store.frames import FrameReader, Place
from casstore.store.index import Index

__all__ = ["TakingBack"]

MAX_FRAMES_AT_ONCE = 4096

Needing: TypeAlias = tuple[CommitId | None, ManifestRef]
"""What an event needs, and the version that it makes; None for a part of one."""


class TakingBack:
    """Gives the space of failed attempts back."""

    def __init__(
        self,
        packs: PackFiles,
        journal: JournalFiles,
        index: Index,
        frames: FrameReader,
        absences: AbsenceFiles,
    ) -> None:
        self._packs = packs
        self._journal = journal
        self._index = index
        self._frames = frames
        self._absences = absences

    def take_back(self, own: SessionFolder, folder: Path) -> bool:
        """Delete what failed attempts noted in a session's ``folder``; returns whether it is gone.

        ``own`` is the session of whoever asks.  Only while no other session lives.  Where the
        journal cannot be read and understood to its end, nothing is deleted, now or later.
        """
        noted = list(failed_notes(folder).values())
        if not noted:
            return True
        if not own.is_alone():
            return False
        try:
            manifests = set(self._manifests())
            needed = self._needed(manifests)
            free = {each: self._digests(each) for each in noted if each not in needed}
            for pack_id, digests in free.items():
                self._index.write(partial(_forget, pack_id, digests))
            # First who lives, then what is there: a session that ended meanwhile left its events.
            if not own.is_alone() or set(self._manifests()) != manifests:
                return False
        except (Absent, Corrupt, RemoteError, Unsupported):
            forget_failed(folder)  # the packs stay until they are collected
            return False
        for pack_id in free:
            self._packs.remove(pack_id)
        forget_failed(folder)
        return True

    def _digests(self, pack_id: PackId) -> list[Digest]:
        path = self._packs.path(pack_id)
        return [row.digest for row in read_rows(path)[2]] if path.exists() else []

    def _needed(self, manifests: set[Needing]) -> set[PackId]:
        """Return the packs that hold the frames of manifests.

        Of a version that was pulled without all of its bytes these are the packs of what is here.
        """
        absences = self._absences.read()
        whole = [ref for commit, ref in manifests if commit not in absences]
        partly = [ref for commit, ref in manifests if commit in absences]
        return self._packs_of(whole, self._frames.locate) | self._packs_of(
            partly, self._frames.locate_here
        )

    def _packs_of(
        self, refs: list[ManifestRef], locate: Callable[[list[Digest]], list[Place]]
    ) -> set[PackId]:
        needed: set[PackId] = set()
        frames = self._closure(refs)
        while batch := list(islice(frames, MAX_FRAMES_AT_ONCE)):
            needed.update(place.pack_id for place in locate(batch))
        return needed

    def _closure(self, refs: list[ManifestRef]) -> Iterator[Digest]:
        """Yield the frames of manifests; what they share is walked once."""
        seen: set[Digest] = set()
        for ref in refs:
            yield from Closure(ref, self._frames.metadata).frames(seen)

    def _manifests(self) -> Iterator[Needing]:
        """Yield what the events of the journal refer to, read from their files."""
        for event in self._events():
            if isinstance(event.body, UnknownBody):
                raise Unsupported("the journal holds events of a later release")
            if isinstance(event.body, VersionBody | PartBody):
                subject = event.subject
                commit = subject.commit if isinstance(subject, CommitSubject) else None
                yield commit, event.body.manifest

    def _events(self) -> Iterator[Event]:
        """Yield every event, loose ones of a month before gathered ones."""
        for month, _ in list(self._journal.months()):
            for name in filter(is_event_name, self._journal.names(month)):
                try:
                    yield read_event(name, self._journal.read(month, name))
                except FileNotFoundError:
                    continue  # it was gathered meanwhile: it is in a pack
            for pack_id in self._journal.packs(month):
                for packed in read_journal_pack(self._journal.pack_path(month, pack_id)):
                    yield read_packed(packed.whole())


def _forget(pack_id: PackId, digests: list[Digest], writer: Writer) -> None:
    if digests:
        writer.forget_pack(pack_id, digests)
    else:
        writer.forget_packs([pack_id])
