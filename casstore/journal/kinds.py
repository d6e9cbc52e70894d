"""The table of kinds: which record, which subject, which fields.

Knows: how each body stands on the wire.  Never: bytes, file names, the fold.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from casstore.errors import Corrupt
from casstore.journal import bodies, fields, subjects
from casstore.journal.bodies import AliasClaim, Body, KnownBody, ManifestRef, UnknownBody
from casstore.journal.fields import Reader, each, event_ids, optional

__all__ = [
    "EDIT_FIELDS",
    "KINDS",
    "LABEL_FIELDS",
    "RUN_END_STATES",
    "Codec",
    "body_to_wire",
    "kind_of",
    "read_body",
]

RUN_END_STATES = ("finished", "failed", "crashed")

EDIT_FIELDS: dict[str, Reader] = {
    "description": optional(fields.text),
    "metadata": fields.json_object,
    "tags": each(fields.tag),
    "ttl": optional(fields.integer),
}
"""The registers of a version, and what their values may be."""

LABEL_FIELDS: dict[str, Reader] = {
    "description": optional(fields.text),
    "name": fields.name,
    "tags": each(fields.tag),
    "ttl": optional(fields.integer),
    "type": fields.type_name,
}
"""The registers of a collection."""


class Codec(NamedTuple):
    """One kind: its record, its subject, and its wire fields in the order of the record's."""

    record: type[KnownBody]
    subject: type[subjects.KnownSubject]
    readers: Mapping[str, Reader]
    registers: Mapping[str, Reader] | None = None


_MANIFEST = {
    "digest": fields.digest,
    "root": fields.digest,
    "level": fields.uint,
    "entries": fields.uint,
    "size": fields.uint,
}


def _manifest(wire: Any) -> ManifestRef:
    return ManifestRef(*fields.read_fields(wire, _MANIFEST, "a map that"))


def _claim(wire: Any) -> AliasClaim:
    if type(wire) is not list or len(wire) != 2:
        raise Corrupt("not pairs of an alias and the events it replaces")
    return AliasClaim(fields.alias(wire[0]), event_ids(wire[1]))


def _claims(wire: Any) -> tuple[AliasClaim, ...]:
    claims: tuple[AliasClaim, ...] = each(_claim)(wire)
    if len({claim.alias for claim in claims}) != len(claims):
        raise Corrupt("a list that gives one alias twice")
    return claims


def _any(wire: Any) -> Any:
    return wire


_RUN_TEXT = optional(fields.text)
_RUN_TAGS = optional(each(fields.text))
_RUN_JSON = optional(fields.json_object)
_PLACE = {"project": fields.project, "name": fields.name}
_NUMBER = {"number": optional(fields.uint), "numbering": optional(fields.id16)}
_REPLACES = {"replaces": event_ids}
_REGISTER = {"field": fields.text, "value": _any, **_REPLACES}

