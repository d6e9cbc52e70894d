"""Where events lie: ``journal/<yyyymm>/<event name>``, and, gathered, in packs beside them.

Knows: month folders, exclusive creation, listings.  Never: what an event says.

A reader lists a month's loose events first and its packs after, for a gatherer removes a loose
event only when the pack that holds it is durable under its name, and no pack is ever removed: an
event that the first listing misses is in a pack that the second one shows.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from casstore import durable
from casstore.depot.setaside import SetAside
from casstore.packs import PackId

__all__ = ["JournalFiles", "month_of"]

MAX_EVENT_FILE_BYTES = 16 * 1024 * 1024 + 64
PACKS_FOLDER = "packs"

_MONTH = re.compile(r"[0-9]{6}\Z")
_PACK = re.compile(r"[0-9a-f]{64}\Z")


def month_of(time_us: int) -> str:
    """Return the month that an event of a time lies in: ``yyyymm``, UTC."""
    return time.strftime("%Y%m", time.gmtime(time_us / 1_000_000))


class JournalFiles:
    """The events of one depot, loose and gathered."""

    def __init__(self, root: Path) -> None:
        self._root = root / "journal"
        self.set_aside = SetAside(root)

    def publish(self, name: str, data: bytes, staging: Path, time_us: int) -> str:
        """Create an event's file, durably; returns its month.  Here a version begins to exist.

        An event that is there already with equal bytes is success: names are bound to content.
        Raises ``FileExistsError`` if its bytes differ: they are damaged.
        """
        month = month_of(time_us)
        folder = self._root / month
        durable.make_directory(folder)
        while True:
            try:
                durable.create_exclusive(folder / name, data, staging)
            except FileExistsError:
                try:
                    present = durable.read_file(folder / name)
                except FileNotFoundError:  # it was gathered meanwhile
                    continue
                if present != data:
                    raise
            return month

    def replace(self, month: str, name: str, data: bytes) -> None:
        """Give a damaged event's file the bytes that its name promises, durably."""
        durable.replace_file(self.event_path(month, name), data)

    def install_pack(self, staged: Path, month: str, pack_id: PackId) -> Path:
        """Give a sealed journal pack its name in a month, durably; returns where it lies."""
        final = self.pack_path(month, pack_id)
        durable.make_directory(self._root / month)
        durable.make_directory(final.parent)
        durable.install(staged, final)
        durable.sync_directory(final.parent)
        return final

    def remove_loose(self, month: str, name: str) -> None:
        """Delete a loose event; the caller has seen that a durable pack holds it."""
        durable.unlink(self._root / month / name)

    def sync_names(self, folder: str) -> None:
        """Make the names that others left in a folder survive power loss, before they are used."""
        place = self._root / folder
        for level in (self._root, *([place.parent] if place.parent != self._root else ()), place):
            durable.sync_directory(level)

    def look_anew(self, *, months: int | None = None) -> None:
        """Let events be seen that others wrote, where a network client remembers listings.

        Of the newest ``months``, by default of all.
        """
        durable.look_anew(self._root)
        found = [name for name, _ in self.months()]
        for name in found[-months:] if months else found:
            durable.look_anew(self._root / name)
            durable.look_anew(self._root / name / PACKS_FOLDER)

    def packed_at(self, month: str, pack_id: PackId) -> float | None:
        """Return when a journal pack was made, by the depot's clock; None if it is not there."""
        try:
            return self.pack_path(month, pack_id).stat().st_mtime
        except FileNotFoundError:
            return None

    def months(self) -> Iterator[tuple[str, int]]:
        """Yield (yyyymm, mtime in ns) of each month's folder, in order."""
        for name in filter(_MONTH.match, durable.names_in(self._root)):
            info = os.stat(self._root / name)
            if stat.S_ISDIR(info.st_mode):
                yield name, info.st_mtime_ns

    def folders(self) -> Iterator[tuple[str, int]]:
        """Yield (folder, mtime in ns) of each folder of events: a month, then that of its packs.

        The second is looked at only when the caller has done with the first.
        """
        for month, mtime_ns in self.months():
            yield month, mtime_ns
            try:
                info = os.stat(self._root / month / PACKS_FOLDER)
            except FileNotFoundError:
                continue
            yield f"{month}/{PACKS_FOLDER}", info.st_mtime_ns

    def names(self, month: str) -> list[str]:
        """Return the names of a month's loose events, sorted; other names may be among them."""
        return sorted(os.listdir(self._root / month))

    def packs(self, month: str) -> list[PackId]:
        """Return the journal packs of a month, sorted, but those that are set aside."""
        names = durable.names_in(self._root / month / PACKS_FOLDER)
        found = [PackId(bytes.fromhex(name)) for name in names if _PACK.match(name)]
        marked = self.set_aside.packs() if found else set()
        return [pack_id for pack_id in found if pack_id not in marked]

    def has(self, name: str, month: str, pack_id: PackId | None = None) -> bool:
        """Tell whether an event is there: in its pack, or loose, also again from an older copy."""
        packed = pack_id is not None and self.pack_path(month, pack_id).exists()
        return packed or self.event_path(month, name).exists()

    def pack_path(self, month: str, pack_id: PackId) -> Path:
        """Return where a journal pack lies, there or not."""
        return self._root / month / PACKS_FOLDER / pack_id.hex()

    def event_path(self, month: str, name: str) -> Path:
        """Return where a loose event lies, there or not."""
        return self._root / month / name

    def read(self, month: str, name: str) -> bytes:
        """Return a loose event's bytes, unchecked; at most a little over the limit of an event.

        Raises ``FileNotFoundError`` if it was removed, before or while it was read, ``Corrupt`` if
        it is there and cannot be read.
        """
        try:
            with durable.damage_told(f"event {name}"):
                return durable.read_file(self.event_path(month, name), MAX_EVENT_FILE_BYTES)
        except OSError as error:
            if durable.is_gone(error) and not isinstance(error, FileNotFoundError):
                raise FileNotFoundError(*error.args) from error
            raise
