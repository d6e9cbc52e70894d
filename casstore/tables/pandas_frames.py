"""Data frames of pandas, where somebody has it.

Knows: pandas.  Never: files, W&B.
The only door to ``pandas``, which is optional: a value can only be a frame if pandas is loaded.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from casstore.errors import Unsupported

__all__ = ["frame_columns", "frame_of", "is_pandas"]


def is_pandas(value: object) -> bool:
    """Tell a data frame."""
    loaded = sys.modules.get("pandas")
    return loaded is not None and isinstance(value, loaded.DataFrame)


def frame_columns(frame: Any) -> tuple[list[Any], list[list[Any]]]:
    """Return names and columns of Python values; NA and NaT become None, NaN stays.

    Times are as they stand, to the microsecond; the index is left out (W&B).
    """
    names = list(frame.columns)
    columns = [_values(frame.iloc[:, index]) for index in range(len(names))]
    return names, columns


def _values(series: Any) -> list[Any]:
    module = sys.modules["pandas"]
    values = series.tolist()
    if series.dtype.kind in "biuf" and not hasattr(series.dtype, "na_value"):
        return list(values)
    return [
        None
        if value is module.NA or value is module.NaT
        else value.to_pydatetime(warn=False)
        if isinstance(value, module.Timestamp)
        else value
        for value in values
    ]


def frame_of(rows: Sequence[Sequence[Any]], names: Sequence[Any]) -> Any:
    """Return a data frame; ``Unsupported`` without pandas."""
    try:
        module = importlib.import_module("pandas")
    except ImportError:
        raise Unsupported("get_dataframe needs pandas", hint="pip install pandas") from None
    return module.DataFrame.from_records(list(rows), columns=list(names))
