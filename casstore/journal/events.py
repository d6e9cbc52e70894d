"""An event: who said what about which subject, and in which order.

Knows: the record, its name, its place in the order.  Never: bytes, the fold, clocks.
"""

from typing import NamedTuple, NewType

from casstore.journal.bodies import Body, EventId, UnknownBody
from casstore.journal.subjects import Subject

__all__ = ["MAX_CLOCK", "MAX_SEQ", "Event", "WriterId", "event_name", "next_clock"]

MAX_CLOCK = 1 << 48
"""Where the Lamport clock stays: a broken writer cannot push it out of 64 bits."""

MAX_SEQ = 10**12 - 1
"""The largest sequence number: twelve digits of the file name."""

WriterId = NewType("WriterId", bytes)
"""16 random bytes that a process draws when it first writes."""


class Event(NamedTuple):
    """One fact.  ``clock`` breaks ties; ``time`` (microseconds, UTC) is for people only."""

    id: EventId
    kind: str
    writer: WriterId
    seq: int
    clock: int
    time: int
    subject: Subject
    body: Body

    @property
    def name(self) -> str:
        """The name of its file, bound to its content."""
        return event_name(self.writer, self.seq, self.id)

    @property
    def known(self) -> bool:
        """Whether this release understands all of it; a collector stops where one is not."""
        return not isinstance(self.body, UnknownBody)


def event_name(writer: WriterId, seq: int, event_id: EventId) -> str:
    """Return ``<writer>-<seq>-<first 16 hex of the digest>``."""
    return f"{writer.hex()}-{seq:012d}-{event_id[:8].hex()}"


def next_clock(highest: int) -> int:
    """Return the Lamport clock of an event made after seeing ``highest``; saturates."""
    return min(highest + 1, MAX_CLOCK)
