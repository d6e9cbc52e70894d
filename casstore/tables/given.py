"""What people give as a table's data: rows, arrays, data frames.

Knows: how each becomes rows.  Never: types, files.
"""

from typing import Any

from casstore.errors import Invalid
from casstore.media.arrays import is_array
from casstore.tables.pandas_frames import frame_columns, is_pandas
from casstore.tables.polars_frames import is_polars, polars_columns

__all__ = ["read_rows_of"]


def read_rows_of(data: Any) -> tuple[list[Any] | None, list[list[Any]]]:
    """Return the columns' names, where the data has its own, and the rows.

    Raises ``Invalid`` for what is no list of rows.
    """
    if data is None:
        return None, []
    if is_pandas(data) or is_polars(data):
        names, columns = (frame_columns if is_pandas(data) else polars_columns)(data)
        return names, list(map(list, zip(*columns, strict=True)))
    if not isinstance(data, list | tuple) and not is_array(data):
        raise Invalid(
            f"data is a list of rows, an array or a data frame, not {type(data).__name__}"
        )
    for number, row in enumerate(data):
        if isinstance(row, str | bytes | dict) or not hasattr(row, "__iter__"):
            raise Invalid(f"row {number} is no list of cells but {type(row).__name__}")
    return None, [list(row) for row in data]
