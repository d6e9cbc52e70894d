"""What type a value has, what ``dtype=`` means, whether a value fits a column.

Knows: Python's classes, numpy's, media.  Never: files.
"""

import datetime as dt
import decimal
import enum
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

from casstore.media import Image
from casstore.media.arrays import is_array, is_scalar
from casstore.tables.keys import TableIndex, TableKey
from casstore.tables.types import (
    BARE_IMAGE,
    BOOLEAN,
    NONE,
    NUMBER,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    ArrayOf,
    ColumnType,
    Const,
    DictOf,
    ForeignIndex,
    ForeignKey,
    ImageType,
    ListOf,
    Named,
    Plain,
    TableOf,
    members,
    union,
)

__all__ = ["assign", "type_from", "type_of"]


def assign(kind: ColumnType, value: Any) -> ColumnType | None:
    """Return the type of a column that also holds ``value``; None if it does not fit."""
    if type(value) is list and _is_such_a_list(kind, value):
        return kind
    if any(isinstance(each, Const) and each.value == value for each in members(kind)):
        return kind
    return kind.widen(type_of(value))


def _is_such_a_list(kind: ColumnType, value: list[Any]) -> bool:
    """Tell a list of plain values that fits as it is, without building its type."""
    for each in members(kind):
        if isinstance(each, ListOf) and each.length in {None, len(value)}:
            names = [kind.name for kind in members(each.element) if isinstance(kind, Plain)]
            good = {known for name in names for known in _CLASSES.get(name, ())}
            return all(type(item) in good and item == item for item in value)  # noqa: PLR0124
    return False


_CLASSES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "none": (type(None),),
}


def type_of(value: Any) -> ColumnType:  # noqa: PLR0911 - one line a kind reads best
    """Return the type of one value."""
    if isinstance(value, TableKey):
        return ForeignKey(value.table, value.column)
    if isinstance(value, TableIndex):
        return ForeignIndex(value.table)
    if is_scalar(value):
        return _of_scalar(value)
    if isinstance(value, enum.Enum):
        mixed = isinstance(value, str | int | float)
        return type_of(value.value if mixed else value.name)
    if value is None or (isinstance(value, float | dt.datetime) and value != value):  # noqa: PLR0124 - NaN, NaT
        return NONE
    if isinstance(value, bool):
        return BOOLEAN
    for kinds, found in _SIMPLE:
        if isinstance(value, kinds):
            return found
    return _of_container(value)


_SIMPLE: tuple[tuple[tuple[type, ...], ColumnType], ...] = (
    ((int, float, decimal.Decimal), NUMBER),
    ((str, PurePath), STRING),
    ((dt.datetime, dt.date), TIMESTAMP),
)


def _of_scalar(value: Any) -> ColumnType:
    kind = value.dtype.kind
    if kind in "iuf":
        return NUMBER if kind != "f" or value == value else NONE  # noqa: PLR0124 - NaN
    if kind == "M":
        return TIMESTAMP if value == value else NONE  # noqa: PLR0124 - NaT
    return {"b": BOOLEAN, "U": STRING}.get(kind, Named(type(value).__name__))


def _of_container(value: Any) -> ColumnType:
    if is_array(value):
        return ArrayOf(tuple(value.shape))
    if isinstance(value, Mapping):
        return DictOf(tuple((str(key), type_of(item)) for key, item in value.items()))
    if isinstance(value, list | tuple | AbstractSet):
        return ListOf(_element_of(value), len(value))
    if isinstance(value, Image):
        return _of_image(value)
    if hasattr(value, "column_types"):
        return TableOf(value.column_types)
    name = getattr(value, "column_type", None)
    return Plain(name) if isinstance(name, str) else Named(type(value).__name__)


def _element_of(values: Iterable[Any]) -> ColumnType:
    """Return what the elements are; mixed ones are a union."""
    element: ColumnType = UNKNOWN
    for value in values:
        found = type_of(value)
        wider = element.widen(found)
        element = union(element, found) if wider is None else wider
    return element


def _of_image(image: Image) -> ImageType:
    if not (image.boxes or image.masks or image.classes):
        return BARE_IMAGE
    boxes = {key: _text_keys(each.class_labels) for key, each in image.boxes.items()}
    masks = {key: _text_keys(each.class_labels) for key, each in image.masks.items()}
    all_boxes = [box for each in image.boxes.values() for box in each.box_data]
    classes = image.classes.class_set if image.classes else []
    return ImageType(
        {key: tuple(each.class_labels) for key, each in image.boxes.items()},
        {key: tuple(each.class_labels) for key, each in image.masks.items()},
        tuple(sorted({key for box in all_boxes for key in box.get("scores", {})})),
        boxes,
        masks,
        {str(each["id"]): each["name"] for each in classes},
    )


def _text_keys(labels: Mapping[Any, str]) -> dict[str, str]:
    return {str(key): name for key, name in labels.items()}


def type_from(dtype: Any) -> ColumnType:  # noqa: PLR0911 - one line a kind reads best
    """Return what ``dtype=`` means: a type, a Python or media class, ``[x]``, a dict, a value."""
    if isinstance(dtype, ColumnType):
        return dtype
    if isinstance(dtype, type):
        return _of_class(dtype)
    if isinstance(dtype, list):
        if len(dtype) < 2:
            return ListOf(type_from(dtype[0]) if dtype else UNKNOWN)
        return union(*map(type_from, dtype))
    if isinstance(dtype, dict):
        return DictOf(tuple((str(key), type_from(each)) for key, each in dtype.items()))
    if dtype is None:
        return UNKNOWN
    return Const(dtype)


def _of_class(dtype: type) -> ColumnType:  # noqa: PLR0911 - one line a kind reads best
    if issubclass(dtype, Image):
        return BARE_IMAGE
    if dtype is bool:
        return BOOLEAN
    for kinds, found in _SIMPLE:
        if issubclass(dtype, kinds):
            return found
    if issubclass(dtype, list | tuple | AbstractSet):
        return ListOf()
    if issubclass(dtype, dict):
        return DictOf(())
    if dtype is type(None):
        return NONE
    name = getattr(dtype, "column_type", None)
    return Plain(name) if isinstance(name, str) else Named(dtype.__name__)
