"""Metadata, config and summary values: any Python in, plain JSON values out, copied at once.

Knows: which types become JSON and how, key paths in messages, limits.  Never: numpy (its values are
known by their module and methods), files, runs, how JSON text is stored.
"""

import dataclasses
import datetime as dt
import enum
import json
import math
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import Any

from casstore.encoding import canonical_json
from casstore.errors import Invalid

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER_BITS",
    "MAX_METADATA_KEYS",
    "check_words",
    "metadata_of",
    "to_json",
]

MAX_METADATA_KEYS = 100
"""Top-level keys of an artifact's metadata, as in W&B."""

MAX_WORDS_BYTES = 15 * 1024 * 1024
"""An event has 16 MiB, for all that it says."""

MAX_DEPTH = 100
"""Mappings and lists inside one another."""

MAX_INTEGER_BITS = 8192
"""Python writes no decimal integer of more than 4,300 digits."""


def to_json(
    value: Any,
    *,
    where: str,
    max_keys: int | None = None,
    records: bool = False,
) -> Any:
    """Return a deep copy of ``value`` made of None, bool, int, float, str, list and dict.

    Sequences become lists; sets become lists, sorted where their values can be compared, else by
    their JSON text; numpy scalars and arrays become numbers and lists; paths, dates and times (RFC
    3339; a time without a zone is kept without one) become text; an enum becomes its value where it
    is itself text or a number, else its name (W&B).  NaN becomes None.  Keys that are not text
    become text as ``json`` writes them.  ``records`` also takes dataclasses and Namespaces, as W&B
    does in a config.

    ``where`` opens the key path that a message names, such as ``metadata``.  Raises ``TypeError``
    for any other object, ``Invalid`` for infinity, cycles, more than ``max_keys`` top-level keys,
    two keys that become the same text, integers over ``MAX_INTEGER_BITS`` and nesting over
    ``MAX_DEPTH``.
    """
    if max_keys is not None and isinstance(value, Mapping) and len(value) > max_keys:
        raise Invalid(
            f"{where} has {len(value)} keys; at most {max_keys} are kept at its top level"
        )
    return _Copier(records=records).copy(value, where)


