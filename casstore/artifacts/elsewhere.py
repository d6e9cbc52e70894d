"""Other depots: versions brought there and back, bytes that come when they are read.

Knows: which module does it.  Never: anything else: most scripts never leave their disk, and its
imports are a sixth of those of ``Artifact``.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from casstore.digest import CommitId
from casstore.store import Readable, Store

__all__ = ["for_runs", "look_afar", "on_demand", "pull_versions", "push_versions"]

MODULE = "casstore.artifacts.openstore"
FETCHING = "casstore.exchange.ondemand"
FOR_RUNS = "casstore.artifacts.sharedruns"


def on_demand(store: Store) -> Store:
    """Let reads of a store fetch what is not here, of versions that were pulled without it."""
    store.frames.fetch_with(lambda: importlib.import_module(FETCHING).make_fetcher(store))
    return store


def look_afar(store: Store | Path, from_: str) -> tuple[Readable, Callable[[], None]]:
    """Return the depot at a remote's name or URL for reading, and what lets it go.

    ``store`` may be the folder of one that was never made.
    """
    found: tuple[Readable, Callable[[], None]] = importlib.import_module(MODULE).look_afar(
        store, from_
    )
    return found


def push_versions(store: Store, commits: Sequence[CommitId], to: str | None) -> None:
    """Bring versions to a remote, by name or URL; None is the upstream, else the only one."""
    importlib.import_module(MODULE).push_versions(store, commits, to)


def pull_versions(store: Store, commits: Sequence[CommitId], from_: str | None) -> None:
    """Bring versions of a remote here, whole."""
    importlib.import_module(MODULE).pull_versions(store, commits, from_)


def for_runs() -> Any:
    """Return the module by which runs share their versions while they run: ``sharedruns``."""
    return importlib.import_module(FOR_RUNS)
