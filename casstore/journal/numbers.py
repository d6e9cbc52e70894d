"""Which number is whose: ``vN`` and ``latest`` as one store sees them.

Knows: seals, provisional numbers, what a number may have meant here before.
Never: claims, files, what was accepted; those belong to the store.

Everything is a function of the state table and of a standpoint, so it follows from the set of
events and from who looks.  ``FORMAT.md``, "Numbers", has the rules.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from casstore.digest import COMMIT_ID_SIZE, CommitId
from casstore.journal import keys, queries, seals
from casstore.journal.table import StateReader
from casstore.journal.views import VersionView

__all__ = ["UNKNOWN_AUTHORITY", "Label", "Numbers", "Renumbered", "Resolution", "Standpoint"]

UNKNOWN_AUTHORITY = bytes(16)
"""Stands for an upstream that was never reached: it seals nothing, so numbers are provisional."""

PREFIX_CHARS = 8

_of = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Who looks: the numbering of the store, and whose seals it follows.

    ``authority`` is that of the upstream, None without one; ``former`` are those it followed
    before.
    """

    numbering: bytes
    authority: bytes | None = None
    former: tuple[bytes, ...] = ()


class Label(NamedTuple):
    """What a version is called besides its id.

    ``number`` is None where it has none here; ``authority`` is set if another authority than the
    upstream gave it.  ``provisional``: no upstream has sealed a number yet.  ``exact``: ``name``,
    typed, means this very version; else something else has the number, or the same content.
    """

    number: int | None = None
    provisional: bool = False
    exact: bool = False
    authority: bytes | None = None

    @property
    def name(self) -> str:
        """``vN``, ``<authority>:vN``, or nothing: what is typed."""
        if self.number is None:
            return ""
        prefix = f"{self.authority.hex()[:PREFIX_CHARS]}:" if self.authority is not None else ""
        return f"{prefix}v{self.number}"

    @property
    def text(self) -> str:
        """As ``name``; a provisional number of this store has a star: what is shown."""
        is_own = self.provisional and self.authority is None and self.number is not None
        return f"{self.name}*" if is_own else self.name


class Resolution(NamedTuple):
    """What ``vN`` means: ``view`` is None where the version has not arrived.

    ``others`` are commits of other content that the number meant here before, or might have: where
    there are any, it means nothing until somebody accepts what it means now.
    """

    number: int
    commit: CommitId
    view: VersionView | None
    others: tuple[CommitId, ...]


