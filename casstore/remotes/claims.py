"""Claims in a depot elsewhere: who owns number n of a name, with and without exclusive create.

Knows: the two protocols of ``depot/FORMAT.md``.  Never: what is numbered, which number comes next.

*exclusive*: ``claims/<project>/<name>/<n>`` holds the commit id, by exclusive create.

*listed*, where nothing can be created exclusively: a claimant writes a marker of its own below
``<n>/``, then lists ``<n>/``.  If every marker there is its commit's, the number is its own for
ever, and it says so with the marker ``won-<commit>``; else it takes its marker away and waits a
random time.  Of two claimants, one's listing comes after the other's marker was written, so both
cannot be alone; both may lose, and then nobody has the number.  This asks of the server only that
what was written is listed.  A claimant that dies between the two steps leaves a number that only
its commit can have.
"""

import os
import random
import re
import time
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from casstore.depot import escape_name
from casstore.digest import COMMIT_ID_SIZE, CommitId
from casstore.errors import Conflict, Corrupt, NotFound, RemoteAuth
from casstore.parallel import ordered_map
from casstore.remotes.objects import MAX_SMALL_BYTES, Objects, Range
from casstore.remotes.once import create_once

__all__ = ["Claims", "Mode", "Place", "agreed_mode", "settled_mode"]

Mode = Literal["exclusive", "listed"]

MODE_OBJECT = "NUMBERING"
COMMIT_CHARS = 2 * COMMIT_ID_SIZE
MAX_WAIT_SECONDS = 0.5
READERS = 8

_NUMBER = re.compile(r"(0|[1-9][0-9]*)\Z", re.ASCII)
_COMMIT = re.compile(rf"[0-9a-f]{{{COMMIT_CHARS}}}\Z")
_MARKER = re.compile(rf"([0-9a-f]{{{COMMIT_CHARS}}})-[0-9a-f]{{16}}\Z")
_WON = re.compile(rf"won-([0-9a-f]{{{COMMIT_CHARS}}})\Z")


class Place(NamedTuple):
    """Whose numbers: a project and a name, as they were at the name's creation."""

    project: str
    name: str

    @property
    def folder(self) -> str:
        """Where the claims of this name lie, with a last ``/``."""
        return f"claims/{escape_name(self.project)}/{escape_name(self.name)}/"


def agreed_mode(objects: Objects, *, exclusive: bool) -> Mode:
    """Return how numbers are claimed in this depot, the same for everybody and for ever.

    ``exclusive`` is what a probe found; the first who asks settles it.  Raises ``Conflict`` where
    it was settled as exclusive and the probe found that impossible now.
    """
    try:
        if exclusive:
            settled = create_once(objects, MODE_OBJECT, b"exclusive\n")
        else:
            settled = objects.read(MODE_OBJECT, at_most=MAX_SMALL_BYTES)
    except NotFound:
        objects.create(MODE_OBJECT, b"listed\n")
        return "listed"
    if settled != b"exclusive\n":
        return "listed"
    if not exclusive:
        raise Conflict(
            f"{objects.url} gives numbers by exclusive create, which fails there now",
            hint="reach it by the URL by which it was made, or push to a new place",
        )
    return "exclusive"


def settled_mode(objects: Objects) -> Mode | None:
    """Return how numbers are claimed in this depot; None where nobody has claimed one yet."""
    try:
        settled = objects.read(MODE_OBJECT, at_most=MAX_SMALL_BYTES)
    except NotFound:
        return None
    return "exclusive" if settled == b"exclusive\n" else "listed"


