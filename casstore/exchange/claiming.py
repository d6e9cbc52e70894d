"""Sealed numbers of a depot elsewhere beside its claims: do they say the same, and who mends it.

Knows: that every number that was sealed there is claimed there.  Never: which number comes next.

A claim may be missing where an older copy of the depot was put back, and its events came again from
a store that had them.  It is made again for the commit that was sealed, and for no other.
"""

from collections.abc import Iterator
from typing import NamedTuple

from casstore.digest import CommitId
from casstore.exchange.remotedepot import RemoteDepot
from casstore.journal import queries, seals
from casstore.remotes.claims import Claims, Place, settled_mode

__all__ = ["Disagreement", "claim_again", "disagreements"]


class Disagreement(NamedTuple):
    """A number that was sealed for a commit, and whose claim is nobody's or another's."""

    place: Place
    number: int
    commit: CommitId
    owner: CommitId | None


def disagreements(depot: RemoteDepot) -> Iterator[Disagreement]:
    """Yield where claims do not say what was sealed by this depot's own authority."""
    authority = depot.read_authority()
    mode = settled_mode(depot.objects)
    if authority is None:
        return
    with depot.index.read() as reader:
        places = [Place(one.project, one.name) for one in queries.collections(reader, None)]
    for place in places:
        with depot.index.read() as reader:
            sealed = list(seals.sealed(reader, *place, authority))
        if not sealed:
            continue
        claims = None if mode is None else Claims(depot.objects, mode)
        numbers = [number for number, _ in sealed]
        owners = {} if claims is None else claims.owners_of(place, numbers)
        for number, commit in sealed:
            owner = owners.get(number)
            if owner != commit:
                yield Disagreement(place, number, commit, owner)


def claim_again(depot: RemoteDepot, claims: Claims) -> int:
    """Make the claims that are missing for sealed numbers; returns how many."""
    missing = [found for found in disagreements(depot) if found.owner is None]
    return sum(claims.take(found.place, found.number, found.commit) for found in missing)
