"""Field readers: one wire value in, the checked value out.

Knows: which msgpack values may stand in a field of an event.  Never: kinds, events, bytes.
A reader raises ``Corrupt`` with a phrase that completes "is ..."; ``read_fields`` says which field.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from casstore import names
from casstore.digest import COMMIT_ID_SIZE, DIGEST_SIZE
from casstore.encoding import canonical_json
from casstore.errors import Corrupt, Invalid

__all__ = [
    "EVENT_ID_SIZE",
    "ID_SIZE",
    "MAX_LABEL_CHARS",
    "Reader",
    "alias",
    "binary",
    "boolean",
    "commit_id",
    "digest",
    "each",
    "event_ids",
    "id16",
    "integer",
    "json_object",
    "label",
    "name",
    "one_of",
    "optional",
    "project",
    "read_fields",
    "tag",
    "text",
    "type_name",
    "uint",
]

Reader: TypeAlias = Callable[[Any], Any]

EVENT_ID_SIZE = 16
ID_SIZE = 16
MAX_LABEL_CHARS = 256


def read_fields(value: Any, readers: Mapping[str, Reader], what: str) -> list[Any]:
    """Return the checked values of a map's fields in the order of ``readers``.

    Keys that are not in ``readers`` come from a later release and are passed over.
    Raises ``Corrupt`` naming the field.
    """
    if type(value) is not dict:
        raise Corrupt(f"{what} is not a map")
    found = []
    for key, reader in readers.items():
        if key not in value:
            raise Corrupt(f"{what} has no field {key!r}")
        try:
            found.append(reader(value[key]))
        except Corrupt as error:
            raise Corrupt(f"{what}: field {key!r} is {error.message}") from error
    return found


def text(value: Any) -> str:
    """Read any text."""
    if type(value) is not str:
        raise Corrupt("not text")
    return value


def label(value: Any) -> str:
    """Read 1 to 256 printable characters: run ids, distributed ids, writer names."""
    if not text(value) or len(value) > MAX_LABEL_CHARS or not value.isprintable():
        raise Corrupt(f"not 1 to {MAX_LABEL_CHARS} printable characters")
    return str(value)


def boolean(value: Any) -> bool:
    """Read true or false."""
    if type(value) is not bool:
        raise Corrupt("neither true nor false")
    return value


def integer(value: Any) -> int:
    """Read an integer of 64 bits with a sign."""
    if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
        raise Corrupt("not an integer of 64 bits")
    return value


def uint(value: Any) -> int:
    """Read an integer from 0 to 2^63 - 1."""
    if integer(value) < 0:
        raise Corrupt("negative")
    return int(value)


def binary(size: int) -> Reader:
    """Return a reader of exactly ``size`` bytes."""

    def read(value: Any) -> bytes:
        if type(value) is not bytes or len(value) != size:
            raise Corrupt(f"not {size} bytes")
        return value

    return read


id16 = binary(ID_SIZE)
commit_id = binary(COMMIT_ID_SIZE)
digest = binary(DIGEST_SIZE)


def json_object(value: Any) -> str:
    """Read the canonical text of a JSON object, so that equal values are equal text."""
    if text(value) == "{}":
        return "{}"
    try:
        parsed = json.loads(value)
        canonical = canonical_json(parsed)
    except (ValueError, RecursionError) as error:
        raise Corrupt("not JSON text") from error
    if type(parsed) is not dict or canonical != value:
        raise Corrupt("not the canonical text of a JSON object")
    return canonical


def optional(reader: Reader) -> Reader:
    """Return a reader that also takes nil."""
    return lambda value: None if value is None else reader(value)


def each(reader: Reader) -> Reader:
    """Return a reader of a list, which comes as a tuple."""

    def read(value: Any) -> tuple[Any, ...]:
        if type(value) not in (list, tuple):
            raise Corrupt("not a list")
        return tuple([reader(item) for item in value])

    return read


def one_of(*choices: str) -> Reader:
    """Return a reader of one of some words."""

    def read(value: Any) -> str:
        if text(value) not in choices:
            raise Corrupt(f"none of {', '.join(choices)}")
        return str(value)

    return read


def _named(check: Callable[[str], str], what: str) -> Reader:
    def read(value: Any) -> str:
        try:
            return check(text(value))
        except Invalid as error:
            raise Corrupt(f"not {what}") from error

    return read


event_ids = each(binary(EVENT_ID_SIZE))
name = _named(names.check_name, "an artifact's name")
project = _named(names.check_project, "a project")
alias = _named(names.check_alias, "an alias")
tag = _named(names.check_tag, "a tag")
type_name = _named(names.check_type, "a type")
