"""Tables as Parquet: what Arrow holds as it is, the other columns as JSON text.

Knows: which columns those are, and where that is written down.  Never: pyarrow, W&B's JSON files.
"""

import io
import json
from typing import Any

from casstore.errors import Invalid
from casstore.media import LocalFile, Sink, Source
from casstore.media.arrays import is_array
from casstore.tables.arrow import (
    arrow_column,
    arrow_table,
    arrow_types,
    json_column,
    read_parquet,
    rows_of,
    write_parquet,
)
from casstore.tables.cells import Encoder, decoder_of
from casstore.tables.columns import Columns
from casstore.tables.typejson import json_of_type, type_of_json
from casstore.tables.types import DictOf

__all__ = ["parquet_of", "table_of_parquet"]

Rows = list[list[Any]]


def parquet_of(columns: Columns, held: Any, sink: Sink) -> LocalFile:
    """Write a Parquet file of rows, or of an Arrow table."""
    names = list(map(str, columns.names))
    as_json: list[str] = []
    if isinstance(held, list):
        table, as_json = _table_of(columns, held, sink)
    else:
        table = held.rename_columns(names)

    def add_table(linked: Any) -> str:
        return sink.add(linked, "media/tables/t_", hashed=True)

    extra = {
        "columns": columns.names,
        "column_types": json_of_type(columns.as_type(), add_table),
        "json": as_json,
    }
    return write_parquet(table, extra)


def _table_of(columns: Columns, rows: Rows, sink: Sink) -> tuple[Any, list[str]]:
    names = list(map(str, columns.names))
    arrays, as_json = [], []
    for index, name in enumerate(names):
        array = arrow_column([_plain(row[index]) for row in rows])
        if array is None:
            as_json.append(name)
            cells = Encoder(columns.kinds[index], sink, name)
            array = json_column([cells.encode(row[index], at) for at, row in enumerate(rows)])
        arrays.append(array)
    return arrow_table(names, arrays), as_json


def _plain(value: Any) -> Any:
    """Return lists of arrays, which Arrow takes in any number of dimensions."""
    return value.tolist() if is_array(value) else value


def table_of_parquet(data: bytes, source: Source) -> tuple[Columns, Any]:
    """Return the columns, and the rows or, where all of them are Arrow's, the Arrow table."""
    table, extra = read_parquet(io.BytesIO(data))
    names: list[Any] = extra.get("columns", table.column_names)
    if len(names) != table.num_columns:
        raise Invalid("a table's Parquet file has other columns than it says")
    columns = Columns(names)
    schema = extra.get("column_types")
    kinds = type_of_json(schema, source) if schema else None
    known = dict(kinds.fields) if isinstance(kinds, DictOf) else {}
    for index, (name, kind) in enumerate(zip(names, arrow_types(table), strict=True)):
        columns.set(index, known.get(str(name), kind))
    as_json = set(extra.get("json", ()))
    if not as_json:
        return columns, table
    rows = list(rows_of(table))
    for index, name in enumerate(names):
        if str(name) in as_json:
            decode = decoder_of(columns.kinds[index], source)
            for row in rows:
                value = None if row[index] is None else json.loads(row[index])
                row[index] = decode(value) if decode else value
    return columns, rows
