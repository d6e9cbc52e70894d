"""The table that events are folded into: sorted bytes to bytes.

Knows: the contract, and a table in memory.  Never: keys, rows, LMDB.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

__all__ = ["MEMBER_BYTES", "SET_FAMILIES", "MemoryTable", "StateReader", "StateTable"]

SET_FAMILIES = ("sources", "targets")
"""Which sets there are: see ``ties``."""

MEMBER_BYTES = 17
"""The length of a member of a set: LMDB stores sets of one length without a header for each."""


class StateReader(Protocol):
    """Rows and sets under byte keys, to read.

    Promises nothing about durability or other writers.
    """

    def get(self, key: bytes, /) -> bytes | None:
        """Return the row under ``key``, or None."""

    def scan(self, prefix: bytes, /) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys begin with ``prefix``, in key order.

        The table is not written to while it is scanned.
        """

    def members(
        self, family: str, keys: Sequence[bytes], limit: int, /
    ) -> list[tuple[bytes, bytes]]:
        """Return (key, member) of a family's sets, in the order of ``keys``, at most ``limit``."""


class StateTable(StateReader, Protocol):
    """Rows and sets under byte keys, to read and to fold into.

    Sets are of the families in ``SET_FAMILIES``; their members have ``MEMBER_BYTES``.
    """

    def put(self, key: bytes, value: bytes, /) -> object:
        """Set the row under ``key``."""

    def delete(self, key: bytes, /) -> object:
        """Remove the row under ``key``; nothing happens where there is none."""

    def join(self, family: str, key: bytes, member: bytes, /) -> object:
        """Put ``member`` into the set under ``key``, if it is not in it."""


class MemoryTable:
    """A table in memory; its keys are sorted at the first scan after a change."""

    __slots__ = ("_order", "rows", "sets")

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.sets: dict[tuple[str, bytes], set[bytes]] = {}
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

    def join(self, family: str, key: bytes, member: bytes) -> None:
        """Put ``member`` into the set under ``key``."""
        self.sets.setdefault((family, key), set()).add(member)

    def members(self, family: str, keys: Sequence[bytes], limit: int) -> list[tuple[bytes, bytes]]:
        """Return (key, member) of a family's sets, in the order of ``keys``, at most ``limit``."""
        sets = ((key, self.sets.get((family, key), ())) for key in keys)
        return list(islice(((key, one) for key, held in sets for one in sorted(held)), limit))

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys begin with ``prefix``, in key order."""
        if self._order is None:
            self._order = sorted(self.rows)
        order = self._order
        for at in range(bisect_left(order, prefix), len(order)):
            if not order[at].startswith(prefix):
                return
            yield order[at], self.rows[order[at]]
