"""What an event is about: a commit, a run, a collection, or a round of parallel writers.

Knows: the four subjects and their wire lists.  Never: kinds, bytes, the fold.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from casstore.digest import CommitId, digest_of
from casstore.encoding import encode
from casstore.errors import Corrupt
from casstore.journal import fields

__all__ = [
    "CollectionSubject",
    "CommitSubject",
    "KnownSubject",
    "RoundSubject",
    "RunSubject",
    "Subject",
    "UnknownSubject",
    "read_subject",
    "subject_key",
    "subject_to_wire",
]


@dataclass(frozen=True, slots=True)
class CommitSubject:
    """One version, under the collection where it was logged (or, for aliases, linked)."""

    project: str
    name: str
    commit: CommitId


@dataclass(frozen=True, slots=True)
class RunSubject:
    """One run of a project."""

    project: str
    run: str


@dataclass(frozen=True, slots=True)
class CollectionSubject:
    """All versions of one name."""

    project: str
    name: str


@dataclass(frozen=True, slots=True)
class RoundSubject:
    """One round of writers who make one version together; ``round`` counts from 0."""

    project: str
    name: str
    distributed_id: str
    round: int


@dataclass(frozen=True, slots=True)
class UnknownSubject:
    """A subject of a later release: its wire list, kept."""

    wire: tuple[Any, ...]


KnownSubject: TypeAlias = CommitSubject | RunSubject | CollectionSubject | RoundSubject
Subject: TypeAlias = KnownSubject | UnknownSubject

_SHAPES: dict[str, tuple[type[KnownSubject], tuple[fields.Reader, ...]]] = {
    "commit": (CommitSubject, (fields.project, fields.name, fields.commit_id)),
    "run": (RunSubject, (fields.project, fields.label)),
    "collection": (CollectionSubject, (fields.project, fields.name)),
    "round": (RoundSubject, (fields.project, fields.name, fields.label, fields.uint)),
}
_WORDS = {shape[0]: word for word, shape in _SHAPES.items()}


def subject_to_wire(subject: Subject) -> list[Any]:
    """Return ``[type, ...]`` as it stands in an event."""
    if isinstance(subject, UnknownSubject):
        return list(subject.wire)
    slots = type(subject).__slots__
    return [_WORDS[type(subject)], *[getattr(subject, slot) for slot in slots]]


def subject_key(subject: Subject) -> bytes:
    """Return 16 bytes by which all events about one subject are found: a commit's are its id."""
    if isinstance(subject, CommitSubject):
        return subject.commit
    return digest_of(encode(subject_to_wire(subject)))[:16]


def read_subject(wire: Any) -> Subject:
    """Read ``[type, ...]``; raises ``Corrupt``.  A type of a later release is kept as it is."""
    if type(wire) is not list or not wire or type(wire[0]) is not str:
        raise Corrupt("an event's subject is not a list that begins with its type")
    shape = _SHAPES.get(wire[0])
    if shape is None:
        return UnknownSubject(tuple(wire))
    record, readers = shape
    if len(wire) != len(readers) + 1:
        raise Corrupt(f"a {wire[0]} subject has {len(readers)} fields, not {len(wire) - 1}")
    try:
        return record(*[read(value) for read, value in zip(readers, wire[1:], strict=True)])
    except Corrupt as error:
        raise Corrupt(f"a {wire[0]} subject has a field that is {error.message}") from error
