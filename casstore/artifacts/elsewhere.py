"""Bringing versions to other depots and back, loaded when a script first does so.

Knows: which module does it.  Never: anything else: most scripts never leave their disk, and its
imports are a sixth of those of ``Artifact``.
"""

import importlib
from collections.abc import Sequence
from typing import Any

from casstore.digest import CommitId
from casstore.store import Store

__all__ = ["for_runs", "pull_versions", "push_versions"]

MODULE = "casstore.artifacts.openstore"
FOR_RUNS = "casstore.artifacts.sharedruns"


def push_versions(store: Store, commits: Sequence[CommitId], to: str | None) -> None:
    """Bring versions to a remote, by name or URL; None is the upstream, else the only one."""
    importlib.import_module(MODULE).push_versions(store, commits, to)


def pull_versions(store: Store, commits: Sequence[CommitId], from_: str | None) -> None:
    """Bring versions of a remote here, whole."""
    importlib.import_module(MODULE).pull_versions(store, commits, from_)


def for_runs() -> Any:
    """Return the module by which runs share their versions while they run: ``sharedruns``."""
    return importlib.import_module(FOR_RUNS)
