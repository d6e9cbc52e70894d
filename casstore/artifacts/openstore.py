"""A store in Python's hands: its remotes, and bringing versions there and back.

Knows: the calls of ``API.md`` around remotes.  Never: how versions travel, the command line.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from casstore.artifacts.place import current_place, place_for
from casstore.artifacts.terminal import termlog
from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.exchange import Afar, Connection, connect, connected, find_remote
from casstore.flows.transfer import choose, choose_all, pull, push
from casstore.journal import queries
from casstore.names import Reference, parse_reference
from casstore.store import Known, Readable, Store, reference_to

__all__ = ["OpenStore", "Remote", "look_afar", "open_store", "pull_versions", "push_versions"]


def open_store(path: str | os.PathLike[str] | None = None) -> "OpenStore":
    """Open the store at ``path``, or the one that this process uses.

    Raises ``NotFound`` naming the path if there is none.
    """
    place = place_for(path, None, None) if path is not None else current_place()
    return OpenStore(place.store(), place.project)


class OpenStore:
    """A store that is open in this process: what ``casstore.open_store`` returns."""

    def __init__(self, store: Store, project: str) -> None:
        self.store = store
        self._project = project

    def __repr__(self) -> str:
        return f"<OpenStore {self.root}>"

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self.store.root

    def remote(self, name: str | None = None) -> "Remote":
        """Return a remote by its name or URL; without one the upstream, else the only one.

        Raises ``NotFound`` for a name that is not known, ``Invalid`` if none can be meant.
        """
        return Remote(self.store, find_remote(self.store, name).name, self._project)

    def push(self, refs: str | Iterable[str] | None = None, to: str | None = None) -> list[str]:
        """Bring versions to a remote; see ``Remote.push``."""
        return self.remote(to).push(refs)

    def pull(self, refs: str | Iterable[str] | None = None, from_: str | None = None) -> list[str]:
        """Bring versions of a remote here; see ``Remote.pull``."""
        return self.remote(from_).pull(refs)

    def sync(self, with_: str | None = None) -> list[str]:
        """Pull, then push; see ``Remote.sync``."""
        return self.remote(with_).sync()


class Remote:
    """A depot elsewhere.  ``refs`` are references or bare names; None is all of the project."""

    def __init__(self, store: Store, name: str, project: str) -> None:
        self._store = store
        self._project = project
        self.name = name

    def __repr__(self) -> str:
        return f"<Remote {self.name}>"

    def push(self, refs: str | Iterable[str] | None = None) -> list[str]:
        """Bring versions there, with what is said of them; returns those that were not there.

        Raises ``RemoteError``, ``RemoteAuth``; what was sent stays, and the next call goes on.
        """
        with _connected(self._store, self.name, create=True) as connection:
            return self._push(connection, refs)

    def pull(self, refs: str | Iterable[str] | None = None) -> list[str]:
        """Bring versions here, every byte verified; returns those that were not here.

        Raises ``Conflict`` for what was decided on both sides in two ways: all that was asked for
        has come nevertheless.
        """
        with _connected(self._store, self.name, create=False) as connection:
            return self._pull(connection, refs)

    def sync(self) -> list[str]:
        """Pull all of the project, then push it; returns what came and what went.

        A version that is partly here stays so; ``pull`` completes it.
        """
        with _connected(self._store, self.name, create=True) as connection:
            came = self._pull(connection, None, completing=False)
            return [*came, *self._push(connection, None)]

    def _push(self, connection: Connection, refs: str | Iterable[str] | None) -> list[str]:
        done = push(self._store, connection, self._meant(self._store, refs))
        _tell(done.notices)
        return _references(self._store, [view.commit for view in done.sent.versions])

    def _pull(
        self,
        connection: Connection,
        refs: str | Iterable[str] | None,
        *,
        completing: bool = True,
    ) -> list[str]:
        connection.depot.refresh()
        commits = self._meant(connection.depot, refs)
        done = pull(self._store, connection, commits, completing=completing)
        _tell(done.notices)
        _raise(done.conflicts)
        return _references(self._store, [view.commit for view in done.received.versions])

    def _meant(self, known: Known, refs: str | Iterable[str] | None) -> list[CommitId]:
        if refs is None:
            return choose_all(known, self._project)
        texts = [refs] if isinstance(refs, str) else list(refs)
        return choose(known, [self._read(text) for text in texts])

    def _read(self, text: str) -> Reference:
        found = parse_reference(text)
        return found if found.project else found._replace(project=self._project)


def push_versions(store: Store, commits: Sequence[CommitId], to: str | None) -> None:
    """Bring versions to a remote, by name or URL; None is the upstream, else the only one."""
    with _connected(store, to, create=True) as connection:
        _tell(push(store, connection, commits).notices)


def pull_versions(store: Store, commits: Sequence[CommitId], from_: str | None) -> None:
    """Bring versions of a remote here, whole."""
    with _connected(store, from_, create=False) as connection:
        done = pull(store, connection, commits)
        _tell(done.notices)
        _raise(done.conflicts)


def look_afar(store: Store, from_: str) -> tuple[Readable, Callable[[], None]]:
    """Return a depot for reading, as it is now, and what lets it go; nothing is pulled."""
    connection = connect(store, find_remote(store, from_), create=False, follow=False)
    try:
        connection.depot.refresh()
    except BaseException:
        connection.close()
        raise
    return Afar(store, connection.depot), connection.close


@contextlib.contextmanager
def _connected(store: Store, name: str | None, *, create: bool) -> Iterator[Connection]:
    with connected(store, find_remote(store, name), create=create) as connection:
        yield connection


def _tell(notices: Iterable[str]) -> None:
    for notice in notices:
        termlog(notice)


def _raise(conflicts: Sequence[Conflict]) -> None:
    if conflicts:
        raise conflicts[0]


def _references(store: Store, commits: Iterable[CommitId]) -> list[str]:
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    return [reference_to(store, view) for view in views if view is not None]
