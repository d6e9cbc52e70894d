"""Making a bundle: versions of this store, or of a depot elsewhere, into one file or several.

Knows: what a bundle says of its versions, what the far side has.  Never: how a bundle lies in its
file, how people name versions.
"""

import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from casstore.bundles import Base, BundleWriter, Contents, Listing
from casstore.digest import CommitId
from casstore.exchange import RemoteDepot, open_depot
from casstore.flows.transfer.selection import Had, events_for
from casstore.flows.transfer.sending import Origin, Progress, Sent, send
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.store import number_of

__all__ = ["Bundled", "create_bundle", "not_had"]

EVENT_ROOM_BYTES = 1024
"""What an event takes at most in a bundle besides its bytes: the headers of a member of its own."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What was bundled: the files that were made, their bytes together, what went in."""

    bundle_id: str
    paths: tuple[Path, ...]
    size_bytes: int
    sent: Sent


def create_bundle(
    origin: Origin,
    path: Path,
    commits: Collection[CommitId],
    *,
    base: Base | None = None,
    had: Had | None = None,
    part_bytes: int | None = None,
    progress: Progress | None = None,
) -> Bundled:
    """Write versions into a bundle at ``path``; when this returns it is whole and durable.

    What is ``had`` is left out, and ``base`` says in the bundle what that is.  With ``part_bytes``
    it becomes several files where it is larger.  Raises ``Conflict`` if there is something at
    ``path``, ``Corrupt`` if a frame is damaged here; nothing is left behind then.
    """
    contents = Contents(tuple(_listings(origin, commits)), _now(), base)
    with (
        tempfile.TemporaryDirectory(prefix="casstore-") as cache,
        BundleWriter(path, contents, part_bytes=part_bytes) as bundle,
    ):
        depot = open_depot(bundle, Path(cache), create=True)
        try:
            bundle.keep_room(_events_bytes(origin, depot, commits, had))
            sent = send(origin, depot, commits, progress=progress, had=had)
        finally:
            depot.close()
        paths = bundle.publish()
    size_bytes = sum(made.stat().st_size for made in paths)
    return Bundled(bundle.bundle_id, tuple(paths), size_bytes, sent)


def not_had(origin: Origin, commits: Collection[CommitId], had: Had) -> list[CommitId]:
    """Return the versions of which the far side does not know every event."""
    with origin.index.read() as reader:
        return [
            commit
            for commit in commits
            if not all(had.has_event(name) for name in reader.events_about(commit))
        ]


def _events_bytes(
    origin: Origin, depot: RemoteDepot, commits: Collection[CommitId], had: Had | None
) -> int:
    events = events_for(commits, origin.index, origin.journal, depot.mirror.index, had=had)
    return sum(len(event.data) + EVENT_ROOM_BYTES for event in events)


def _listings(origin: Origin, commits: Collection[CommitId]) -> Iterator[Listing]:
    for commit in commits:
        with origin.index.read() as reader:
            view = queries.version(reader, commit)
        if view is not None and view.complete and not view.deleted:
            yield _listing(origin, view)


def _listing(origin: Origin, view: VersionView) -> Listing:
    number = number_of(origin, view)
    manifest = view.manifest
    return Listing(
        project=view.project,
        name=view.label,
        version="" if number is None else f"v{number}",
        commit_id=view.commit.hex(),
        digest=manifest.digest.hex(),
        root=manifest.root.hex(),
        level=manifest.level,
        file_count=manifest.entries,
        size_bytes=manifest.size,
        created_at=_rfc3339(view.created_at / 1e6),
    )


def _now() -> str:
    return _rfc3339(time.time())


def _rfc3339(seconds: float) -> str:
    moment = datetime.fromtimestamp(int(seconds), UTC).isoformat()
    return moment.replace("+00:00", "Z")
