"""What exists so that W&B scripts run: charts and calls that casstore keeps nothing of.

Knows: the names and what each call returns.  Never: stores, runs, the values it is given.
Arguments are taken as they come, so that scripts written for any W&B release run.
"""

import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import NoReturn, Self

from casstore.artifacts.terminal import termwarn
from casstore.artifacts.wordnames import generate_id
from casstore.errors import Unsupported

__all__ = [
    "AlertLevel",
    "Graph",
    "InertRun",
    "Media",
    "Settings",
    "agent",
    "alert",
    "controller",
    "define_metric",
    "log_code",
    "login",
    "mark_preempting",
    "plot",
    "require",
    "restore",
    "save",
    "setup",
    "sweep",
    "teardown",
    "unwatch",
    "util",
    "watch",
]


class Media:
    """A value that can be made and logged, and of which nothing is kept, not even in memory."""

    def __init__(self, *_values: object, **_keywords: object) -> None:
        """Take what W&B's class of this name takes, in any release."""

    def __repr__(self) -> str:
        return f"<casstore.{type(self).__name__}: not kept>"


class Graph(Media):
    """Stands in for W&B's model graph."""

    @classmethod
    def from_keras(cls, *_values: object, **_keywords: object) -> Self:
        """Make one without looking at the arguments."""
        return cls()


class Chart(Media):
    """What every function of ``plot`` returns."""


class AlertLevel(enum.Enum):
    """How urgent an alert is; casstore sends none."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Settings(SimpleNamespace):
    """W&B settings: keeps what it is given as attributes.

    ``init`` reads those that stand for its keywords (``project``, ``run_name`` ...).
    ``disable_git``, ``disable_code`` and ``x_disable_meta`` leave the git commit, the program with
    its arguments, or everything out of what is recorded of a run's surroundings; others mean
    nothing.
    """


class _Plot:
    """``plot.anything(...)`` returns a chart of which nothing is kept."""

    def __getattr__(self, name: str) -> Callable[..., Chart]:
        if name.startswith("__"):
            raise AttributeError(name)
        return Chart


plot = _Plot()
"""``plot.line``, ``plot.confusion_matrix`` and every other chart."""

util = SimpleNamespace(generate_id=generate_id)
"""The part of ``wandb.util`` that scripts call."""


def login(*_values: object, **_keywords: object) -> bool:
    """Return True: nobody has to log in anywhere."""
    return True


def setup(*_values: object, **_keywords: object) -> None:
    """Do nothing: there is no service to start."""


def teardown(*_values: object, **_keywords: object) -> None:
    """Do nothing: there is no service to stop."""


def define_metric(*_values: object, **_keywords: object) -> Media:
    """Return a metric that does nothing: only last values are kept."""
    return Media()


def watch(*_values: object, **_keywords: object) -> None:
    """Do nothing: gradients are not logged."""


def unwatch(*_values: object, **_keywords: object) -> None:
    """Do nothing: nothing is watched."""


def alert(*_values: object, **_keywords: object) -> None:
    """Do nothing: nobody is told."""


def mark_preempting(*_values: object, **_keywords: object) -> None:
    """Do nothing: no scheduler is asked."""


def log_code(*_values: object, **_keywords: object) -> None:
    """Do nothing: code is not logged by itself; ``Artifact.add_dir`` does it."""


def require(*_values: object, **_keywords: object) -> None:
    """Do nothing: W&B's experiments are not here."""


def save(glob_str: object = None, *_values: object, **_keywords: object) -> list[str]:
    """Keep nothing and say so each time; returns no paths."""
    termwarn(f"save({_shown(glob_str)}) keeps nothing; add the file to an Artifact and log that")
    return []


def restore(name: object = None, *_values: object, **_keywords: object) -> None:
    """Fetch nothing and say so each time."""
    termwarn(f"restore({_shown(name)}) fetches nothing; use_artifact(...).download() does")


def _shown(path: object) -> str:
    return "" if path is None else repr(str(path))


def sweep(*_values: object, **_keywords: object) -> NoReturn:
    """Raise ``Unsupported``."""
    raise _no_sweeps("sweep")


def agent(*_values: object, **_keywords: object) -> NoReturn:
    """Raise ``Unsupported``."""
    raise _no_sweeps("agent")


def controller(*_values: object, **_keywords: object) -> NoReturn:
    """Raise ``Unsupported``."""
    raise _no_sweeps("controller")


def _no_sweeps(name: str) -> Unsupported:
    return Unsupported(
        f"casstore has no {name}(): it keeps artifacts and runs no sweeps",
        hint="loop over init(config=...) instead",
    )


class InertRun:
    """The calls of a run that keep nothing."""

    def status(self) -> Media:
        """Return an empty status: nothing is being sent anywhere."""
        return Media()

    def define_metric(self, *_values: object, **_keywords: object) -> Media:
        """Return a metric that does nothing: only last values are kept."""
        return Media()

    def watch(self, *_values: object, **_keywords: object) -> None:
        """Do nothing: gradients are not logged."""

    def unwatch(self, *_values: object, **_keywords: object) -> None:
        """Do nothing: nothing is watched."""

    def alert(self, *_values: object, **_keywords: object) -> None:
        """Do nothing: nobody is told."""

    def mark_preempting(self) -> None:
        """Do nothing: no scheduler is asked."""

    def log_code(self, *_values: object, **_keywords: object) -> None:
        """Do nothing: ``Artifact.add_dir`` logs code."""

    def save(self, glob_str: object = None, *_values: object, **_keywords: object) -> list[str]:
        """Keep nothing and say so each time; returns no paths."""
        return save(glob_str)

    def restore(self, name: object = None, *_values: object, **_keywords: object) -> None:
        """Fetch nothing and say so each time."""
        restore(name)
