"""The table that events are folded into: sorted bytes to bytes.

Knows: the contract, and a table in memory.  Never: keys, rows, LMDB.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol

__all__ = ["MemoryTable", "StateReader", "StateTable"]


class StateReader(Protocol):
    """Rows under byte keys, to read.  Promises nothing about durability or other writers."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return the row under ``key``, or None."""

    def scan(self, prefix: bytes, /) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys begin with ``prefix``, in key order.

        The table is not written to while it is scanned.
        """


class StateTable(StateReader, Protocol):
    """Rows under byte keys, to read and to fold into."""

    def put(self, key: bytes, value: bytes, /) -> object:
        """Set the row under ``key``."""

    def delete(self, key: bytes, /) -> object:
        """Remove the row under ``key``; nothing happens where there is none."""


class MemoryTable:
    """A table in memory; its keys are sorted at the first scan after a change."""

    __slots__ = ("_order", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self._order: list[bytes] | None = None

    def get(self, key: bytes) -> bytes | None:
        """Return the row under ``key``, or None."""
        return self.rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Set the row under ``key``."""
        if key not in self.rows:
            self._order = None
        self.rows[key] = value

    def delete(self, key: bytes) -> None:
        """Remove the row under ``key``, if there is one."""
        if self.rows.pop(key, None) is not None:
            self._order = None

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys begin with ``prefix``, in key order."""
        if self._order is None:
            self._order = sorted(self.rows)
        order = self._order
        for at in range(bisect_left(order, prefix), len(order)):
            if not order[at].startswith(prefix):
                return
            yield order[at], self.rows[order[at]]
