"""Counting what collections hold, without reading versions whole.

Knows: which rows say who is a member.  Never: how rows came about, LMDB, what is shown.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from casstore.digest import COMMIT_ID_SIZE
from casstore.journal import cards, keys, queries
from casstore.journal.cards import NodeId, VersionCard
from casstore.journal.table import StateReader
from casstore.journal.views import VersionView

__all__ = ["Held", "census"]

BATCH = 1000


class Held(NamedTuple):
    """What one collection holds: how many versions that are not deleted, and the newest of them.

    The newest has the highest number of the numbering that was asked for; ``number`` is None where
    no version has one.
    """

    versions: int
    number: int | None
    size: int
    entries: int
    time: int

    def with_(self, other: "Held") -> "Held":
        """Return both together."""
        is_newer = (-1 if other.number is None else other.number) > (
            -1 if self.number is None else self.number
        )
        newest = other if is_newer else self
        return newest._replace(versions=self.versions + other.versions)


def census(table: StateReader, project: str, numbering: bytes) -> dict[str, Held]:
    """Return what the collections of a project hold, by name; empty ones are left out."""
    found: dict[str, Held] = {}
    linked: set[str] = set()
    for name, number, commit, card in _members(table, project):
        if (card.project, card.name) != (project, name):
            linked.add(name)
        elif card.number == number and (not card.deletes or queries.is_alive(table, commit)):
            one = Held(1, _number(card, numbering), card.size, card.entries, card.time)
            found[name] = found[name].with_(one) if name in found else one
    for name in linked:  # few: what a link says stands in the version's row only
        found.pop(name, None)
        for view in filter(_has_arrived, queries.versions(table, project, name)):
            ref = view.manifest
            one = Held(1, _number(view, numbering), ref.size, ref.entries, view.created_at)
            found[name] = found[name].with_(one) if name in found else one
    return found


def _has_arrived(view: VersionView) -> bool:
    return view.complete


def _number(known: VersionCard | VersionView, numbering: bytes) -> int | None:
    return known.number if known.numbering == numbering else None


def _members(
    table: StateReader, project: str
) -> Iterator[tuple[str, int | None, NodeId, VersionCard]]:
    """Yield (collection, number of the row, commit, card) of every member.

    A commit that several events gave numbers has several rows; its card has the number that stands.
    """
    rows = chain(
        _rows(table, keys.numbers_of(project), 8), _rows(table, keys.unnumbereds_of(project), 0)
    )
    while batch := list(islice(rows, BATCH)):
        found = cards.cards(table, [commit for _, _, commit in batch])
        for (name, number, commit), card in zip(batch, found, strict=True):
            if isinstance(card, VersionCard) and card.deletes is not None:
                yield name, number, commit, card


def _rows(
    table: StateReader, prefix: bytes, digits: int
) -> Iterator[tuple[str, int | None, NodeId]]:
    start, end = len(prefix), -COMMIT_ID_SIZE - digits
    for key, _ in table.scan(prefix):
        number = int.from_bytes(key[end:-COMMIT_ID_SIZE], "big") if digits else None
        yield key[start : end - 1].decode(), number, NodeId(key[-COMMIT_ID_SIZE:])
