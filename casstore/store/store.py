"""The store: the parts of one store, put together.

Knows: which parts there are and how long they live.  Never: verbs; those are functions elsewhere.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from casstore.catalog import Stamp, StatRow
from casstore.depot import Claims, Identity, JournalFiles, PackFiles, SessionFolder, dead_sessions
from casstore.digest import Digest
from casstore.errors import Error
from casstore.journal.bodies import ManifestRef
from casstore.manifests import Manifest, ManifestTop
from casstore.parallel import Lock
from casstore.store.draft import Draft
from casstore.store.eventlog import EventLog
from casstore.store.frames import FrameReader
from casstore.store.index import Index
from casstore.store.session import Session

__all__ = ["Store"]


class Store:
    """One store, open in this process.  Safe across threads; follows a fork.

    ``root`` is the store's folder.  ``numbering`` is the id under which it gives numbers.
    """

    def __init__(
        self, root: Path, identity: Identity, index_folder: Path, *, read_only: bool
    ) -> None:
        self.root = root
        self.identity = identity
        self.index_folder = index_folder
        self.read_only = read_only
        self.numbering = bytes.fromhex(identity.store_id)
        self.packs = PackFiles(root)
        self.journal = JournalFiles(root)
        self.claims = Claims(root)
        self.index = Index(index_folder, self.journal, self.packs, read_only=read_only)
        self.frames = FrameReader(self.packs, self.index, self._find_again)
        self.events = EventLog(self.index, self.journal, self.staging)
        self._lock = Lock()
        self._session: Session | None = None
        self._folder: SessionFolder | None = None

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def session(self) -> Session:
        """Return this process's session, begun when it is first needed or after an error."""
        self.require_writable()
        with self._lock:
            session = self._session
            if session is None or session.failed or session.process != os.getpid():
                session = self._session = Session(self._own_folder(), self.packs, self.index)
            return session

    def staging(self) -> Path:
        """Return the folder for files that have no name yet."""
        self.require_writable()
        with self._lock:
            return self._own_folder().path

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

    def pack_exists(self, row: int) -> bool:
        """Tell whether the pack of a row is there, by its file."""
        with self.index.read() as reader:
            pack = reader.pack(row)
        return pack is not None and self.packs.exists(pack.pack_id)

    def require_writable(self) -> None:
        """Raise ``Error`` if this store can only be read."""
        if self.read_only:
            raise Error(
                f"the store at {self.root} cannot be written to",
                hint="nothing was changed; check its permissions or name another with --store",
            )

    def close(self) -> None:
        """End the session and let the index go; what was logged stays."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None
            if self._folder is not None:
                self._folder.close()
                self._folder = None
            self.index.close()

    def _own_folder(self) -> SessionFolder:
        if self._folder is None or self._folder.process != os.getpid():
            dead_sessions(self.root)
            self._folder = SessionFolder(self.root)
        return self._folder

    def _find_again(self, digests: Sequence[Digest]) -> bool:
        """Make frames findable that this session still holds, or that the index missed."""
        session = self._session
        if session is not None and any(session.holds(digest) for digest in digests):
            session.flush()
            return True
        return self.index.find_again()
