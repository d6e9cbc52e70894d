"""One file of a bundle while it is written, from its first member to its end.

Knows: members one after the other, what stands at the end of every part.  Never: other parts.
"""

import hashlib
import zlib
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from casstore import durable
from casstore.bundles.about import (
    ABOUT_NAME,
    README_NAME,
    SCRIPT_NAME,
    SUMS_NAME,
    About,
    readme,
    sums_line,
    write_about,
)
from casstore.bundles.container import (
    END_BYTES,
    LOCAL_BYTES,
    MAX_MEMBERS,
    MAX_ROW_BYTES,
    Directory,
    Member,
    central_row,
    end_records,
    local_header,
)
from casstore.digest import Buffer

__all__ = ["Part", "Stored", "closing_bytes", "taken_bytes"]

SCRIPT = Path(__file__).with_name(SCRIPT_NAME)
OWN_MEMBERS = 4
ROWS_AT_ONCE = 1024
SUM_BYTES = 64 + 3  # the digits, two spaces, a line feed


class Stored(NamedTuple):
    """A member that was written, and its SHA-256."""

    member: Member
    digest: bytes

    def is_of(self, data: Buffer) -> bool:
        """Tell whether these are its bytes."""
        return self.digest == hashlib.sha256(data).digest()


class Part:
    """A file being written under a temporary name.

    ``size_bytes`` is what it would have if it ended now, without the members of its own.
    """

    def __init__(self, staged: Path) -> None:
        self.staged = staged
        self.size_bytes = END_BYTES
        self._stored: list[Stored] = []
        self._file = durable.create(staged)

    @property
    def full(self) -> bool:
        """Whether it has as many members as a part may have."""
        return len(self._stored) + OWN_MEMBERS >= MAX_MEMBERS

    def add(self, name: str, data: Buffer) -> Stored:
        """Write a member."""
        member = Member(name, zlib.crc32(data), len(data), self._file.size_bytes)
        self._file.append(local_header(name, member.crc, member.size_bytes))
        self._file.append(data)
        stored = Stored(member, hashlib.sha256(data).digest())
        self._stored.append(stored)
        self.size_bytes += taken_bytes(name, len(data))
        return stored

    def read(self, member: Member, start: int, end: int) -> bytes:
        """Return bytes of a member that was written."""
        with self.staged.open("rb") as stream:
            stream.seek(member.start + start)
            return stream.read(end - start)

    def finish(self, about: About) -> None:
        """Write the members of its own and the directory, and make the contents durable."""
        self.add(README_NAME, readme(about))
        self.add(SCRIPT_NAME, SCRIPT.read_bytes())
        self.add(ABOUT_NAME, write_about(about))
        sums = [sums_line(stored.digest, stored.member.name) for stored in self._stored]
        self.add(SUMS_NAME, b"".join(sums))
        offset = self._file.size_bytes
        rows = (central_row(stored.member) for stored in self._stored)
        while group := list(islice(rows, ROWS_AT_ONCE)):
            self._file.append(b"".join(group))
        directory = Directory(len(self._stored), offset, self._file.size_bytes - offset)
        self._file.append(end_records(directory))
        self._file.sync()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def taken_bytes(name: str, size_bytes: int) -> int:
    """Return what a member adds to a part at most: itself, its headers, its line of sums."""
    return LOCAL_BYTES + size_bytes + MAX_ROW_BYTES + 2 * len(name) + SUM_BYTES


def closing_bytes(about: About) -> int:
    """Return what the members of its own add to a part at most."""
    sizes = {
        README_NAME: len(readme(about)),
        SCRIPT_NAME: SCRIPT.stat().st_size,
        ABOUT_NAME: len(write_about(about)),
        SUMS_NAME: OWN_MEMBERS * SUM_BYTES,
    }
    return sum(taken_bytes(name, size) for name, size in sizes.items())
