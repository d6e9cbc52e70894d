"""From a name or a URL to an open depot elsewhere.

Knows: which remote is meant where none is named, where mirrors lie.
Never: how remotes are kept, what travels.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from casstore.errors import Invalid, NotFound
from casstore.exchange.remotedepot import RemoteDepot, open_depot
from casstore.remotes import Rolled, open_objects
from casstore.remotes.claims import Claims, agreed_mode
from casstore.remotes.configuration import Remote, keep_probe, read_remotes
from casstore.remotes.probing import probe
from casstore.store import Store

__all__ = [
    "MIRRORS_FOLDER",
    "Connection",
    "connect",
    "connect_apart",
    "connected",
    "find_remote",
]

MIRRORS_FOLDER = "mirrors"


@dataclass(frozen=True, slots=True)
class Connection:
    """An open depot, and the remote that it is; an upstream numbers the versions of the store.

    ``root`` is the store that knows the remote, None without one; ``cache`` is where mirrors lie.
    """

    root: Path | None
    cache: Path
    remote: Remote
    depot: RemoteDepot
    is_bundle: bool = False

    def claims(self) -> Claims:
        """Return the numbers that the depot gives out; what it can do is found out first, once.

        This asks the depot, so it is called where a number is needed.
        """
        objects = self.depot.objects
        found = self.remote.probe
        if found is None:
            found = probe(objects)
            if self.root is not None:
                keep_probe(self.root, self.remote.name, found)
        return Claims(objects, agreed_mode(objects, exclusive=found.exclusive_create))

    @contextlib.contextmanager
    def anew(self) -> Iterator[RemoteDepot]:
        """Open the depot once more until the block ends; nothing that was known is believed."""
        depot = open_depot(self.depot.objects, self.cache, anew=True)
        try:
            depot.read_authority()
            yield depot
        finally:
            depot.mirror.close()

    def close(self) -> None:
        """Let it go."""
        self.depot.close()


def find_remote(store: Store | Path, text: str | None) -> Remote:
    """Return the remote that is meant: a name, a URL, or for None the upstream, else the only one.

    A URL that has no name here is a remote that is called by it.  ``store`` may be the folder of
    one that was never made: it knows none.  Raises ``NotFound`` for a name that is not known,
    ``Invalid`` if none can be meant.
    """
    root = store if isinstance(store, Path) else store.root
    remotes = read_remotes(root)
    if text is not None:
        return _named(root, remotes, text)
    upstreams = [remote for remote in remotes.values() if remote.upstream]
    candidates = upstreams or list(remotes.values())
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        names = ", ".join(remote.name for remote in candidates)
        raise Invalid("several remotes could be meant", hint=f"name one: {names}")
    raise Invalid(
        f"the store at {root} knows no remote",
        hint="`casstore remote add NAME URL`, or name a URL",
    )


def _named(root: Path, remotes: dict[str, Remote], text: str) -> Remote:
    if text in remotes:
        return remotes[text]
    if "://" in text or text.startswith(("/", ".")):
        same = (remote for remote in remotes.values() if remote.url == text)
        return next(same, Remote(text, text))
    raise NotFound(
        f"the store at {root} knows no remote {text!r}",
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
    cache = store.index_folder / MIRRORS_FOLDER
    connection = connect_apart(store.root, cache, remote, create=create, planning=planning)
    authority = connection.depot.authority
    if follow and remote.upstream and authority is not None and not store.read_only:
        store.follow_upstream(authority)
    return connection


def connect_apart(
    root: Path | None, cache: Path, remote: Remote, *, create: bool, planning: bool = False
) -> Connection:
    """Open a remote's depot as ``connect`` does, for nobody's store; its mirror lies in ``cache``.

    ``root`` is the store whose remote it is, if it is one's: what is found out of it is kept there.
    """
    found = remote.probe
    exclusive = None if found is None else found.exclusive_create
    objects = Rolled(open_objects(remote.url), writing=create, exclusive=exclusive)
    try:
        depot = open_depot(objects, cache, create=create, planning=planning)
        if remote.upstream and create:
            depot.become_upstream()
        else:
            depot.read_authority()
    except BaseException:
        objects.close()
        raise
    return Connection(root, cache, remote, depot)


@contextlib.contextmanager
def connected(store: Store, remote: Remote, *, create: bool) -> Iterator[Connection]:
    """Open a remote's depot for a block."""
    connection = connect(store, remote, create=create)
    try:
        yield connection
        connection.depot.tell()
    finally:
        connection.close()
