"""A run that shares its versions through a depot elsewhere while it runs.

Knows: what goes there and comes from there, and when.  Never: how it travels.

What the run logs is brought to the depot before ``wait`` returns, what it uses is fetched from
there, and its parts and finishes meet those of other hosts.  Numbers that all hosts share are those
of an upstream: ``init(store=URL)`` makes the depot one, a remote is one if it was added so.
Loaded by name (``elsewhere.for_runs``) when a run names such a depot, for most do not.
"""

import contextlib
from collections.abc import Callable, Iterator

from casstore.artifacts.place import Place
from casstore.artifacts.terminal import termlog
from casstore.errors import Invalid, NotFound
from casstore.exchange import Connection, connected, find_remote
from casstore.flows.transfer import (
    add_part_there,
    choose,
    finish_round_there,
    pull,
    push,
    version_of_part_there,
)
from casstore.journal import queries
from casstore.journal.views import PartView, VersionView
from casstore.names import Reference
from casstore.remotes.addresses import parse_address
from casstore.remotes.configuration import add_remote, read_remotes
from casstore.store import Commit, Draft, Finish, Store

__all__ = ["add", "begin", "fetch", "finish", "looking", "share"]

REMOTE_NAME = "origin"


def begin(place: Place) -> None:
    """Check that the depot of a run can be meant, and keep it as the upstream of its own store.

    Only where ``init(store=URL)`` made that store for it; elsewhere remotes are people's to name.
    Raises ``Invalid`` for a URL that cannot be, ``NotFound`` for a name that is not known.
    """
    if place.is_elsewhere:
        address = parse_address(place.remote)
        store = place.writable_store()
        if REMOTE_NAME not in read_remotes(store.root):
            add_remote(store.root, REMOTE_NAME, address.url, upstream=True)
        return
    if not place.remote:
        raise Invalid("the depot has no name", hint="init(remote=...): a remote's name, or a URL")
    find_remote(place.writable_store(), place.remote)


def add(
    place: Place,
    store: Store,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    replaces: bool,
) -> PartView:
    """Add a part that all who share the depot see; as ``store.add_part``."""
    with _connected(place, store) as connection:
        return add_part_there(
            *(store, connection, draft, request, distributed_id),
            writer=writer,
            replaces=replaces,
        )


def finish(
    place: Place,
    store: Store,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    incremental: bool,
) -> Finish:
    """Make one version of what all who share the depot have added; as ``store.finish_round``."""
    with _connected(place, store) as connection:
        return finish_round_there(
            *(store, connection, draft, request, distributed_id),
            writer=writer,
            incremental=incremental,
        )


@contextlib.contextmanager
def looking(place: Place, store: Store) -> Iterator[Callable[[PartView], VersionView | None]]:
    """Give what looks, here and in the depot, which version a part went into; None while none."""
    with _connected(place, store) as connection:
        yield lambda part: version_of_part_there(store, connection, part)


def share(place: Place, store: Store, view: VersionView) -> VersionView:
    """Bring a version there that is logged here; returns it as it is numbered then."""
    with _connected(place, store) as connection:
        done = push(store, connection, [view.commit])
    for notice in (*done.notices, *map(str, done.conflicts)):
        termlog(notice)
    with store.index.read() as reader:
        return queries.version(reader, view.commit) or view


def fetch(place: Place, store: Store, reference: Reference) -> VersionView | None:
    """Bring the version here that is meant in the depot; None if it has none of that name.

    What ``latest`` and numbers mean is then what they mean there.
    """
    asked = reference._replace(project=reference.project or place.project, explicit=True)
    with _connected(place, store) as connection:
        connection.depot.refresh()
        try:
            (commit,) = choose(connection.depot, [asked])
        except NotFound:
            return None
        done = pull(store, connection, [commit])
    if done.damage is not None:
        if done.received.unsound:
            raise done.damage
        termlog(str(done.damage))  # what was asked for came; events of others are damaged
    with store.index.read() as reader:
        return queries.version(reader, commit)


@contextlib.contextmanager
def _connected(place: Place, store: Store) -> Iterator[Connection]:
    name = REMOTE_NAME if place.is_elsewhere else place.remote
    with connected(store, find_remote(store, name), create=True) as connection:
        yield connection
