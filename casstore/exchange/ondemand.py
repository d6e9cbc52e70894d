"""Bytes on demand: frames that a version was pulled without, fetched when somebody reads them.

Knows: which remotes are asked and in which order, when what came is kept.  Never: versions, paths.

Asked are the places that were noted when versions were pulled (``store.absences``) and are not
removed since, then the upstream, then every other remote.  What comes is verified, given to who
reads, and kept in the store: in packs of a session of its own, so that a failure there ends
nobody's logging.  What did not fill a pack is sealed after 8 MiB, after a second, and at the end; a
process that is killed loses less than that, and it is fetched again.
"""

import atexit
import contextlib
import os
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from casstore import durable
from casstore.digest import Digest
from casstore.errors import (
    Absent,
    Busy,
    Corrupt,
    Error,
    Invalid,
    NotFound,
    RemoteError,
    Unsupported,
)
from casstore.exchange.arriving import Arriving
from casstore.exchange.connecting import MIRRORS_FOLDER
from casstore.exchange.remotedepot import RemoteDepot, open_depot
from casstore.packs import Encoded, PackKind
from casstore.parallel import Lock
from casstore.remotes import Rolled, open_objects
from casstore.remotes.configuration import read_remotes
from casstore.store import Session, Store
from casstore.store.fetching import Fetcher

__all__ = ["make_fetcher", "on_demand"]

MAX_UNSEALED_BYTES = 8 * 1024 * 1024
SEAL_AFTER_SECONDS = 1.0


def on_demand(store: Store) -> Store:
    """Let reads of a store fetch what is not here; nothing is connected before one does."""
    store.frames.fetch_with(lambda: make_fetcher(store))
    return store


def make_fetcher(store: Store) -> Fetcher:
    """Return what fetches the frames that a store was left without."""
    return _OnDemand(store)


