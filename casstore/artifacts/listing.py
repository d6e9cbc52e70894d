"""Lists that make their items when they are looked at.

Knows: length, iteration, slices.  Never: what the items are.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

__all__ = ["Listing"]

Item = TypeVar("Item")


class Listing(Sequence[Item], Generic[Item]):
    """A sequence of items that are made as they are looked at; what they are made of is found once.

    ``find`` gives one source an item, ``make`` turns a source into its item, ``what`` names them.
    """

    def __init__(
        self, find: Callable[[], Sequence[Any]], make: Callable[[Any], Item], what: str
    ) -> None:
        self._find = find
        self._make = make
        self._what = what
        self._sources: Sequence[Any] | None = None

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}>"

    def __len__(self) -> int:
        return len(self._found())

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, self._found())

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self._make(source) for source in self._found()[index]]
        return self._make(self._found()[index])

    def _found(self) -> Sequence[Any]:
        if self._sources is None:
            self._sources = self._find()
        return self._sources
