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
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from casstore.digest import CommitId, Digest
from casstore.errors import Busy
from casstore.journal import queries, seals
from casstore.journal.bodies import SameAsBody, SealedBody
from casstore.journal.numbers import Numbers
from casstore.journal.subjects import CommitSubject

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


@dataclass(slots=True)
class _Top:
    """The highest number that is known to be taken, and the highest version.

    ``holds`` is that version's number; without a commit nothing alive is known to have one.
    ``given`` are the numbers that were given on the way.
    """

    number: int
    holds: int = -1
    commit: CommitId | None = None
    digest: Digest | None = None
    given: dict[CommitId, int] = field(default_factory=dict)

    def hold(self, commit: CommitId, digest: Digest) -> None:
        """Let the number be that of a version."""
        self.holds, self.commit, self.digest = self.number, commit, digest
        self.given[commit] = self.number


def seal_steps(numbers: Numbers, commits: Sequence[CommitId] | None = None) -> SealingSteps:
    """Yield the steps that number what the upstream has not, in the order it was logged.

    ``numbers`` is the collection as this store knows it once the upstream's events are in it; its
    standpoint's authority is the upstream's.  ``commits`` are those whose version events are in the
    upstream already; None is all.  Raises ``Busy`` if claims are taken without end.
    """
    authority = numbers.standpoint.authority
    if authority is None:
        raise AssertionError("sealing needs an upstream's authority")
    chosen = None if commits is None else frozenset(commits)
    views = numbers.unsealed(chosen)
    top = _highest(numbers, authority)
    outcomes = []
    for view in views:
        own = view.number if view.numbering == numbers.standpoint.numbering else None
        digest = view.manifest.digest
        number = top.given.get(view.commit)  # another's push claimed it meanwhile
        if number is None:
            number = yield from _claim(numbers, authority, top, view.commit, digest)
        if number is None:
            outcomes.append(Outcome(view.commit, top.holds, own, same_as=top.commit))
        else:
            outcomes.append(Outcome(view.commit, number, own))
    return tuple(outcomes)


def _highest(numbers: Numbers, authority: bytes) -> _Top:
    place = (numbers.project, numbers.name)
    top = _Top(queries.next_number(numbers.table, *place, authority) - 1)
    commit = seals.holder(numbers.table, *place, authority, top.number) if top.number >= 0 else None
    view = numbers.member(commit) if commit is not None else None
    if view is not None and not view.deleted:
        top.hold(view.commit, view.manifest.digest)
    return top


def _claim(
    numbers: Numbers, authority: bytes, top: _Top, commit: CommitId, digest: Digest
) -> Generator[Step, Answer, int | None]:
    """Give one version a number; return None if the highest has its content: it then is that."""
    for _ in range(MAX_TAKEN_NUMBERS):
        if top.commit is not None and top.digest == digest:
            yield Append(_subject(numbers, commit), SameAsBody(top.commit))
            return None
        top.number += 1
        owner = yield Take(top.number, commit)
        if owner == commit:
            yield Append(_subject(numbers, commit), SealedBody(top.number, authority))
            top.hold(commit, digest)
            return top.number
        yield from _help(numbers, authority, top, owner)
    raise Busy(
        f"{MAX_TAKEN_NUMBERS:,} numbers in a row of {numbers.name!r} are taken in the upstream",
        hint="what was sealed stays; pull, and push again",
    )


def _help(
    numbers: Numbers, authority: bytes, top: _Top, owner: Answer
) -> Generator[Step, Answer, None]:
    """Append the sealed event that another's claim has yet to get; nothing for a hole."""
    if owner is None:
        return
    other = CommitId(owner)
    known = numbers.member(other)
    if other in top.given or (known is not None and authority in known.sealed):
        return  # it has another number: this claim was given up
    digest = yield Find(other)
    if digest is not None:
        yield Append(_subject(numbers, other), SealedBody(top.number, authority))
        top.hold(other, Digest(digest))


def _subject(numbers: Numbers, commit: CommitId) -> CommitSubject:
    return CommitSubject(numbers.project, numbers.name, commit)


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
