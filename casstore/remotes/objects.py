"""What every depot elsewhere can do: six calls on immutable objects.

Knows: the promises of each call.  Never: which server keeps them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from casstore.errors import Corrupt

__all__ = ["MAX_OBJECT_BYTES", "MAX_SMALL_BYTES", "Listed", "Objects", "Range", "too_large"]

MAX_OBJECT_BYTES = 128 * 1024 * 1024
"""What no object of a depot passes."""

MAX_SMALL_BYTES = 64 * 1024
"""What no FORMAT, AUTHORITY, NUMBERING or claim passes, whoever wrote it."""


class Listed(NamedTuple):
    """An object of a listing: its name in the depot and its size in bytes."""

    name: str
    size_bytes: int


class Range(NamedTuple):
    """Bytes ``start`` to ``end`` (exclusive) of an object; ``end`` is not beyond its size."""

    name: str
    start: int
    end: int


class Objects(Protocol):
    """Immutable objects under names (``packs/ab/abcd...``): what depots elsewhere are made of.

    Nothing is ever overwritten with other bytes.  Every call may be repeated; what may pass is
    tried again within one deadline.  Errors are ``NotFound`` (no such object) and ``RemoteError``
    with its kinds, whose messages name ``url`` and never a secret.
    """

    @property
    def url(self) -> str:
        """Return where this is, without secrets, as messages show it."""

    @property
    def requests(self) -> Mapping[str, int]:
        """Return how many requests this process has sent, by verb (``GET``, ``LIST``, ``PUT``)."""

    def create(self, name: str, data: bytes | memoryview) -> None:
        """Make an object, whole or not at all, durable on return; the same bytes again is success.

        The name is bound to the content, or drawn at random, so that nobody makes it otherwise.
        """

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Make a small object (under 64 KiB) unless there is one; tell whether it holds ``data``.

        ``data`` must be unlike what anybody else would write there: an answer that was lost is
        told from a lost race by reading back.  Exactly one of many racing writers is told True.
        Raises ``Unsupported`` where the backend cannot: claims then go by listing.
        """

    def read(
        self, name: str, start: int = 0, end: int | None = None, *, at_most: int = MAX_OBJECT_BYTES
    ) -> bytes:
        """Return the bytes of an object, or of a part of it; one that ends before is ``Corrupt``.

        ``at_most`` bounds one that is read to its end: of a larger one no more is taken, and that
        it is larger is a ``Corrupt`` that names it.
        """

    def read_ranges(self, ranges: Iterable[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in the order given, reading ahead in parallel.

        The bytes in flight are bounded, whatever comes: ranges are not merged here.
        """

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every object whose name begins with ``prefix`` (ending in ``/``, or empty).

        The order is not promised.  Objects that were made before the call are in it.
        """

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is success."""

    def close(self) -> None:
        """Let connections go; further calls are an error."""


def too_large(url: str, name: str, at_most: int) -> Corrupt:
    """Return the error for an object that is larger than any of its kind."""
    return Corrupt(
        f"{name} of {url} has more than {at_most} bytes, which none has",
        hint="no more of it was read; see what lies there",
    )
