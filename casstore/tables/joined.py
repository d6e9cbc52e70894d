"""``JoinedTable``: two tables of an artifact that belong together by a key.

Knows: W&B's JSON of it, which rows meet.  Never: stores; how a table's file looks.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, UsageError
from casstore.media import Sink, Source
from casstore.tables.partitioned import TABLE_SUFFIXES, PartitionedTable
from casstore.tables.table import Table

__all__ = ["JoinedTable"]

Joinable = Table | PartitionedTable


class JoinedTable:
    """Two tables that belong together by a key.

    ``table1`` and ``table2``: tables, or paths of tables in the artifact.  ``join_key``: a column
    that both have, or a list of two, one of each.
    """

    log_type: ClassVar[str] = "joined-table"
    column_type: ClassVar[str] = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | list[str]) -> None:
        for table in (table1, table2):
            is_path = isinstance(table, str) and table.endswith(TABLE_SUFFIXES)
            if not is_path and not isinstance(table, Table | PartitionedTable):
                raise Invalid(f"{table!r} is no table, and no path that ends in .table.json")
        is_pair = isinstance(join_key, list | tuple) and len(join_key) == 2
        if not isinstance(join_key, str) and not is_pair:
            raise Invalid("join_key is a column, or a list of two", hint="one of each table")
        self.table1 = table1
        self.table2 = table2
        self.join_key = join_key if isinstance(join_key, str) else list(join_key)

    def __repr__(self) -> str:
        return f"<casstore.JoinedTable on {self.join_key}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, JoinedTable)
            and self.join_key == other.join_key
            and self.table1 == other.table1
            and self.table2 == other.table2
        )

    __hash__ = None  # type: ignore[assignment] # its tables change

    def iterrows(self) -> Iterator[tuple[int, list[dict[Any, Any] | None]]]:
        """Yield (index, [row of table1, row of table2]) for every two rows whose keys are equal.

        Rows are dicts by column.  A row without a partner comes with None, ``table2``'s last.
        """
        left, right = self._tables()
        keys = self.join_key if isinstance(self.join_key, list) else [self.join_key] * 2
        waiting: dict[Any, list[dict[Any, Any]]] = {}
        for row in _dicts(right, keys[1]):
            waiting.setdefault(row[keys[1]], []).append(row)
        number = 0
        met = set()
        for row in _dicts(left, keys[0]):
            key = row[keys[0]]
            met.add(key)
            partners: list[dict[Any, Any] | None] = [*waiting.get(key, ())] or [None]
            for partner in partners:
                yield number, [row, partner]
                number += 1
        for key, rows in waiting.items():
            for row in rows if key not in met else ():
                yield number, [None, row]
                number += 1

    def lookup(self, key: Any) -> tuple[list[dict[Any, Any]], list[dict[Any, Any]]]:
        """Return the rows of each table that have ``key``, as dicts by column."""
        left, right = self._tables()
        keys = self.join_key if isinstance(self.join_key, list) else [self.join_key] * 2
        return (
            [row for row in _dicts(left, keys[0]) if row[keys[0]] == key],
            [row for row in _dicts(right, keys[1]) if row[keys[1]] == key],
        )

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Return W&B's JSON; tables that are not in the artifact yet are added to it."""
        paths = [
            table if isinstance(table, str) else sink.add(table, f"t{number}_", hashed=True)
            for number, table in enumerate((self.table1, self.table2), 1)
        ]
        for path in paths:
            if not sink.holds(path):
                raise Invalid(f"the artifact holds no table {path!r}", hint="add it first")
        return {
            "_type": self.log_type,
            "table1": paths[0],
            "table2": paths[1],
            "join_key": self.join_key,
        }

    @classmethod
    def decode(cls, plain: dict[str, Any], source: Source) -> Self:
        """Return the tables that W&B's JSON names; those that are not there stay paths."""
        tables = [source.get(plain[key]) or plain[key] for key in ("table1", "table2")]
        return cls(tables[0], tables[1], plain["join_key"])

    def _tables(self) -> tuple[Joinable, Joinable]:
        for table in (self.table1, self.table2):
            if isinstance(table, str):
                raise UsageError(
                    f"the table {table!r} is a path here", hint="log the artifact, call its get()"
                )
        return self.table1, self.table2


def _dicts(table: Joinable, key: Any) -> Iterator[dict[Any, Any]]:
    columns = table.columns
    if key not in columns:
        raise Invalid(f"no column {key!r} to join on; there are {columns}")
    for _, row in table.iterrows():
        yield dict(zip(columns, row, strict=True))
