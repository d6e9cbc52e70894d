"""What each kind of place must be able to do; every call is one attempt.

Knows: the contract between ``served`` and the drivers.  Never: any library, when to call again.
"""

import os
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from casstore.parallel import Lock
from casstore.remotes.addresses import Address
from casstore.remotes.objects import Listed

__all__ = ["TEMPORARY", "Driver", "Page", "Requests", "ShortRead", "temporary"]

TEMPORARY = "tmp/"
"""Where uploads lie that have no name yet; only a listing of just that shows them."""


class ShortRead(ConnectionError):
    """Fewer bytes came than were promised."""


class Requests:
    """How many requests were sent, by verb."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, verb: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[verb] += 1

    def counts(self) -> Mapping[str, int]:
        """Return the counts as they are now, by verb in alphabetical order."""
        with self._lock:
            return dict(sorted(self._counts.items()))


class Page(NamedTuple):
    """A part of a listing, and where the next part begins; None after the last."""

    found: list[Listed]
    more: object | None


class Driver(Protocol):
    """One place, in this process.  Safe across threads; raises what its library raises.

    Names are checked before they come here.
    """

    def put(self, name: str, data: bytes) -> None:
        """Make an object whole; one of that name may be replaced, for it has the same bytes."""

    def put_new(self, name: str, data: bytes) -> None:
        """Make a small object if there is none; else an error of kind ``EXISTS``."""

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """Return bytes of an object; how many they are is checked by the caller.

        Whatever a server sends, no more than ``most`` + 1 of them are taken (of Azure's,
        whose client checks ranges, 32 MiB): so one that never ends is told from one that is whole.
        """

    def page(self, prefix: str, more: object | None) -> Page:
        """Return a part of the listing below a prefix, the first if ``more`` is None."""

    def remove(self, name: str) -> None:
        """Remove an object; an error of kind ``MISSING`` if there is none is fine."""

    def close(self) -> None:
        """Let connections go."""


class MakeDriver(Protocol):
    """What a driver's module offers as ``make_driver``."""

    def __call__(self, address: Address, requests: Requests) -> Driver:
        """Return a driver; it may connect, or wait with it for the first call."""


def temporary() -> str:
    """Return where an upload lies that has no name yet: drawn at random."""
    return f"{TEMPORARY}{os.urandom(16).hex()}"