class _OnDemand:
    """See ``store.fetching.Fetcher``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._arriving = Arriving(self._bring)
        self._keeper = _Keeper(store)
        self._lock = Lock()
        self._depots: dict[str, RemoteDepot] = {}
        atexit.register(_seal, weakref.ref(self._keeper))

    def held(self, digests: Collection[Digest]) -> Mapping[Digest, Encoded]:
        """See ``Fetcher``."""
        return self._arriving.held(digests)

    def fetch(self, digests: Collection[Digest]) -> Mapping[Digest, Encoded]:
        """See ``Fetcher``.

        Raises ``RemoteError`` and its kinds, ``Corrupt`` if what came was not what it should be,
        ``Absent`` if no remote has it; what had come by then is kept.
        """
        return self._arriving.fetch(digests) if self._store.absences.read() else {}

    def requests(self) -> Mapping[str, Mapping[str, int]]:
        """See ``Fetcher``."""
        return {depot.url: depot.objects.requests for depot in list(self._depots.values())}

    def seal(self) -> None:
        """See ``Fetcher``."""
        self._keeper.close()

    def close(self) -> None:
        """See ``Fetcher``."""
        self.seal()
        with self._lock:
            for depot in self._depots.values():
                depot.close()
            self._depots.clear()

    def _bring(self, digests: Sequence[Digest]) -> Mapping[Digest, Encoded]:
        found: dict[Digest, Encoded] = {}
        errors: list[Error] = []
        asked: list[str] = []
        for url in self._urls():
            missing = [digest for digest in digests if digest not in found]
            if not missing:
                break
            asked.append(url)
            try:
                self._take(url, missing, found)
            except (Corrupt, Invalid, NotFound, RemoteError, Unsupported) as error:
                errors.append(error)
        self._keeper.keep(found)
        left = len(digests) - len(found)
        if left:
            removed = self._store.absences.read().removed_places
            raise _not_had(left, asked, errors, [url for url in removed if url not in asked])
        return found

    def _urls(self) -> Iterator[str]:
        remotes = sorted(
            read_remotes(self._store.root).values(), key=lambda each: not each.upstream
        )
        yield from dict.fromkeys(
            [*self._store.absences.read().places, *(remote.url for remote in remotes)]
        )

    def _take(self, url: str, digests: Sequence[Digest], found: dict[Digest, Encoded]) -> None:
        """Fetch what a depot has of the frames; what came before an error is in ``found``."""
        frames = self._depot(url).frames
        for again in (True, False):
            wanted = frames.find([digest for digest in digests if digest not in found])
            try:
                for digest, frame in frames.read(wanted):
                    found[digest] = frame._replace(payload=bytes(frame.payload))
            except NotFound:  # a pack was collected there, and its frames may lie in another
                if not again:
                    raise
                frames.look_again()
            else:
                return

    def _depot(self, url: str) -> RemoteDepot:
        with self._lock:
            depot = self._depots.get(url)
            if depot is None:
                objects = Rolled(open_objects(url))
                try:
                    depot = open_depot(objects, self._store.index_folder / MIRRORS_FOLDER)
                except BaseException:
                    objects.close()
                    raise
                self._depots[url] = depot
            return depot


def _not_had(left: int, asked: list[str], errors: list[Error], removed: list[str]) -> Error:
    """Return the one line for what could not be fetched."""
    what = f"{left} chunks that are not here" if left > 1 else "a chunk that is not here"
    if removed and not errors:
        return Absent(
            f"{what} cannot be had: the bytes are at {' or '.join(removed)}, which is no remote"
            " any more",
            hint=f"`casstore remote add NAME {removed[0]}` lets them be fetched again",
        )
    if not errors:
        where = " or ".join(asked) or "any remote: none is known"
        return Absent(
            f"{what} cannot be had from {where}",
            hint="add a remote that has the version: casstore remote add NAME URL",
        )
    error = errors[0]
    if isinstance(error, NotFound):
        return Absent(f"{what} cannot be had: {error.message}", hint=error.hint)
    kept = "what was fetched so far is kept"
    hint = f"{kept}; {error.hint}" if error.hint else kept
    return type(error)(f"{what} cannot be had: {error.message}", hint=hint)


class _Keeper:
    """Keeps frames that came in the store, if it can be written; reading goes on without."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._session: Session | None = None
        self._unsealed_bytes = 0
        self._sealed_at = 0.0
        self._may_write = not store.read_only

    def keep(self, frames: Mapping[Digest, Encoded]) -> None:
        """Keep frames; they are findable now or soon."""
        with self._lock:
            if frames and self._may_write:
                self._unless_full(lambda: self._add(list(frames.items())))

    def close(self) -> None:
        """Make what was kept findable, and end the session."""
        with self._lock:
            self._unless_full(self._flush)
            self._let_go()

    def _add(self, frames: list[tuple[Digest, Encoded]]) -> None:
        if self._session is None or self._session.process != os.getpid():
            self._session = self._store.session_apart()
            self._unsealed_bytes = 0
            self._sealed_at = -SEAL_AFTER_SECONDS  # a process may end before it comes here again
        self._session.add_encoded(frames, PackKind.DATA)
        self._unsealed_bytes += sum(len(frame.payload) for _, frame in frames)
        waited = time.monotonic() - self._sealed_at
        if self._unsealed_bytes >= MAX_UNSEALED_BYTES or waited >= SEAL_AFTER_SECONDS:
            self._flush()

    def _flush(self) -> None:
        session = self._session
        if session is not None and session.process == os.getpid() and self._unsealed_bytes:
            session.flush()
            self._unsealed_bytes, self._sealed_at = 0, time.monotonic()

    def _let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None and session.process == os.getpid():
            session.close()

    def _unless_full(self, action: Callable[[], None]) -> None:
        """Do something that writes; where there is no room, nothing is kept from now on."""
        try:
            action()
        except BaseException as error:
            self._let_go()  # a session ends with its first error
            if durable.is_out_of_space(error):
                self._may_write = False
            elif not isinstance(error, Busy):
                raise


def _seal(keeper: "weakref.ref[_Keeper]") -> None:
    """Make what was kept findable when the interpreter ends; if that fails it comes again."""
    found = keeper()
    if found is not None:
        with contextlib.suppress(Error, OSError):
            found.close()