class Renumbered(NamedTuple):
    """A version that this store called ``before`` and its upstream calls ``now``."""

    commit: CommitId
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one collection, seen from one standpoint."""

    table: StateReader
    project: str
    name: str
    standpoint: Standpoint

    def label(self, view: VersionView) -> Label:
        """Return what a member of the collection is called."""
        authority = self.standpoint.authority
        if authority is not None and (number := self.sealed_number(view)) is not None:
            return Label(number, exact=authority in view.sealed)
        is_provisional = authority is not None
        own = self.own_number(view)
        if own is not None:
            others = self._given_to_others(own, view.commit)
            if all(self.sealed_number(other) is not None for other in others):
                is_taken = authority is not None and self._holder(authority, own) is not None
                is_first = all(self.order(view) < self.order(other) for other in others)
                return Label(own, is_provisional, exact=is_first and not is_taken)
        if view.sealed:
            other = min(view.sealed)
            return Label(view.sealed[other], is_provisional, exact=True, authority=other)
        return Label(provisional=is_provisional)

    def sealed_number(self, view: VersionView) -> int | None:
        """Return the number that the upstream sealed for a version, or for one of its content.

        A version that is the same as a sealed one counts as that one, if its content says so too.
        """
        authority = self.standpoint.authority
        if authority is None:
            return None
        if authority in view.sealed:
            return view.sealed[authority]
        found = [queries.member(self.table, self.project, self.name, same) for same in view.same_as]
        return min(
            (
                other.sealed[authority]
                for other in found
                if other is not None
                and authority in other.sealed
                and other.manifest.digest == view.manifest.digest
            ),
            default=None,
        )

    def own_number(self, view: VersionView) -> int | None:
        """Return the number that this store gave a member of the collection, None if none.

        A version that several stores have linked has a number of each.
        """
        own = self.standpoint.numbering
        if view.numbering == own and view.number is not None:
            return view.number
        place = (self.project, self.name)
        links = [link for link in view.links if (link.project, link.name) == place]
        given = [link.number for link in links if link.numbering == own]
        return max((number for number in given if number is not None), default=None)

    def resolve(self, number: int) -> Resolution | None:
        """Return what ``vN`` means, or None if it means nothing.

        A number that the upstream sealed is whose it sealed it for; another one is what this store
        gave it to.
        """
        claimants = self._meant(number)
        if not claimants:
            return None
        winner = claimants[0]
        view = self.member(winner)
        others = [commit for commit in claimants[1:] if self._differs(commit, winner, view)]
        return Resolution(number, winner, view, tuple(others))

    def resolve_sealed(self, prefix: str, number: int) -> list[VersionView]:
        """Return what the authorities whose id begins so sealed a number for."""
        collection = queries.collection(self.table, self.project, self.name)
        known = collection.highest if collection is not None else {}
        holders = [self._holder(each, number) for each in known if each.hex().startswith(prefix)]
        views = [self.member(commit) for commit in holders if commit is not None]
        return [view for view in views if view is not None]

    def given(self, number: int) -> list[VersionView]:
        """Return what this store gave a number to, in order; several where it was copied."""
        views = [self.member(commit) for commit in self._ever_given(number)]
        own = [view for view in views if view is not None and self.own_number(view) == number]
        return sorted(own, key=self.order) if len(own) > 1 else own

    def newest(self) -> VersionView | None:
        """Return what ``latest`` means; None where nothing alive has a number here.

        It is the highest sealed number, or a version that this store logged after (by clock) that
        number was sealed.  Never a removed one, and never one that is the same as a sealed one.
        """
        seal_clock, sealed = self._newest_sealed()
        logged = self._newest_given(after=seal_clock)
        if logged is not None or sealed is not None:
            return logged or sealed
        return self._newest_given(after=-1)

    def newest_elsewhere(self) -> list[VersionView]:
        """Return the newest version of each who numbered the collection, none of them this store.

        Those are the authorities that sealed what is alive, or, if none did, the numberings of
        other stores.  Several say that nobody can tell which is the newest; they come in the order
        of the ids.
        """
        sealed: dict[bytes, tuple[int, VersionView]] = {}
        given: dict[bytes, tuple[int, VersionView]] = {}
        for view in queries.versions(self.table, self.project, self.name):
            for authority, number in view.sealed.items():
                sealed[authority] = max(sealed.get(authority, (-1, view)), (number, view), key=_of)
            if view.number is not None and view.numbering is not None:
                before = given.get(view.numbering, (-1, view))
                given[view.numbering] = max(before, (view.number, view), key=_of)
        found = [view for _, (_, view) in sorted((sealed or given).items(), key=_of)]
        return list({view.commit: view for view in found}.values())

    def next(self) -> int:
        """Return the next number to give: above every one that was ever given or shown here."""
        followed = (self.standpoint.authority, *self.standpoint.former)
        ids = [self.standpoint.numbering, *(each for each in followed if each is not None)]
        return max(queries.next_number(self.table, self.project, self.name, each) for each in ids)

    def clashes(self) -> Iterator[Resolution]:
        """Yield every number that means nothing until it is accepted, lowest first."""
        known: dict[int, set[bytes]] = {}
        for key, _ in self.table.scan(keys.numbers(self.project, self.name)):
            number = int.from_bytes(key[-8 - COMMIT_ID_SIZE : -COMMIT_ID_SIZE], "big")
            known.setdefault(number, set()).add(key[-COMMIT_ID_SIZE:])
        for authority in (self.standpoint.authority, *self.standpoint.former):
            if authority is not None:
                for number, commit in seals.sealed(self.table, self.project, self.name, authority):
                    known.setdefault(number, set()).add(commit)
        for number in sorted(number for number, commits in known.items() if len(commits) > 1):
            found = self.resolve(number)
            if found is not None and found.others:
                yield found

    def unsealed(self, commits: Collection[CommitId] | None = None) -> list[VersionView]:
        """Return the live members that the upstream has yet to number, in their order.

        Only those among ``commits``, if that is given.  Versions that are the same as a sealed one
        are left out.
        """
        views = queries.versions(self.table, self.project, self.name)
        found = [
            view
            for view in views
            if (commits is None or view.commit in commits) and self.sealed_number(view) is None
        ]
        return sorted(found, key=self.order)

    def renumbered(self, commits: Collection[CommitId]) -> list[Renumbered]:
        """Return those of ``commits`` that are called otherwise now than when they were logged."""
        found = []
        for commit in commits:
            view = self.member(commit)
            before = self.own_number(view) if view is not None else None
            now = self.sealed_number(view) if view is not None else None
            if before is not None and now is not None and now != before:
                found.append(Renumbered(commit, before, now))
        return sorted(found, key=lambda each: each.before)

    def order(self, view: VersionView) -> tuple[int, bytes]:
        """Return a member's place in the order of the journal."""
        return seals.order_of(self.table, self.project, self.name, view.commit)

    def member(self, commit: CommitId) -> VersionView | None:
        """Return a commit as the collection shows it, or None."""
        return queries.member(self.table, self.project, self.name, commit)

    def _ever_given(self, number: int) -> list[CommitId]:
        numbering = self.standpoint.numbering
        return queries.given(self.table, self.project, self.name, number, numbering)

    def _holder(self, authority: bytes, number: int) -> CommitId | None:
        return seals.holder(self.table, self.project, self.name, authority, number)

    def _meant(self, number: int) -> list[CommitId]:
        """Return everything that the number means or may have meant here; the first one holds."""
        found: list[CommitId] = []
        place = (self.table, self.project, self.name)
        if self.standpoint.authority is not None:
            claims = seals.claimants(*place, self.standpoint.authority, number)
            found += [seal.commit for seal in claims]
        found += [view.commit for view in self.given(number)]
        if not found:
            return []
        found += self._ever_given(number)  # it was shown for a link that ended since
        for authority in self.standpoint.former:
            found += [seal.commit for seal in seals.claimants(*place, authority, number)]
        return list(dict.fromkeys(found))

    def _differs(self, commit: CommitId, winner: CommitId, view: VersionView | None) -> bool:
        other = queries.version(self.table, commit)
        if view is None or other is None or not other.complete:
            return commit != winner
        return other.manifest.digest != view.manifest.digest

    def _given_to_others(self, number: int, commit: CommitId) -> list[VersionView]:
        """Return what else this store, or a copy of it, gave a number to; mostly nothing."""
        if self._ever_given(number) == [commit]:
            return []
        return [view for view in self.given(number) if view.commit != commit]

    def _newest_sealed(self) -> tuple[int, VersionView | None]:
        """Return the clock of the last seal, and the newest sealed version that is alive."""
        authority, clock = self.standpoint.authority, -1
        if authority is None:
            return clock, None
        place = (self.project, self.name)
        for number in range(queries.next_number(self.table, *place, authority) - 1, -1, -1):
            claims = seals.claimants(self.table, *place, authority, number)
            if not claims:
                continue
            clock = claims[0].clock if clock < 0 else clock
            view = self.member(claims[0].commit)
            if view is not None and not view.deleted:
                return clock, view
        return clock, None

    def _newest_given(self, *, after: int) -> VersionView | None:
        """Return the newest version that this store logged after a clock and nobody has sealed.

        Numbers were given in the order of the clocks, so it ends where those are too low.
        """
        own = self.standpoint.numbering
        highest = queries.next_number(self.table, self.project, self.name, own) - 1
        for number in range(highest, -1, -1):
            views = self.given(number)
            late = [view for view in views if self.order(view)[0] > after]
            if views and not late:
                return None
            live = [view for view in late if not view.deleted and self.sealed_number(view) is None]
            if live:
                return live[-1]
        return None
