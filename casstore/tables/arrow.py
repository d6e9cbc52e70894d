"""Arrow tables and Parquet files, where somebody has pyarrow.

Knows: pyarrow; how a Parquet file must be written so that an edited row changes few of its pages.
Never: W&B, the class that users see.
The only door to ``pyarrow``, which is optional (``casstore[arrow]``).
"""

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from casstore.errors import Invalid, Unsupported
from casstore.media import LocalFile, made_file
from casstore.tables.types import (
    ANY,
    NUMBER,
    STRING,
    TIMESTAMP,
    ColumnType,
    DictOf,
    ListOf,
    Plain,
    optional,
)

__all__ = [
    "arrow_column",
    "arrow_table",
    "arrow_types",
    "is_arrow",
    "json_column",
    "read_parquet",
    "rows_of",
    "whole_table",
    "write_parquet",
]

PAGES = {"min_chunk_size": 16 * 1024, "max_chunk_size": 64 * 1024, "norm_level": 0}
"""Pages are cut where the content says so, about as large as casstore's own chunks."""

KEY = b"casstore"
BATCH_ROWS = 10_000
MAX_GROUP_ROWS = 1_048_576  # groups cut by count shift with every row before them


def _pyarrow(part: str = "") -> Any:
    try:
        return importlib.import_module(f"pyarrow{part}")
    except ImportError:
        raise Unsupported(
            "Arrow and Parquet need pyarrow", hint="pip install 'casstore[arrow]'"
        ) from None


def is_arrow(value: object) -> bool:
    """Tell pyarrow's tables and record batches."""
    loaded = sys.modules.get("pyarrow")
    return loaded is not None and isinstance(value, loaded.Table | loaded.RecordBatch)


def whole_table(value: Any) -> Any:
    """Return a pyarrow table of a table or record batch; ``Invalid`` for two columns of a name."""
    pa = _pyarrow()
    table = pa.Table.from_batches([value]) if isinstance(value, pa.RecordBatch) else value
    if len(set(table.column_names)) < table.num_columns:
        raise Invalid(f"two columns of the Arrow table have one name: {table.column_names}")
    return table


def rows_of(table: Any) -> Iterator[list[Any]]:
    """Yield the rows as lists of Python values, a batch at a time."""
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield from map(list, zip(*(column.to_pylist() for column in batch.columns), strict=True))


def arrow_column(values: Sequence[Any]) -> Any | None:
    """Return an Arrow column that gives the same values back, or None if there is no such column.

    Arrow would give each dict the keys of all, make text of bytes beside text, cut times to dates.
    """
    pa = _pyarrow()
    try:
        array = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    is_ = pa.types
    surely = is_.is_integer, is_.is_floating, is_.is_string, is_.is_boolean, is_.is_null
    if any(test(array.type) for test in surely):
        return array
    same = not _holds_nothing(array.type) and array.to_pylist() == list(values)
    return array if same else None


def _holds_nothing(kind: Any) -> bool:
    """Tell a type with a struct of no fields in it, which Parquet cannot hold."""
    is_struct = _pyarrow().types.is_struct(kind)
    inner = [kind.field(index).type for index in range(kind.num_fields)]
    return (is_struct and not inner) or any(map(_holds_nothing, inner))


def arrow_table(names: Sequence[str], arrays: Sequence[Any]) -> Any:
    """Return a table of columns."""
    return _pyarrow().Table.from_arrays(list(arrays), names=list(names))


def json_column(values: Sequence[Any]) -> Any:
    """Return a column of JSON text."""
    return _pyarrow().array([None if value is None else json.dumps(value) for value in values])


def arrow_types(table: Any) -> list[ColumnType]:
    """Return what W&B would call the columns' types."""
    return [optional(_type_of(field.type)) for field in table.schema]


def _type_of(kind: Any) -> ColumnType:
    is_ = _pyarrow().types
    if is_.is_dictionary(kind):
        return _type_of(kind.value_type)
    for test, found in (
        (is_.is_boolean, Plain("boolean")),
        (is_.is_integer, NUMBER),
        (is_.is_floating, NUMBER),
        (is_.is_decimal, NUMBER),
        (is_.is_string, STRING),
        (is_.is_large_string, STRING),
        (is_.is_timestamp, TIMESTAMP),
        (is_.is_date, TIMESTAMP),
    ):
        if test(kind):
            return found
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return ListOf(optional(_type_of(kind.value_type)))
    if is_.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return DictOf(tuple((each.name, optional(_type_of(each.type))) for each in fields))
    return ANY


def write_parquet(table: Any, extra: dict[str, Any]) -> LocalFile:
    """Write a Parquet file; ``extra`` is kept beside its schema as JSON.

    Row groups and pages do not depend on where rows stand but on what they hold
    (``use_content_defined_chunking``), so that an inserted or edited row changes the pages
    around it and the footer.  Without dictionaries, because one new value would change every page,
    and without compression, because the store compresses its chunks: a page that is compressed
    here changes as a whole.  Raises ``Invalid`` for types that Parquet does not have.
    """
    metadata = {**(table.schema.metadata or {}), KEY: json.dumps(extra).encode()}
    made = made_file(b"", ".table.parquet")
    try:
        _pyarrow(".parquet").write_table(
            table.replace_schema_metadata(metadata),
            made.local(),
            compression="none",
            use_dictionary=False,
            use_content_defined_chunking=PAGES,
            row_group_size=MAX_GROUP_ROWS,
        )
    except _pyarrow().ArrowException as error:
        raise Invalid(f"Parquet cannot hold the table: {error}") from error
    return made


def read_parquet(path: Any) -> tuple[Any, dict[str, Any]]:
    """Return the table and what was kept beside its schema (empty for any other Parquet file)."""
    pa = _pyarrow()
    try:
        table = _pyarrow(".parquet").read_table(path)
        metadata = dict(table.schema.metadata or {})
        extra = json.loads(metadata.pop(KEY, b"{}"))
    except (pa.ArrowException, ValueError) as error:
        raise Invalid(f"a table's Parquet file cannot be read: {error}") from error
    return table.replace_schema_metadata(metadata or None), extra
