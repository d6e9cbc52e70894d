"""What verification finds.

Knows: the records, how many are kept.  Never: how they were found.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from casstore.digest import Digest
from casstore.packs import PackKind

__all__ = ["Fault", "Problem", "ProblemKind", "Problems", "Progress", "Report"]

MAX_PROBLEMS = 10_000
MAX_LOST_FRAMES = 400_000

ProblemKind: TypeAlias = Literal[
    "event", "pack", "index", "number", "manifest", "file", "reference", "bundle"
]
"""What is not right: an event's file, a pack, an index, a sealed number of a depot elsewhere, a
version's list of files, a file of a version, an object elsewhere, a member of a bundle."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (files, bytes) as they are done."""


class Fault(NamedTuple):
    """Why a frame cannot be had: the pack at fault, in hex, or None if it is in no pack.

    ``absent``: its version was pulled without it, and nothing is wrong.
    """

    pack: str | None
    message: str
    digest: Digest | None = None
    absent: bool = False


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
    """What was verified (versions, their files, the bytes of those, packs), and what is wrong.

    Of ``partly_here`` versions only what is here was verified.
    """

    versions: int
    files: int
    size_bytes: int
    packs: int
    problems: list[Problem]
    partly_here: int = 0


@dataclass(slots=True)
class Problems:
    """Collects problems; beyond a limit they are only counted.

    ``lost`` are the frames that versions need and that cannot be had, up to a limit too.
    """

    count: int = 0
    lost: dict[Digest, PackKind] = field(default_factory=dict)
    _kept: list[Problem] = field(default_factory=list)

    def lose(self, fault: Fault, kind: PackKind) -> None:
        """Note the frame of a fault, if it is known."""
        if fault.digest is not None and len(self.lost) < MAX_LOST_FRAMES:
            self.lost.setdefault(fault.digest, kind)

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
