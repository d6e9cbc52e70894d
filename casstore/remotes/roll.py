"""The roll of a depot: entries that name what was created in it, for readers who may not list.

Knows: their bytes, which earlier ones an entry stands for.  Never: where they come from.

Entry *n* stands for itself and for those before it, down to its ``first``: as a rule as many as the
lowest bit of *n* says (Fenwick, "A new data structure for cumulative frequency tables", 1994).  So
all that *n* entries name is in at most log2 *n* of them, and a name is written again as rarely.
``exchange/FORMAT.md`` specifies the bytes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.remotes.objects import MAX_OBJECT_BYTES, MAX_SMALL_BYTES

__all__ = [
    "FOLDERS",
    "LISTS",
    "MAX_LIST_BYTES",
    "ROLL",
    "Entry",
    "entry_name",
    "first_of",
    "is_named",
    "path_down",
    "read_entry",
    "read_list",
    "write_entry",
    "write_lists",
]

ROLL = "roll/"
LISTS = "roll/lists/"
FOLDERS = ("journal/", "index/", "packs/", "roots/")
"""What a roll names: what is found by listing, but for claims, of which none may be missed."""

MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_NUMBER = 10**12 - 1

_HEAD = re.compile(r"casstore-roll ([0-9]{1,6}) ([1-9][0-9]{0,11}) [0-9a-f]{16}\Z")
_LINE = re.compile(r"(0|[1-9][0-9]{0,11}) ([a-z]+(?:/[A-Za-z0-9_\-]+)+)\Z", re.ASCII)
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says: the ``first`` one that it stands for, sizes in bytes by name.

    ``lists`` are objects that name more.
    """

    first: int
    names: dict[str, int]
    lists: dict[str, int]


def is_named(name: str) -> bool:
    """Tell whether an object is one of those that a roll names."""
    return name.startswith(FOLDERS)


def entry_name(number: int) -> str:
    """Return the name of an entry, from 1."""
    return f"{ROLL}{number:012d}"


def first_of(number: int) -> int:
    """Return the first entry that one stands for, as a rule."""
    return number - (number & -number) + 1


def path_down(number: int) -> Iterator[int]:
    """Yield the entries that say all that entries up to ``number`` say, as a rule."""
    while number > 0:
        yield number
        number = first_of(number) - 1


def write_entry(first: int, nonce: str, names: Mapping[str, int]) -> bytes | None:
    """Return the bytes of an entry; None if it would be too large for one.

    ``nonce``: 16 hex characters that nobody else draws.  ``names`` may be names of lists.
    """
    text = f"casstore-roll {_VERSION} {first} {nonce}\n{_lines(names)}".encode()
    data = text + digest_of(text).hex().encode() + b"\n"
    return data if len(data) < MAX_SMALL_BYTES else None


def write_lists(names: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Yield objects, name and bytes, that hold what an entry is too small for."""
    part: dict[str, int] = {}
    room = MAX_LIST_BYTES
    for name, size in sorted(names.items()):
        needed = len(name) + 14
        if needed > room:
            yield _list_of(part)
            part, room = {}, MAX_LIST_BYTES
        part[name] = size
        room -= needed
    if part:
        yield _list_of(part)


def read_entry(number: int, data: bytes, where: str) -> Entry:
    """Return what an entry says; raises ``Corrupt``, or ``Unsupported`` for a later format."""
    text, damage = data[:-65], _damage(entry_name(number), where)
    head, _, rest = text.decode("ascii", "replace").partition("\n")
    match = _HEAD.match(head)
    if match is None or data[-65:] != digest_of(text).hex().encode() + b"\n":
        raise damage
    if int(match[1]) > _VERSION:
        raise Unsupported(
            f"{entry_name(number)} of {where} has the later format {match[1]}",
            hint="upgrade casstore",
        )
    first = int(match[2])
    if first > number:
        raise damage
    names, lists = _names(rest, damage)
    return Entry(first, names, lists)


def read_list(name: str, data: bytes, where: str) -> dict[str, int]:
    """Return what a list names; raises ``Corrupt``."""
    damage = _damage(name, where)
    if name != f"{LISTS}{digest_of(data).hex()}":
        raise damage
    names, lists = _names(data.decode("ascii", "replace"), damage)
    if lists:
        raise damage
    return names


def _lines(names: Mapping[str, int]) -> str:
    return "".join(f"{size} {name}\n" for name, size in sorted(names.items()))


def _list_of(names: Mapping[str, int]) -> tuple[str, bytes]:
    data = _lines(names).encode()
    return f"{LISTS}{digest_of(data).hex()}", data


def _names(text: str, damage: Corrupt) -> tuple[dict[str, int], dict[str, int]]:
    """Return the objects of a depot and the lists among lines."""
    names: dict[str, int] = {}
    lists: dict[str, int] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            raise damage
        size, name = int(match[1]), match[2]
        if name.startswith(LISTS) and 0 < size <= MAX_LIST_BYTES:
            lists[name] = size
        elif is_named(name) and size <= MAX_OBJECT_BYTES:
            names[name] = size
        else:
            raise damage
    return names, lists


def _damage(name: str, where: str) -> Corrupt:
    return Corrupt(
        f"{name} of {where} is damaged",
        hint="push something there with credentials that may list: the roll is mended then",
    )
