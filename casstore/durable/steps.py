"""Every durable step, shown to whoever wants to see it: what makes power-loss tests possible.

Knows: observers.  Never: doing a step.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Step", "done", "is_observed", "observe", "show"]

_observers: list[Callable[["Step"], None]] = []


class Step(NamedTuple):
    """One durable step, after it was done: ``kind`` and the paths and bytes that it was about."""

    kind: str
    path: Path
    target: Path | None = None
    offset: int = 0
    data: bytes = b""


@contextlib.contextmanager
def observe(observer: Callable[[Step], None]) -> Iterator[None]:
    """Show every step of this process to ``observer``, which may raise to stand for a crash."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def is_observed() -> bool:
    """Tell whether anybody looks, so that a step need not be described for nobody."""
    return bool(_observers)


def show(step: Step) -> None:
    """Tell the observers of a step that was done."""
    for observer in _observers:
        observer(step)


def done(kind: str, path: Path, target: Path | None = None) -> None:
    """Tell the observers that a step about a name was done."""
    if _observers:
        show(Step(kind, path, target))
