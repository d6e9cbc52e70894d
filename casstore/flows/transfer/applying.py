"""Applying a bundle: what is in it into this store, as far as it goes.

Knows: that frames are taken at once, and a version's events only when all that it needs is here.
Never: how a bundle lies in its files.

So parts may come in any order, one by one or together, and again: each brings its frames, and the
one with which a version becomes whole publishes it, for every part has all events::

    frames that the store lacks, each verified  ->  packs durable  ->  closures looked up  ->  events
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from casstore.digest import Buffer, Digest
from casstore.errors import Corrupt, Unsupported
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.receiving import Progress, Received, batches, missing, receive
from casstore.flows.transfer.selection import is_there
from casstore.journal import queries
from casstore.journal.views import VersionView
from casstore.packs import PackKind, rows_at
from casstore.packs.format import FOOTER_ROW
from casstore.remotes import Listed
from casstore.store import Closure, Store

__all__ = ["Applied", "Waiting", "apply_bundle"]

FRAMES_ADDED_AT_ONCE = 64
MAX_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that is not whole: how many frames are known to be missing, how many damaged."""

    view: VersionView
    missing: int
    damaged: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a bundle.

    ``received`` is what was published, ``frames`` what was new, ``stored_bytes`` what that takes;
    ``problems`` says what is damaged.
    """

    received: Received
    waiting: tuple[Waiting, ...]
    frames: int
    stored_bytes: int
    problems: tuple[str, ...]


def apply_bundle(
    store: Store, depot: RemoteDepot, *, progress: Progress | None = None
) -> Applied:
    """Bring what a bundle holds into this store; damage is told, and goes no further.

    Versions that are here already get what is newly said of them.
    """
    store.require_writable()
    depot.refresh()
    depot.refresh_packs()
    store.index.catch_up()
    taking = _Taking(store, depot, progress)
    for listed in depot.objects.listing("packs/"):
        taking.take(listed)
    store.session().flush()
    with depot.mirror.index.read() as reader, store.index.read() as here:
        views = [queries.version(reader, commit) for commit in queries.commits(reader)]
        known = [view.commit for view in views if view and is_there(here, view.commit)]
    lacking = [
        view
        for view in views
        if view and view.complete and not view.deleted and view.commit not in known
    ]
    waiting = []
    whole = []
    for view in lacking:
        needs = _Needs(store, view, taking)
        if needs.missing or needs.damaged:
            waiting.append(Waiting(view, needs.missing, needs.damaged))
        else:
            whole.append(view.commit)
    received = receive(store, depot, [*known, *whole])
    problems = [f"{name}: {message}" for name, message in depot.problems.items()]
    return Applied(
        received,
        tuple(waiting),
        taking.frames,
        taking.stored_bytes,
        (*problems, *taking.problems),
    )