def metadata_of(value: Mapping[Any, Any] | str | None) -> dict[str, Any]:
    """Return an artifact's metadata as a plain dict; a JSON text is read first, None is empty.

    Raises ``Invalid`` for text that is no JSON object and whatever ``to_json`` refuses,
    ``TypeError`` for anything that is not a mapping, text or None.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = _read_object(value)
    if not isinstance(value, Mapping):
        raise TypeError(f"metadata must be a dict or a JSON text, not {_kind(value)}")
    plain: dict[str, Any] = to_json(value, where="metadata", max_keys=MAX_METADATA_KEYS)
    return plain


def check_words(description: object, metadata: str) -> None:
    """Raise ``Invalid`` unless description and metadata (JSON text) fit into one event."""
    if description is not None and not isinstance(description, str):
        raise Invalid(f"a description is text or None, not {_kind(description)}")
    try:
        size = len((description or "").encode()) + len(metadata)
    except UnicodeEncodeError as error:
        raise Invalid(f"the description cannot be written as UTF-8: {error}") from error
    if size > MAX_WORDS_BYTES:
        raise Invalid(
            f"description and metadata are {size} bytes, over the limit of {MAX_WORDS_BYTES}",
            hint="put large metadata into a file of the artifact",
        )


def _read_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"metadata is text but not JSON: {error}", hint="give a dict") from error
    if not isinstance(value, dict):
        raise Invalid(f"metadata must be a JSON object, and the text holds {_kind(value)}")
    return value


class _Copier:
    """One walk over one value; remembers which containers it stands in, to refuse cycles."""

    def __init__(self, *, records: bool) -> None:
        self._records = records
        self._open: list[int] = []

    def copy(self, value: Any, where: str) -> Any:
        """Return the plain copy of ``value``, which messages call ``where``."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            mixed = isinstance(value, str | int | float)
            return self.copy(value.value if mixed else value.name, where)
        if isinstance(value, int | float):
            return _number(value, where)
        if isinstance(value, str | PurePath | dt.date | dt.time):
            return _text(value)
        return self._container(value, where)

    def _container(self, value: Any, where: str) -> Any:
        if id(value) in self._open:
            raise Invalid(f"{where} holds itself; JSON has no cycles")
        if len(self._open) >= MAX_DEPTH:
            raise Invalid(f"{where.partition('[')[0]} is nested deeper than {MAX_DEPTH} levels")
        self._open.append(id(value))
        try:
            return self._inside(value, where)
        finally:
            self._open.pop()

    def _inside(self, value: Any, where: str) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, where)
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
            return [self.copy(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, AbstractSet):
            return _ordered([self.copy(item, f"{where}[...]") for item in value])
        if _is_numpy(value):
            return self.copy(_from_numpy(value, where), where)
        if self._records and _is_namespace(value):
            return self._mapping(vars(value), where)
        if self._records and dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return self._mapping(fields, where)
        raise TypeError(
            f"{where} is {_kind(value)}, which JSON cannot hold; "
            "convert it to text, a number, a list or a dict"
        )

    def _mapping(self, value: Mapping[Any, Any], where: str) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in value.items():
            text = self._key(key, where)
            if text in plain:
                raise Invalid(f"{where} has two keys that are both written {text!r} in JSON")
            plain[text] = self.copy(item, f"{where}[{text!r}]")
        return plain

    def _key(self, key: Any, where: str) -> str:
        if type(key) is str:
            return key
        if isinstance(key, float):
            return json.dumps(float(key))  # json names NaN and infinity in a key
        plain = self.copy(key, f"a key of {where}")
        if isinstance(plain, list | dict):
            raise TypeError(f"a key of {where} is {_kind(key)}; use text")
        return plain if isinstance(plain, str) else json.dumps(plain)


def _number(value: float, where: str) -> float | None:
    if isinstance(value, int):
        if value.bit_length() > MAX_INTEGER_BITS:
            raise Invalid(f"{where} has more than {MAX_INTEGER_BITS} bits", hint="give it as text")
        return int(value)
    if math.isinf(value):
        raise Invalid(f"{where} is infinite, which JSON cannot hold", hint="use None or text")
    return None if math.isnan(value) else float(value)


def _text(value: str | PurePath | dt.date | dt.time) -> str | None:
    """Return plain text; pandas' NaT is a datetime that does not equal itself, and becomes None."""
    if isinstance(value, str):
        return str.__str__(value)  # a plain str, also from a subclass
    if isinstance(value, PurePath):
        return str(value)
    return value.isoformat() if value == value else None  # noqa: PLR0124 - NaT


def _ordered(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=canonical_json)


def _is_numpy(value: Any) -> bool:
    """Tell numpy's arrays and scalars, subclasses included, without importing numpy."""
    modules = (cls.__module__.partition(".")[0] for cls in type(value).__mro__)
    return "numpy" in modules and hasattr(value, "tolist") and hasattr(value, "dtype")


def _from_numpy(value: Any, where: str) -> Any:
    """Return Python values; times in microseconds, because finer ones come out as integers."""
    if value.dtype.kind == "M":
        value = value.astype("datetime64[us]")
    if value.dtype.kind == "f" and value.dtype.itemsize > 8:
        value = value.astype("float64")  # a long double has no Python equal
    plain = value.tolist()
    if _is_numpy(plain):
        raise TypeError(f"{where} is {_kind(value)} of dtype {value.dtype}, which JSON cannot hold")
    return plain


def _kind(value: Any) -> str:
    cls = type(value)
    home = "" if cls.__module__ in {"builtins", "__main__"} else f"{cls.__module__}."
    return f"a {home}{cls.__qualname__}"


def _is_namespace(value: Any) -> bool:
    """Tell whether it is argparse's, which whoever made one has loaded."""
    argparse = sys.modules.get("argparse")
    return argparse is not None and isinstance(value, argparse.Namespace)
