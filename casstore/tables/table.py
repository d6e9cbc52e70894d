"""``Table``: rows with typed columns, under W&B's names.

Knows: W&B 0.31's calls and signatures, when rows are held as lists and when as Arrow.
Never: stores; how files look (``jsonfile``, ``arrow``).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Self

from casstore.errors import Invalid, NotFound
from casstore.media import LocalFile, Sink, Source
from casstore.media.arrays import is_array, numpy_for
from casstore.tables.arrow import (
    arrow_column,
    arrow_table,
    arrow_types,
    is_arrow,
    rows_of,
    whole_table,
)
from casstore.tables.columns import Columns
from casstore.tables.given import read_rows_of
from casstore.tables.jsonfile import encode_rows, json_of_table, read_rows, write_json
from casstore.tables.keys import TableIndex, TableKey
from casstore.tables.pandas_frames import frame_of
from casstore.tables.parquet import parquet_of, table_of_parquet
from casstore.tables.polars_frames import polars_of
from casstore.tables.types import (
    ANY,
    PRIMARY_KEY,
    UNKNOWN,
    ColumnType,
    DictOf,
    ForeignIndex,
    ForeignKey,
    optional,
)
from casstore.tables.valuetypes import type_from

__all__ = ["Table"]

DEFAULT_COLUMNS = ("Input", "Output", "Expected")  # W&B's
LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
STORAGES = ("json", "parquet")


class Table:
    """Rows with typed columns.

    ``data``: rows, a numpy array, a pandas or polars frame, an Arrow table; ``dataframe`` the same,
    and names its own columns.  ``dtype``: a type for all columns or a list of one for each; without
    it types come from the data.  ``optional``: whether None is allowed, for all or for each.
    ``allow_mixed_types`` takes any.  ``log_mode`` is W&B's and changes nothing here: adding
    writes all rows.  ``storage``: ``"json"`` writes W&B's ``.table.json``, ``"parquet"`` a
    ``.table.parquet`` (``casstore[arrow]``), which is the default for Arrow data only.

    Raises ``Invalid`` for rows of another width, ``TypeError`` for values that do not fit.
    """

    MAX_ROWS: ClassVar[int] = 10_000
    """W&B's limit in its own app; means nothing here."""

    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000
    """Rows of a ``.table.json``; may be set higher, as in W&B."""

    log_type: ClassVar[str] = "table"

    def __init__(  # noqa: PLR0913 - W&B's signature
        self,
        columns: list[Any] | None = None,
        data: Any = None,
        rows: list[Iterable[Any]] | None = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | list[bool] = True,  # noqa: FBT001, FBT002 - W&B's
        allow_mixed_types: bool = False,  # noqa: FBT001, FBT002 - W&B's
        log_mode: str | None = "IMMUTABLE",
        *,
        storage: str | None = None,
    ) -> None:
        if log_mode not in LOG_MODES:
            raise Invalid(f"log_mode is one of {', '.join(LOG_MODES)}, not {log_mode!r}")
        given = dataframe if dataframe is not None else rows if data is None else data
        if storage is not None and storage not in STORAGES:
            raise Invalid(f"storage is one of {', '.join(STORAGES)}, not {storage!r}")
        self.log_mode = log_mode
        self.storage = storage or ("parquet" if is_arrow(given) else "json")
        self._rows: list[list[Any]] | None = []
        self._arrow: Any = None
        names = list(DEFAULT_COLUMNS) if columns is None else columns
        kinds = ANY if allow_mixed_types else dtype
        if is_arrow(given):
            self._hold(whole_table(given), columns, kinds)
        else:
            own, found = read_rows_of(given)
            self._columns = Columns(names if own is None else own, kinds, optional)
            self._take(found)

    def _hold(self, arrow: Any, columns: list[Any] | None, dtype: Any) -> None:
        """Hold an Arrow table as it is; its rows become lists when they are asked for."""
        self._arrow, self._rows = arrow, None
        if columns is not None and len(columns) != arrow.num_columns:
            raise Invalid(f"{len(columns)} names for {arrow.num_columns} columns")
        self._columns = Columns(arrow.column_names if columns is None else columns)
        for index, kind in enumerate(arrow_types(arrow)):
            self._columns.set(index, kind)
        if dtype not in (None, ANY):
            self._columns = Columns(self._columns.names, dtype)
            self._take(list(rows_of(arrow)))

    def _take(self, rows: list[list[Any]]) -> None:
        for row in rows:
            self._columns.fit(row)
        self._rows, self._arrow = rows, None
        self._link(range(len(rows)))

    def __repr__(self) -> str:
        return f"<casstore.Table {self.nrows} rows, columns {self.columns}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Table)
            and self.columns == other.columns
            and self.column_types == other.column_types
            and self.nrows == other.nrows
            and all(map(_same, self._each_row(), other._each_row()))
        )

    __hash__ = None  # type: ignore[assignment] # it changes

    # What it holds

    @property
    def columns(self) -> list[Any]:
        """The columns' names, in order."""
        return self._columns.names

    @property
    def column_types(self) -> DictOf:
        """The columns' types, by name."""
        return self._columns.as_type()

    @property
    def data(self) -> list[list[Any]]:
        """The rows, as a list of lists."""
        if self._rows is None:
            self._rows, self._arrow = list(rows_of(self._arrow)), None
        return self._rows

    @property
    def nrows(self) -> int:
        """How many rows there are."""
        return len(self._rows) if self._rows is not None else int(self._arrow.num_rows)

    @property
    def ncols(self) -> int:
        """How many columns there are."""
        return len(self.columns)

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """Yield (index, row); the index, kept in a column of another table, links to the row."""
        for number, row in enumerate(self._each_row()):
            yield TableIndex.of(number, self), row

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """Return a column's values as a list, or as an array with ``convert_to="numpy"``."""
        if convert_to not in {None, "numpy"}:
            raise Invalid(f"convert_to is 'numpy' or None, not {convert_to!r}")
        index = self._columns.index_of(name)
        if self._rows is None:
            values = self._arrow.column(index).to_pylist()
        else:
            values = [row[index] for row in self._rows]
        if convert_to is None:
            return values
        return numpy_for("convert_to='numpy'").array(values)

    def get_index(self) -> list[TableIndex]:
        """Return the rows' indexes, for a column of another table that links to this one."""
        return [TableIndex.of(number, self) for number in range(self.nrows)]

    def index_ref(self, index: int) -> TableIndex:
        """Return one row's index, as ``get_index`` does; ``NotFound`` if there is no such row."""
        if not 0 <= index < self.nrows:
            raise NotFound(f"no row {index}; there are {self.nrows}")
        return TableIndex.of(index, self)

    def get_dataframe(self) -> Any:
        """Return a pandas data frame."""
        if self._rows is None:
            frame_of([], [])  # says so if pandas is not there
            return self._arrow.rename_columns(list(map(str, self.columns))).to_pandas()
        return frame_of(self._rows, self.columns)

    def to_polars(self) -> Any:
        """Return a polars data frame; ``Invalid`` for columns of mixed types."""
        return polars_of([self.get_column(name) for name in self.columns], self.columns)

    def to_arrow(self) -> Any:
        """Return a pyarrow table; ``Invalid`` for columns that Arrow cannot hold."""
        names = list(map(str, self.columns))
        if self._rows is None:
            return self._arrow.rename_columns(names)
        arrays = [arrow_column(self.get_column(name)) for name in self.columns]
        refused = [name for name, array in zip(names, arrays, strict=True) if array is None]
        if refused:
            raise Invalid(f"Arrow cannot hold the columns {refused}", hint="call get_column")
        return arrow_table(names, arrays)

    # Changing it

    def add_data(self, *data: Any) -> None:
        """Add a row; ``Invalid`` for another width, ``TypeError`` for a value that does not fit."""
        rows = self.data
        self._columns.fit(data)
        rows.append(list(data))
        self._link(range(len(rows) - 1, len(rows)))

    def add_row(self, *row: Any) -> None:
        """Add a row: W&B's older name of ``add_data``."""
        self.add_data(*row)

    def add_column(
        self,
        name: str,
        data: Any,
        optional: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> None:
        """Add a column of as many values as there are rows; the first column makes the rows."""
        if not isinstance(data, list | tuple) and not is_array(data):
            raise Invalid(f"a column is a list or an array, not {type(data).__name__}")
        rows, is_first = self.data, not self.columns
        if not is_first and len(data) != len(rows):
            raise Invalid(f"the column {name!r} has {len(data)} values for {len(rows)} rows")
        kind = _optional(UNKNOWN) if optional else UNKNOWN
        column = Columns([name], [kind], [False])
        for value in data:
            column.fit([value])
        self._columns.append(name, column.kinds[0])
        if is_first:
            rows[:] = [[] for _ in data]
        for row, value in zip(rows, data, strict=True):
            row.append(value)
        self._link(range(len(rows)))

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], dict[str, Any]]) -> None:
        """Add the columns that ``fn(index, row as a dict)`` returns for each row."""
        made: dict[str, list[Any]] = {}
        for number, row in self.iterrows():
            found = fn(number, dict(zip(self.columns, row, strict=True)))
            if not isinstance(found, dict) or (made and found.keys() != made.keys()):
                raise Invalid(
                    f"row {int(number)}: fn returned {found!r}",
                    hint="return the same keys each time",
                )
            for key, value in found.items():
                made.setdefault(key, []).append(value)
        for key, values in made.items():
            self.add_column(key, values)

    def cast(
        self,
        col_name: Any,
        dtype: Any,
        optional: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> ColumnType:
        """Give a column a type; ``TypeError`` naming the first value that does not fit."""
        index = self._columns.index_of(col_name)
        kind = _optional(type_from(dtype)) if optional else type_from(dtype)
        if isinstance(kind, ForeignKey | ForeignIndex) and kind.table is self:
            raise Invalid("a column cannot link to its own table")
        if kind == PRIMARY_KEY and PRIMARY_KEY in self._columns.kinds:
            raise Invalid("there is a primary key already")
        column = Columns([col_name], [kind], [False])
        for row in self.data:
            column.fit([row[index]])
        self._columns.set(index, column.kinds[0])
        self._link(range(len(self.data)))
        return column.kinds[0]

    def set_pk(self, col_name: Any) -> None:
        """Make a column of text the key of its rows."""
        self.cast(col_name, PRIMARY_KEY)

    def set_fk(self, col_name: Any, table: "Table", table_col: str) -> None:
        """Make a column of text link to a column of another table."""
        table._columns.index_of(table_col)  # noqa: SLF001 - the same class
        self.cast(col_name, ForeignKey(table, table_col))

    def _link(self, numbers: Iterable[int]) -> None:
        """Make values of key columns know their table."""
        for index, kind in enumerate(self._columns.kinds):
            if kind == PRIMARY_KEY or isinstance(kind, ForeignKey | ForeignIndex):
                for number in numbers:
                    row = self.data[number]
                    row[index] = self._linked(row[index], kind, self.columns[index])

    def _linked(self, value: Any, kind: ColumnType, name: str) -> Any:
        if isinstance(kind, ForeignIndex):
            return TableIndex.of(value, kind.table)
        if isinstance(kind, ForeignKey):
            return TableKey.of(value, kind.table, kind.column)
        return TableKey.of(value, self, name)

    # As files

    def encode(self, sink: Sink) -> dict[str, Any]:
        """Return W&B's JSON of the whole table: what stands in a cell of another table."""
        return json_of_table(encode_rows(self._columns, self.data, sink), self.log_mode)

    def to_file(self, sink: Sink) -> LocalFile:
        """Write the table's own file and return it; files of its cells go to ``sink``.

        Raises ``Invalid`` for more than ``MAX_ARTIFACT_ROWS`` rows in JSON.
        """
        if self.storage == "parquet":
            rows = self._rows
            return parquet_of(self._columns, self._arrow if rows is None else rows, sink)
        if self.nrows > self.MAX_ARTIFACT_ROWS:
            raise Invalid(
                f"a table of {self.nrows} rows; a .table.json has at most {self.MAX_ARTIFACT_ROWS}",
                hint="pass storage='parquet', or set Table.MAX_ARTIFACT_ROWS",
            )
        return write_json(encode_rows(self._columns, self.data, sink), self.log_mode)

    @classmethod
    def decode(cls, plain: dict[str, Any], source: Source) -> Self:
        """Return the table that W&B's JSON describes."""
        columns, rows = read_rows(plain, source)
        mode = plain.get("log_mode")
        table = cls([], log_mode=mode if mode in LOG_MODES else "IMMUTABLE")
        table._columns, table._rows = columns, rows
        table._link(range(len(rows)))
        return table

    @classmethod
    def from_parquet(cls, data: bytes, source: Source) -> Self:
        """Return the table of a ``.table.parquet``, held as Arrow where Arrow holds all of it."""
        columns, held = table_of_parquet(data, source)
        table = cls([], storage="parquet")
        table._columns = columns
        table._rows, table._arrow = (held, None) if isinstance(held, list) else (None, held)
        table._link(range(table.nrows))
        return table

    def _each_row(self) -> Iterator[list[Any]]:
        return iter(self._rows) if self._rows is not None else rows_of(self._arrow)


_optional = optional  # the parameters of W&B's methods have the same name


def _same(ours: list[Any], theirs: list[Any]) -> bool:
    for mine, other in zip(ours, theirs, strict=True):
        same = mine == other
        if not (same.all() if hasattr(same, "all") else same):
            return False
    return True
