"""A table's columns: their names, their types, and whether a row fits.

Knows: which names columns may have (W&B), when a value need not be looked at.  Never: rows, files.
"""

import datetime as dt
from collections.abc import Hashable, Sequence
from typing import Any

from casstore.errors import Invalid, NotFound
from casstore.tables.keys import TableIndex, TableKey
from casstore.tables.types import (
    ANY,
    UNKNOWN,
    ColumnType,
    Const,
    DictOf,
    members,
    optional,
)
from casstore.tables.valuetypes import assign, type_from, type_of

__all__ = ["Columns"]

PLAIN_CLASSES = frozenset({type(None), bool, int, float, str, dt.datetime, dt.date})
SHOWN_CHARS = 60


class Columns:
    """Names and types, in order.  Names are text or integers, each once."""

    def __init__(
        self,
        names: Sequence[Any],
        dtype: Any = None,
        optional_: bool | Sequence[bool] = True,  # noqa: FBT001, FBT002 - W&B's
    ) -> None:
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise Invalid(f"columns is a list of names, not {type(names).__name__}")
        self.names: list[Any] = []
        self.kinds: list[ColumnType] = []
        self._settled: list[set[type]] = []
        dtypes = dtype if isinstance(dtype, list) else [dtype] * len(names)
        optionals = [optional_] * len(names) if isinstance(optional_, bool) else list(optional_)
        if len(dtypes) != len(names) or len(optionals) != len(names):
            raise Invalid(f"dtype and optional have one value for each of {len(names)} columns")
        for name, each, may_be_none in zip(names, dtypes, optionals, strict=True):
            kind = type_from(each)
            self.append(name, optional(kind) if may_be_none else kind)

    def append(self, name: Any, kind: ColumnType) -> None:
        """Add a column; ``Invalid`` for a name that is there or is neither text nor a number."""
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise Invalid(f"a column's name is text or an integer, not {name!r}")
        if any(str(name) == str(other) for other in self.names):
            raise Invalid(f"there are two columns {name!r}", hint="rename one")
        self.names.append(name)
        self.set(len(self.kinds), kind)

    def set(self, index: int, kind: ColumnType) -> None:
        """Give a column a type."""
        self.kinds[index : index + 1] = [kind]
        self._settled[index : index + 1] = [set()]

    def index_of(self, name: Any) -> int:
        """Return where a column stands; ``NotFound`` if there is none of that name."""
        if not isinstance(name, Hashable) or name not in self.names:
            raise NotFound(f"no column {name!r}; there are {self.names}")
        return self.names.index(name)

    def as_type(self) -> DictOf:
        """Return the types of all columns as one."""
        pairs = zip(self.names, self.kinds, strict=True)
        return DictOf(tuple((str(name), kind) for name, kind in pairs))

    def fit(self, row: Sequence[Any]) -> None:
        """Widen the types so that they hold ``row``, or raise and change nothing.

        Raises ``Invalid`` for a row of another width, ``TypeError`` (W&B) naming column and value
        for one that does not fit.
        """
        if len(row) != len(self.names):
            raise Invalid(
                f"a row has {len(row)} cells, and the table {len(self.names)} columns: {self.names}"
            )
        wider: dict[int, ColumnType] = {}
        for index, value in enumerate(row):
            kind = type(value)
            if kind is float and value != value:  # noqa: PLR0124 - NaN
                kind = type(None)
            if kind not in self._settled[index]:
                self._fit_cell(index, value, kind, wider)
        for index, each in wider.items():
            self.set(index, each)

    def _fit_cell(self, index: int, value: Any, kind: type, wider: dict[int, ColumnType]) -> None:
        held = self.kinds[index]
        if isinstance(value, TableKey | TableIndex) and held in (UNKNOWN, optional(UNKNOWN)):
            wider[index] = type_of(value)  # a link has no empty cells (W&B)
            return
        found = assign(held, value)
        if found is None:
            shown = " ".join(repr(value).split())
            shown = shown if len(shown) <= SHOWN_CHARS else shown[:SHOWN_CHARS] + "..."
            hint = "" if ANY in members(held) else "; allow_mixed_types=True takes anything"
            raise TypeError(
                f"column {self.names[index]!r} holds {held}, and {shown} is {type_of(value)}{hint}"
            )
        if found != held:
            wider[index] = found
        elif kind in PLAIN_CLASSES and not any(isinstance(each, Const) for each in members(held)):
            self._settled[index].add(kind)
