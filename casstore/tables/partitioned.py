"""``PartitionedTable``: the tables of a folder, as one.

Knows: W&B's JSON of it, how parts become one table.  Never: stores; how a table's file looks.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, NotFound, UsageError
from casstore.media import Sink, Source
from casstore.tables.pandas_frames import frame_of
from casstore.tables.table import Table

__all__ = ["TABLE_SUFFIXES", "PartitionedTable"]

TABLE_SUFFIXES = (".table.json", ".table.parquet")


class PartitionedTable:
    """All tables below a folder of an artifact as one, in the order of their paths.

    Made by hand it is only the name of the folder, ``parts_path``; ``artifact.get`` gives one that
    can be read.  Parts are read one at a time.  All must have the same columns: ``Invalid`` names
    two that differ.
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
        columns = self.columns
        if name not in columns:
            raise NotFound(f"no column {name!r}; there are {columns}")
        index = columns.index(name)
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
