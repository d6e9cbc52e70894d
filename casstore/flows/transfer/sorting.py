"""Versions of a depot, sorted: those that can come, and those of which something is damaged there.

Knows: what is said of a version that cannot come.  Never: how one comes.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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
                self._depot.mirror.doubt([view.commit])
                return False
        self.sound.append(view)
        return True

    def sound_of(self, commits: Collection[CommitId]) -> list[CommitId]:
        """Return the commits among ``commits`` that were not found unsound."""
        unsound = {one.view.commit for one in self.unsound}
        return [commit for commit in commits if commit not in unsound]


def damage_of(
    unsound: Sequence[Unsound], came: int, events: Mapping[str, str] = MappingProxyType({})
) -> Corrupt | None:
    """Say what could not come, what did, and what to do; None if nothing was damaged.

    ``came`` is how many versions did, ``events`` says of objects that held events what they are.
    """
    named = [f"{one.reference} cannot come: {one.message}" for one in unsound[:MAX_NAMED]]
    if len(unsound) > MAX_NAMED:
        named.append(f"nor can {len(unsound) - MAX_NAMED} others")
    named += [f"{name} cannot be read: {events[name]}" for name in sorted(events)[:MAX_NAMED]]
    if len(events) > MAX_NAMED:
        named.append(f"nor can {len(events) - MAX_NAMED} others")
    if not named:
        return None
    kept = ["all else that was asked for came"] if came else []
    if unsound:
        kept.append(f"nothing of {'it' if len(unsound) == 1 else 'those'} is visible here")
    if events:
        kept.append("what such events say is not known here")
    todo = (
        "`casstore repair --to NAME` heals the depot with a store that has it; or pull from another"
    )
    return Corrupt("; ".join(named), hint=f"{', and '.join(kept)}; {todo}")
