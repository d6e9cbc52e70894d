"""The state of a run, as it is shown: one whose process was killed has crashed.

Knows: what a run records of the session it runs in, and when that session is known to be dead.
Never: writing; the journal says ``running`` until somebody continues the run.

A run that says ``running`` has crashed if the kernel dropped the lease of its session.  That is
believed only of a session of this very folder (its id and the inode of FORMAT: a copy has another;
where inodes are made up, the path).
Of a depot that several hosts share only the session's own host can tell that it died; the others
see that its lease is gone, when that host has removed it.
"""

import json
import os
from typing import Any

from casstore import durable
from casstore.journal.views import RunView
from casstore.store.store import Store

__all__ = ["as_shown", "lease_facts", "surroundings_of"]


def lease_facts(store: Store) -> dict[str, object]:
    """Return what a run records under ``lease`` in its environment: whose death is its own."""
    return {"session": store.session_id(), "boot": durable.boot_id(), **_place(store)}


def as_shown(store: Store, view: RunView) -> RunView:
    """Return a run as it is shown: ``crashed`` if its process is known to be dead."""
    if view.state != "running" or not _is_known_dead(store, view.environment):
        return view
    return view._replace(state="crashed")


def surroundings_of(view: RunView) -> dict[str, Any]:
    """Return what a run recorded of where it ran, without what only this module reads."""
    said: dict[str, Any] = json.loads(view.environment)
    said.pop("lease", None)
    return said


def _is_known_dead(store: Store, environment: str) -> bool:
    lease: Any = json.loads(environment).get("lease")
    if not isinstance(lease, dict) or not isinstance(lease.get("session"), str):
        return False
    place = _place(store)
    if {key: lease.get(key) for key in place} != place:
        return False
    return store.is_dead(lease["session"])


def _place(store: Store) -> dict[str, object]:
    if durable.keeps_inodes(store.root):
        where: dict[str, object] = {"inode": (store.root / "FORMAT").stat().st_ino}
    else:
        where = {"path": os.path.realpath(store.root)}
    return {"store": store.identity.store_id, **where}
