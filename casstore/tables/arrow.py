"""Arrow tables and Parquet files, where somebody has pyarrow.

Knows: pyarrow; how a Parquet file must be written so that an edited row changes few of its pages.
Never: W&B, the class that users see.
The only door to ``pyarrow``, which is optional (``casstore[arrow]``).
"""

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
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
    "arrow_of",
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


def arrow_of(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> tuple[Any, list[str]]:
    """Return an Arrow table, and the names of the columns whose values Arrow cannot hold as one type.

    Those are left out: what to do with them is the caller's.
    """
    pa = _pyarrow()
    arrays, refused = {}, []
    for name, values in zip(names, columns, strict=True):
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            refused.append(name)
    return pa.table(arrays), refused


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
    (``use_content_defined_chunking``), so that an inserted or edited row changes the pages around it
    and the footer.  Without dictionaries, because one new value would change every page.
    """
    metadata = {**(table.schema.metadata or {}), KEY: json.dumps(extra).encode()}
    made = made_file(b"", ".table.parquet")
    _pyarrow(".parquet").write_table(
        table.replace_schema_metadata(metadata),
        made.local(),
        compression="zstd",
        use_dictionary=False,
        use_content_defined_chunking=PAGES,
        row_group_size=max(1, table.num_rows),
    )
    return made


def read_parquet(path: Path | Any) -> tuple[Any, dict[str, Any]]:
    """Return the table and what was kept beside its schema (empty for any other Parquet file)."""
    pa = _pyarrow()
    try:
        table = _pyarrow(".parquet").read_table(path)
        metadata = dict(table.schema.metadata or {})
        extra = json.loads(metadata.pop(KEY, b"{}"))
    except (pa.ArrowException, ValueError) as error:
        raise Invalid(f"a table's Parquet file cannot be read: {error}") from error
    return table.replace_schema_metadata(metadata or None), extra
