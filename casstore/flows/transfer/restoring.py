"""Restoring: what a depot has lost of versions that it has, sent once more.

Knows: which versions are in doubt.  Never: how frames travel, who noticed that some are gone.

A push compares events, for nobody can look every frame of a depot up each time.  But what was seen
on the way is remembered (``Mirror.doubt``): a pack that was known and is not listed any more, a
frame that a pull could not have, what ``verify`` found.  Then the next push that is asked for such
a version looks all of it up.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from casstore.digest import CommitId
from casstore.errors import Absent, Corrupt
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.batches import batches
from casstore.flows.transfer.selection import is_there
from casstore.flows.transfer.sending import Origin, closures, send_manifests
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.store import reference_to

__all__ = ["Restored", "lacking_there", "restore"]


@dataclass(frozen=True, slots=True)
class Restored:
    """Versions of which something was sent again, what that was, and what could not be sent."""

    versions: tuple[VersionView, ...] = ()
    frames: int = 0
    stored_bytes: int = 0
    damage: Corrupt | None = None


def restore(
    origin: Origin,
    depot: RemoteDepot,
    commits: Collection[CommitId],
    *,
    jobs: int,
    progress: Callable[[int], None] | None,
) -> Restored:
    """Send what the depot lacks of versions that it has, one by one.

    ``damage`` names the first of which the origin does not have it either; it stays in doubt.
    """
    doubted = depot.mirror.doubted().intersection(commits)
    if not doubted:
        return Restored()
    views, frames, stored_bytes = [], 0, 0
    damage: Corrupt | None = None
    for view in lacking_there(origin, depot, commits):
        wholes = {reference_to(origin, view): view.manifest}
        try:
            sent = send_manifests(origin, depot, wholes, jobs=jobs, progress=progress)
        except (Corrupt, Absent) as error:
            damage = damage or _not_here_either(depot, next(iter(wholes)), error)
            doubted.discard(view.commit)
            continue
        views.append(view)
        frames += sent.frames
        stored_bytes += sent.stored_bytes
    depot.mirror.trust(doubted)
    return Restored(tuple(views), frames, stored_bytes, damage)


def _not_here_either(depot: RemoteDepot, reference: str, error: Corrupt | Absent) -> Corrupt:
    return Corrupt(
        f"{depot.url} has lost chunks of {reference}, which cannot be sent from here:"
        f" {error.message}",
        hint="all else is there; push it from a store that has it whole",
    )


def lacking_there(
    origin: Origin, depot: RemoteDepot, commits: Iterable[CommitId]
) -> list[VersionView]:
    """Return the versions in doubt of which the depot lacks a frame, after looking all of it up."""
    doubted = depot.mirror.doubted()
    asked = [commit for commit in commits if commit in doubted]
    if not asked:
        return []
    depot.frames.look()
    with depot.mirror.index.read() as there:
        asked = [commit for commit in asked if is_there(there, commit)]
    with origin.index.read() as reader:
        views = [queries.version(reader, commit) for commit in asked]
    known = [view for view in views if view is not None and view.complete and not view.deleted]
    return [view for view in known if _lacks(origin, depot, view)]


def _lacks(origin: Origin, depot: RemoteDepot, view: VersionView) -> bool:
    frames = closures(origin, depot, {reference_to(origin, view): view.manifest})
    return not all(
        all(depot.frames.ask(batch)) for batch in batches(digest for digest, _ in frames)
    )
