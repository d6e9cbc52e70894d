"""The store: the parts of one store, put together.

Knows: which parts there are and how long they live.  Never: verbs; those are functions elsewhere.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from casstore import durable
from casstore.catalog import Stamp, StatRow, unpack_rows
from casstore.depot import (
    AbsenceFiles,
    Accepted,
    Claims,
    Identity,
    JournalFiles,
    NumberFiles,
    PackFiles,
    SessionFolder,
    Sharing,
    dead_sessions,
    failed_sessions,
    is_dead,
    live_sessions,
    read_identity,
)
from casstore.digest import Digest
from casstore.errors import Error, NotFound
from casstore.journal.bodies import ManifestRef
from casstore.journal.numbers import Standpoint
from casstore.manifests import Manifest, ManifestTop
from casstore.packs import PackId
from casstore.parallel import Lock
from casstore.store.draft import Draft
from casstore.store.eventlog import EventLog
from casstore.store.frames import FrameReader
from casstore.store.index import Index
from casstore.store.session import Session
from casstore.store.takingback import TakingBack

__all__ = ["Store"]


class Store:
    """One store, open in this process.  Safe across threads; follows a fork.

    ``root`` is the store's folder.  ``numbering`` is the id under which it gives numbers,
    ``standpoint`` that together with the upstream whose seals it follows, as it was when opened.
    """

    def __init__(
        self,
        root: Path,
        identity: Identity,
        index_folder: Path,
        sharing: Sharing,
        *,
        read_only: bool,
        renew: bool = False,
    ) -> None:
        self.root = root
        self.identity = identity
        self.index_folder = index_folder
        self.read_only = read_only
        self.sharing = sharing
        self.numbering = bytes.fromhex(identity.store_id)
        self.packs = PackFiles(root)
        self.journal = JournalFiles(root)
        self.claims = Claims(root)
        self.number_files = NumberFiles(root)
        self.standpoint = self._standpoint()
        self.index = Index(
            *(index_folder, self.journal, self.packs),
            read_only=read_only,
            renew=renew,
            sharing=sharing,
        )
        self.absences = AbsenceFiles(root)
        self.frames = FrameReader(self.packs, self.index, self.absences, self._find_again)
        self._taking_back = TakingBack(
            self.packs, self.journal, self.index, self.frames, self.absences, sharing
        )
        self.events = EventLog(self.index, self.journal, self.staging)
        self._lock = Lock()
        self._session: Session | None = None
        self._folder: SessionFolder | None = None

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def session(self) -> Session:
        """Return this process's session, begun when it is first needed or after an error."""
        self.require_writable()
        self.require_there()
        with self._lock:
            session = self._session
            if session is None or session.failed or session.process != os.getpid():
                session = self._session = Session(self._own_folder(), self.packs, self.index)
            return session

    def session_apart(self) -> Session:
        """Begin a session that shares nothing with the others of this process; close it."""
        self.require_writable()
        self.require_there()
        with self._lock:
            return Session(self._own_folder(), self.packs, self.index)

    def staging(self) -> Path:
        """Return the folder for files that have no name yet."""
        self.require_writable()
        self.require_there()
        with self._lock:
            return self._own_folder().path

    def session_id(self) -> str:
        """Return the id of this process's session in the store, under which its lease lies."""
        with self._lock:
            return self._own_folder().id

    def live_sessions(self) -> list[str]:
        """Return the ids of the sessions at work here, as far as this host can tell."""
        return live_sessions(self.root, self._host())

    def is_dead(self, session: str) -> bool:
        """Tell whether a session that was once alive here is known to live no more."""
        return is_dead(self.root, session, self._host())

    def take_back(self, session: Session, error: BaseException) -> bool:
        """After a full disk: delete what ``session`` wrote and no version needs, and end it.

        Returns whether that is done; if not (others are at work, or there is no room for it even
        now), the next session to begin alone does it.
        """
        session.fail(error)
        with self._lock:
            folder = self._folder
            if self._session is not session or folder is None or folder.process != os.getpid():
                return False  # another session of this process may rely on it by now
            try:
                return self._taking_back.take_back(folder, folder.path)
            except OSError as again:
                if not durable.is_out_of_space(again):
                    raise
                return False

    @property
    def authority(self) -> bytes | None:
        """The id under which this store's upstream seals numbers; None without an upstream."""
        return self.standpoint.authority

    def follow_upstream(self, authority: bytes | None) -> None:
        """Let numbers be those that an authority seals, from now on; None: this store's own.

        It is remembered in the store.  Numbers that mean something else now are conflicts until
        they are accepted.  ``UNKNOWN_AUTHORITY`` stands for an upstream that was never reached.
        """
        if authority != self.authority:
            self.number_files.follow(authority, self.staging())
            self.standpoint = self._standpoint()

    def accepted(self, project: str, name: str) -> frozenset[Accepted]:
        """Return the numbers of a collection that somebody agreed to in this store."""
        return self.number_files.accepted(project, name)

    def draft(self) -> Draft:
        """Begin a version."""
        return Draft(self.session(), self.index)

    def manifest(self, ref: ManifestRef) -> Manifest:
        """Return the entries of a version, read lazily and verified."""
        top = ManifestTop(ref.digest, ref.root, ref.level, ref.entries, ref.size)
        return Manifest(top, self.frames.metadata)

    def unchanged(self, stamps: Sequence[Stamp]) -> list[StatRow | None]:
        """Return what is remembered of each file that has this stamp still, in the order asked."""
        with self.index.read() as reader:
            return reader.unchanged(stamps)

    def known(
        self, stamps: Sequence[Stamp]
    ) -> tuple[list[StatRow | None], dict[bytes, tuple[PackId, ...]]]:
        """Return what ``unchanged`` does, and the packs that each answer's ``packs`` means.

        An answer that names a pack which the index does not know is not among these.
        """
        with self.index.read() as reader:
            found = reader.unchanged(stamps)
            packs = {}
            for place in {row.packs for row in found if row is not None}:
                held = [reader.pack(number) for number in unpack_rows(place)]
                ids = tuple(pack.pack_id for pack in held if pack is not None)
                if len(ids) == len(held):
                    packs[place] = ids
        return found, packs

    def require_writable(self) -> None:
        """Raise ``Error`` if this store can only be read."""
        if self.read_only:
            raise Error(
                f"the store at {self.root} cannot be written to",
                hint="nothing was changed; check its permissions or name another with --store",
            )

    def require_there(self) -> None:
        """Raise ``NotFound`` if the store was removed, or another was made in its place."""
        try:
            there = read_identity(self.root) == self.identity
        except NotFound:
            there = False
        if not there:
            raise NotFound(
                f"the store at {self.root} was removed while it was open",
                hint="begin anew: casstore.init, or any command that writes, makes one there",
            )

    def close(self) -> None:
        """End the session and let the index go; what was logged stays."""
        if self.frames.fetcher is not None:
            self.frames.fetcher.close()
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None
            if self._folder is not None:
                self._folder.close()
                self._folder = None
            self.index.close()

    def _standpoint(self) -> Standpoint:
        followed = self.number_files.followed()
        now = followed[-1] if followed else None
        former = dict.fromkeys(each for each in followed if each is not None and each != now)
        return Standpoint(self.numbering, now, tuple(former))

    def _own_folder(self) -> SessionFolder:
        if self._folder is None or self._folder.process != os.getpid():
            host = self._host()
            dead_sessions(self.root, host)
            self._folder = SessionFolder(self.root, host)
            if host is None:
                for failed in failed_sessions(self.root):
                    self._taking_back.take_back(self._folder, failed)
                dead_sessions(self.root)
        return self._folder

    def _host(self) -> Path | None:
        """Return where the locks of this host's sessions lie, if other hosts have sessions too."""
        return self.index_folder / "sessions" if self.sharing.now() else None

    def _find_again(self, digests: Sequence[Digest], *, thorough: bool) -> bool:
        """Make frames findable that this session still holds, or that the index missed."""
        session = self._session
        ours = session is not None and session.process == os.getpid()  # a child's is its parent's
        if session is not None and ours and any(session.holds(digest) for digest in digests):
            session.flush()
            return True
        return thorough and self.index.find_again()
