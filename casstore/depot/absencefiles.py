"""Which versions were pulled without all of their bytes, and where the rest is.

Knows: ``absent/<id>``.  Never: events, which frames are missing.  None of it is transferred; a copy
of the store has it too.

A file is written before the event that makes its versions exist here, and goes after all that they
need was seen to be here.  So a version that no file names is whole, or damaged; one that a file
names may be whole by now, which whoever looks finds out.
"""

import json
import os
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from casstore import durable
from casstore.digest import CommitId, digest_of
from casstore.encoding import canonical_json

__all__ = ["AbsenceFiles", "Absences"]

ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class Absences:
    """What all files say together: the URLs at which the bytes of each version are."""

    urls: dict[CommitId, list[str]]

    def __contains__(self, commit: object) -> bool:
        return commit in self.urls

    def __bool__(self) -> bool:
        return bool(self.urls)

    @property
    def places(self) -> list[str]:
        """The URLs of all of them, each once."""
        return list(dict.fromkeys(url for urls in self.urls.values() for url in urls))


class AbsenceFiles:
    """The files of one store."""

    def __init__(self, root: Path) -> None:
        self._root = root / "absent"
        self._last: tuple[list[str], Absences] = [], Absences({})
        self._parsed: dict[str, tuple[str, frozenset[CommitId]]] = {}  # a name has one content

    def read(self) -> Absences:
        """Return what is noted; a file that was cut short counts as none."""
        names = self._names()
        if names == self._last[0]:
            return self._last[1]
        found: dict[CommitId, list[str]] = defaultdict(list)
        for name in names:
            url, commits = self._read(name)
            for commit in commits:
                found[commit].append(url)
        self._last = names, Absences(dict(found))
        return self._last[1]

    def note(self, commits: Collection[CommitId], url: str, staging: Path) -> None:
        """Note, durably, that bytes of versions may be missing here and are at ``url``."""
        if not commits:
            return
        data = _data(commits, url)
        path = self._root / _id_of(data)
        durable.make_directory(self._root)
        try:
            durable.create_exclusive(path, data, staging)
        except FileExistsError:
            if self._read(path.name) == _NOTHING:  # it was cut short
                durable.replace_file(path, data)

    def settle(self, commits: Collection[CommitId], staging: Path) -> None:
        """Note that versions are whole here; what a file says of others is written anew first."""
        settled = set(commits)
        for name in self._names():
            url, named = self._read(name)
            if settled.isdisjoint(named):
                continue
            self.note(named - settled, url, staging)
            durable.unlink(self._root / name)

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._root))
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> tuple[str, frozenset[CommitId]]:
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


_NOTHING: tuple[str, frozenset[CommitId]] = ("", frozenset())


def _parse(data: bytes) -> tuple[str, frozenset[CommitId]]:
    fields = json.loads(data)
    return fields["url"], frozenset(CommitId(bytes.fromhex(each)) for each in fields["commits"])


def _data(commits: Collection[CommitId], url: str) -> bytes:
    fields = {"commits": sorted(commit.hex() for commit in commits), "url": url}
    return canonical_json(fields).encode() + b"\n"


def _id_of(data: bytes) -> str:
    return digest_of(data).hex()[:ID_CHARS]
