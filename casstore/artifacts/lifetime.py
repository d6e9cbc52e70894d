"""How long a version is wanted: W&B's values of ``ttl``, and the seconds that are recorded.

Knows: what each value means.  Never: versions, collections, what happens when the time is over
(nothing does by itself: a collector appends a delete event).
"""

import datetime as dt
import enum
import math

from casstore.errors import Invalid

__all__ = ["ArtifactTTL", "Lifetime", "seconds_of", "timedelta_of"]

FOR_EVER = 0
MAX_SECONDS = 86_399_999_999_999  # as far as timedelta goes


class ArtifactTTL(enum.Enum):
    """``INHERIT``: a version is wanted as long as its collection's ``ttl`` says."""

    INHERIT = 0


Lifetime = dt.timedelta | ArtifactTTL | None


def seconds_of(value: Lifetime) -> int | None:
    """Return what is recorded: None inherits, 0 is for ever; ``Invalid`` for anything else.

    Parts of a second count as a whole one.
    """
    if value is ArtifactTTL.INHERIT:
        return None
    if value is None:
        return FOR_EVER
    if not isinstance(value, dt.timedelta) or value <= dt.timedelta(0):
        raise Invalid(
            f"ttl cannot be {value!r}",
            hint="use a positive timedelta, None (for ever) or ArtifactTTL.INHERIT",
        )
    return min(math.ceil(value.total_seconds()), MAX_SECONDS)


def timedelta_of(seconds: int | None) -> dt.timedelta | None:
    """Return seconds as W&B shows them; None for ever."""
    return dt.timedelta(seconds=seconds) if seconds else None
