"""Where packs lie: ``packs/ab/<pack id in hex>``.

Knows: names, listings, installing a finished pack.  Never: what is in a pack.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from casstore import durable
from casstore.depot.setaside import SetAside
from casstore.packs import PackId

__all__ = ["PackFiles"]

_NAME = re.compile(r"[0-9a-f]{64}\Z")
FAN_OUT = [f"{number:02x}" for number in range(256)]


class PackFiles:
    """The packs of one depot; ``set_aside`` are those that nobody reads any more."""

    def __init__(self, root: Path) -> None:
        self._root = root / "packs"
        self.set_aside = SetAside(root)

    def path(self, pack_id: PackId) -> Path:
        """Return where a pack lies, there or not."""
        name = pack_id.hex()
        return self._root / name[:2] / name

    def exists(self, pack_id: PackId) -> bool:
        """Tell whether the pack's file is there now; what is no file holds nothing.

        It is opened: a client of NFS asks the server then, and may answer a stat from memory.
        """
        try:
            os.close(durable.open_file(self.path(pack_id)))
        except PermissionError:
            return True
        except OSError as error:
            if not durable.is_gone(error) and not durable.is_no_file(error):
                raise
            return False
        return True

    def install(self, staged: Path, pack_id: PackId) -> Path:
        """Give a sealed pack its name; returns the folder to sync before relying on it."""
        final = self.path(pack_id)
        durable.make_directory(final.parent)
        durable.install(staged, final)
        return final.parent

    def sync(self, folders: Iterable[Path]) -> None:
        """Make installed names survive power loss."""
        for folder in sorted(set(folders)):
            durable.sync_directory(folder)

    def sync_names(self, folder: str) -> None:
        """Make the names that others left in a folder survive power loss, before they are used."""
        durable.sync_directory(self._root)
        durable.sync_directory(self._root / folder)

    def remove(self, pack_id: PackId) -> None:
        """Delete a pack's file; the caller has made sure that nothing needs it."""
        durable.unlink(self.path(pack_id))

    def look_anew(self) -> None:
        """Let packs be seen that others installed, where a network client remembers listings."""
        for name in FAN_OUT:
            durable.look_anew(self._root / name)

    def folders(self) -> Iterator[tuple[str, int]]:
        """Yield (name, mtime in ns) of each folder that exists."""
        for name in FAN_OUT:
            try:
                yield name, os.stat(self._root / name).st_mtime_ns
            except FileNotFoundError:
                continue

    def listing(self, folder: str | None = None) -> Iterator[PackId]:
        """Yield the ids of the packs in one folder, or in all."""
        for name in [folder] if folder else FAN_OUT:
            for entry in durable.names_in(self._root / name):
                if _NAME.match(entry) and entry.startswith(name):
                    yield PackId(bytes.fromhex(entry))
