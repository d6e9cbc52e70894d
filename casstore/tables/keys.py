"""Values that link tables: a row's number and a key, each of which knows its table.

Knows: how W&B's scripts use them (``get_index``, ``get_row``).  Never: files, types.
"""

from typing import Any

__all__ = ["TableIndex", "TableKey"]


class TableIndex(int):
    """A row's number that knows its table; in a column of another table it is a link to the row."""

    table: Any

    @classmethod
    def of(cls, index: int, table: Any) -> "TableIndex":
        """Return the number of a row of ``table``."""
        made = cls(index)
        made.table = table
        return made

    def get_row(self) -> dict[Any, Any]:
        """Return the row as a dict by column."""
        return dict(zip(self.table.columns, self.table.data[self], strict=True))


class TableKey(str):
    """Text that is a key of a table's column."""

    table: Any
    column: str

    __slots__ = ("column", "table")

    @classmethod
    def of(cls, text: str, table: Any, column: str) -> "TableKey":
        """Return a key of ``column`` of ``table``."""
        made = cls(text)
        made.table, made.column = table, column
        return made
