"""Modules that speak to one kind of place, loaded by name, and what they made for this process.

Knows: extras, processes, when what was made must be made anew.  Never: any library.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from casstore.errors import Unsupported
from casstore.parallel import Lock

__all__ = ["Kept", "Module", "load"]

Made = TypeVar("Made")

_inherited: list[object] = []


class Module(NamedTuple):
    """Where the code for a kind of place lies, and the extra that installs what it needs."""

    name: str
    extra: str = ""


def load(module: Module) -> Any:
    """Return a module; ``Unsupported``, naming the extra, if what it needs is not installed."""
    try:
        return importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if not module.extra or (error.name or "").startswith("casstore"):
            raise
        raise Unsupported(
            f"{error.name} is not installed, which such URLs need",
            hint=f"pip install 'casstore[{module.extra}]'",
        ) from error


class Kept(Generic[Made]):
    """Something that is made when it is first needed, and anew after a fork or ``drop``.

    ``surroundings`` tells what else it depends on.  What a forked child inherits is neither used
    nor closed there: its sockets are the parent's.
    """

    def __init__(
        self, make: Callable[[], Made], *, surroundings: Callable[[], object] = lambda: None
    ) -> None:
        self._make = make
        self._surroundings = surroundings
        self._lock = Lock()
        self._kept: tuple[int, object, Made] | None = None

    def get(self) -> Made:
        """Return it, made if there is none for this process."""
        with self._lock:
            pid, around = os.getpid(), self._surroundings()
            if self._kept is not None and self._kept[0] != pid:
                _inherited.append(self._kept)  # it must not be collected here either
                self._kept = None
            if self._kept is None or self._kept[1] != around:
                self._kept = (pid, around, self._make())
            return self._kept[2]

    def drop(self, made: Made) -> bool:
        """Forget ``made`` if it is what is kept; returns whether it was."""
        with self._lock:
            if self._kept is None or self._kept[2] is not made or self._kept[0] != os.getpid():
                return False
            self._kept = None
            return True

    def take(self) -> Made | None:
        """Forget what this process has made and return it; None if it made nothing."""
        with self._lock:
            kept, self._kept = self._kept, None
            return kept[2] if kept is not None and kept[0] == os.getpid() else None
