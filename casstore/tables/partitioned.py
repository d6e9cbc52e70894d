"""``PartitionedTable`` and ``JoinedTable``: tables made of tables of an artifact.

Knows: W&B's JSON of both, how parts become one table.  Never: stores; how a table's file looks.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, UsageError
from casstore.media import Sink, Source
from casstore.tables.pandas_frames import frame_of
from casstore.tables.table import Table

__all__ = ["TABLE_SUFFIXES", "JoinedTable", "PartitionedTable"]

TABLE_SUFFIXES = (".table.json", ".table.parquet")


class PartitionedTable:
    """All tables below the folder ``parts_path`` of an artifact, as one, in the order of their paths.

    Made by hand it is only the name of the folder; ``artifact.get`` gives one that can be read.
    Parts are read one at a time.  All must have the same columns: ``Invalid`` names two that differ.
    """

    log_type: ClassVar[str] = "partitioned-table"
    column_type: ClassVar[str] = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        if not isinstance(parts_path, str) or not parts_path.strip("/"):
            raise Invalid(f"parts_path is a folder inside the artifact, not {parts_path!r}")
        self.parts_path = parts_path.strip("/")
        self._source: Source | None = None

    def __repr__(self) -> str:
        return f"<casstore.PartitionedTable {self.parts_path}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartitionedTable) and self.parts_path == other.parts_path

    def __hash__(self) -> int:
        return hash(self.parts_path)

    @property
    def columns(self) -> list[Any]:
        """The columns of the first part; none if there are no parts."""
        for _, part in self._parts():
            return list(part.columns)
        return []

    @property
    def part_paths(self) -> list[str]:
        """Where the parts lie in the artifact."""
        if self._source is None:
            raise UsageError(
                f"the parts below {self.parts_path!r} are known once the table is read",
                hint="log the artifact and call its get()",
            )
        paths = self._source.paths(self.parts_path)
        return [path for path in paths if path.endswith(TABLE_SUFFIXES)]

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield (index, row) over all parts."""
        number = 0
        first: tuple[str, list[Any]] | None = None
        for path, part in self._parts():
            first = first or (path, list(part.columns))
            if part.columns != first[1]:
                raise Invalid(
                    f"{path!r} has the columns {part.columns}, and {first[0]!r} {first[1]}",
                    hint="all parts of a PartitionedTable have the same columns",
                )
            for _, row in part.iterrows():
                yield number, row
                number += 1

    def get_column(self, name: Any) -> list[Any]:
        """Return a column's values over all parts."""
        table = Table(self.columns)
        index = table._columns.index_of(name)  # noqa: SLF001 - the same room
        return [row[index] for _, row in self.iterrows()]

    def get_dataframe(self) -> Any:
        """Return a pandas data frame of all parts."""
        return frame_of([row for _, row in self.iterrows()], self.columns)

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Return W&B's JSON."""
        del sink
        return {"_type": self.log_type, "parts_path": self.parts_path}

    @classmethod
    def decode(cls, plain: dict[str, Any], source: Source) -> Self:
        """Return the table that W&B's JSON names, ready to be read."""
        table = cls(plain["parts_path"])
        table._source = source
        return table

    def _parts(self) -> Iterator[tuple[str, Table]]:
        paths = self.part_paths
        assert self._source is not None  # noqa: S101 - part_paths has looked
        for path in paths:
            yield path, self._source.get(path)


Joinable = Table | PartitionedTable


class JoinedTable:
    """Two tables that belong together by a key.

    ``table1`` and ``table2``: tables, or paths of tables in the artifact.  ``join_key``: a column that
    both have, or a list of two, one of each.
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

    __hash__ = None  # type: ignore[assignment] - its tables change

    def iterrows(self) -> Iterator[tuple[int, list[dict[Any, Any] | None]]]:
        """Yield (index, [row of table1, row of table2]): every pair of rows whose keys are equal.

        Rows are dicts by column.  A row without a partner comes with None, those of ``table2`` last.
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
            for partner in waiting.get(key) or [None]:
                yield number, [row, partner]
                number += 1
        for key, rows in waiting.items():
            for partner in rows if key not in met else ():
                yield number, [None, partner]
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
