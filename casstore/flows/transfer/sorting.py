"""Versions of a depot, sorted: those that can come, and those of which something is damaged there.

Knows: what is said of a version that cannot come.  Never: how one comes.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from casstore.digest import CommitId
from casstore.errors import Corrupt
from casstore.exchange import RemoteDepot
from casstore.flows.transfer.judging import refusing
from casstore.journal.views import VersionView
from casstore.store import reference_to

__all__ = ["Sorting", "Unsound", "damage_of"]

MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Unsound:
    """A version that cannot come, and why: the first of its frames that is damaged or gone."""

    view: VersionView
    reference: str
    message: str


class Sorting:
    """Versions of ``depot``, as far as they were tried: ``sound`` and ``unsound`` ones."""

    def __init__(self, depot: RemoteDepot) -> None:
        self.sound: list[VersionView] = []
        self.unsound: list[Unsound] = []
        self._depot = depot

    def takes(self, view: VersionView, take: Callable[[], None]) -> bool:
        """Take a version; returns whether it came.  Raises ``Corrupt`` for one that is refused."""
        with refusing(self._depot, view):
            try:
                take()
            except Corrupt as error:
                reference = reference_to(self._depot, view)
                self.unsound.append(Unsound(view, reference, error.message))
                return False
        self.sound.append(view)
        return True

    def sound_of(self, commits: Collection[CommitId]) -> list[CommitId]:
        """Return the commits among ``commits`` that were not found unsound."""
        unsound = {one.view.commit for one in self.unsound}
        return [commit for commit in commits if commit not in unsound]


def damage_of(unsound: Sequence[Unsound], came: int) -> Corrupt:
    """Say which versions could not come, what came, and what to do."""
    named = [f"{one.reference} cannot come: {one.message}" for one in unsound[:MAX_NAMED]]
    if len(unsound) > MAX_NAMED:
        named.append(f"nor can {len(unsound) - MAX_NAMED} others")
    others = {0: "", 1: "the other version came, and "}.get(
        came, f"{came} other versions came, and "
    )
    what = "it" if len(unsound) == 1 else "those"
    return Corrupt(
        "; ".join(named),
        hint=f"{others}nothing of {what} is visible here; repair the depot from a store that has"
        f" {what}, or pull from another",
    )
