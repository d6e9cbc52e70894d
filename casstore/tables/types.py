"""Column types: what a value is, and whether it fits what a column holds.

Knows: W&B's rules (``wandb.data_types``): None and NaN are ``none``, a bool is no number, a list's
elements and a dict's keys have types, a union takes what one of its members takes.
Never: JSON (``typejson``), files.
"""

import datetime as dt
import decimal
import enum
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from casstore.media import Image
from casstore.media.arrays import is_array, is_scalar
from casstore.tables.keys import TableIndex, TableKey

__all__ = [
    "ANY",
    "INVALID",
    "NONE",
    "NUMBER",
    "PRIMARY_KEY",
    "STRING",
    "TIMESTAMP",
    "UNKNOWN",
    "ArrayOf",
    "ColumnType",
    "Const",
    "DictOf",
    "ForeignIndex",
    "ForeignKey",
    "ImageType",
    "ListOf",
    "Named",
    "OneOf",
    "Opaque",
    "Plain",
    "TableOf",
    "members",
    "optional",
    "type_from",
    "type_of",
    "union",
]


class ColumnType:
    """What a column's values are; compared by value."""

    __slots__ = ()

    def widen(self, other: "ColumnType") -> "ColumnType | None":
        """Return the type that holds both; None if ``other`` does not fit."""
        return self if self == other else None

    def assign(self, value: Any) -> "ColumnType | None":
        """Return the type of a column that also holds ``value``; None if it does not fit."""
        return self.widen(type_of(value))


@dataclass(frozen=True, slots=True)
class Plain(ColumnType):
    """A type that its name says wholly."""

    name: str

    def __str__(self) -> str:
        return self.name

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take the same; ``any`` takes all but None, ``unknown`` becomes what comes first."""
        if self == ANY:
            return None if other in (NONE, INVALID) else self
        if self == UNKNOWN:
            return None if other == NONE else other
        if self == PRIMARY_KEY and other == STRING:
            return self
        return self if self == other and self != INVALID else None


ANY = Plain("any")
BOOLEAN = Plain("boolean")
INVALID = Plain("invalid")
NONE = Plain("none")
NUMBER = Plain("number")
PRIMARY_KEY = Plain("primaryKey")
STRING = Plain("string")
TIMESTAMP = Plain("timestamp")
UNKNOWN = Plain("unknown")


@dataclass(frozen=True, slots=True)
class ListOf(ColumnType):
    """Lists of one element type; ``length`` if all have the same."""

    element: ColumnType = UNKNOWN
    length: int | None = None

    def __str__(self) -> str:
        return f"list of {self.element}"

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take lists whose elements fit; an empty one always does."""
        if not isinstance(other, ListOf):
            return None
        length = self.length if self.length == other.length else None
        if other.element == UNKNOWN:
            return ListOf(self.element, length)
        element = self.element.widen(other.element)
        return None if element is None else ListOf(element, length)


@dataclass(frozen=True, slots=True)
class DictOf(ColumnType):
    """Dicts, each key with a type; a key may be missing where None is allowed."""

    fields: tuple[tuple[str, ColumnType], ...]

    def __str__(self) -> str:
        return "dict of " + ", ".join(f"{key}: {kind}" for key, kind in self.fields)

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take dicts that have no other keys and whose values fit."""
        if not isinstance(other, DictOf):
            return None
        theirs = dict(other.fields)
        if not theirs.keys() <= dict(self.fields).keys():
            return None
        wider = [(key, kind.widen(theirs.get(key, NONE))) for key, kind in self.fields]
        good = tuple((key, kind) for key, kind in wider if kind is not None)
        return DictOf(good) if len(good) == len(wider) else None


@dataclass(frozen=True, slots=True)
class OneOf(ColumnType):
    """A union; made by ``union`` only, which flattens and sorts."""

    kinds: tuple[ColumnType, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.kinds))

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take what a member takes; members that are still unknown are asked last."""
        wider: OneOf = self
        for each in members(other):
            found = wider._take(each)
            if found is None:
                return None
            wider = found
        return wider

    def _take(self, other: ColumnType) -> "OneOf | None":
        for kind in sorted(self.kinds, key=lambda kind: kind == UNKNOWN):
            wider = kind.widen(other)
            if wider is not None:
                return _one_of([wider if each is kind else each for each in self.kinds])
        return None


