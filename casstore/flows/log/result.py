"""What logging hands on: one file's entry, and what was done in all.

Knows: records.  Never: files, stores.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from casstore.catalog import Stamp, stamp_of
from casstore.digest import Digest
from casstore.manifests import Entry, EntryKind
from casstore.store import Seen, Token
from casstore.worktree import Source

__all__ = ["LogResult", "Logged", "Progress", "entry_of", "same_file", "settled_stamp"]

SETTLED_NS = 2_000_000_000

_FILE, _EXECUTABLE = int(EntryKind.FILE), int(EntryKind.EXECUTABLE)

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class LogResult:
    """What logging did: files taken, their bytes, and how many were known unchanged by stat."""

    files: int = 0
    size_bytes: int = 0
    unchanged: int = 0


class Logged(NamedTuple):
    """Files in the store: their entries, what to remember of them, the tokens of all their packs.

    A file whose stat cannot be believed later is not among ``seen``.
    """

    entries: list[Entry]
    seen: list[Seen]
    tokens: set[Token]


def entry_of(source: Source, digest: Digest, layout: bytes) -> Entry:
    """Return the entry of a file that was read."""
    _, name, info = source
    kind = _EXECUTABLE if info.st_mode & 0o100 else _FILE
    return Entry(name, info.st_size, kind, digest, layout)


def settled_stamp(info: os.stat_result, read_ns: int) -> Stamp | None:
    """Return what is remembered of a file whose reading began at ``read_ns``.

    None if it had changed less than 2 s before: another write might leave the same times.
    """
    settled_ns = read_ns - SETTLED_NS
    settled = info.st_mtime_ns <= settled_ns and info.st_ctime_ns <= settled_ns
    return stamp_of(info) if settled else None


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Tell whether a file is unchanged between two stats."""
    return (
        one.st_size == other.st_size
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_ctime_ns == other.st_ctime_ns
        and one.st_ino == other.st_ino
    )
