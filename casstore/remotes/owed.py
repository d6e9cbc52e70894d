"""What this machine created in a depot and no entry of its roll names yet: files in a cache.

Knows: the files.  Never: the roll.  They may be deleted, or not be written: what they would name is
found by who may list.

A process writes a file of its own, a line an object as soon as it is there, so that one that is
killed leaves to the next what it owes.
"""

import contextlib
import os
from pathlib import Path

from casstore.parallel import Lock

__all__ = ["Owed"]


class Owed:
    """Notes beside ``base``: names that are owed, and about where the roll ends."""

    def __init__(self, base: Path) -> None:
        self._end = base.with_name(f"{base.name}.roll")
        self._mine = base.with_name(f"{base.name}.owed-{os.urandom(8).hex()}")
        self._found: dict[Path, int] = {}
        self._lock = Lock()

    def expected(self) -> int:
        """Return where the roll ended when it was last looked at; 0 if nobody knows."""
        try:
            text = self._end.read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return 0
        return int(text) if text.isdecimal() and len(text) < 13 else 0

    def expect(self, number: int) -> None:
        """Keep where the roll ends."""
        if number != self.expected():
            with contextlib.suppress(OSError):
                self._end.parent.mkdir(parents=True, exist_ok=True)
                self._end.write_text(str(number), "ascii")  # cut short, it is another guess

    def add(self, name: str, size_bytes: int) -> None:
        """Note an object that is there now."""
        with self._lock, contextlib.suppress(OSError):
            self._mine.parent.mkdir(parents=True, exist_ok=True)
            with self._mine.open("ab") as file:
                file.write(f"{size_bytes} {name}\n".encode())

    def read(self) -> dict[str, int]:
        """Return what any process of this machine owes."""
        names: dict[str, int] = {}
        prefix = self._mine.name.rpartition("-")[0]
        for path in self._mine.parent.glob(f"{prefix}-*"):
            try:
                data = path.read_bytes()
            except OSError:
                continue
            self._found[path] = len(data)
            for line in data.decode("ascii", "replace").split("\n")[:-1]:
                size, _, name = line.partition(" ")
                if size.isdecimal() and name:
                    names[name] = int(size)
        return names

    def paid(self) -> None:
        """Forget what was read: an entry names it.  What was noted meanwhile stays."""
        for path, size_bytes in self._found.items():
            with contextlib.suppress(OSError):
                if path.stat().st_size == size_bytes:
                    path.unlink()
        self._found.clear()
