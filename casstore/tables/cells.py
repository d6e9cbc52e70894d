"""Cells: values in, JSON values out, and back.

Knows: what W&B writes for each kind of value (times as milliseconds since 1970 in UTC, NaN as null).
Never: files, columns' rules.

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

__all__ = ["decoder_of", "encode_cell", "milliseconds", "moment"]

MAX_INTEGER_BITS = 8192  # Python reads no decimal integer of more than 4,300 digits
MAX_DEPTH = 100
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
SAME_IN_JSON = (NONE, NUMBER, STRING, Plain("boolean"))


def encode_cell(value: Any, sink: Sink, where: str, depth: int = 0) -> Any:
    """Return what JSON holds of a cell, its files given to ``sink``.

    ``where`` names the cell in messages.  Raises ``TypeError`` for what JSON cannot hold and
    W&B could not read again.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is float:
        return None if math.isnan(value) else value
    if isinstance(value, int) and not isinstance(value, enum.Enum):
        return _integer(value, where)
    if depth > MAX_DEPTH:
        raise Invalid(f"{where} is nested deeper than {MAX_DEPTH} levels")
    if hasattr(value, "encode") and hasattr(value, "log_type"):
        return value.encode(sink)
    if is_scalar(value) or is_array(value):
        return encode_cell(_of_numpy(value), sink, where, depth + 1)
    if isinstance(value, Mapping):
        return _encode_dict(value, sink, where, depth)
    if isinstance(value, list | tuple | AbstractSet):
        items = [encode_cell(item, sink, where, depth + 1) for item in value]
        return sorted(items, key=str) if isinstance(value, AbstractSet) else items
    return _encode_value(value, where)


def _integer(value: int, where: str) -> int | bool:
    if value.bit_length() > MAX_INTEGER_BITS:
        raise Invalid(f"{where} has more than {MAX_INTEGER_BITS} bits", hint="give it as text")
    return int(value)


def _encode_dict(value: Mapping[Any, Any], sink: Sink, where: str, depth: int) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{where} is a dict with the key {key!r}; JSON's keys are text")
    if "_type" in value:
        raise Invalid(f"{where} is a dict with the key '_type', which marks media", hint="rename it")
    return {key: encode_cell(item, sink, where, depth + 1) for key, item in value.items()}


def _encode_value(value: Any, where: str) -> Any:
    if isinstance(value, dt.date):
        return milliseconds(value)
    if isinstance(value, enum.Enum):
        mixed = isinstance(value, str | int | float)
        return value.value if mixed else value.name
    if isinstance(value, str | PurePath):
        return str(value)
    if isinstance(value, float | decimal.Decimal):
        return None if value != value else float(value)  # noqa: PLR0124 - NaN
    raise TypeError(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}, which a table's file "
        "cannot hold; give text, a number, a time, a list, a dict, an array or media"
    )


def _of_numpy(value: Any) -> Any:
    if value.dtype.kind == "M":
        value = value.astype("datetime64[us]")  # finer ones come out as integers
    elif value.dtype.kind == "f" and value.dtype.itemsize > 8:
        value = value.astype("float64")
    elif value.dtype.kind not in "biufU":
        raise TypeError(f"a cell holds numpy {value.dtype}, which a table's file cannot hold")
    return value.tolist()


def milliseconds(value: dt.date) -> float | None:
    """Return milliseconds since 1970: whole ones as an integer, NaT as None.

    A time without a zone is taken as UTC, a date as its midnight (W&B).
    """
    if value != value:  # noqa: PLR0124 - NaT
        return None
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    microseconds = (value - EPOCH) // MICROSECOND
    return microseconds // 1000 if microseconds % 1000 == 0 else microseconds / 1000


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
