"""Where events lie: ``journal/<yyyymm>/<event name>``.

Knows: month folders, exclusive creation, listings.  Never: what an event says.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from casstore import durable

__all__ = ["JournalFiles"]

MAX_EVENT_FILE_BYTES = 16 * 1024 * 1024 + 64


class JournalFiles:
    """The loose events of one depot."""

    def __init__(self, root: Path) -> None:
        self._root = root / "journal"

    def publish(self, name: str, data: bytes, staging: Path, time_us: int) -> str:
        """Create an event's file, durably; returns its month.  Here a version begins to exist.

        An event that is there already with equal bytes is success: names are bound to content.
        """
        month = time.strftime("%Y%m", time.gmtime(time_us / 1_000_000))
        folder = self._root / month
        durable.make_directory(folder)
        try:
            durable.create_exclusive(folder / name, data, staging)
        except FileExistsError:
            if (folder / name).read_bytes() != data:
                raise
        return month

    def sync_names(self, month: str) -> None:
        """Make the names that others left in a month survive power loss, before they are used."""
        durable.sync_directory(self._root)
        durable.sync_directory(self._root / month)

    def months(self) -> Iterator[tuple[str, int]]:
        """Yield (yyyymm, mtime in ns) of each month's folder, in order."""
        try:
            names = os.listdir(self._root)
        except FileNotFoundError:
            return
        for name in sorted(names):
            if len(name) == 6 and name.isdigit():
                yield name, os.stat(self._root / name).st_mtime_ns

    def names(self, month: str) -> list[str]:
        """Return the names of the events of a month, sorted."""
        return sorted(os.listdir(self._root / month))

    def read(self, month: str, name: str) -> bytes:
        """Return an event's bytes, unchecked; at most a little over the limit of an event."""
        with (self._root / month / name).open("rb") as stream:
            return stream.read(MAX_EVENT_FILE_BYTES)
