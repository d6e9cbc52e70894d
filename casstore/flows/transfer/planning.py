"""What a push would do, without doing it.

Knows: how many requests it would take, about.  Never: how anything travels.
"""

from collections.abc import Collection
from dataclasses import dataclass

from casstore.digest import CommitId
from casstore.exchange import (
    MAX_EVENTS_OF_A_PACK,
    MAX_LOOSE_EVENTS,
    PACKS_OF_AN_INDEX,
    RemoteDepot,
)
from casstore.flows.transfer.batches import batches
from casstore.flows.transfer.restoring import lacking_there
from casstore.flows.transfer.selection import events_for
from casstore.flows.transfer.sending import Origin, closures, lacking
from casstore.journal.views import VersionView
from casstore.store import reference_to

__all__ = ["ToSend", "plan_to_send"]

LOOKS = 7  # identity, events, claims, what is there
ROLL_LOOKS = 3  # of one entry: where the roll ends, and what it names


@dataclass(frozen=True, slots=True)
class ToSend:
    """What a push would do: versions that the depot lacks, frames, bytes as stored, events.

    ``restored`` are versions that it has, and that lack something there.
    """

    versions: tuple[VersionView, ...]
    frames: int
    stored_bytes: int
    events: int
    restored: tuple[VersionView, ...] = ()

    def requests(self, *, upstream: bool) -> int:
        """Return about how many requests it would take; who numbers (``upstream``) takes more."""
        if not self.events and not self.restored:
            return LOOKS
        packs = -(-self.stored_bytes // (32 * 1024 * 1024))
        created = packs + -(-packs // PACKS_OF_AN_INDEX) + len(self.versions) + len(self.restored)
        created += 2 * bool(self.frames)  # nodes, and their index
        told = [self.events, len(self.versions)] if upstream else [self.events]
        claims = len(self.versions) if upstream else 0
        return LOOKS + ROLL_LOOKS + created + claims + sum(_objects_of(count) for count in told)


def _objects_of(events: int) -> int:
    return events if events <= MAX_LOOSE_EVENTS else -(-events // MAX_EVENTS_OF_A_PACK)


def plan_to_send(origin: Origin, depot: RemoteDepot, commits: Collection[CommitId]) -> ToSend:
    """Return what ``send`` would do; nothing is created."""
    depot.refresh()
    depot.frames.look(packs=False)
    views = lacking(origin, depot, commits)
    restored = tuple(lacking_there(origin, depot, commits))
    frames = stored = 0
    wholes = {reference_to(origin, view): view.manifest for view in (*views, *restored)}
    needed = closures(origin, depot, wholes)
    for batch in batches(digest for digest, _ in needed):
        missing = [
            digest for digest, has in zip(batch, depot.frames.ask(batch), strict=True) if not has
        ]
        frames += len(missing)
        stored += origin.frames.stored_bytes(missing)
    events = events_for(commits, origin.index, origin.journal, depot.mirror.index)
    return ToSend(views, frames, stored, len(events), restored)
