"""A run's config and summary: mappings with attribute access, as in W&B.

Knows: what may be given as a config, which changes are refused, what a summary holds.
Never: stores, events, when or how a run is recorded (``on_change`` is told that something changes).
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from casstore.artifacts.jsonable import to_json
from casstore.artifacts.yaml_text import read_yaml
from casstore.errors import FileMissing, Invalid, UsageError

__all__ = ["MAX_CONFIG_FILE_BYTES", "Config", "Summary", "config_of"]

MAX_CONFIG_FILE_BYTES = 10 << 20

OnChange = Callable[[], None]
Use = Callable[[str, Any], dict[str, Any]]


def config_of(
    value: Any,
    exclude: Iterable[str] | None = None,
    include: Iterable[str] | None = None,
    *,
    aside: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what ``init(config=)`` or ``config.update`` was given as a plain dict.

    Takes a mapping, an argparse Namespace, a dataclass, absl flags, any object with ``__dict__``
    (W&B), None, or the path of a JSON or YAML file.  Dashes around keys are dropped (W&B).  With
    ``include`` only those keys are kept, with ``exclude`` all others.  Raises ``UsageError`` for
    both, ``FileMissing``, ``Invalid``, ``Unsupported`` (YAML without PyYAML), ``TypeError``.
    Artifacts at the top level are put into ``aside`` instead, where that is given.
    """
    excluded, included = set(exclude or ()), set(include or ())
    if excluded and included:
        raise UsageError(
            "config_exclude_keys and config_include_keys were both given", hint="give one of them"
        )
    kept = {}
    for key, item in _mapping_of(value).items():
        name = key.strip("-") if isinstance(key, str) else key
        if name in excluded or (included and name not in included):
            continue
        if aside is not None and _is_artifact(item):
            aside[name] = item
        else:
            kept[name] = item
    plain: dict[str, Any] = to_json(kept, where="config", records=True)
    return plain


def _is_artifact(value: Any) -> bool:
    """Tell an artifact by what it can do: its class stands above this module."""
    return hasattr(value, "json_encode") and hasattr(value, "is_draft")


def _mapping_of(value: Any) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str | os.PathLike):
        return _read_config_file(Path(value))
    if hasattr(value, "flag_values_dict"):  # absl.flags.FLAGS
        flags: Mapping[Any, Any] = value.flag_values_dict()
        return flags
    if hasattr(value, "__dict__") and not isinstance(value, type):
        fields: Mapping[str, Any] = vars(value)
        return fields
    plain = to_json(value, where="config", records=True)  # dataclasses with slots
    if isinstance(plain, dict):
        return plain
    raise TypeError(f"config must be a mapping or have a __dict__, not {type(value).__qualname__}")


def _read_config_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_CONFIG_FILE_BYTES:
            raise Invalid(f"config file {path} is larger than {MAX_CONFIG_FILE_BYTES:,} bytes")
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise FileMissing(
            f"config file {str(path)!r} does not exist",
            hint="config= takes a mapping or the path of a JSON or YAML file",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"config file {path} cannot be read: {error}") from error
    return _plain_keys(_read_text(text, path), path)


