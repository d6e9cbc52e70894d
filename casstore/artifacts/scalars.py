"""What is kept of values that a run logs: the last of each scalar.

Knows: which values are scalars.  Never: runs, how a summary is recorded.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from casstore.artifacts.config import Summary
from casstore.artifacts.jsonable import MAX_DEPTH, to_json
from casstore.errors import Invalid

__all__ = ["fold_scalars"]


def fold_scalars(summary: Summary, data: Mapping[str, Any]) -> list[str]:
    """Keep each scalar of ``data`` (text, a number, None, an array of no dimension) in ``summary``.

    Mappings are looked into.  Returns the keys of everything else, which nothing keeps: media,
    arrays, lists, infinities; a key inside a mapping is written ``outer.inner``.
    Raises ``TypeError`` when ``data`` is not a mapping with text as keys, as W&B does.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"log() takes a dict, not {type(data).__qualname__}")
    dropped: list[str] = []
    summary.update(_scalars(data, (), dropped))
    return dropped


def _scalars(data: Mapping[str, Any], above: tuple[str, ...], dropped: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in data.items():
        if not isinstance(key, str):
            raise TypeError(f"log() takes text as keys, not {key!r}")
        path = (*above, key)
        if isinstance(value, Mapping) and len(path) < MAX_DEPTH:
            inner = _scalars(value, path, dropped)
            kept |= {key: inner} if inner else {}
        elif _is_scalar(value):
            kept[key] = to_json(_number_of(value), where=key)
        else:
            dropped.append(".".join(path))
    return kept


def _is_scalar(value: Any) -> bool:
    several = isinstance(value, Mapping | AbstractSet | Sequence) and not isinstance(value, str)
    if several or getattr(value, "shape", ()) != ():
        return False
    try:
        return not isinstance(to_json(_number_of(value), where=""), list)
    except (TypeError, Invalid):
        return False


def _number_of(value: Any) -> Any:
    """Take the number out of an array of no dimension: a loss of any array library."""
    of_no_dimension = getattr(value, "shape", None) == () and hasattr(value, "item")
    return value.item() if of_no_dimension else value
