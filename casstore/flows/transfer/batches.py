"""Many things, some at a time.

Knows: how many frames are looked up at once.  Never: what they are.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["batches"]

MAX_FRAMES_AT_ONCE = 4096

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int = MAX_FRAMES_AT_ONCE) -> Iterator[list[Item]]:
    """Yield items in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
