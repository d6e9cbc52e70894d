"""Sealing: the protocol by which an upstream's numbers are given to versions, step by step.

Knows: which claim is tried next and which event follows from its answer.
Never: where claims and events lie; whoever runs it does each step, and may die between any two.

For each version, in order::

    same content as the highest number's version   -> same-as event, no claim
    claim of the highest known + 1                 -> mine, now or before (a lost answer, a killed
                                                      push): sealed event
                                                   -> another's whose version is there: its sealed
                                                      event, which is missing; then the next number
                                                   -> another's without a version: a hole, the next
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from casstore.digest import CommitId, Digest
from casstore.errors import Busy
from casstore.journal import queries, seals
from casstore.journal.bodies import SameAsBody, SealedBody
from casstore.journal.numbers import Numbers
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import VersionView

__all__ = [
    "Append",
    "Claims",
    "Find",
    "Outcome",
    "SealingSteps",
    "Take",
    "perform",
    "seal_steps",
]

MAX_TAKEN_NUMBERS = 100_000


@dataclass(frozen=True, slots=True)
class Take:
    """Claim a number for a commit, exclusively.

    Answer: the commit that owns it now, or None if the claim cannot be read.
    """

    number: int
    commit: CommitId


@dataclass(frozen=True, slots=True)
class Find:
    """Look for the version event of a commit in the upstream, as it is now.

    Answer: the digest of its manifest, or None if there is no such event.
    """

    commit: CommitId


@dataclass(frozen=True, slots=True)
class Append:
    """Write an event, here and in the upstream.  Answer: None."""

    subject: CommitSubject
    body: SealedBody | SameAsBody


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a version's number is now; ``same_as`` is set if it is that of an equal version.

    ``provisional`` is the number that this store had given it, if it was this store.
    """

    commit: CommitId
    number: int
    provisional: int | None
    same_as: CommitId | None = None


Step: TypeAlias = Take | Find | Append
Answer: TypeAlias = CommitId | Digest | None
SealingSteps: TypeAlias = Generator[Step, Answer, tuple[Outcome, ...]]


def seal_steps(numbers: Numbers, commits: Sequence[CommitId] | None = None) -> SealingSteps:
    """Return the steps that number what the upstream has not, in the order it was logged.

    ``numbers`` is the collection as this store knows it once the upstream's events are in it; its
    standpoint's authority is the upstream's.  The table is read now, and not while steps are done.
    ``commits`` are those whose version events are in the upstream already; None is all.  The steps
    raise ``Busy`` if claims are taken without end.
    """
    authority = numbers.standpoint.authority
    if authority is None:
        raise AssertionError("sealing needs an upstream's authority")
    views = numbers.unsealed(None if commits is None else frozenset(commits))
    return _Sealing(numbers, authority).steps(views)


class _Sealing:
    """What is known of an upstream's numbers while they are given."""

    def __init__(self, numbers: Numbers, authority: bytes) -> None:
        self._numbers = numbers
        self._place = (numbers.project, numbers.name)
        self._authority = authority
        self._known = {commit for _, commit in seals.sealed(numbers.table, *self._place, authority)}
        self._given: dict[CommitId, int] = {}
        self._gone = _gone_from(numbers)
        self._tried = queries.next_number(numbers.table, *self._place, authority) - 1
        self._top: tuple[int, CommitId, Digest] | None = None
        commit = seals.holder(numbers.table, *self._place, authority, max(self._tried, 0))
        view = numbers.member(commit) if commit is not None else None
        if view is not None and not view.deleted:
            self._top = (self._tried, view.commit, view.manifest.digest)

    def steps(self, views: Sequence[VersionView]) -> SealingSteps:
        """Give numbers to versions, one after the other."""
        outcomes = []
        for view in views:
            own = self._numbers.own_number(view)
            if view.commit not in self._given:  # else another's push had claimed it meanwhile
                same = yield from self._claim(view.commit, view.manifest.digest)
                if same is not None:
                    outcomes.append(Outcome(view.commit, same[0], own, same_as=same[1]))
                    continue
            outcomes.append(Outcome(view.commit, self._given[view.commit], own))
        return tuple(outcomes)

    def _claim(
        self, commit: CommitId, digest: Digest
    ) -> Generator[Step, Answer, tuple[int, CommitId] | None]:
        """Give a version a number, or return the highest number and its version, if it is equal."""
        for _ in range(MAX_TAKEN_NUMBERS):
            if self._top is not None and self._top[2] == digest:
                number, same, _ = self._top
                yield Append(CommitSubject(*self._place, commit), SameAsBody(same))
                return number, same
            self._tried += 1
            owner = yield Take(self._tried, commit)
            if owner == commit:
                yield self._seal(commit, digest)
                return None
            yield from self._help(owner)
        raise Busy(
            f"{MAX_TAKEN_NUMBERS:,} numbers in a row of {self._place[1]!r} are taken upstream",
            hint="what was sealed stays; pull, and push again",
        )

    def _help(self, owner: Answer) -> Generator[Step, Answer, None]:
        """Append the sealed event that another's claim has yet to get; nothing for a hole."""
        if owner is None or owner in self._known or owner in self._given:
            return  # one that has another number has given this claim up
        other = CommitId(owner)
        digest = yield Find(other)
        if digest is not None:
            yield self._seal(other, Digest(digest))
            if other in self._gone:  # nothing is the same as what cannot be found by its number
                self._top = None

    def _seal(self, commit: CommitId, digest: Digest) -> Append:
        """Return the event that gives a commit the number that was tried; it is the highest now."""
        self._given[commit] = self._tried
        self._top = (self._tried, commit, digest)
        body = SealedBody(self._tried, self._authority)
        return Append(CommitSubject(*self._place, commit), body)


def _gone_from(numbers: Numbers) -> set[CommitId]:
    """Return the commits that were members of a collection: links that ended, what was deleted."""
    place = (numbers.table, numbers.project, numbers.name)
    alive = {view.commit for view in queries.versions(*place)}
    return {CommitId(commit) for _, commit in queries.enrolled(*place)} - alive


class Claims(Protocol):
    """Who owns which number of one collection, in the depot that gives them out."""

    def take(self, number: int, commit: CommitId, /) -> CommitId | None:
        """Claim a number unless it is taken; return whose it is, None if that cannot be read."""


def perform(
    steps: SealingSteps,
    claims: Claims,
    find: Callable[[CommitId], Digest | None],
    append: Callable[[CommitSubject, SealedBody | SameAsBody], object],
) -> tuple[Outcome, ...]:
    """Do every step; return what became of each version.

    Whatever a step raises ends it there; done again, from ``seal_steps``, it goes on.
    """
    answer: Answer = None
    try:
        while True:
            step = steps.send(answer)
            if isinstance(step, Take):
                answer = claims.take(step.number, step.commit)
            elif isinstance(step, Find):
                answer = find(step.commit)
            else:
                append(step.subject, step.body)
                answer = None
    except StopIteration as done:
        outcomes: tuple[Outcome, ...] = done.value
        return outcomes
