"""Attempts: which packs a session has written that no version refers to yet.

Knows: the empty files in a session's folder that say so.  Never: what is in a pack, who needs it.

``<attempt>-<pack id>.written`` names a pack before it gets its own name, and goes when a version
refers to it.  While ``<attempt>.kept`` is there the packs are kept, whatever becomes of the
process: who runs again finds their frames.  It is removed when a disk is full, for removing takes
no space; what is then still named may be taken back, by this process or the next.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from casstore.packs import PackId
from casstore.parallel import Lock

__all__ = ["Attempt", "failed_notes", "forget_failed"]

_NOTE = re.compile(r"([0-9]+)-([0-9a-f]{64})\.written\Z")


class Attempt:
    """The packs of one session of a process; ``number`` is drawn once in ``folder``.

    Safe across threads: a lane seals packs while a version is published.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._number = number
        self._noted: set[PackId] = set()
        self._begun = False
        self._lock = Lock()

    def note(self, pack_id: PackId) -> None:
        """Note a pack that is about to get its name."""
        with self._lock:
            if not self._begun:
                self._kept.touch()
                self._begun = True
            self._note(pack_id).touch()
            self._noted.add(pack_id)

    def published(self, pack_ids: Iterable[PackId]) -> None:
        """Note that a version refers to packs: they are nobody's to take back."""
        with self._lock:
            for pack_id in self._noted.intersection(pack_ids):
                self._note(pack_id).unlink(missing_ok=True)
                self._noted.discard(pack_id)
            if self._begun and not self._noted:
                self._kept.unlink(missing_ok=True)
                self._begun = False

    def fail(self) -> None:
        """Let what is noted be taken back."""
        self._kept.unlink(missing_ok=True)

    @property
    def _kept(self) -> Path:
        return self._folder / f"{self._number}.kept"

    def _note(self, pack_id: PackId) -> Path:
        return self._folder / f"{self._number}-{pack_id.hex()}.written"


def failed_notes(folder: Path) -> dict[str, PackId]:
    """Return the notes that failed attempts left in a session's folder: {file name: pack}."""
    try:
        names = {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = [match for match in map(_NOTE.match, sorted(names)) if match]
    return {
        match[0]: PackId(bytes.fromhex(match[2]))
        for match in found
        if f"{match[1]}.kept" not in names
    }


def forget_failed(folder: Path) -> None:
    """Remove the notes of failed attempts: what they named is gone, or needed."""
    for name in failed_notes(folder):
        (folder / name).unlink(missing_ok=True)
