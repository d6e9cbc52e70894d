"""The ZIP of a bundle: members stored as they are, one after the other, and a list at the end.

Knows: local headers, the central directory, the ZIP64 end; what is refused.  Never: files, depots.
Specification: ``FORMAT.md``.

It is the part of PKWARE's APPNOTE 6.3 that a write-once file needs, in one form only: what is read
is written again and compared, so nothing in it can lie.
"""

import re
import struct
from typing import NamedTuple

from casstore.digest import Buffer
from casstore.errors import Corrupt
from casstore.names import one_line

__all__ = [
    "END_BYTES",
    "LOCAL_BYTES",
    "MAX_MEMBERS",
    "MAX_MEMBER_BYTES",
    "MAX_NAME_CHARS",
    "MAX_ROW_BYTES",
    "Directory",
    "Member",
    "central_row",
    "check_name",
    "end_records",
    "local_header",
    "parse_directory",
    "parse_end",
]

MAX_MEMBERS = 131_072
MAX_MEMBER_BYTES = 128 * 1024 * 1024
MAX_NAME_CHARS = 255

_LOCAL = struct.Struct("<4s5H3I2H")
_ROW = struct.Struct("<4s6H3I5H2I")
_WIDE = struct.Struct("<2HQ")  # the ZIP64 extra field of a row: its kind, 8 bytes, the offset
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")

LOCAL_BYTES = _LOCAL.size
END_BYTES = _END64.size + _LOCATOR.size + _END.size
MAX_ROW_BYTES = _ROW.size + MAX_NAME_CHARS + _WIDE.size

_NEEDS = 20  # version 2.0 of the specification: folders, and nothing that this uses
_NEEDS_WIDE = 45  # version 4.5: ZIP64
_MADE_BY = 3 << 8 | _NEEDS_WIDE  # Unix
_DATE = 1 << 5 | 1  # 1980-01-01, the first there is: bundles hold no times of members
_MODE = 0o100644 << 16
_U16, _U32 = 0xFFFF, 0xFFFFFFFF

_NAME = re.compile(r"[A-Za-z0-9_%-][A-Za-z0-9._%-]*(?:/[A-Za-z0-9_%-][A-Za-z0-9._%-]*)*\Z")
_ENCRYPTED = 1


class Member(NamedTuple):
    """One member: ``offset`` is where its local header begins, ``crc`` the CRC-32 of its bytes."""

    name: str
    crc: int
    size_bytes: int
    offset: int

    @property
    def start(self) -> int:
        """Where its bytes begin."""
        return self.offset + LOCAL_BYTES + len(self.name)

    @property
    def end(self) -> int:
        """Where its bytes end, and the next member begins."""
        return self.start + self.size_bytes


class Directory(NamedTuple):
    """Where the central directory lies, and how many members it lists."""

    members: int
    offset: int
    size_bytes: int


def check_name(name: str) -> str:
    """Return ``name`` if a member may have it: relative, of safe characters; else ``Corrupt``."""
    if len(name) > MAX_NAME_CHARS or not _NAME.match(name):
        raise Corrupt(f"a member is called {one_line(name[:80])!r}, which none of a bundle is")
    return name


def local_header(name: str, crc: int, size_bytes: int) -> bytes:
    """Return what stands before a member's bytes."""
    head = (b"PK\3\4", _NEEDS, 0, 0, 0, _DATE, crc, size_bytes, size_bytes, len(name), 0)
    return _LOCAL.pack(*head) + name.encode("ascii")


def central_row(member: Member) -> bytes:
    """Return a member's row of the central directory."""
    name, crc, size, offset = member
    extra = _WIDE.pack(1, 8, offset) if offset >= _U32 else b""
    needs = _NEEDS_WIDE if extra else _NEEDS
    sizes = (crc, size, size, len(name), len(extra))
    head = (b"PK\1\2", _MADE_BY, needs, 0, 0, 0, _DATE)
    row = _ROW.pack(*head, *sizes, 0, 0, 0, _MODE, min(offset, _U32))
    return row + name.encode("ascii") + extra


def end_records(directory: Directory) -> bytes:
    """Return what follows the central directory: the ZIP64 end, its locator, the end."""
    count, offset, size = directory
    end64 = _END64.pack(
        *(b"PK\6\6", _END64.size - 12, _MADE_BY, _NEEDS_WIDE, 0, 0, count, count, size, offset)
    )
    locator = _LOCATOR.pack(b"PK\6\7", 0, offset + size, 1)
    few = min(count, _U16)
    end = _END.pack(b"PK\5\6", 0, 0, few, few, min(size, _U32), min(offset, _U32), 0)
    return end64 + locator + end


def parse_end(tail: bytes, file_bytes: int) -> Directory:
    """Read the last ``END_BYTES`` bytes of a bundle; raises ``Corrupt`` if they are not its end."""
    if len(tail) != END_BYTES or tail[:4] != b"PK\6\6":
        raise Corrupt("it does not end as a bundle does: it was cut short, damaged, or is none")
    *_, count, _, size, offset = _END64.unpack_from(tail)
    directory = Directory(count, offset, size)
    if count > MAX_MEMBERS or size > count * MAX_ROW_BYTES:
        raise Corrupt(f"it lists {count} members, and a bundle has at most {MAX_MEMBERS}")
    if offset + size + END_BYTES != file_bytes or end_records(directory) != tail:
        raise Corrupt("its last records are not those that were written")
    return directory


def parse_directory(data: Buffer, directory: Directory) -> list[Member]:
    """Read the central directory; raises ``Corrupt`` unless its members fill the file exactly.

    Refused by name: members that are compressed, encrypted, too large, called alike, or called
    what no member may be.
    """
    members: list[Member] = []
    names: set[str] = set()
    place = end = 0
    for _ in range(directory.members):
        member, place = _parse_row(data, place)
        if member.name in names:
            raise Corrupt(f"two members are called {member.name}")
        if member.offset != end:
            raise Corrupt(f"member {member.name} does not follow the one before it")
        names.add(member.name)
        members.append(member)
        end = member.end
    if place != len(data) or end != directory.offset:
        raise Corrupt("its members do not fill it")
    return members


def _parse_row(data: Buffer, place: int) -> tuple[Member, int]:
    if place + _ROW.size > len(data):
        raise Corrupt("its list of members is cut short")
    row = _ROW.unpack_from(data, place)
    name_bytes, extra_bytes, offset = row[10], row[11], row[16]
    start = place + _ROW.size
    end = start + name_bytes + extra_bytes
    name = check_name(bytes(data[start : start + name_bytes]).decode("ascii", "replace"))
    if row[3] & _ENCRYPTED or row[4] or row[8] != row[9]:
        raise Corrupt(f"member {name} is compressed or encrypted: a bundle's members are stored")
    if row[9] > MAX_MEMBER_BYTES:
        raise Corrupt(f"member {name} is said to have {row[9]} bytes, which none has")
    if extra_bytes == _WIDE.size and end <= len(data):
        offset = _WIDE.unpack_from(data, end - extra_bytes)[2]
    member = Member(name, row[7], row[9], offset)
    if central_row(member) != data[place:end]:
        raise Corrupt(f"the row of member {name} is not the one that was written")
    return member, end
