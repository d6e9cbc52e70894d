"""Data frames of polars, where somebody has it.

Knows: polars.  Never: files, W&B.
The only door to ``polars``, which is optional: a value can only be a frame if polars is loaded.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from casstore.errors import Invalid, Unsupported

__all__ = ["is_polars", "polars_columns", "polars_of"]


def is_polars(value: object) -> bool:
    """Tell a data frame."""
    loaded = sys.modules.get("polars")
    return loaded is not None and isinstance(value, loaded.DataFrame)


def polars_columns(frame: Any) -> tuple[list[str], list[list[Any]]]:
    """Return names and columns of Python values."""
    return list(frame.columns), [series.to_list() for series in frame.get_columns()]


def polars_of(columns: Sequence[Sequence[Any]], names: Sequence[Any]) -> Any:
    """Return a data frame; ``Unsupported`` without polars, ``Invalid`` for mixed types."""
    try:
        module = importlib.import_module("polars")
    except ImportError:
        raise Unsupported("to_polars needs polars", hint="pip install polars") from None
    series = []
    for name, values in zip(names, columns, strict=True):
        try:
            series.append(module.Series(str(name), values))
        except (TypeError, ValueError, OverflowError, module.exceptions.PolarsError) as error:
            raise Invalid(f"column {name!r} does not fit polars: {error}") from error
    return module.DataFrame(series)
