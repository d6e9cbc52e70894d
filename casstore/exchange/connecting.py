"""From a name or a URL to an open depot elsewhere.

Knows: which remotes a store's configuration names, which of them is meant where none is named.
Never: how they are written there, what travels.
"""

from dataclasses import dataclass
from typing import Any

from casstore.errors import Invalid, NotFound
from casstore.exchange.remotedepot import RemoteDepot, open_depot
from casstore.remotes import open_objects
from casstore.remotes.claims import Claims, agreed_mode
from casstore.settings import read_store_config
from casstore.store import Store

__all__ = ["Connection", "Remote", "connect", "find_remote"]

MIRRORS_FOLDER = "mirrors"


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote as a store's configuration has it; ``name`` is None for a bare URL."""

    name: str | None
    url: str
    upstream: bool = False
    exclusive_create: bool = False

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.name or self.url


@dataclass(frozen=True, slots=True)
class Connection:
    """An open depot, and whether it numbers the versions of this store."""

    remote: Remote
    depot: RemoteDepot

    def claims(self) -> Claims:
        """Return the numbers that the depot gives out."""
        objects = self.depot.objects
        return Claims(objects, agreed_mode(objects, exclusive=self.remote.exclusive_create))


def find_remote(store: Store, text: str | None) -> Remote:
    """Return the remote that is meant: a name, a URL, or for None the upstream, else the only one.

    Raises ``NotFound`` for a name that is not configured, ``Invalid`` if none can be meant.
    """
    remotes = _configured(store)
    if text is not None:
        if text in remotes:
            return remotes[text]
        if "://" in text or text.startswith(("/", ".")):
            return next(
                (remote for remote in remotes.values() if remote.url == text), Remote(None, text)
            )
        known = ", ".join(remotes) or "none"
        raise NotFound(
            f"the store at {store.root} knows no remote {text!r}",
            hint=f"it knows: {known}; `casstore remote add {text} URL` adds one",
        )
    upstreams = [remote for remote in remotes.values() if remote.upstream]
    candidates = upstreams or list(remotes.values())
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise Invalid(
            "several remotes could be meant",
            hint=f"name one: {', '.join(remote.called for remote in candidates)}",
        )
    raise Invalid(
        f"the store at {store.root} knows no remote",
        hint="`casstore remote add NAME URL`, or name a URL",
    )


def connect(store: Store, remote: Remote, *, create: bool) -> Connection:
    """Open a remote's depot; with ``create`` one is made there if there is none.

    The mirror of what it holds lies beside the store's index.  A store that pushes to its upstream
    follows its numbers from then on.
    """
    objects = open_objects(remote.url)
    try:
        depot = open_depot(objects, store.index_folder / MIRRORS_FOLDER, create=create)
    except BaseException:
        objects.close()
        raise
    if remote.upstream:
        authority = depot.become_upstream() if create else depot.read_authority()
        if authority is not None and not store.read_only:
            store.follow_upstream(authority)
    else:
        depot.read_authority()
    return Connection(remote, depot)


def _configured(store: Store) -> dict[str, Remote]:
    tables: dict[str, dict[str, Any]] = read_store_config(store.root).get("remotes", {})
    return {
        name: Remote(
            name,
            str(table["url"]),
            upstream=bool(table.get("upstream")),
            exclusive_create=bool(table.get("probe", {}).get("exclusive_create")),
        )
        for name, table in tables.items()
    }
