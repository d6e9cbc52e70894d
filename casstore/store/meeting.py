"""Where hosts that finish one round meet: which parts its version takes is settled once.

Knows: what is settled, and how it is written.  Never: how a version is made of parts.

On one host a finish holds the name, so it works alone.  Of several hosts two may finish at once,
and may see different parts.  So the first to create the round's claim says which parts, and on
which version they are laid; whoever comes after makes the very same version of the same commit id,
or finds it made.  A finish that was killed after that is completed by anybody's next.
"""

import json
from typing import NamedTuple, Protocol

from casstore.digest import CommitId, digest_of
from casstore.encoding import canonical_json, encode
from casstore.errors import Corrupt
from casstore.journal.bodies import EventId
from casstore.journal.subjects import RoundSubject, subject_to_wire
from casstore.store.store import Store

__all__ = ["Meeting", "Settled", "SharedFolder", "meeting_name"]


class Settled(NamedTuple):
    """What the version of a round is made of: parts, sorted, and the version below them."""

    parts: tuple[EventId, ...]
    base: CommitId | None

    def to_bytes(self) -> bytes:
        """Return it as it is kept."""
        base = self.base.hex() if self.base is not None else None
        return canonical_json({"base": base, "parts": [part.hex() for part in self.parts]}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Settled":
        """Read what is kept; raises ``Corrupt``."""
        try:
            said = json.loads(data)
            parts = tuple(EventId(bytes.fromhex(part)) for part in said["parts"])
            base = CommitId(bytes.fromhex(said["base"])) if said["base"] is not None else None
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupt(f"what a round was settled to be cannot be read: {error}") from error
        return cls(parts, base)


class Meeting(Protocol):
    """A place that all who finish a round can see."""

    def look(self) -> None:
        """Let the store know what others have added until now."""

    def settled(self, at: RoundSubject) -> Settled | None:
        """Return what a round was settled to be, None if it is open."""

    def settle(self, at: RoundSubject, what: Settled) -> Settled:
        """Settle a round unless somebody was first; return what holds.

        The parts and the base are seen by everybody when this returns.
        """


def meeting_name(at: RoundSubject) -> str:
    """Return the name of a round's claim, beside the numbers of its collection."""
    return f"finish-{digest_of(encode(subject_to_wire(at))).hex()[:32]}"


class SharedFolder:
    """A store that several hosts share is the place itself."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._claims = store.claims

    def look(self) -> None:
        """Let the store know what others have added until now."""
        self._store.index.catch_up(fresh=True)

    def settled(self, at: RoundSubject) -> Settled | None:
        """Return what a round was settled to be, None if it is open."""
        data = self._claims.read(at.project, at.name, meeting_name(at))
        return Settled.from_bytes(data) if data is not None else None

    def settle(self, at: RoundSubject, what: Settled) -> Settled:
        """Settle a round unless somebody was first; return what holds."""
        name = meeting_name(at)
        data = self._claims.settle(
            at.project, at.name, name, what.to_bytes(), self._store.staging()
        )
        return Settled.from_bytes(data)