def _read_text(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if path.suffix.lower() == ".json":
            raise Invalid(f"config file {path} is not JSON: {error}") from error
        return read_yaml(text, where=f"config file {path}")


def _plain_keys(loaded: Any, path: Path) -> dict[str, Any]:
    """Undo W&B's own form of a config file, ``key: {desc: ..., value: ...}``."""
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise Invalid(f"config file {path} holds no mapping at its top level")
    if loaded.get("wandb_version", 1) != 1:
        raise Invalid(f"config file {path} has wandb_version {loaded['wandb_version']!r}, not 1")
    return {
        key: item["value"] if _is_described(item) else item
        for key, item in loaded.items()
        if key != "wandb_version"
    }


def _is_described(item: Any) -> bool:
    return isinstance(item, dict) and "value" in item and item.keys() <= {"desc", "value"}


_OWN = frozenset({"_items", "_on_change", "_allow_val_change", "_artifacts", "_use"})


class _Record(Mapping[str, Any]):
    """A mapping of plain JSON values, read by item or attribute."""

    __slots__ = ("_items", "_on_change")

    _items: dict[str, Any]
    _on_change: OnChange | None

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or key in _OWN:
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no key {key!r}") from None

    def __repr__(self) -> str:
        return repr(self._items)

    def as_dict(self) -> dict[str, Any]:
        """Return a deep copy as a plain dict."""
        plain: dict[str, Any] = to_json(
            self._items, where=type(self).__name__.lower(), records=True
        )
        return plain

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _changing(self) -> None:
        if self._on_change is not None:
            self._on_change()


class Config(_Record):
    """The hyperparameters of a run: each key is set once, unless changing it is allowed.

    ``initial`` is anything that ``config_of`` takes.  ``on_change`` is called before each change,
    and may refuse it by raising.
    ``allow_val_change`` is what ``update`` and assignments go by when nothing else is said.
    ``use`` is called with the key of an artifact and the artifact, and returns what is recorded of
    it; reading the key gives the artifact (W&B).  Values are copied when they are set; ``as_dict``
    also sees what was changed inside them since.
    """

    __slots__ = ("_allow_val_change", "_artifacts", "_use")

    _allow_val_change: bool
    _artifacts: dict[str, Any]
    _use: Use | None

    def __init__(
        self,
        initial: Any = None,
        *,
        on_change: OnChange | None = None,
        allow_val_change: bool = False,
        use: Use | None = None,
    ) -> None:
        self._set("_items", config_of(initial))
        self._set("_artifacts", {})
        self._set("_use", use)
        self._set("_on_change", on_change)
        self._set("_allow_val_change", allow_val_change)

    def __getitem__(self, key: str) -> Any:
        artifact = self._artifacts.get(key)
        return self._items[key] if artifact is None else artifact

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __setattr__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __reduce__(self) -> tuple[object, ...]:
        return (Config, (self.as_dict(),))

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:  # noqa: FBT001 - W&B's order
        """Set every key of ``d``, or none: ``Invalid`` if one would change and may not."""
        allowed = self._allow_val_change if allow_val_change is None else allow_val_change
        artifacts: dict[str, Any] = {}
        given = config_of(d, aside=artifacts if self._use else None)
        for key, value in [*given.items(), *artifacts.items()]:
            if not allowed and key in self._items and not _is_same(self._items[key], value):
                raise Invalid(
                    f"config key {key!r} would change from {self._items[key]!r} to {value!r}",
                    hint="pass allow_val_change=True to config.update()",
                )
        if self._use is not None:
            given.update({key: self._use(key, artifact) for key, artifact in artifacts.items()})
        if given:
            self._changing()
            self._items.update(given)
            self._set("_artifacts", {**self._artifacts, **dict.fromkeys(given), **artifacts})

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Set ``key`` if it is not there; return its value."""
        self.setdefaults({key: default})
        return self[next(iter(_apart({key: default})))]

    def setdefaults(self, d: Any) -> None:
        """Set the keys of ``d`` that are not there yet."""
        self.update({key: item for key, item in _apart(d).items() if key not in self._items})


def _apart(value: Any) -> dict[str, Any]:
    """Return a config as plain values, and artifacts as they are."""
    artifacts: dict[str, Any] = {}
    return {**config_of(value, aside=artifacts), **artifacts}


def _is_same(known: Any, value: Any) -> bool:
    """Tell whether a value, or what is recorded of an artifact, is what is there already."""
    if not _is_artifact(value):
        return bool(known == value)
    return isinstance(known, dict) and not value.is_draft() and known.get("id") == value.id


class Summary(_Record):
    """The last values of a run.

    Mappings inside are read as parts that write through: ``summary["test"]["best"] = 0.9``.
    ``on_change`` is called before each change, also of a part, and may refuse it by raising.
    """

    __slots__ = ()

    def __init__(
        self, initial: Mapping[str, Any] | None = None, *, on_change: OnChange | None = None
    ) -> None:
        self._set("_items", to_json(initial or {}, where="summary"))
        self._set("_on_change", on_change)

    @classmethod
    def _part(cls, items: dict[str, Any], on_change: OnChange | None) -> Self:
        part = cls(on_change=on_change)
        part._set("_items", items)
        return part

    def __getitem__(self, key: str) -> Any:
        item = self._items[key]
        return self._part(item, self._on_change) if isinstance(item, dict) else item

    def __setitem__(self, key: str, value: Any) -> None:
        given = to_json({key: value}, where="summary")
        self._changing()
        self._items.update(given)

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delitem__(self, key: str) -> None:
        self._changing()
        del self._items[key]

    def __delattr__(self, key: str) -> None:
        if key not in self._items:
            raise AttributeError(f"Summary has no key {key!r}")
        del self[key]

    def __reduce__(self) -> tuple[object, ...]:
        return (Summary, (self.as_dict(),))

    def update(self, d: Mapping[str, Any] | None = None) -> None:
        """Set every key of ``d``; a mapping is merged into the mapping that is there."""
        given = to_json(d or {}, where="summary")
        if given:
            self._changing()
            _merge(self._items, given)


def _merge(items: dict[str, Any], given: dict[str, Any]) -> None:
    for key, value in given.items():
        there = items.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            _merge(there, value)
        else:
            items[key] = value
