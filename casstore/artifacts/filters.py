"""Filters and orders of runs, as scripts write them for W&B: a small part of MongoDB's language.

Knows: which fields may be asked for, which operators.  Never: where runs are kept.
"""

import json
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from casstore.artifacts.place import LOCAL_ENTITY
from casstore.errors import Invalid
from casstore.journal.views import RunView

__all__ = ["Filter", "run_filter", "run_order"]

Filter = Callable[[RunView], bool]

_FIELDS: dict[str, Callable[[RunView], Any]] = {
    "name": lambda view: view.run,  # W&B: what is shown is displayName
    "id": lambda view: view.run,
    "displayName": lambda view: view.name,
    "display_name": lambda view: view.name,
    "state": lambda view: view.state,
    "jobType": lambda view: view.job_type,
    "job_type": lambda view: view.job_type,
    "group": lambda view: view.group,
    "notes": lambda view: view.notes,
    "entity": lambda view: view.entity or LOCAL_ENTITY,
    "tags": lambda view: list(view.tags),
}
_INSIDE: dict[str, Callable[[RunView], str]] = {
    "config": lambda view: view.config,
    "summary": lambda view: view.summary,
    "summary_metrics": lambda view: view.summary,
}
_MISSING = object()


def run_filter(filters: Mapping[str, Any] | None) -> Filter:
    """Return what tells whether a run fits ``filters``; ``Invalid`` for what is not known.

    Fields: ``state``, ``displayName``, ``jobType``, ``group``, ``tags``, ``notes``, ``entity``,
    ``name`` (the id, as in W&B), ``config.KEY``, ``summary_metrics.KEY``.  A value is equal, or a
    mapping of ``$eq $ne $in $nin $gt $gte $lt $lte``; ``$and`` and ``$or`` join filters.
    """
    if not isinstance(filters or {}, Mapping):
        raise Invalid(f"filters must be a dict, not {type(filters).__name__}")
    parts = [_part(key, wanted) for key, wanted in (filters or {}).items()]
    return lambda view: all(part(view) for part in parts)


def run_order(order: str | None) -> bool:
    """Return whether an order is backwards: ``+created_at`` or ``-created_at``."""
    text = order or "+created_at"
    if text.lstrip("+-") not in {"created_at", "createdAt"}:
        raise Invalid(f"runs cannot be ordered by {order!r}", hint="use +created_at or -created_at")
    return text.startswith("-")


def _part(key: str, wanted: Any) -> Filter:
    if key in {"$and", "$or"}:
        parts = [run_filter(each) for each in wanted]
        join = all if key == "$and" else any
        return lambda view: join(part(view) for part in parts)
    get = _getter(key)
    if not (isinstance(wanted, Mapping) and any(str(name).startswith("$") for name in wanted)):
        return lambda view: _equal(get(view), wanted)
    tests = [(_operator(name), value) for name, value in wanted.items()]
    return lambda view: all(test(get(view), value) for test, value in tests)


def _getter(key: str) -> Callable[[RunView], Any]:
    if key in _FIELDS:
        return _FIELDS[key]
    top, _, path = key.partition(".")
    if top not in _INSIDE or not path:
        known = ", ".join([*_FIELDS, "config.KEY", "summary_metrics.KEY"])
        raise Invalid(f"runs cannot be filtered by {key!r}", hint=f"use one of {known}")
    text = _INSIDE[top]
    return lambda view: _inside(json.loads(text(view)), path)


def _inside(value: Any, path: str) -> Any:
    """Follow a dotted path; W&B's ``.value`` at its end says nothing."""
    if isinstance(value, dict) and path in value:
        return value[path]
    key, _, rest = path.partition(".")
    found = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
    if rest == "value" and not isinstance(found, dict):
        return found
    return _inside(found, rest) if rest else found


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, list) and not isinstance(wanted, list | tuple):
        return wanted in found
    if found is _MISSING:
        return wanted is None
    return bool(found == (list(wanted) if isinstance(wanted, tuple) else wanted))


def _is_in(found: Any, wanted: Collection[Any]) -> bool:
    return any(_equal(found, value) for value in wanted)


def _compares(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(found: Any, wanted: Any) -> bool:
        try:
            return compare(found, wanted)
        except TypeError:  # of another type, or not there
            return False

    return test


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda found, wanted: not _equal(found, wanted),
    "$in": _is_in,
    "$nin": lambda found, wanted: not _is_in(found, wanted),
    "$gt": _compares(operator.gt),
    "$gte": _compares(operator.ge),
    "$lt": _compares(operator.lt),
    "$lte": _compares(operator.le),
}


def _operator(name: str) -> Callable[[Any, Any], bool]:
    if name not in _OPERATORS:
        raise Invalid(f"filter operator {name!r} is not known", hint=f"use {', '.join(_OPERATORS)}")
    return _OPERATORS[name]
