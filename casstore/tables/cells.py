"""Cells: values in, JSON values out, and back.

Knows: what W&B writes for each kind of value (times as milliseconds since 1970 in UTC, NaN as
null).  Never: files, columns' rules.

Better than W&B where its readers still understand: microseconds are kept, as fractions of a
millisecond; times inside lists and dicts come back as times.
"""

import datetime as dt
import decimal
import enum
import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

from casstore.errors import Invalid
from casstore.media import Sink, Source
from casstore.media.arrays import is_array, is_scalar
from casstore.tables.types import (
    ANY,
    NONE,
    NUMBER,
    STRING,
    TIMESTAMP,
    ColumnType,
    DictOf,
    ListOf,
    Plain,
    members,
)

__all__ = ["Encoder", "decoder_of", "milliseconds", "moment"]

MAX_INTEGER_BITS = 8192  # Python reads no decimal integer of more than 4,300 digits
MAX_DEPTH = 100
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
SAME_IN_JSON = (NONE, NUMBER, STRING, Plain("boolean"))


class Encoder:
    """Makes JSON of the cells of one column, and gives their files to ``sink``.

    ``where`` names the column in messages.  Raises ``TypeError`` for what JSON cannot hold and W&B
    could not read again, ``Invalid`` for a time where it could not be told from a number.
    """

    def __init__(self, kind: ColumnType, sink: Sink, where: str) -> None:
        self._times = _tells_times(kind)
        self._sink = sink
        self._column = where
        self._row = 0

    def encode(self, value: Any, row: int) -> Any:
        """Return what JSON holds of the cell of a row."""
        self._row = row
        return self._encode(value, 0)

    @property
    def _where(self) -> str:
        return f"row {self._row}, column {self._column!r}"

    def _encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is float:
            return None if math.isnan(value) else value
        if isinstance(value, int) and not isinstance(value, enum.Enum):
            return self._integer(value)
        if depth > MAX_DEPTH:
            raise Invalid(f"{self._where} is nested deeper than {MAX_DEPTH} levels")
        if hasattr(value, "encode") and hasattr(value, "log_type"):
            return value.encode(self._sink)
        return self._inside(value, depth + 1)

    def _inside(self, value: Any, depth: int) -> Any:
        if is_scalar(value) or is_array(value):
            return self._encode(self._of_numpy(value), depth)
        if isinstance(value, Mapping):
            return self._of_dict(value, depth)
        if isinstance(value, list | tuple):
            return [self._encode(item, depth) for item in value]
        if isinstance(value, AbstractSet):
            return sorted((self._encode(item, depth) for item in value), key=str)
        return self._of_value(value)

    def _integer(self, value: int) -> int:
        if value.bit_length() > MAX_INTEGER_BITS:
            raise Invalid(
                f"{self._where} has more than {MAX_INTEGER_BITS} bits", hint="give it as text"
            )
        return int(value)

    def _of_dict(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{self._where} is a dict with the key {key!r}; JSON's are text")
        if "_type" in value:
            raise Invalid(
                f"{self._where} is a dict with the key '_type', which marks media", hint="rename it"
            )
        return {key: self._encode(item, depth) for key, item in value.items()}

    def _of_numpy(self, value: Any) -> Any:
        if value.dtype.kind == "M":
            value = value.astype("datetime64[us]")  # finer ones come out as integers
        elif value.dtype.kind == "f" and value.dtype.itemsize > 8:
            value = value.astype("float64")
        elif value.dtype.kind not in "biufU":
            raise TypeError(f"{self._where} is numpy's {value.dtype}, which JSON cannot hold")
        return value.tolist()

    def _of_value(self, value: Any) -> Any:
        if isinstance(value, dt.date):
            if not self._times:
                raise Invalid(
                    f"{self._where} is a time in a column of mixed types; "
                    "W&B's files do not tell it from a number",
                    hint="give it as text, or leave out allow_mixed_types",
                )
            return milliseconds(value)
        if isinstance(value, enum.Enum):
            mixed = isinstance(value, str | int | float)
            return value.value if mixed else value.name
        if isinstance(value, str | PurePath):
            return str(value)
        if isinstance(value, float | decimal.Decimal):
            return None if value != value else float(value)  # noqa: PLR0124 - NaN
        raise TypeError(
            f"{self._where} is a {type(value).__module__}.{type(value).__qualname__}, which JSON "
            "cannot hold; give text, a number, a time, a list, a dict, an array or media"
        )


def _tells_times(kind: ColumnType) -> bool:
    """Tell whether a number of the column is a time, or none is."""
    kinds = members(kind)
    if ANY in kinds or (NUMBER in kinds and TIMESTAMP in kinds):
        return False
    inner = [each.element for each in kinds if isinstance(each, ListOf)]
    inner += [each for kind in kinds if isinstance(kind, DictOf) for _, each in kind.fields]
    return all(map(_tells_times, inner))


def milliseconds(value: dt.date) -> float | None:
    """Return milliseconds since 1970: whole ones as an integer, NaT as None.

    A time without a zone is taken as UTC, a date as its midnight (W&B).  Microseconds are kept from
    1900 to 2100 and further, as long as a float holds them; beyond, W&B's whole milliseconds.
    """
    if value != value:  # noqa: PLR0124 - NaT
        return None
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    microseconds = (value - EPOCH) // MICROSECOND
    exact = microseconds / 1000
    kept = microseconds % 1000 and round(exact * 1000) == microseconds
    return exact if kept else microseconds // 1000


def moment(value: float) -> dt.datetime:
    """Return the time in UTC, to the microsecond."""
    return EPOCH + dt.timedelta(microseconds=round(value * 1000))


def decoder_of(kind: ColumnType, source: Source) -> Callable[[Any], Any] | None:
    """Return what makes a column's values of JSON's; None if they are the same."""
    kinds = members(kind)
    if all(each in SAME_IN_JSON for each in kinds):
        return None
    times = TIMESTAMP in kinds
    inner = next((each for each in kinds if isinstance(each, ListOf | DictOf)), None)
    elements = decoder_of(inner.element, source) if isinstance(inner, ListOf) else None
    fields = _decoders_of(inner, source)

    def decode(value: Any) -> Any:
        if times and type(value) in {int, float}:
            return moment(value)
        if isinstance(value, dict):
            if "_type" in value:
                return source.decode(value)
            return {
                key: fields[key](item) if key in fields else item for key, item in value.items()
            }
        if elements is not None and isinstance(value, list):
            return [elements(item) for item in value]
        return value

    return decode


def _decoders_of(kind: ColumnType | None, source: Source) -> dict[str, Callable[[Any], Any]]:
    fields = kind.fields if isinstance(kind, DictOf) else ()
    made = {key: decoder_of(each, source) for key, each in fields}
    return {key: each for key, each in made.items() if each is not None}
