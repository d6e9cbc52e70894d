"""What is set aside in a depot by ``index/damaged/<64 hex>``: a pack or index that is read no more.

Knows: names and bytes.  Never: what is damaged, where the frames are found instead.

It lies in ``index/``, so that one listing shows what leads to frames and what does no more.
A mark is made once and never taken away but with what it names.  Whoever makes it has put every
frame that can still be had into other packs, and these are found before the mark is seen.  The pack
itself stays where it is until it is collected.
"""

import contextlib
import re
from pathlib import Path

from casstore import durable
from casstore.packs import PackId

__all__ = ["SET_ASIDE_FOLDER", "SetAside", "mark_of", "marked_name"]

SET_ASIDE_FOLDER = "index/damaged"

_NAME = re.compile(rf"(?:{SET_ASIDE_FOLDER}/)?([0-9a-f]{{64}})\Z")


def mark_of(name: bytes) -> tuple[str, bytes]:
    """Return the mark that sets a pack or an index aside: its name in the depot and its bytes."""
    return f"{SET_ASIDE_FOLDER}/{name.hex()}", f"{name.hex()}\n".encode()


def marked_name(text: str) -> bytes | None:
    """Return what a mark of this name sets aside; None if it is none."""
    match = _NAME.match(text)
    return bytes.fromhex(match[1]) if match else None


class SetAside:
    """The marks of one depot's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def packs(self) -> set[PackId]:
        """Return every pack that is set aside."""
        marks = map(marked_name, durable.names_in(self._root / SET_ASIDE_FOLDER))
        return {PackId(name) for name in marks if name is not None}

    def add(self, pack_id: PackId, staging: Path) -> None:
        """Set a pack aside, durably; one that is so already stays so."""
        name, data = mark_of(pack_id)
        folder = self._root / SET_ASIDE_FOLDER
        durable.make_directory(folder.parent)
        durable.make_directory(folder)
        with contextlib.suppress(FileExistsError):
            durable.create_exclusive(self._root / name, data, staging)