class Claims:
    """The numbers that a depot elsewhere has given out."""

    def __init__(self, objects: Objects, mode: Mode) -> None:
        self._objects = objects
        self._mode = mode

    def take(self, place: Place, number: int, commit: CommitId) -> bool:
        """Claim a number; tell whether it is this commit's, now or from before.

        Who is told False goes on with a higher number than any of ``numbers``.
        """
        if self._mode == "listed":
            return self._take_by_listing(f"{place.folder}{number}/", commit.hex())
        return self._objects.create_exclusively(f"{place.folder}{number}", commit.hex().encode())

    def owner(self, place: Place, number: int) -> CommitId | None:
        """Return the commit that owns a number for ever; None: nobody, or not settled."""
        if self._mode == "listed":
            return self._winner(f"{place.folder}{number}/")
        try:
            data = self._objects.read(f"{place.folder}{number}", at_most=MAX_SMALL_BYTES)
        except (NotFound, Corrupt):  # one that is no claim, however large, is nobody's
            return None
        return _commit_of(data)

    def numbers(self, place: Place) -> list[int]:
        """Return the numbers that anybody has claimed, ascending, holes among them: one listing."""
        return sorted({number for number, _, _ in self._listed(place)})

    def owners(self, place: Place, at_least: int = 0) -> dict[int, CommitId]:
        """Return who owns what, from a number on; a number that nobody has is not in it.

        One listing; exclusive claims are read too, some in parallel.
        """
        listed = [each for each in self._listed(place) if each[0] >= at_least]
        if self._mode == "listed":
            won = ((number, _WON.match(marker)) for number, marker, _ in sorted(listed))
            return {number: CommitId(bytes.fromhex(match[1])) for number, match in won if match}
        whole = sorted(number for number, marker, size in listed if size == COMMIT_CHARS)
        ranges = [Range(f"{place.folder}{number}", 0, COMMIT_CHARS) for number in whole]
        found = zip(whole, map(_commit_of, self._objects.read_ranges(ranges)), strict=True)
        return {number: commit for number, commit in found if commit is not None}

    def owners_of(self, place: Place, numbers: Collection[int]) -> dict[int, CommitId]:
        """Return who owns which of some numbers; a number that nobody has is not in it.

        One listing; where that is not allowed, each exclusive claim is read by its name.
        """
        try:
            return self.owners(place, min(numbers, default=0))
        except RemoteAuth:
            if self._mode == "listed":
                raise
        found = ordered_map(
            lambda number: self.owner(place, number), numbers, workers=READERS, window=READERS
        )
        owned = zip(numbers, found, strict=True)
        return {number: commit for number, commit in owned if commit is not None}

    def _listed(self, place: Place) -> Iterator[tuple[int, str, int]]:
        """Yield numbers with the name below them, empty for exclusive claims, and the size."""
        for each in self._objects.listing(place.folder):
            number, _, marker = each.name.removeprefix(place.folder).partition("/")
            if _NUMBER.match(number) and bool(marker) == (self._mode == "listed"):
                yield int(number), marker, each.size_bytes

    def _take_by_listing(self, folder: str, commit: str) -> bool:
        mine = f"{folder}{commit}-{os.urandom(8).hex()}"
        self._objects.create(mine, commit.encode())
        others = {found for found in self._claimants(folder) if found != commit}
        if not others:
            self._objects.create(f"{folder}won-{commit}", commit.encode())
            return True
        try:
            self._objects.delete(mine)
        except RemoteAuth:  # then it stays, and the number is nobody's
            return False
        time.sleep(random.uniform(0, MAX_WAIT_SECONDS))  # noqa: S311 - so that one of two goes first
        return False

    def _claimants(self, folder: str) -> Iterator[str]:
        for each in self._objects.listing(folder):
            marker = each.name.removeprefix(folder)
            match = _MARKER.match(marker) or _WON.match(marker)
            if match:
                yield match[1]

    def _winner(self, folder: str) -> CommitId | None:
        markers = sorted(each.name.removeprefix(folder) for each in self._objects.listing(folder))
        won = [match for match in map(_WON.match, markers) if match]
        return CommitId(bytes.fromhex(won[0][1])) if won else None


def _commit_of(data: bytes) -> CommitId | None:
    text = data.decode("ascii", "replace")
    return CommitId(bytes.fromhex(text)) if _COMMIT.match(text) else None
