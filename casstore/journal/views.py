"""What upper rooms see of the state: frozen records.

Knows: the shape of the answers.  Never: rows, keys, events.  ``queries`` fills them.
Times are microseconds, UTC; JSON fields are canonical text.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from casstore.digest import CommitId
from casstore.journal.bodies import EventId, ManifestRef

__all__ = [
    "AliasView",
    "CollectionView",
    "FieldConflict",
    "FinishView",
    "InputView",
    "LinkView",
    "PartView",
    "ProducerView",
    "RoundView",
    "RunView",
    "UseView",
    "VersionView",
]


class FieldConflict(NamedTuple):
    """A field that was set to different values at once: (event, value), the one shown first."""

    field: str
    heads: tuple[tuple[EventId, Any], ...]


class ProducerView(NamedTuple):
    """A run that logged the version's content, with what it said otherwise than the version."""

    run: str
    description: str | None
    metadata: str | None


class LinkView(NamedTuple):
    """A membership in another collection."""

    event: EventId
    project: str
    name: str
    number: int | None
    numbering: bytes | None
    linked_at: int


class VersionView(NamedTuple):
    """One version, as it stands in the collection that it was asked for in.

    ``name`` is the collection's name at creation, by which everything is found; ``label`` what it
    is called now.  ``source`` is (project, name, number) at home for a linked one, else None.
    ``sealed`` maps an authority to the number it sealed here.  ``ttl`` is the version's own (None:
    as its collection, 0: for ever), ``lifetime`` what holds; both in seconds from ``created_at``.
    Until the version event has arrived (``complete``), what only it says is empty.
    ``updated_at`` is the latest time of any event about the commit.
    """

    commit: CommitId
    project: str
    name: str
    label: str
    type: str
    entity: str
    manifest: ManifestRef
    number: int | None
    numbering: bytes | None
    sealed: dict[bytes, int]
    run: str | None
    description: str | None
    metadata: str
    tags: tuple[str, ...]
    ttl: int | None
    lifetime: int | None
    bases: tuple[CommitId, ...]
    environment: str
    same_as: tuple[CommitId, ...]
    links: tuple[LinkView, ...]
    producers: tuple[ProducerView, ...]
    created_at: int
    updated_at: int
    deleted: bool
    complete: bool
    conflicts: tuple[FieldConflict, ...]
    source: tuple[str, str, int | None] | None = None


@dataclass(frozen=True, slots=True)
class CollectionView:
    """All versions of one name.

    ``name`` is the name at creation, by which everything is found; ``label`` the one to show.
    ``count`` is of versions logged here, deleted ones included.  ``highest`` maps a numbering or an
    authority to the highest number it has given.
    """

    project: str
    name: str
    label: str
    type: str
    description: str | None
    tags: tuple[str, ...]
    ttl: int | None
    created_at: int
    updated_at: int
    count: int
    highest: dict[bytes, int]
    conflicts: tuple[FieldConflict, ...]


class AliasView(NamedTuple):
    """Where an alias points: None if nowhere.

    ``conflict`` is empty, or names what was set at once: (event, commit or None), the one shown
    first.  Deleted versions are not counted.
    """

    alias: str
    commit: CommitId | None
    conflict: tuple[tuple[EventId, CommitId | None], ...] = ()


class InputView(NamedTuple):
    """A version that a run read, by the name that it was asked for by."""

    commit: CommitId
    project: str
    name: str
    use_as: str | None


class UseView(NamedTuple):
    """A run that read a version."""

    project: str
    run: str
    use_as: str | None
    time: int


class RunView(NamedTuple):
    """One run: ``state`` is running, finished, failed or crashed.

    ``complete`` says that one of its start events has arrived.
    """

    project: str
    run: str
    name: str | None
    group: str | None
    job_type: str | None
    entity: str | None
    notes: str | None
    tags: tuple[str, ...]
    config: str
    summary: str
    environment: str
    state: str
    exit_code: int | None
    inputs: tuple[InputView, ...]
    outputs: tuple[CommitId, ...]
    created_at: int
    updated_at: int
    complete: bool


class PartView(NamedTuple):
    """One writer's share of a version, and what it says of it."""

    event: EventId
    project: str
    name: str
    distributed_id: str
    round: int
    writer_name: str
    attempt: int
    manifest: ManifestRef
    type: str
    run: str | None
    description: str | None
    metadata: str
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    time: int


class FinishView(NamedTuple):
    """A closing of a round: the commit it was finished as, and the parts that it settled."""

    event: EventId
    commit: CommitId
    parts: tuple[EventId, ...]
    run: str | None
    time: int


class RoundView(NamedTuple):
    """One finished round; of several finishes the first by order comes first."""

    project: str
    name: str
    distributed_id: str
    round: int
    finishes: tuple[FinishView, ...]
