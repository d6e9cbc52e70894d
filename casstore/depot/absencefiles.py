"""Which versions were pulled without all of their bytes, and where the rest is.

Knows: ``absent/<id>``.  Never: events, which frames are missing.  None of it is transferred; a copy
of the store has it too.

A file is written before the event that makes its versions exist here, and goes after all that they
need was seen to be here.  So a version that no file names is whole, or damaged; one that a file
names may be whole by now, which whoever looks finds out.  Where a place is no remote any more, its
files are made anew and say so: nothing is read there until it is one again, or somebody pulls from
it.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from casstore import durable
from casstore.digest import CommitId, digest_of
from casstore.encoding import canonical_json

__all__ = ["AbsenceFiles", "Absences"]

ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class Absences:
    """What all files say together, of each version: the URLs at which its bytes are.

    ``urls`` has every version, some with none; ``removed`` are those that are asked no more.
    """

    urls: dict[CommitId, list[str]]
    removed: dict[CommitId, list[str]]

    def __contains__(self, commit: object) -> bool:
        return commit in self.urls

    def __bool__(self) -> bool:
        return bool(self.urls)

    @property
    def places(self) -> list[str]:
        """The URLs that are asked, of all versions, each once."""
        return list(dict.fromkeys(url for urls in self.urls.values() for url in urls))

    @property
    def removed_places(self) -> list[str]:
        """The URLs that are asked no more, of all versions, each once."""
        return list(dict.fromkeys(url for urls in self.removed.values() for url in urls))

    def whence(self, commit: CommitId) -> str:
        """Return where the bytes of a version come from, in words."""
        if self.urls[commit]:
            return " or ".join(self.urls[commit])
        return f"{' or '.join(self.removed[commit])}, once it is added as a remote again"


class _Note(NamedTuple):
    """What a file says."""

    url: str
    commits: frozenset[CommitId]
    is_removed: bool


class AbsenceFiles:
    """The files of one store."""

    def __init__(self, root: Path) -> None:
        self._root = root / "absent"
        self._last: tuple[list[str], Absences] = [], Absences({}, {})
        self._parsed: dict[str, _Note] = {}  # a name has one content

    def read(self) -> Absences:
        """Return what is noted; a file that was cut short counts as none."""
        names = durable.names_in(self._root)
        if names == self._last[0]:
            return self._last[1]
        urls: dict[CommitId, list[str]] = defaultdict(list)
        removed: dict[CommitId, list[str]] = defaultdict(list)
        for name in names:
            note = self._read(name)
            for commit in note.commits:
                urls[commit] += [] if note.is_removed else [note.url]
                removed[commit] += [note.url] if note.is_removed else []
        self._last = names, Absences(dict(urls), dict(removed))
        return self._last[1]

    def note(self, commits: Collection[CommitId], url: str, staging: Path) -> None:
        """Note, durably, that bytes of versions may be missing here and are at ``url``."""
        self._write(_Note(url, frozenset(commits), is_removed=False), staging)

    def settle(self, commits: Collection[CommitId], staging: Path) -> None:
        """Note that versions are whole here; what a file says of others is written anew first."""
        settled = set(commits)
        for name in durable.names_in(self._root):
            note = self._read(name)
            if not settled.isdisjoint(note.commits):
                self._write(note._replace(commits=note.commits - settled), staging)
                durable.unlink(self._root / name)

    def forget(self, url: str, staging: Path) -> list[CommitId]:
        """Note that nothing is read at ``url`` any more; returns whose bytes were to come from it.

        Versions that other places are noted to have are not among them.
        """
        self._mark(url, staging, removed=True)
        found = self.read()
        return sorted(
            commit
            for commit, urls in found.removed.items()
            if url in urls and not found.urls[commit]
        )

    def recall(self, url: str, staging: Path) -> None:
        """Note that ``url`` may be read again."""
        self._mark(url, staging, removed=False)

    def _mark(self, url: str, staging: Path, *, removed: bool) -> None:
        for name in durable.names_in(self._root):
            note = self._read(name)
            if note.url == url and note.is_removed is not removed:
                self._write(note._replace(is_removed=removed), staging)
                durable.unlink(self._root / name)

    def _write(self, note: _Note, staging: Path) -> None:
        if not note.commits:
            return
        data = _data(note)
        path = self._root / _id_of(data)
        durable.make_directory(self._root)
        try:
            durable.create_exclusive(path, data, staging)
        except FileExistsError:
            if self._read(path.name) == _NOTHING:  # it was cut short
                durable.replace_file(path, data)

    def _read(self, name: str) -> _Note:
        parsed = self._parsed.get(name)
        if parsed is None:
            try:
                data = (self._root / name).read_bytes()
            except FileNotFoundError:
                return _NOTHING  # settled meanwhile
            if name != _id_of(data):
                return _NOTHING
            parsed = self._parsed[name] = _parse(data)
        return parsed


_NOTHING = _Note("", frozenset(), is_removed=False)


def _parse(data: bytes) -> _Note:
    fields = json.loads(data)
    commits = frozenset(CommitId(bytes.fromhex(each)) for each in fields["commits"])
    return _Note(fields["url"], commits, fields.get("removed") is True)


def _data(note: _Note) -> bytes:
    commits = sorted(commit.hex() for commit in note.commits)
    fields: dict[str, Any] = {"commits": commits, "url": note.url}
    if note.is_removed:
        fields["removed"] = True
    return canonical_json(fields).encode() + b"\n"


def _id_of(data: bytes) -> str:
    return digest_of(data).hex()[:ID_CHARS]
