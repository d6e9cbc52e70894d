"""References on their way into files: followed, fetched, compared with what was recorded.

Knows: what is tried again, what may be left out.  Never: names of finished files, schemes.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from casstore import durable
from casstore.errors import (
    Error,
    FileMissing,
    NotFound,
    ReferenceChanged,
    RemoteAuth,
    RemoteError,
    Unsupported,
)
from casstore.manifests import Entry
from casstore.names import display_path
from casstore.parallel import Lock
from casstore.references import Referent, read
from casstore.store import Readable, concrete, referent_of

__all__ = ["Lost", "Resolved"]

MAX_LOST = 10_000
ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.5


class Lost(NamedTuple):
    """A reference that was left out: its path, and why."""

    path: bytes
    message: str


class Resolved:
    """What references of one checkout lead to; notes what is left out.  Threads may share it.

    ``allow_missing``: what is gone, another object now, or of a scheme that nothing reads is left
    out instead of raised.
    """

    def __init__(self, store: Readable, *, allow_missing: bool) -> None:
        self._store = store
        self._allow_missing = allow_missing
        self._lock = Lock()
        self.unchecked = 0
        self.lost: dict[bytes, Lost] = {}

    def content(self, entry: Entry) -> Entry | None:
        """Return a reference as the entry that it leads to, at its own path; None: left out."""
        found: list[Entry] = []
        kept = self._unless_lost(entry.path, lambda: found.append(concrete(self._store, entry)))
        return found[0] if kept else None

    def fetch(self, entry: Entry, staged: bytes) -> bool:
        """Write the bytes of a reference to a new file; returns whether they are there.

        If they are, the file is whole and checked; if not, what there is of it is to be removed.
        Raises what ``references.read`` raises.
        """
        referent = referent_of(entry)
        if not self._unless_lost(entry.path, lambda: _write_patiently(referent, staged)):
            return False
        with self._lock:
            self.unchecked += not referent.is_checked
        return True

    def _unless_lost(self, path: bytes, action: Callable[[], None]) -> bool:
        try:
            action()
        except (NotFound, ReferenceChanged, Unsupported) as error:
            if not self._allow_missing:
                raise _with_path(path, error) from error
            with self._lock:
                if len(self.lost) < MAX_LOST:
                    self.lost[path] = Lost(path, error.message)
            return False
        except RemoteError as error:
            raise _with_path(path, error) from error
        return True


def _with_path(path: bytes, error: Error) -> Error:
    """Return an error with the path that suffers; what is gone becomes a missing file."""
    message = f"{display_path(path)}: {error.message}"
    if isinstance(error, NotFound):
        return FileMissing(message, hint="allow_missing_references=True goes on without it")
    return type(error)(message, hint=error.hint)


def _write_patiently(referent: Referent, staged: bytes) -> None:
    """Write an object to a file, from its start again where a connection broke."""
    wait_seconds = FIRST_WAIT_SECONDS
    for left in reversed(range(ATTEMPTS)):
        try:
            return _write(referent, staged)
        except RemoteError as error:
            if not left or isinstance(error, RemoteAuth):
                raise
        time.sleep(wait_seconds)
        wait_seconds *= 2
    return None


def _write(referent: Referent, staged: bytes) -> None:
    if os.path.lexists(staged):
        os.unlink(staged)
    writer = durable.create(Path(os.fsdecode(staged)))
    try:
        for piece in read(referent):
            writer.append(piece)
        writer.flush()
    finally:
        writer.close()
