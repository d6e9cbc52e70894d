"""The entries of a draft: a mapping that stays small in memory however many there are.

Knows: paths, order, which path excludes which.  Never: frames, stores, files that people log.

Up to a limit the entries are a dict; beyond it they move to a SQLite file in the session's folder
(the standard library's table that is ordered, takes keys of any length and bounds its own cache).
"""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from casstore.errors import Invalid
from casstore.manifests import Entry
from casstore.names import check_path, display_path

__all__ = ["EntryTable"]

MAX_ENTRIES_IN_MEMORY = 100_000
CACHE_KIB = 32 * 1024

_SCHEMA = (
    "CREATE TABLE entries (path BLOB PRIMARY KEY, size INTEGER, kind INTEGER, content BLOB,"
    " layout BLOB, extra BLOB) WITHOUT ROWID"
)
_UPSERT = "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)"


class EntryTable:
    """Entries by path.  One thread at a time."""

    def __init__(self, spill: Path) -> None:
        self._spill = spill
        self._entries: dict[bytes, Entry] = {}
        self._folders: dict[bytes, int] = {}  # how many files and folders lie in each
        self._database: Any = None
        self._count = 0

    def __len__(self) -> int:
        return self._count if self._database else len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries in path order; the table must not change meanwhile."""
        if self._database is None:
            for path in sorted(self._entries):
                yield self._entries[path]
            return
        for row in self._database.execute("SELECT * FROM entries ORDER BY path"):
            yield Entry(*row)

    def get(self, path: bytes) -> Entry | None:
        """Return the entry at ``path``."""
        if self._database is None:
            return self._entries.get(path)
        query = self._database.execute("SELECT * FROM entries WHERE path = ?", (path,))
        row = query.fetchone()
        return Entry(*row) if row else None

    def admit(self, entry: Entry, *, replace: bool) -> None:
        """Raise ``Invalid`` if the entry may not stand here (``check``).

        Unless ``replace``, a path that is there with other content is refused too.
        """
        present = self.get(entry.path)
        if present is None:
            self.check(entry.path)
        elif not replace and present[2:4] != entry[2:4]:
            raise Invalid(
                f"{display_path(entry.path)!r} was added already with other content",
                hint="nothing was added; replace it with overwrite=True (add_dir: merge=True)",
            )

    def put_all(self, entries: Sequence[Entry], *, replace: bool) -> None:
        """Set entries at their paths, each as ``admit`` and ``put`` do, the usual way quickly.

        After an error some of them are set.
        """
        known, folders = self._entries, self._folders
        for entry in entries:
            path = entry[0]
            folder = path.rpartition(b"/")[0]
            if folder not in folders or path in folders or path in known or self._database:
                self.admit(entry, replace=replace)
                self.put(entry)
                known, folders = self._entries, self._folders  # they may have moved to disk
            else:
                check_path(path)
                folders[folder] += 1
                known[path] = entry
        if self._database is None and self._is_large():
            self._move_to_disk()

    def check(self, path: bytes) -> None:
        """Raise ``Invalid`` if ``path`` may not stand here: unsafe, or a file where a folder is."""
        check_path(path)
        folder = path.rpartition(b"/")[0]
        if self._is_folder(path):
            raise Invalid(f"{display_path(path)!r} is a folder in this artifact already")
        while folder and not self._is_folder(folder):
            if self.get(folder) is not None:
                raise Invalid(
                    f"{display_path(path)!r} cannot be added: {display_path(folder)!r} is a file"
                )
            folder = folder.rpartition(b"/")[0]

    def put(self, entry: Entry) -> None:
        """Set the entry at its path, which ``check`` allowed."""
        if self._database is not None:
            known = self.get(entry.path) is not None
            self._database.execute(_UPSERT, entry)
            self._count += not known
            return
        path = entry[0]
        if path not in self._entries:
            self._enter(path)
        self._entries[path] = entry
        if self._is_large():
            self._move_to_disk()

    def remove(self, path: bytes) -> bool:
        """Remove the entry at ``path``; returns whether there was one."""
        if self._database is not None:
            cursor = self._database.execute("DELETE FROM entries WHERE path = ?", (path,))
            self._count -= cursor.rowcount
            return bool(cursor.rowcount > 0)
        if self._entries.pop(path, None) is None:
            return False
        self._leave(path)
        return True

    def under(self, folder: bytes) -> list[bytes]:
        """Return the paths inside a folder, in order."""
        first, end = folder + b"/", folder + b"0"  # '0' follows '/' in byte order
        if self._database is None:
            return sorted(path for path in self._entries if first <= path < end)
        query = "SELECT path FROM entries WHERE path >= ? AND path < ? ORDER BY path"
        return [path for (path,) in self._database.execute(query, (first, end))]

    def size_bytes(self) -> int:
        """Return the sum of the entries' sizes."""
        if self._database is None:
            return sum(entry.size_bytes for entry in self._entries.values())
        total = self._database.execute("SELECT TOTAL(size) FROM entries").fetchone()[0]
        return int(total)

    def close(self) -> None:
        """Let the table go."""
        self._entries.clear()
        if self._database is not None:
            self._database.close()
            self._spill.unlink(missing_ok=True)

    def _is_large(self) -> bool:
        return max(len(self._entries), len(self._folders)) > MAX_ENTRIES_IN_MEMORY

    def _is_folder(self, path: bytes) -> bool:
        if self._database is None:
            return path in self._folders
        query = "SELECT 1 FROM entries WHERE path >= ? AND path < ? LIMIT 1"
        bounds = (path + b"/", path + b"0")
        return self._database.execute(query, bounds).fetchone() is not None

    def _enter(self, path: bytes) -> None:
        """Count a new path in its folder, and a folder that is new by it in the one above."""
        folders = self._folders
        folder = path.rpartition(b"/")[0]
        while folder:
            if folder in folders:
                folders[folder] += 1
                return
            folders[folder] = 1
            folder = folder.rpartition(b"/")[0]

    def _leave(self, path: bytes) -> None:
        """Count a path out of its folder, and a folder that is empty by it out of the one above."""
        folder = path.rpartition(b"/")[0]
        while folder:
            self._folders[folder] -= 1
            if self._folders[folder]:
                return
            del self._folders[folder]
            folder = folder.rpartition(b"/")[0]

    def _move_to_disk(self) -> None:
        # Nobody else opens it, and a network file system may have no locks.
        sqlite = importlib.import_module("sqlite3")  # few drafts need it
        database = sqlite.connect(
            f"{self._spill.absolute().as_uri()}?nolock=1",
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute(_SCHEMA)
        database.execute("BEGIN")
        database.executemany(_UPSERT, (self._entries[path] for path in sorted(self._entries)))
        self._count = len(self._entries)
        self._database = database
        self._entries = {}
        self._folders = {}
