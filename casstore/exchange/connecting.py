"""From a name or a URL to an open depot elsewhere.

Knows: which remote is meant where none is named, where mirrors lie.
Never: how remotes are kept, what travels.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from casstore.errors import Invalid, NotFound
from casstore.exchange.remotedepot import RemoteDepot, open_depot
from casstore.remotes import open_objects
from casstore.remotes.claims import Claims, agreed_mode
from casstore.remotes.configuration import Remote, keep_probe, read_remotes
from casstore.remotes.probing import probe
from casstore.store import Store

__all__ = ["MIRRORS_FOLDER", "Connection", "connect", "find_remote"]

MIRRORS_FOLDER = "mirrors"


@dataclass(frozen=True, slots=True)
class Connection:
    """An open depot, and the remote that it is; an upstream numbers the versions of the store."""

    store: Store
    remote: Remote
    depot: RemoteDepot

    def claims(self) -> Claims:
        """Return the numbers that the depot gives out; what it can do is found out first, once.

        This asks the depot, so it is called where a number is needed.
        """
        objects = self.depot.objects
        found = self.remote.probe
        if found is None:
            found = probe(objects)
            keep_probe(self.store.root, self.remote.name, found)
        return Claims(objects, agreed_mode(objects, exclusive=found.exclusive_create))

    @contextlib.contextmanager
    def anew(self) -> Iterator[RemoteDepot]:
        """Open the depot once more until the block ends; nothing that was known is believed."""
        cache = self.store.index_folder / MIRRORS_FOLDER
        depot = open_depot(self.depot.objects, cache, anew=True)
        try:
            depot.read_authority()
            yield depot
        finally:
            depot.mirror.close()

    def close(self) -> None:
        """Let it go."""
        self.depot.close()


def find_remote(store: Store, text: str | None) -> Remote:
    """Return the remote that is meant: a name, a URL, or for None the upstream, else the only one.

    A URL that has no name here is a remote that is called by it.  Raises ``NotFound`` for a name
    that is not known, ``Invalid`` if none can be meant.
    """
    remotes = read_remotes(store.root)
    if text is not None:
        return _named(store, remotes, text)
    upstreams = [remote for remote in remotes.values() if remote.upstream]
    candidates = upstreams or list(remotes.values())
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        names = ", ".join(remote.name for remote in candidates)
        raise Invalid("several remotes could be meant", hint=f"name one: {names}")
    raise Invalid(
        f"the store at {store.root} knows no remote",
        hint="`casstore remote add NAME URL`, or name a URL",
    )


def _named(store: Store, remotes: dict[str, Remote], text: str) -> Remote:
    if text in remotes:
        return remotes[text]
    if "://" in text or text.startswith(("/", ".")):
        same = (remote for remote in remotes.values() if remote.url == text)
        return next(same, Remote(text, text))
    raise NotFound(
        f"the store at {store.root} knows no remote {text!r}",
        hint=f"it knows: {', '.join(remotes) or 'none'}; casstore remote add {text} URL adds one",
    )


def connect(
    store: Store, remote: Remote, *, create: bool, planning: bool = False, follow: bool = True
) -> Connection:
    """Open a remote's depot; with ``create`` one is made there if there is none.

    With ``planning`` one that is not there is an empty one.  The mirror of what it holds lies
    beside the store's index.  A store that reaches its upstream follows its numbers from then on,
    unless ``follow`` says that somebody only looks.
    """
    objects = open_objects(remote.url)
    try:
        depot = open_depot(
            objects, store.index_folder / MIRRORS_FOLDER, create=create, planning=planning
        )
        if remote.upstream and create:
            depot.become_upstream()
        else:
            depot.read_authority()
    except BaseException:
        objects.close()
        raise
    if follow and remote.upstream and depot.authority is not None and not store.read_only:
        store.follow_upstream(depot.authority)
    return Connection(store, remote, depot)
