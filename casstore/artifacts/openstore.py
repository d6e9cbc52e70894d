"""A store in Python's hands: its remotes, and bringing versions there and back.

Knows: which calls there are around remotes.  Never: how versions travel, the command line.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from casstore.artifacts.place import current_place, place_for
from casstore.artifacts.terminal import termlog
from casstore.digest import CommitId
from casstore.errors import Conflict, Corrupt, Invalid
from casstore.exchange import Afar, Connection, find_remote
from casstore.flows.transfer import choose, choose_all, pull, push, reached
from casstore.journal import queries
from casstore.names import Reference, parse_reference
from casstore.patterns import chooser
from casstore.store import Keep, Known, Readable, Store, reference_to

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

        The file of a bundle can be pulled from.  Raises ``NotFound`` for a name that is not known,
        ``Invalid`` if none can be meant.
        """
        if name is None or not Path(name).is_file():
            name = find_remote(self.store, name).name
        return Remote(self.store, name, self._project)

    def push(
        self,
        refs: str | Iterable[str] | None = None,
        to: str | None = None,
        *,
        from_: str | None = None,
    ) -> list[str]:
        """Bring versions to a remote; see ``Remote.push``.

        With ``from_``, the name or URL of another depot or the file of a bundle, they come from
        there and not from the store, which keeps nothing of them; ``refs`` are looked up there.
        """
        if from_ is None:
            return self.remote(to).push(refs)
        with reached(self.store, from_, create=False, follow=False) as source:
            source.depot.refresh()
            commits = _meant(source.depot, refs, self._project)
            with reached(self.store, to, create=True, follow=False) as connection:
                done = push(source.depot, connection, commits)
            _tell(done.notices)
            _raise_of(done.restored.damage, done.conflicts)
            return [reference_to(source.depot, view) for view in done.sent.versions]

    def pull(
        self,
        refs: str | Iterable[str] | None = None,
        from_: str | None = None,
        *,
        include: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
    ) -> list[str]:
        """Bring versions of a remote here; see ``Remote.pull``."""
        return self.remote(from_).pull(refs, include=include, exclude=exclude)

    def sync(
        self,
        with_: str | None = None,
        *,
        include: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
    ) -> list[str]:
        """Pull, then push; see ``Remote.sync``."""
        return self.remote(with_).sync(include=include, exclude=exclude)


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
        Raises ``Conflict`` for an alias that was set to another version there: both are there then.
        """
        with reached(self._store, self.name, create=True) as connection:
            return self._push(connection, refs)

    def pull(
        self,
        refs: str | Iterable[str] | None = None,
        *,
        include: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
    ) -> list[str]:
        """Bring versions here, every byte verified; returns those that were not here.

        With ``include`` or ``exclude``, patterns in gitignore syntax, only the bytes of the paths
        that they choose come; the others come when they are read.  Raises ``Conflict`` for what was
        decided on both sides in two ways: all that was asked for has come nevertheless.  Raises
        ``Corrupt`` naming versions of which something is damaged there: the others have come.
        """
        with reached(self._store, self.name, create=False) as connection:
            return self._pull(connection, refs, chooser(include, exclude))

    def sync(
        self, *, include: str | Iterable[str] = (), exclude: str | Iterable[str] = ()
    ) -> list[str]:
        """Pull all of the project, then push it; returns what came and what went.

        A version that is partly here stays so; ``pull`` completes it.  ``include`` and ``exclude``
        bound the paths that come, as in ``pull``; what goes is whole.
        """
        keep = chooser(include, exclude)
        with reached(self._store, self.name, create=True) as connection:
            came = self._pull(connection, None, keep, completing=keep is not None)
            return [*came, *self._push(connection, None)]

    def _push(self, connection: Connection, refs: str | Iterable[str] | None) -> list[str]:
        done = push(self._store, connection, _meant(self._store, refs, self._project))
        _tell(done.notices)
        _raise_of(done.restored.damage, done.conflicts)
        return _references(self._store, [view.commit for view in done.sent.versions])

    def _pull(
        self,
        connection: Connection,
        refs: str | Iterable[str] | None,
        keep: Keep | None = None,
        *,
        completing: bool = True,
    ) -> list[str]:
        if keep is not None and connection.is_bundle:
            raise Invalid(
                f"{connection.depot.url} is a bundle, which nobody is asked for the rest later",
                hint="pull without include and exclude",
            )
        connection.depot.refresh()
        commits = _meant(connection.depot, refs, self._project)
        done = pull(self._store, connection, commits, keep=keep, completing=completing)
        _tell(done.notices)
        _raise_of(done.damage, done.conflicts)
        return _references(self._store, [view.commit for view in done.received.versions])


def push_versions(store: Store, commits: Sequence[CommitId], to: str | None) -> None:
    """Bring versions to a remote, by name or URL; None is the upstream, else the only one."""
    with reached(store, to, create=True) as connection:
        done = push(store, connection, commits)
        _tell(done.notices)
        _raise_of(done.restored.damage, done.conflicts)


def pull_versions(store: Store, commits: Sequence[CommitId], from_: str | None) -> None:
    """Bring versions of a remote here, whole."""
    with reached(store, from_, create=False) as connection:
        done = pull(store, connection, commits)
        _tell(done.notices)
        _raise_of(done.damage, done.conflicts)


def look_afar(store: Store | Path, from_: str) -> tuple[Readable, Callable[[], None]]:
    """Return a depot for reading, as it is now, and what lets it go; nothing is pulled.

    ``store`` may be the folder of one that was never made: none is made.
    """
    with contextlib.ExitStack() as ends:
        connection = ends.enter_context(reached(store, from_, create=False, follow=False))
        connection.depot.refresh()
        here = None if isinstance(store, Path) else store
        return Afar(here, connection.depot), ends.pop_all().close


def _meant(known: Known, refs: str | Iterable[str] | None, project: str) -> list[CommitId]:
    if refs is None:
        return choose_all(known, project)
    texts = [refs] if isinstance(refs, str) else list(refs)
    return choose(known, [_read(text, project) for text in texts])


def _read(text: str, project: str) -> Reference:
    found = parse_reference(text)
    return found if found.project else found._replace(project=project)


def _tell(notices: Iterable[str]) -> None:
    for notice in notices:
        termlog(notice)


def _raise_of(damage: Corrupt | None, conflicts: Sequence[Conflict]) -> None:
    """Raise what is left to be done: first what is damaged, conflicts are said then."""
    if damage is not None:
        _tell(map(str, conflicts))
        raise damage
    if conflicts:
        raise conflicts[0]


def _references(store: Store, commits: Iterable[CommitId]) -> list[str]:
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in commits]
    return [reference_to(store, view) for view in views if view is not None]
