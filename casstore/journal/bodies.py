"""What an event says: one frozen record for each kind.

Knows: the fields of every kind.  Never: bytes, the fold, whether a name exists.
JSON fields hold the text of a JSON object, written by ``encoding.canonical_json``.
"""

from typing import Any, NamedTuple, NewType, TypeAlias

from casstore.digest import CommitId, Digest

__all__ = [
    "AliasBody",
    "AliasClaim",
    "Body",
    "DeleteBody",
    "EditBody",
    "EventId",
    "FinishBody",
    "KnownBody",
    "LabelBody",
    "LinkBody",
    "ManifestRef",
    "PartBody",
    "ProducerBody",
    "RestoreBody",
    "RunFinishBody",
    "RunStartBody",
    "RunUpdateBody",
    "RunUseBody",
    "SameAsBody",
    "SealedBody",
    "UnknownBody",
    "UnlinkBody",
    "VersionBody",
]

EventId = NewType("EventId", bytes)
"""16 bytes: the beginning of the BLAKE3 of an event's canonical msgpack."""


class ManifestRef(NamedTuple):
    """A manifest: its digest, and where its tree begins.

    ``root`` is the frame digest of the tree's top node (32 zero bytes with no entries), ``level``
    the height of that node, ``size`` the sum of the files' sizes in bytes.
    """

    digest: Digest
    root: Digest
    level: int
    entries: int
    size: int


class AliasClaim(NamedTuple):
    """An alias given together with a version or a link, and the events that it replaces."""

    alias: str
    replaces: tuple[EventId, ...] = ()


class VersionBody(NamedTuple):
    """A finished version.

    ``numbering`` is the random id of the numbering of the store that gave ``number``; ``ttl`` is in
    seconds; ``bases`` are the commits that this one was drafted from.
    """

    type: str
    entity: str
    manifest: ManifestRef
    number: int | None = None
    numbering: bytes | None = None
    run: str | None = None
    description: str | None = None
    metadata: str = "{}"
    aliases: tuple[AliasClaim, ...] = ()
    tags: tuple[str, ...] = ()
    ttl: int | None = None
    bases: tuple[CommitId, ...] = ()
    environment: str = "{}"


class ProducerBody(NamedTuple):
    """A run logged content that the version already holds."""

    run: str
    description: str | None = None
    metadata: str | None = None


class AliasBody(NamedTuple):
    """An alias is pointed at the subject (``set``) or taken from it."""

    alias: str
    set: bool
    replaces: tuple[EventId, ...] = ()


class EditBody(NamedTuple):
    """A new value of ``description``, ``metadata``, ``ttl`` or ``tags``."""

    field: str
    value: str | int | tuple[str, ...] | None
    replaces: tuple[EventId, ...] = ()


class DeleteBody(NamedTuple):
    """The version is deleted, as far as the events that keep it are named in ``seen``."""

    seen: tuple[EventId, ...]


class RestoreBody(NamedTuple):
    """The version is wanted again."""

    def __bool__(self) -> bool:
        """Be something, though it has no fields."""
        return True


class LinkBody(NamedTuple):
    """The version is also a member of another collection."""

    project: str
    name: str
    number: int | None = None
    numbering: bytes | None = None
    aliases: tuple[AliasClaim, ...] = ()
    replaces: tuple[EventId, ...] = ()


class UnlinkBody(NamedTuple):
    """The named link events end, together with the aliases that they gave."""

    replaces: tuple[EventId, ...]


class SealedBody(NamedTuple):
    """The version has ``number`` for good, by the depot whose random id is ``authority``."""

    number: int
    authority: bytes


class SameAsBody(NamedTuple):
    """The subject has the content of ``commit``, which has the number."""

    commit: CommitId


class LabelBody(NamedTuple):
    """A new value of a collection's ``name``, ``type``, ``description``, ``tags`` or ``ttl``."""

    field: str
    value: str | int | tuple[str, ...] | None
    replaces: tuple[EventId, ...] = ()


class RunStartBody(NamedTuple):
    """A run begins, or goes on; None says nothing about a field."""

    name: str | None = None
    group: str | None = None
    job_type: str | None = None
    entity: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    config: str | None = None
    environment: str | None = None


class RunUseBody(NamedTuple):
    """The run read a version; ``project`` and ``name`` are those it was asked for by."""

    commit: CommitId
    project: str
    name: str
    use_as: str | None = None


class RunUpdateBody(NamedTuple):
    """What changed of a run; None says nothing about a field."""

    config: str | None = None
    summary: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    group: str | None = None
    job_type: str | None = None
    entity: str | None = None


class RunFinishBody(NamedTuple):
    """A run ended as ``finished``, ``failed`` or ``crashed``."""

    state: str
    exit_code: int | None = None


class PartBody(NamedTuple):
    """One writer's share of a version; its later ``attempt`` replaces an earlier one.

    Of one attempt every part counts.  What a part says of the version holds where the finish says
    nothing.
    """

    writer_name: str
    attempt: int
    manifest: ManifestRef
    type: str
    run: str | None = None
    description: str | None = None
    metadata: str = "{}"
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class FinishBody(NamedTuple):
    """The round is closed: ``parts`` are the part events that were there, and are settled by it."""

    commit: CommitId
    parts: tuple[EventId, ...]
    run: str | None = None


class UnknownBody(NamedTuple):
    """What a later release said: the wire map, kept and passed over by the fold."""

    wire: dict[str, Any]


KnownBody: TypeAlias = (
    VersionBody
    | ProducerBody
    | AliasBody
    | EditBody
    | DeleteBody
    | RestoreBody
    | LinkBody
    | UnlinkBody
    | SealedBody
    | SameAsBody
    | LabelBody
    | RunStartBody
    | RunUseBody
    | RunUpdateBody
    | RunFinishBody
    | PartBody
    | FinishBody
)
Body: TypeAlias = KnownBody | UnknownBody
