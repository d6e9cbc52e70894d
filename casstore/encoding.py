"""Canonical msgpack and JSON: one value, one byte string.

Knows: key order, minimal integers, limits.  Never: what the values mean.
The only importer of ``msgpack``.  Canonical means: map keys are strings in code point order,
integers take their shortest form, text is UTF-8, bytes are ``bin``.  Reading refuses whatever
writing would not have produced.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgpack

from casstore.digest import Buffer
from casstore.errors import Corrupt

__all__ = ["canonical_json", "decode", "decode_each", "encode", "encode_ordered"]

encode_ordered = msgpack.Packer(use_bin_type=True).pack
"""Encode a value that holds no maps (lists, integers, text, bytes); not safe across threads."""


def encode(value: Any) -> bytes:
    """Return the canonical msgpack of ``value``."""
    packed: bytes = msgpack.packb(_sorted(value), use_bin_type=True)
    return packed


def decode(data: Buffer) -> Any:
    """Read msgpack; lists come as lists, maps as dicts.

    Raises ``Corrupt`` for bytes that are not one whole value.
    """
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=True)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise Corrupt(f"not one msgpack value: {error}") from error


def decode_each(data: bytes) -> Iterator[Any]:
    """Yield the values of msgpack that stand one after the other: faster than one by one."""
    unpacker = msgpack.Unpacker(max_buffer_size=0)
    unpacker.feed(data)
    yield from unpacker


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys, no spaces and only ASCII, so equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _sorted(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _sorted(value[key]) for key in sorted(value)}
    if kind is list or kind is tuple:
        return [_sorted(item) for item in value]
    if isinstance(value, Mapping | list | tuple):
        return _sorted(dict(value) if isinstance(value, Mapping) else list(value))
    return value
