"""Calling again what failed in passing: full jitter, one deadline over all attempts.

Knows: which kinds of failure pass, how long to wait.  Never: what is called.

The one policy: the libraries themselves send each request once.  Waiting a random time up to a
bound that doubles spreads callers that failed together (AWS, "Exponential Backoff and Jitter").
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from casstore.backends.failures import Kind, understood
from casstore.errors import Error

__all__ = ["PASSING", "Patience", "tried"]

Result = TypeVar("Result")

SOON_BELIEVED = frozenset((Kind.SHORT, Kind.UNREACHABLE))  # a few attempts say as much as many
PASSING = frozenset(
    (
        *(Kind.BUSY, Kind.CONFLICT, Kind.DAMAGED, Kind.SHORT),
        *(Kind.PASSING, Kind.UNREACHABLE, Kind.DEAD),
    )
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and for how long.

    No attempt begins after ``deadline_seconds``; one that has begun ends by its own timeouts.
    """

    attempts: int = 8
    attempts_to_reach: int = 3
    deadline_seconds: float = 120
    first_wait_seconds: float = 0.2
    max_wait_seconds: float = 15


def tried(
    call: Callable[[], Result],
    *,
    patience: Patience,
    failed: Callable[[Kind], None] = lambda _: None,
) -> Result:
    """Return what ``call`` returns, called again while that may help; raises its last error.

    ``failed`` is told of each failure.  casstore's own errors are final.
    """
    began = time.monotonic()
    attempt = 0
    while True:
        try:
            return call()
        except Error:
            raise
        except Exception as error:  # noqa: BLE001 - classes of libraries; raised again below
            cause = error
        attempt += 1
        kind = understood(cause).kind
        failed(kind)
        limit = patience.attempts_to_reach if kind in SOON_BELIEVED else patience.attempts
        bound = min(patience.max_wait_seconds, patience.first_wait_seconds * 2 ** (attempt - 1))
        wait_seconds = random.uniform(0, bound)  # noqa: S311 - no secret
        ends = began + patience.deadline_seconds
        if kind not in PASSING or attempt >= limit or time.monotonic() + wait_seconds >= ends:
            raise cause
        time.sleep(wait_seconds)
