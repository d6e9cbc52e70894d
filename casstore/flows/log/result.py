"""What logging hands on: one file's entry, and what was done in all.

Knows: records.  Never: files, stores.
"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from casstore.catalog import StatKey
from casstore.digest import Digest
from casstore.manifests import Entry, EntryKind
from casstore.store import Seen, Token
from casstore.worktree import Source

__all__ = ["LogResult", "Logged", "Progress", "entry_of", "same_file", "seen_of"]

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class LogResult:
    """What logging did: files taken, their bytes, and how many were known unchanged by stat."""

    files: int = 0
    size_bytes: int = 0
    unchanged: int = 0


class Logged(NamedTuple):
    """One file in the store: its entry, its stat, the tokens of the packs that hold it."""

    entry: Entry
    seen: Seen
    tokens: Collection[Token]


def entry_of(source: Source, digest: Digest, layout: bytes) -> Entry:
    """Return the entry of a file that was read."""
    kind = EntryKind.EXECUTABLE if source.stat.st_mode & 0o100 else EntryKind.FILE
    return Entry(source.name, source.stat.st_size, kind, digest, layout)


def seen_of(info: os.stat_result, read_ns: int) -> Seen:
    """Return what is remembered of a file whose reading began at ``read_ns``."""
    key = StatKey(info.st_dev, info.st_ino)
    return Seen(key, info.st_size, info.st_mtime_ns, info.st_ctime_ns, read_ns)


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Tell whether a file is unchanged between two stats."""
    return (
        one.st_size == other.st_size
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_ctime_ns == other.st_ctime_ns
        and one.st_ino == other.st_ino
    )
