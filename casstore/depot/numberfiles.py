"""What a store's own numbers depend on besides its events: whom it follows, what was accepted.

Knows: ``numbers/upstream/<n>`` and ``numbers/accepted/<project>/<name>/<id>``.
Never: events, what a number means.  None of it is transferred; a copy of the store has it too.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from casstore import durable
from casstore.depot.authority import AUTHORITY_SIZE
from casstore.depot.claims import escape_name
from casstore.digest import CommitId, digest_of
from casstore.encoding import canonical_json

__all__ = ["Accepted", "NumberFiles"]

Accepted: TypeAlias = tuple[int, CommitId]
"""A number, and the commit that somebody agreed it means now."""

ID_CHARS = 32
NOBODY = b"none\n"

_NUMBER = re.compile(r"(0|[1-9][0-9]*)\Z", re.ASCII)


class NumberFiles:
    """The upstreams that one store has followed, and the numbers that were accepted in it."""

    def __init__(self, root: Path) -> None:
        self._root = root / "numbers"

    def followed(self) -> list[bytes | None]:
        """Return the authorities that were followed, in order, the present one last.

        None stands for following nobody.  A file that was cut short counts as none at all.
        """
        folder = self._root / "upstream"
        found = [_authority((folder / str(number)).read_bytes()) for number in _numbers(folder)]
        return [None if data == NOBODY else data for data in found if data is not None]

    def follow(self, authority: bytes | None, staging: Path) -> None:
        """Follow an authority, or nobody, from now on; nothing happens if that is so already."""
        data = NOBODY if authority is None else authority.hex().encode() + b"\n"
        folder = self._folder("upstream")
        while (self.followed() or [None])[-1] != authority:
            number = max(_numbers(folder), default=-1) + 1
            try:
                durable.create_exclusive(folder / str(number), data, staging)
            except FileExistsError:
                continue  # another process was first; perhaps it said the same

    def accepted(self, project: str, name: str) -> frozenset[Accepted]:
        """Return every (number, commit) of a collection that was accepted."""
        folder = self._root / "accepted" / escape_name(project) / escape_name(name)
        found: set[Accepted] = set()
        for file in durable.names_in(folder):
            found |= _pairs(file, (folder / file).read_bytes())
        return frozenset(found)

    def accept(self, project: str, name: str, pairs: Iterable[Accepted], staging: Path) -> None:
        """Remember that numbers of a collection mean these commits; what was accepted stays so."""
        rows = sorted([number, commit.hex()] for number, commit in pairs)
        data = canonical_json(rows).encode() + b"\n"
        path = self._folder("accepted", escape_name(project), escape_name(name)) / _id_of(data)
        try:
            durable.create_exclusive(path, data, staging)
        except FileExistsError:  # names are bound to content
            if path.read_bytes() != data:  # it was cut short
                durable.replace_file(path, data)

    def _folder(self, *names: str) -> Path:
        folder = self._root
        durable.make_directory(folder)
        for name in names:
            folder /= name
            durable.make_directory(folder)
        return folder


def _numbers(folder: Path) -> list[int]:
    return sorted(int(name) for name in durable.names_in(folder) if _NUMBER.match(name))


def _authority(data: bytes) -> bytes | None:
    """Return what a file of followed upstreams says; None if it says nothing whole."""
    if data == NOBODY:
        return NOBODY
    try:
        authority = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        return None
    return authority if len(authority) == AUTHORITY_SIZE and data.endswith(b"\n") else None


def _id_of(data: bytes) -> str:
    return digest_of(data).hex()[:ID_CHARS]


def _pairs(file: str, data: bytes) -> set[Accepted]:
    """Return what a file of accepted numbers says; nothing if its name is not that of its bytes."""
    if file != _id_of(data):
        return set()
    rows = json.loads(data)
    return {(int(number), CommitId(bytes.fromhex(commit))) for number, commit in rows}
