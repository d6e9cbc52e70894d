"""What reading frames needs of others: those who find what was missed, those who fetch from afar.

Knows: the promises.  Never: who keeps them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from casstore.digest import Digest
from casstore.packs import Encoded

__all__ = ["Fetcher", "FindAgain"]


class Fetcher(Protocol):
    """Gets frames from elsewhere.  Safe across threads; works in a forked child."""

    def held(self, digests: Collection[Digest]) -> Mapping[Digest, Encoded]:
        """Return those that were fetched a moment ago, and may not be findable yet."""

    def fetch(self, digests: Collection[Digest]) -> Mapping[Digest, Encoded]:
        """Return frames, each verified; raises if one cannot be had.

        None at all are returned where nothing is known to be elsewhere.
        """

    def requests(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many requests were sent to each depot, by its URL and by verb."""

    def seal(self) -> None:
        """Make what was fetched findable."""

    def close(self) -> None:
        """Make what was fetched findable, and let connections go."""


class FindAgain(Protocol):
    """Makes frames findable that this process has written and not shown yet."""

    def __call__(self, digests: Sequence[Digest], *, thorough: bool) -> bool:
        """Return whether there were any; ``thorough``: looks at the files of every pack too."""
