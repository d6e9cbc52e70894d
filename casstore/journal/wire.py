"""Event files: an event in, bytes and a name out, and back.

Knows: the envelope, the trailer, the name, limits.  Never: files, what events mean.
FORMAT.md beside this file is the specification.
"""

import re
from typing import Any, NamedTuple

from casstore.digest import DIGEST_SIZE, Buffer, digest_of
from casstore.encoding import decode, encode
from casstore.errors import Corrupt, Invalid, Unsupported
from casstore.journal import fields
from casstore.journal.bodies import EventId, KnownBody
from casstore.journal.events import MAX_CLOCK, MAX_SEQ, Event, WriterId
from casstore.journal.kinds import KINDS, body_to_wire, kind_of, read_body
from casstore.journal.subjects import KnownSubject, read_subject, subject_to_wire

__all__ = [
    "MAX_EVENT_BYTES",
    "NAME_CHARS",
    "TRAILER_SIZE",
    "WIRE_VERSION",
    "Written",
    "is_event_name",
    "read_event",
    "read_packed",
    "write_event",
]

WIRE_VERSION = 1
TRAILER_SIZE = DIGEST_SIZE
MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The most that an event file may have, trailer included."""

NAME_CHARS = 62
_NAME = re.compile(r"[0-9a-f]{32}-[0-9]{12}-[0-9a-f]{16}\Z")

_ENVELOPE = {
    "kind": fields.label,
    "writer": fields.id16,
    "seq": fields.uint,
    "clock": fields.uint,
    "time": fields.uint,
}


class Written(NamedTuple):
    """An event ready to be created: ``data`` goes under ``name``, once."""

    event: Event
    name: str
    data: bytes


def is_event_name(name: str) -> bool:
    """Say whether a file's name is that of an event."""
    return _NAME.match(name) is not None


def write_event(
    subject: KnownSubject,
    body: KnownBody,
    *,
    writer: WriterId,
    seq: int,
    clock: int,
    time: int,
) -> Written:
    """Return the bytes and the name of an event; ``time`` is in microseconds, UTC.

    Raises ``Invalid`` for what reading would refuse, and for more than 16 MiB.
    """
    message: dict[str, Any] = {
        "v": WIRE_VERSION,
        "kind": kind_of(body),
        "writer": writer,
        "seq": seq,
        "clock": clock,
        "time": time,
        "subject": subject_to_wire(subject),
        "body": body_to_wire(body),
    }
    try:
        packed = encode(message)
        digest = digest_of(packed)
        event = _event(message, EventId(digest[: fields.EVENT_ID_SIZE]))
    except (Corrupt, TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"this {message['kind']} event cannot be written: {error}") from error
    if not event.known:
        raise Invalid(f"the {event.kind} event has no register {message['body']['field']!r}")
    data = packed + digest
    if len(data) > MAX_EVENT_BYTES:
        raise Invalid(
            f"the {event.kind} event of {len(data)} bytes is over the limit of {MAX_EVENT_BYTES}",
            hint="put large metadata into a file of the artifact",
        )
    return Written(event, event.name, data)


def read_event(name: str, data: Buffer) -> Event:
    """Read the event file ``name``.

    Raises ``Corrupt`` unless trailer, name, canonical form and every field are right, and
    ``Unsupported`` for an event of a later format.
    """
    packed, digest = _checked(name, data)
    event = _parsed(name, packed, digest)
    if event.name != name:
        raise Corrupt(f"event {name} holds the event {event.name}", hint=_RESTORE)
    return event


def read_packed(data: Buffer) -> Event:
    """Read an event file that lies in a journal pack: its name is the one that its bytes give.

    Raises what ``read_event`` raises.
    """
    name = f"of {len(data)} bytes"
    packed, digest = _whole(name, data)
    return _parsed(name, packed, digest)


def _parsed(name: str, packed: bytes, digest: bytes) -> Event:
    try:
        message = decode(packed)
        canonical = encode(message) == packed
    except (Corrupt, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Corrupt(f"event {name} is not canonical msgpack: {error}", hint=_RESTORE) from error
    if not canonical:
        raise Corrupt(f"event {name} is not canonical msgpack", hint=_RESTORE)
    try:
        return _event(message, EventId(digest[: fields.EVENT_ID_SIZE]))
    except Corrupt as error:
        raise Corrupt(f"event {name}: {error.message}", hint=_RESTORE) from error


_RESTORE = "restore this file from another copy of the store"


def _checked(name: str, data: Buffer) -> tuple[bytes, bytes]:
    if not is_event_name(name):
        raise Corrupt(f"{name!r} is not the name of an event", hint="move it out of the journal")
    packed, digest = _whole(name, data)
    if not name.endswith(digest[:8].hex()):
        raise Corrupt(f"event {name} is another event, renamed", hint=_RESTORE)
    return packed, digest


def _whole(name: str, data: Buffer) -> tuple[bytes, bytes]:
    if not TRAILER_SIZE < len(data) <= MAX_EVENT_BYTES:
        raise Corrupt(f"event {name} has {len(data)} bytes", hint=_RESTORE)
    packed, trailer = bytes(data[:-TRAILER_SIZE]), bytes(data[-TRAILER_SIZE:])
    digest = digest_of(packed)
    if digest != trailer:
        raise Corrupt(f"event {name} is damaged: its digest does not match", hint=_RESTORE)
    return packed, digest


def _event(message: Any, event_id: EventId) -> Event:
    _check_version(message)
    kind, writer, seq, clock, time = fields.read_fields(message, _ENVELOPE, "the event")
    if seq > MAX_SEQ or clock > MAX_CLOCK:
        raise Corrupt(f"sequence {seq} or clock {clock} is over its limit")
    subject = read_subject(message.get("subject"))
    body = read_body(kind, message.get("body"))
    codec = KINDS.get(kind)
    if codec is not None and type(subject) is not codec.subject:
        raise Corrupt(f"the {kind} event has the wrong type of subject")
    return Event(event_id, kind, WriterId(writer), seq, clock, time, subject, body)


def _check_version(message: Any) -> None:
    version = message.get("v") if type(message) is dict else None
    if type(version) is not int or version < 1:
        raise Corrupt("there is no format version")
    if version > WIRE_VERSION:
        raise Unsupported(
            f"an event has format {version}, and this release reads {WIRE_VERSION}",
            hint=f"upgrade casstore to a release that reads journal format {version}",
        )
