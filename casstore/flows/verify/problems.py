"""What verification finds.

Knows: the records, how many are kept.  Never: how they were found.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Fault", "Problem", "ProblemKind", "Problems", "Progress", "Report"]

MAX_PROBLEMS = 10_000

ProblemKind: TypeAlias = Literal["event", "pack", "manifest", "file", "reference", "bundle"]
"""What is not right: an event's file, a pack, a version's list of files, a file of a version, an
object elsewhere, a member of a bundle."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (files, bytes) as they are done."""


class Fault(NamedTuple):
    """Why a frame cannot be had: the pack at fault, in hex, or None if it is in no pack."""

    pack: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not right.

    ``project`` and ``reference`` name the version that suffers, ``path`` the file in it, ``pack``
    the pack at fault (hex); None where there is none or where it is not known.
    """

    kind: ProblemKind
    project: str | None
    reference: str | None
    path: bytes | None
    pack: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified (versions, their files, the bytes of those, packs), and what is wrong."""

    versions: int
    files: int
    size_bytes: int
    packs: int
    problems: list[Problem]


@dataclass(slots=True)
class Problems:
    """Collects problems; beyond a limit they are only counted."""

    count: int = 0
    _kept: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Take a problem."""
        self.count += 1
        if len(self._kept) < MAX_PROBLEMS:
            self._kept.append(problem)

    def listed(self) -> list[Problem]:
        """Return the problems, and one that tells of those that are not listed."""
        left_out = self.count - len(self._kept)
        if not left_out:
            return list(self._kept)
        more = Problem(self._kept[-1].kind, None, None, None, None, f"{left_out} more problems")
        return [*self._kept, more]
