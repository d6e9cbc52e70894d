"""What a place can do: tried, never assumed.

Knows: the tries.  Never: schemes: some servers take conditions and pass over them.
"""

import os
import time
from dataclasses import asdict, dataclass
from typing import Any

from casstore.errors import Corrupt, RemoteAuth, Unsupported
from casstore.remotes.objects import MAX_SMALL_BYTES, Objects, Range
from casstore.remotes.racing import Round, writers_of

__all__ = ["Probe", "probe"]

WRITERS = 2
ROUNDS = 20
SAMPLE_BYTES = 300_000
FOLDER = "probe"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found; kept in ``config.toml``, field by field.

    ``exclusive_create``: in ``rounds`` rounds one of ``writers`` racing writers won, and its bytes
    stayed.  ``delete`` and ``list_after_write`` are also False where that is not permitted;
    ``listing`` says whether listing is.
    """

    exclusive_create: bool
    ranged_reads: bool
    list_after_write: bool
    delete: bool
    writers: int
    rounds: int
    checked_at: str
    listing: bool = True

    def record(self) -> dict[str, Any]:
        """Return the fields, for JSON and TOML."""
        return asdict(self)

    @classmethod
    def of_record(cls, fields: dict[str, Any]) -> "Probe":
        """Read what ``record`` gave; raises ``TypeError`` if it is something else."""
        return cls(**fields)


def probe(objects: Objects, *, writers: int = WRITERS, rounds: int = ROUNDS) -> Probe:
    """Try what a depot elsewhere can do, below ``probe/``; leaves nothing where it may delete.

    Raises ``RemoteError`` if objects cannot be made or read there, ``Corrupt`` if other bytes come
    back than were sent.
    """
    folder = f"{FOLDER}/{os.urandom(8).hex()}"
    ranged = _reads_ranges(objects, f"{folder}/sample")
    names = [f"{folder}/race/{number}" for number in range(rounds)]
    exclusive, made = _creates_exclusively(objects, names, writers)
    listed = _listed(objects, folder)
    deleted = _deletes(objects, [f"{folder}/sample", *names])
    return Probe(
        exclusive_create=exclusive,
        ranged_reads=ranged,
        list_after_write=listed == {f"{folder}/sample", *made},
        delete=deleted,
        writers=writers,
        rounds=rounds,
        checked_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        listing=listed is not None,
    )


def _reads_ranges(objects: Objects, name: str) -> bool:
    sample = os.urandom(SAMPLE_BYTES)
    objects.create(name, sample)
    if objects.read(name, at_most=SAMPLE_BYTES) != sample:
        raise Corrupt(f"{objects.url} gives back other bytes than it was given")
    ranges = [Range(name, 0, 1), Range(name, 1000, 200_000), Range(name, 299_999, SAMPLE_BYTES)]
    parts = list(objects.read_ranges(ranges))
    return parts == [sample[each.start : each.end] for each in ranges]


def _creates_exclusively(
    objects: Objects, names: list[str], writers: int
) -> tuple[bool, list[str]]:
    """Return whether one writer won every round, and the names that are there now."""
    try:
        if not objects.create_exclusively(names[0], b"first"):
            return False, []
    except Unsupported:
        return False, []
    made = [names[0]]
    fair = not objects.create_exclusively(names[0], b"second")
    if fair and names[1:]:
        with writers_of(objects, writers) as racing:
            for name in names[1:]:
                made.append(name)
                fair = _one_won(objects, name, racing.race(name))
                if not fair:
                    break
    return fair, made


def _one_won(objects: Objects, name: str, outcome: list[Round]) -> bool:
    winners = [each.data for each in outcome if each.made]
    return len(winners) == 1 and objects.read(name, at_most=MAX_SMALL_BYTES) == winners[0]


def _listed(objects: Objects, folder: str) -> set[str] | None:
    """Return the names below a folder; None where listing is not allowed."""
    try:
        return {each.name for each in objects.listing(f"{folder}/")}
    except RemoteAuth:
        return None


def _deletes(objects: Objects, names: list[str]) -> bool:
    try:
        for name in names:
            objects.delete(name)
    except RemoteAuth:
        return False
    left = _listed(objects, names[0].rpartition("/")[0])
    return not left  # where nothing may be listed, its word counts
