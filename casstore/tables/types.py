"""Column types: which they are, and what fits into which.

Knows: W&B's rules (``wandb.data_types``): None and NaN are ``none``, a bool is no number, a list's
elements and a dict's keys have types, a union takes what one of its members takes.
Never: values (``valuetypes``), JSON (``typejson``), files.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ANY",
    "BARE_IMAGE",
    "BOOLEAN",
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
    "union",
]


class ColumnType:
    """What a column's values are; compared by value."""

    __slots__ = ()

    def widen(self, other: "ColumnType") -> "ColumnType | None":
        """Return the type that holds both; None if ``other`` does not fit."""
        return self if self == other else None


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
        """Take lists whose elements fit; one may be empty, or have None in it."""
        if not isinstance(other, ListOf):
            return None
        element = _widen_inside(self.element, other.element)
        length = self.length if self.length == other.length else None
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
        wider = [
            (key, _widen_inside(kind, theirs[key]) if key in theirs else kind.widen(NONE))
            for key, kind in self.fields
        ]
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


def _widen_inside(kind: ColumnType, other: ColumnType) -> ColumnType | None:
    """Widen what a list or dict holds: None may stand anywhere in it (W&B refuses it)."""
    wider: ColumnType | None = kind
    for each in members(other):
        if wider is not None and each != UNKNOWN:
            found = wider.widen(each)
            wider = union(wider, NONE) if found is None and each == NONE else found
    return wider


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
