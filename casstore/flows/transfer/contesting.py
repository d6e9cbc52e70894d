"""Numbers that an upstream gave twice: who holds them, for a store that believes otherwise.

Knows: seals of two versions with one number.  Never: who gives numbers, what is printed.

It happens where an older copy of the upstream was put back: it gave numbers again that a store had
seen it give, and that store brings its seals there again.  Of two seals the first by order holds
(``journal.seals``); a store that lacks it would go on showing a number that is another version's.
"""

from collections.abc import Collection
from typing import TypeAlias

from casstore.catalog import Reader
from casstore.digest import CommitId
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.receiving import receive_sound
from casstore.flows.transfer.sealing import memberships
from casstore.journal import queries, seals
from casstore.store import Store

__all__ = ["bring_without_bytes", "contested"]

_Place: TypeAlias = tuple[str, str]  # project and name of a collection


def contested(
    store: Store, depot: RemoteDepot, commits: Collection[CommitId]
) -> dict[CommitId, CommitId]:
    """Return the versions whose number here is another's there, and whose it is.

    Collections of ``commits`` are looked at.
    """
    authority = store.authority
    found: dict[CommitId, CommitId] = {}
    if authority is None:
        return found
    with store.index.read() as here, depot.index.read() as there:
        for place in _places(here, commits):
            for number in _given_twice(here, there, place, authority):
                mine = seals.claimants(here, *place, authority, number)[0]
                theirs = seals.claimants(there, *place, authority, number)[0]
                if theirs < mine and theirs.commit != mine.commit:
                    found[mine.commit] = theirs.commit
    return found


def bring_without_bytes(store: Store, depot: RemoteDepot, commits: Collection[CommitId]) -> None:
    """Bring what is said of versions here, and their lists of files; bytes come when they are read.

    So a name or number that means one of them means it here too.  What is damaged there stays out.
    """
    if commits:
        receive_sound(store, depot, commits, keep=_no_file, completing=False)


def _no_file(_path: bytes) -> bool:
    return False


def _given_twice(here: Reader, there: Reader, place: _Place, authority: bytes) -> list[int]:
    """Return the numbers that there are another version's too; each side is read once."""
    mine = set(seals.sealed(here, *place, authority))
    known = {number for number, _ in mine}
    theirs = set(seals.sealed(there, *place, authority))
    return sorted({number for number, _ in theirs - mine} & known)


def _places(reader: Reader, commits: Collection[CommitId]) -> list[_Place]:
    views = [queries.version(reader, commit) for commit in commits]
    known = [view for view in views if view is not None and view.complete]
    return list(dict.fromkeys(place for view in known for place in memberships(view)))
