"""Verifying a bundle, with no store: every byte of its files, and what its versions lack.

Knows: sums of members, packs and events end to end, closures.  Never: stores, repair.

A version is *whole* if everything that it needs is in the files, *thin* if something is not and
something else is said to have it (what the bundle was made against, parts that were not given).
"""

import hashlib
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

from casstore.bundles import SUMS_NAME, Base, BundleFile, BundleReader, read_sums
from casstore.chunks import decode
from casstore.digest import Buffer, CommitId, Digest
from casstore.errors import Corrupt, Error, Invalid, Unsupported
from casstore.exchange import IndexId, RemoteDepot, open_depot, read_index, read_roots
from casstore.flows.verify.packs import check_pack_at
from casstore.flows.verify.problems import Problem, ProblemKind, Problems, Progress
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.journal.wire import read_event, read_packed
from casstore.manifests import Entry
from casstore.packs.format import HEADER
from casstore.store import Closure
from casstore.store.frames import frames_in

__all__ = ["BundleReport", "BundledVersion", "verify_bundle"]

FRAMES_AT_ONCE = 4096
MAX_LACKING = 100_000


State: TypeAlias = Literal["whole", "thin", "damaged"]


@dataclass(frozen=True, slots=True)
class BundledVersion:
    """A version of a bundle; ``lacking`` is how many frames are not in the files (at least)."""

    label: str
    commit: CommitId
    file_count: int
    size_bytes: int
    state: State
    lacking: int


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What was verified, and what is wrong.

    ``missing_parts`` are those of bundles that were not given, ``bases`` what the bundles were made
    against.
    """

    files: tuple[BundleFile, ...]
    members: int
    size_bytes: int
    versions: tuple[BundledVersion, ...]
    missing_parts: dict[str, list[int]]
    bases: tuple[Base, ...]
    problems: list[Problem]


def verify_bundle(paths: Sequence[Path], *, progress: Progress | None = None) -> BundleReport:
    """Read every byte of some files of bundles; raises what opening them does."""
    with BundleReader(paths) as reader, tempfile.TemporaryDirectory(prefix="casstore-") as cache:
        problems = Problems()
        for file in reader.files:
            _Members(file, problems, progress).check()
        return BundleReport(
            tuple(reader.files),
            sum(len(file.members) for file in reader.files),
            sum(file.size_bytes for file in reader.files),
            tuple(_versions(reader, Path(cache), problems)),
            reader.missing_parts(),
            _bases(reader),
            problems.listed(),
        )


def _versions(reader: BundleReader, cache: Path, problems: Problems) -> Iterator[BundledVersion]:
    try:
        depot = open_depot(reader, cache)
        try:
            yield from _Versions(reader, depot, problems).check()
        finally:
            depot.mirror.close()
    except (Corrupt, Unsupported) as error:
        problems.add(Problem("bundle", None, None, None, None, str(error)))


def _bases(reader: BundleReader) -> tuple[Base, ...]:
    found = [file.about.contents.base for file in reader.files]
    return tuple(dict.fromkeys(base for base in found if base is not None))


class _Members:
    """The members of one file, each read once."""

    def __init__(self, file: BundleFile, problems: Problems, progress: Progress | None) -> None:
        self._file = file
        self._problems = problems
        self._progress = progress

    def check(self) -> None:
        """Compare every member with its sum, and see that it is what its name says."""
        sums = self._sums()
        for name, member in self._file.members.items():
            data = self._file.raw(member)
            if zlib.crc32(data) != member.crc:
                self._add("bundle", name, "it is damaged: its CRC-32 does not match")
            elif name != SUMS_NAME and sums.get(name) != hashlib.sha256(data).digest():
                self._add("bundle", name, f"its SHA-256 is not the one in {SUMS_NAME}")
            try:
                self._look_into(name, data)
            except (Error, ValueError) as error:
                self._add("event" if name.startswith("journal/") else "bundle", name, str(error))
            if self._progress is not None:
                self._progress(1, len(data))
        for name in sums.keys() - self._file.members.keys():
            self._add("bundle", name, f"{SUMS_NAME} lists it, and it is not there")

    def _sums(self) -> dict[str, bytes]:
        try:
            return dict(read_sums(self._file.raw(self._file.members[SUMS_NAME])))
        except Corrupt as error:
            self._add("bundle", SUMS_NAME, error.message)
            return {}

    def _look_into(self, name: str, data: bytes) -> None:
        """Check an object by its own digests; raises what is wrong with it."""
        folder, _, last = name.rpartition("/")
        if folder.startswith("packs/") or folder.endswith("/packs"):
            self._pack(last, data, is_journal=folder.endswith("/packs"))
        elif folder.startswith("journal/"):
            read_event(last, data)
        elif folder == "index":
            read_index(IndexId(bytes.fromhex(last)), data)
        elif folder.startswith("roots/"):
            read_roots(last, data)

    def _pack(self, name: str, data: bytes, *, is_journal: bool) -> None:
        def read(count: int, offset: int) -> Buffer:
            return memoryview(data)[offset : offset + count]

        state = check_pack_at(read, len(data), name, quick=False)
        if state.message:
            message = f"{state.message} in {self._file.path}"
            self._problems.add(Problem("pack", None, None, None, name, message))
        elif is_journal:
            for _, frame in frames_in(memoryview(data)[HEADER.size :]):
                read_packed(decode(frame.codec, frame.payload, frame.size_bytes))

    def _add(self, kind: ProblemKind, name: str, message: str) -> None:
        message = f"{name} in {self._file.path}: {message}"
        self._problems.add(Problem(kind, None, None, None, None, message))


class _Absent(Corrupt):
    """A node that is not in the files."""


class _Versions:
    """The versions that the events in the files speak of, one after the other."""

    def __init__(self, reader: BundleReader, depot: RemoteDepot, problems: Problems) -> None:
        self._depot = depot
        self._problems = problems
        self._suspicious = problems.count > 0
        self._may_be_thin = bool(_bases(reader) or reader.missing_parts())
        listed = [one for file in reader.files for one in file.about.contents.versions]
        self._labels = {one.commit_id: one.label for one in listed}
        self._lacking: set[Digest] = set()

    def check(self) -> Iterator[BundledVersion]:
        """Yield each version that has its event here, checked."""
        self._depot.refresh()
        self._depot.frames.refresh()
        index = self._depot.mirror.index
        with index.read() as reader:
            commits = list(queries.commits(reader))
        unseen = set(self._labels)
        for commit in commits:
            with index.read() as reader:
                view = queries.version(reader, commit)
            if view is not None and view.complete:
                unseen.discard(commit.hex())
                if not view.deleted:
                    yield self._check(view)
        for commit_id in sorted(unseen) if not self._may_be_thin else ():
            message = f"{self._labels[commit_id]} is listed, and nothing here says what it is"
            self._problems.add(Problem("event", None, None, None, None, message))

    def _check(self, view: VersionView) -> BundledVersion:
        commit_id = view.commit.hex()
        label = self._labels.get(commit_id, f"{view.project}/{view.name}@{commit_id[:12]}")
        before = self._problems.count
        self._lacking.clear()
        closure = Closure(
            view.manifest, self._fetch, lambda _node, error: self._note(label, view, None, error)
        )
        for segment in closure.segments():
            for entry in closure.entries(segment):
                self._check_file(closure, entry, label, view)
        lacking = len(self._lacking)
        if lacking and not self._may_be_thin:
            message = f"{label} needs {lacking} chunks that are not here"
            self._problems.add(Problem("manifest", view.project, label, None, None, message))
        state: State = "thin" if lacking else "whole"
        if self._problems.count > before:
            state = "damaged"
        manifest = view.manifest
        return BundledVersion(label, view.commit, manifest.entries, manifest.size, state, lacking)

    def _check_file(self, closure: Closure, entry: Entry, label: str, view: VersionView) -> None:
        chunks = (ref.digest for ref in closure.refs(entry))
        try:
            while batch := list(islice(chunks, FRAMES_AT_ONCE)):
                for digest, has in zip(batch, self._depot.frames.has(batch), strict=True):
                    if not has:
                        self._lack(digest)
                    elif self._suspicious:
                        self._read(digest)
        except (Corrupt, Invalid, Unsupported) as error:
            self._note(label, view, entry.path, error)

    def _read(self, digest: Digest) -> None:
        """Read one frame: something in the files is damaged, and this may be it."""
        for _ in self._depot.frames.read([digest]):
            pass

    def _fetch(self, digest: Digest) -> Buffer:
        if not self._depot.frames.has([digest])[0]:
            self._lack(digest)
            raise _Absent(f"frame {digest.hex()} is not here")
        return self._depot.frames.metadata(digest)

    def _lack(self, digest: Digest) -> None:
        if len(self._lacking) < MAX_LACKING:
            self._lacking.add(digest)

    def _note(self, label: str, view: VersionView, path: bytes | None, error: Exception) -> None:
        if not isinstance(error, _Absent):
            kind: ProblemKind = "manifest" if path is None else "file"
            self._problems.add(Problem(kind, view.project, label, path, None, str(error)))
