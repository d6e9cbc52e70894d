"""A draft behind the face: adding, removing, and becoming a version.

Knows: how files and folders become entries at once.  Never: runs, aliases, what is shown.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

from casstore.artifacts.entry import NO_ENTRIES, ArtifactEntry, ArtifactManifest, Held
from casstore.artifacts.place import Place
from casstore.artifacts.takeover import copy_frames, take_over
from casstore.digest import CommitId
from casstore.durable import is_out_of_space
from casstore.errors import ArtifactFinalizedError, FileMissing, Invalid, UsageError
from casstore.flows.log import Cuts, Earlier, earlier_cuts, log_files
from casstore.flows.reading import read_entry
from casstore.flows.referring import Request, add_entries, refer
from casstore.journal.views import VersionView
from casstore.manifests import Entry, EntryKind, Manifest, manifest_digest
from casstore.names import path_bytes, path_text
from casstore.parallel import Lock
from casstore.store import Commit, Committed, Draft, Store, commit, concrete, packs_of
from casstore.worktree import Walk, source_of

__all__ = ["Drafting", "KnownObject", "Taken"]

MAX_REMEMBERED_PATHS = 100_000


class KnownObject(NamedTuple):
    """An object that was added, weakly held, and the path of its file."""

    thing: Callable[[], Any]
    path: str


class Taken(NamedTuple):
    """A file to be added as ``name``: one on disk, or one that a version holds."""

    name: bytes
    origin: Path | ArtifactEntry


class Drafting:
    """The draft of one artifact.  The store is resolved, and made, when bytes first arrive.

    ``place`` gives the place then, or None where nothing is stored.  ``bases`` are the versions
    that it was drafted from.  Threads may add at once; a forked child may not go on with it.
    """

    bases: tuple[CommitId, ...]

    def __init__(self, place: Callable[[], Place | None], name: str) -> None:
        self._place = place
        self._name = name
        self._store: Store | None = None
        self._draft: Draft | None = None
        self._finished: Manifest | None = None
        self._earlier: Earlier | None = None
        self._added: dict[str, str] = {}
        self._folders: list[tuple[str, bytes]] = []
        self.objects: dict[int, KnownObject] = {}  # by id
        self._lock = Lock()
        self._passed_over = False
        self.process = os.getpid()
        self.bases = ()
        self.incremental = False

    def check_owner(self) -> None:
        """Raise ``UsageError`` for a draft of another process, or one that lacks files."""
        if self._passed_over:
            raise UsageError(
                f"files were added to {self._name!r} in a run that stores nothing",
                hint="make the artifact again in this run",
            )
        if self._draft is not None and self.process != os.getpid():
            raise UsageError(
                f"the draft of {self._name!r} belongs to another process",
                hint="make the artifact in the process that logs it",
            )

    def store(self) -> Store:
        """Return the store that the bytes go to."""
        if self._store is None:
            place = self._place()
            if place is None:
                raise UsageError("nothing is stored here", hint="run without mode='disabled'")
            self._store = place.writable_store()
        else:
            self._store.require_there()
        return self._store

    def draft(self) -> Draft:
        """Return the draft, begun when it is first needed."""
        self.check_owner()
        if self._draft is None:
            if self._finished is not None:  # another thread logged it while this one was adding
                raise ArtifactFinalizedError(f"{self._name!r} is finished and cannot be changed")
            self.process = os.getpid()
            self._draft = self.store().draft()
        return self._draft

    def add_file(self, local: Path, name: bytes, *, overwrite: bool) -> ArtifactEntry:
        """Take a file's bytes into the store and add it as ``name``."""
        source = source_of(local, name)
        if self._passes_over():
            nothing = Entry(name, source.stat.st_size, EntryKind.FILE, b"", b"", b"")
            return self._shown(nothing, str(local))
        with self._lock, self._space_taken_back():
            log_files(self.store(), self.draft(), [source], replace=overwrite, earlier=self._cuts)
            if len(self._added) < MAX_REMEMBERED_PATHS:
                self._added[os.path.abspath(local)] = path_text(name)
            return self._shown(self._entry_at(name), str(local))

    def add_folder(
        self,
        local: Path,
        prefix: bytes,
        *,
        merge: bool,
        ignore: Sequence[str],
        refuse_outside: bool,
    ) -> None:
        """Take every file of a folder; all of it is added or nothing."""
        if not local.is_dir():
            if local.exists():
                raise Invalid(f"{str(local)!r} is not a folder", hint="add one file with add_file")
            raise FileMissing(f"{str(local)!r} does not exist", hint="nothing was added")
        if self._passes_over():
            return
        with self._lock, self._space_taken_back():
            self.check_owner()
            store = self.store()
            info = store.root.stat()
            walk = Walk(
                os.fsencode(local),
                prefix=prefix + b"/" if prefix else b"",
                ignore=ignore,
                refuse_outside=refuse_outside,
                skip=frozenset({(info.st_dev, info.st_ino)}),
            )
            part = store.draft()
            try:
                log_files(store, part, walk, earlier=self._cuts)
                self.draft().absorb(part, replace=merge)
            finally:
                part.close()
            self._folders.append((os.path.abspath(local), walk.prefix))

    def add_references(self, request: Request) -> list[ArtifactEntry]:
        """Add all that a URI means, or nothing; servers are asked while others may add."""
        if self._passes_over():
            return []
        self.check_owner()
        place = self._place()
        project = place.project if place else ""
        entries = refer(self.store(), request._replace(project=request.project or project))
        with self._lock:
            add_entries(self.store(), self.draft(), entries)
        return [self._shown(entry) for entry in entries]

    def add_together(
        self, files: Sequence[Taken], shown: bytes, *, overwrite: bool
    ) -> ArtifactEntry:
        """Add several files, all of them or none; returns the entry of the one at ``shown``."""
        if self._passes_over():
            return self._shown(Entry(shown, 0, EntryKind.FILE, b"", b"", b""))
        with self._lock, self._space_taken_back():
            self.check_owner()
            store = self.store()
            part = store.draft()
            try:
                local = [
                    (each.origin, each.name) for each in files if isinstance(each.origin, Path)
                ]
                sources = [source_of(path, name) for path, name in local]
                log_files(store, part, sources, earlier=self._cuts)
                for each in files:
                    if isinstance(each.origin, ArtifactEntry):
                        take_over(store, part, each.origin, each.name)
                self.draft().absorb(part, replace=overwrite)
            finally:
                part.close()
            return self._shown(self._entry_at(shown))

    def _cuts(self, path: bytes) -> Cuts | None:
        """Return how the file at a path was cut in the newest version of this name."""
        place = self._place()
        if place is None:
            return None
        if self._earlier is None:
            self._earlier = earlier_cuts(self.store(), place.project, self._name)
        return self._earlier(path)

    def held(self, name: bytes) -> Entry | None:
        """Return what has been added as ``name``."""
        return self._held().get(name)

    @contextlib.contextmanager
    def new_file(self, name: bytes, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
        """Give a file to write; what was written is added when the block ends without an error.

        It is a real file in a folder of its own: what people write through a handle may seek.
        Mode ``x`` refuses a path that was added, ``w`` replaces it, ``a`` goes on with it (W&B).
        """
        if not set(mode) <= set("xwabt+") or len(set(mode) & set("xwa")) != 1:
            raise Invalid(f"new_file cannot be opened with mode {mode!r}", hint="use x, w, a or xb")
        present = self._held().get(name)
        if present is not None and "x" in mode:
            raise Invalid(
                f"{path_text(name)!r} was added already", hint="use mode 'w' or remove it"
            )
        text = {} if "b" in mode else {"encoding": encoding or "utf-8"}
        with self._folder_for_a_file() as folder:
            path = Path(folder) / "file"
            if present is not None and "a" in mode:
                with path.open("wb") as before:
                    before.writelines(read_entry(self.store(), present))
            with path.open(mode, **text) as stream:  # type: ignore[call-overload]
                yield stream
            self.add_file(path, name, overwrite="x" not in mode)
            self._added.pop(os.path.abspath(path), None)

    def remove(self, name: bytes) -> None:
        """Remove a path, or everything in a folder; ``FileMissing`` if there is neither."""
        if self._passes_over():
            return
        with self._lock:
            table = self.draft().table
            names = [name] if table.get(name) is not None else table.under(name)
            if not names:
                raise FileMissing(
                    f"the draft of {self._name!r} holds no {path_text(name)!r}; "
                    f"it is for the store at {self.store().root}"
                )
            for each in names:
                self.draft().remove(each)

    def start_from(self, store: Store, view: VersionView) -> None:
        """Take over every entry of a version."""
        self._store = store
        draft = self.draft()
        for entry in store.manifest(view.manifest):
            draft.put(entry, packs_of(store.frames, [entry]))
        self.bases = (view.commit,)

    def _keep_missing(self, store: Store, view: VersionView, request: Commit) -> Commit:
        """Take over the entries of a version that the draft has no path for (incremental).

        Returns the request with that version as its base.
        """
        draft = self.draft()
        for entry in store.manifest(view.manifest):
            if draft.table.get(entry.path) is None:
                draft.put(entry, packs_of(store.frames, [entry]))
        self.bases = (view.commit,)
        return replace(request, bases=self.bases)

    def commit(self, store: Store, request: Commit) -> Committed:
        """Make the draft a version in ``store``, copying its frames if they lie in another."""

        def begin(newest: VersionView) -> Commit:
            return self._keep_missing(store, newest, request)

        with self.in_store(store) as draft:
            return commit(store, draft, request, begin=begin if self.incremental else None)

    @contextlib.contextmanager
    def in_store(self, store: Store) -> Iterator[Draft]:
        """Give the draft, in ``store``: its frames are copied there if they lie in another."""
        with self._lock, self._space_taken_back():
            self._move(store)
            yield self.draft()

    def let_go(self, finished: Manifest) -> None:
        """Let the draft go; who still looks at its manifest sees the version's."""
        with self._lock:
            draft, self._draft, self._finished = self._draft, None, finished
            if draft is not None and self.process == os.getpid():
                draft.close()

    def manifest(self) -> ArtifactManifest:
        """Return what has been added, as it is at each look."""
        return ArtifactManifest(self._held, self._shown, f"the draft of {self._name!r}")

    def digest(self) -> str:
        """Return the manifest digest of what has been added so far, in hex."""
        with self._lock:
            return (self._draft.digest() if self._draft else manifest_digest(self._held())).hex()

    def size_bytes(self) -> int:
        """Return the sum of the sizes."""
        with self._lock:
            return self._draft.table.size_bytes() if self._draft else 0

    def path_of(self, local: str) -> str | None:
        """Return the path that a local file was added as, or None."""
        absolute = os.path.abspath(local)
        if absolute in self._added:
            return self._added[absolute]
        for folder, prefix in self._folders:
            if absolute.startswith(folder + os.sep):
                name = prefix + path_bytes(os.path.relpath(absolute, folder))
                if self._held().get(name) is not None:
                    return path_text(name)
        return None

    def _entry_at(self, name: bytes) -> Entry:
        entry = self.draft().table.get(name)
        if entry is None:
            raise AssertionError("an added file has an entry")
        return entry

    def _shown(self, entry: Entry, local_path: str | None = None) -> ArtifactEntry:
        return ArtifactEntry(entry, None, local_path)

    def _held(self) -> Held:
        if self._draft is not None:
            return self._draft.table
        return self._finished if self._finished is not None else NO_ENTRIES

    def _passes_over(self) -> bool:
        """Tell whether nothing is stored here (``mode="disabled"``)."""
        if self._store is None and self._place() is None:
            self._passed_over = True
        return self._passed_over

    def _folder_for_a_file(self) -> tempfile.TemporaryDirectory[str]:
        folder = None if self._passes_over() else self.draft().session.folder.path
        return tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True)

    @contextlib.contextmanager
    def _space_taken_back(self) -> Iterator[None]:
        """After a full disk, give back what this process wrote and nothing refers to."""
        try:
            yield
        except Exception as error:
            if is_out_of_space(error) and self._draft is not None:
                self.store().take_back(self._draft.session, error)
            raise

    def _move(self, store: Store) -> None:
        """Make the draft one of ``store``: every frame of it is copied from where it was begun."""
        source, old = self._store, self._draft
        if source is None or source is store or old is None:
            self._store = store
            return
        for entry in old.table:
            concrete(store, entry)  # raises for a reference to a version that is not there
        self._store = store
        old.settle()
        new = store.draft()
        for entry in old.table:
            new.put(entry, copy_frames(source, new, entry))
        old.close()
        self._draft = new
        self.process = os.getpid()