KINDS: dict[str, Codec] = {
    "alias": Codec(
        bodies.AliasBody,
        subjects.CommitSubject,
        {"alias": fields.alias, "set": fields.boolean, **_REPLACES},
    ),
    "delete": Codec(bodies.DeleteBody, subjects.CommitSubject, {"seen": event_ids}),
    "edit": Codec(bodies.EditBody, subjects.CommitSubject, _REGISTER, EDIT_FIELDS),
    "finish": Codec(
        bodies.FinishBody,
        subjects.RoundSubject,
        {"commit": fields.commit_id, "parts": event_ids, "run": optional(fields.label)},
    ),
    "label": Codec(bodies.LabelBody, subjects.CollectionSubject, _REGISTER, LABEL_FIELDS),
    "link": Codec(
        bodies.LinkBody,
        subjects.CommitSubject,
        {**_PLACE, **_NUMBER, "aliases": _claims, **_REPLACES},
    ),
    "part": Codec(
        bodies.PartBody,
        subjects.RoundSubject,
        {
            "writer_name": fields.label,
            "attempt": fields.uint,
            "manifest": _manifest,
            "type": fields.type_name,
            "run": optional(fields.label),
            "description": optional(fields.text),
            "metadata": fields.json_object,
            "aliases": each(fields.alias),
            "tags": each(fields.tag),
        },
    ),
    "producer": Codec(
        bodies.ProducerBody,
        subjects.CommitSubject,
        {"run": fields.label, "description": optional(fields.text), "metadata": _RUN_JSON},
    ),
    "restore": Codec(bodies.RestoreBody, subjects.CommitSubject, {}),
    "run-finish": Codec(
        bodies.RunFinishBody,
        subjects.RunSubject,
        {"state": fields.one_of(*RUN_END_STATES), "exit_code": optional(fields.integer)},
    ),
    "run-start": Codec(
        bodies.RunStartBody,
        subjects.RunSubject,
        {
            "name": _RUN_TEXT,
            "group": _RUN_TEXT,
            "job_type": _RUN_TEXT,
            "entity": _RUN_TEXT,
            "notes": _RUN_TEXT,
            "tags": _RUN_TAGS,
            "config": _RUN_JSON,
            "environment": _RUN_JSON,
        },
    ),
    "run-update": Codec(
        bodies.RunUpdateBody,
        subjects.RunSubject,
        {
            "config": _RUN_JSON,
            "summary": _RUN_JSON,
            "name": _RUN_TEXT,
            "notes": _RUN_TEXT,
            "tags": _RUN_TAGS,
            "group": _RUN_TEXT,
            "job_type": _RUN_TEXT,
            "entity": _RUN_TEXT,
        },
    ),
    "run-use": Codec(
        bodies.RunUseBody,
        subjects.RunSubject,
        {"commit": fields.commit_id, **_PLACE, "as": optional(fields.text)},
    ),
    "same-as": Codec(bodies.SameAsBody, subjects.CommitSubject, {"commit": fields.commit_id}),
    "sealed": Codec(
        bodies.SealedBody,
        subjects.CommitSubject,
        {"number": fields.uint, "authority": fields.id16},
    ),
    "unlink": Codec(bodies.UnlinkBody, subjects.CommitSubject, _REPLACES),
    "version": Codec(
        bodies.VersionBody,
        subjects.CommitSubject,
        {
            "type": fields.type_name,
            "entity": fields.text,
            "manifest": _manifest,
            **_NUMBER,
            "run": optional(fields.label),
            "description": optional(fields.text),
            "metadata": fields.json_object,
            "aliases": _claims,
            "tags": each(fields.tag),
            "ttl": optional(fields.integer),
            "bases": each(fields.commit_id),
            "environment": fields.json_object,
        },
    ),
}
"""Every kind that this release understands.  A kind is added here, never changed."""

_KIND_OF = {codec.record: kind for kind, codec in KINDS.items()}


def kind_of(body: KnownBody) -> str:
    """Return the kind whose record ``body`` is."""
    return _KIND_OF[type(body)]


def body_to_wire(body: KnownBody) -> dict[str, Any]:
    """Return the map that stands in the event."""
    attributes = type(body)._fields
    readers = KINDS[kind_of(body)].readers
    values = [_plain(getattr(body, attribute)) for attribute in attributes]
    return dict(zip(readers, values, strict=True))


def read_body(kind: str, wire: Any) -> Body:
    """Read a body; raises ``Corrupt``.

    A kind, or a register of a known kind, that a later release added comes as ``UnknownBody``.
    """
    if type(wire) is not dict:
        raise Corrupt(f"the body of the {kind} event is not a map")
    codec = KINDS.get(kind)
    if codec is None:
        return UnknownBody(wire)
    values = fields.read_fields(wire, codec.readers, f"the {kind} event")
    if codec.registers is None:
        return codec.record(*values)
    reader = codec.registers.get(values[0])
    if reader is None:
        return UnknownBody(wire)
    try:
        values[1] = reader(values[1])
    except Corrupt as error:
        raise Corrupt(f"the {kind} event: the new {values[0]} is {error.message}") from error
    return codec.record(*values)


def _plain(value: Any) -> Any:
    if isinstance(value, ManifestRef):
        return {key: getattr(value, key) for key in _MANIFEST}
    if isinstance(value, AliasClaim):
        return [value.alias, list(value.replaces)]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