@dataclass(frozen=True, slots=True)
class ArrayOf(ColumnType):
    """Arrays of one shape."""

    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"array of shape {list(self.shape)}"

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take arrays of the same shape, and lists (W&B)."""
        return self if self == other or isinstance(other, ListOf) else None


@dataclass(frozen=True, slots=True)
class Named(ColumnType):
    """A Python class by its name, where nothing better is known."""

    class_name: str

    def __str__(self) -> str:
        return self.class_name


@dataclass(frozen=True, slots=True)
class Const(ColumnType):
    """Exactly one value."""

    value: Any
    is_set: bool = False

    def __str__(self) -> str:
        return repr(self.value)

    def assign(self, value: Any) -> ColumnType | None:
        """Take the one value."""
        return self if value == self.value else None


@dataclass(frozen=True, slots=True)
class ImageType(ColumnType):
    """Images: class ids and names of their layers, merged over the column; all by layer."""

    box_layers: Mapping[str, tuple[Any, ...]]
    mask_layers: Mapping[str, tuple[Any, ...]]
    box_score_keys: tuple[str, ...]
    box_class_maps: Mapping[str, Mapping[str, str]]
    mask_class_maps: Mapping[str, Mapping[str, str]]
    class_map: Mapping[str, str]

    def __str__(self) -> str:
        return "image-file"

    @property
    def is_bare(self) -> bool:
        """Whether there are no layers and classes."""
        return not (self.box_layers or self.mask_layers or self.class_map)

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take images, and their layers and classes with them."""
        if not isinstance(other, ImageType):
            return None
        if other.is_bare:
            return self
        return ImageType(
            _ids(self.box_layers, other.box_layers),
            _ids(self.mask_layers, other.mask_layers),
            tuple(sorted({*self.box_score_keys, *other.box_score_keys})),
            _names(self.box_class_maps, other.box_class_maps),
            _names(self.mask_class_maps, other.mask_class_maps),
            {**other.class_map, **self.class_map},
        )


BARE_IMAGE = ImageType({}, {}, (), {}, {}, {})


def _ids(
    ours: Mapping[str, tuple[Any, ...]], theirs: Mapping[str, tuple[Any, ...]]
) -> dict[str, tuple[Any, ...]]:
    keys = dict.fromkeys([*ours, *theirs])
    return {key: tuple(dict.fromkeys((*ours.get(key, ()), *theirs.get(key, ())))) for key in keys}


def _names(
    ours: Mapping[str, Mapping[str, str]], theirs: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    keys = dict.fromkeys([*ours, *theirs])
    return {key: {**theirs.get(key, {}), **ours.get(key, {})} for key in keys}


@dataclass(frozen=True, slots=True)
class TableOf(ColumnType):
    """Tables, by their columns' types."""

    columns: ColumnType

    def __str__(self) -> str:
        return "table"


@dataclass(frozen=True, slots=True, eq=False)
class ForeignKey(ColumnType):
    """Text that is a key of another table's column."""

    table: Any
    column: str

    def __str__(self) -> str:
        return f"key of column {self.column!r}"

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take text, and keys of the same column of the same table."""
        same = isinstance(other, ForeignKey) and other.table is self.table
        same = same and isinstance(other, ForeignKey) and other.column == self.column
        return self if same or other == STRING else None


@dataclass(frozen=True, slots=True, eq=False)
class ForeignIndex(ColumnType):
    """Numbers of another table's rows."""

    table: Any

    def __str__(self) -> str:
        return "row of another table"

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take numbers, and rows of the same table."""
        same = isinstance(other, ForeignIndex) and other.table is self.table
        return self if same or other == NUMBER else None


@dataclass(frozen=True, slots=True)
class Opaque(ColumnType):
    """A type that only another release of W&B knows: kept as its JSON, and anything fits."""

    plain: Mapping[str, Any]

    def __str__(self) -> str:
        return str(self.plain.get("wb_type"))

    def widen(self, other: ColumnType) -> ColumnType | None:
        """Take anything."""
        del other
        return self


def members(kind: ColumnType) -> tuple[ColumnType, ...]:
    """Return the members of a union, or the one type."""
    return kind.kinds if isinstance(kind, OneOf) else (kind,)


def _one_of(kinds: Iterable[ColumnType]) -> OneOf:
    flat: list[ColumnType] = []
    for kind in kinds:
        flat += [each for each in members(kind) if each not in flat]
    return OneOf(tuple(sorted(flat, key=str)))


def union(*kinds: ColumnType) -> ColumnType:
    """Return a union, flat, without repetition, in the order of the members' names."""
    made = _one_of(kinds)
    return made.kinds[0] if len(made.kinds) == 1 else made


def optional(kind: ColumnType) -> ColumnType:
    """Return ``kind`` or None."""
    return union(kind, NONE)


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


def _of_class(dtype: type) -> ColumnType:
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
