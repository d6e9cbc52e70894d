"""Writing a bundle: objects go in as they come, and it appears when it is whole.

Knows: parts and their sizes, what each part begins and ends with, temporary names.  Never: what
the objects are, where they come from.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from casstore import durable
from casstore.bundles.about import (
    ABOUT_NAME,
    OWN_NAMES,
    README_NAME,
    SCRIPT_NAME,
    SUMS_NAME,
    About,
    Contents,
    readme,
    sums_line,
    write_about,
)
from casstore.bundles.container import (
    END_BYTES,
    LOCAL_BYTES,
    MAX_MEMBER_BYTES,
    MAX_MEMBERS,
    MAX_ROW_BYTES,
    Directory,
    Member,
    central_row,
    check_name,
    end_records,
    local_header,
)
from casstore.digest import Buffer
from casstore.errors import Conflict, Corrupt, Invalid, NotFound, RemoteError, Unsupported
from casstore.parallel import Lock
from casstore.remotes.objects import Listed, Range

__all__ = ["FORMAT_NAME", "BundleWriter", "part_paths"]

FORMAT_NAME = "FORMAT"
_SCRIPT = Path(__file__).with_name(SCRIPT_NAME)
_SUM_BYTES = 64 + 3
_CLOSING_MEMBERS = 2  # bundle.json and SHA256SUMS
_ROWS_AT_ONCE = 1024


class _Made(NamedTuple):
    """An object that was written: in which part, where in it, and its SHA-256."""

    part: int
    member: Member
    digest: bytes


class BundleWriter:
    """A bundle being written; a depot to those who send objects (``remotes.Objects``).

    ``path`` is what it will be called; with ``part_bytes`` it becomes several files where it is
    larger (``part_paths``), each a whole ZIP.  Objects go whole into one part.  Nothing is there
    under its name before ``publish``, and leaving the bracket without it leaves nothing.  Safe
    across threads.  Memory grows by some 500 bytes an object, of which a part has at most 131,072.
    """

    def __init__(self, path: Path, contents: Contents, *, part_bytes: int | None = None) -> None:
        self.bundle_id = os.urandom(16).hex()
        self._path = Path(os.path.abspath(path))
        self._contents = contents
        self._part_bytes = part_bytes
        self._made: dict[str, _Made] = {}
        self._format = b""
        self._parts: list[_Part] = []
        self._published = False
        self._lock = Lock()
        _refuse_taken(self._path)
        self._begin_part()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Return where this will be, as messages show it."""
        return str(self._path)

    @property
    def requests(self) -> Mapping[str, int]:
        """Return nothing: files of this machine are not asked for anything."""
        return {}

    def create(self, name: str, data: Buffer) -> None:
        """Write an object; the same bytes again is success, others are a ``Conflict``."""
        with self._lock:
            if not self._is_there(name, data):
                self._write(name, data)

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one; tell whether it holds ``data``."""
        try:
            self.create(name, data)
        except Conflict:
            return False
        return True

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of an object that was written, or of a part of it."""
        with self._lock:
            made = self._made.get(name)
            if made is None or name in OWN_NAMES:
                raise NotFound(f"{self.url} holds no {name}")
            size = made.member.size_bytes
            stop = size if end is None else end
            if not 0 <= start <= stop <= size:
                raise RemoteError(f"{name} of {self.url} has {size} bytes, not {stop}")
            return self._parts[made.part].read(made.member.start + start, stop - start)

    def read_ranges(self, ranges: Iterable[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in the order given."""
        return (self.read(*wanted) for wanted in ranges)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every object whose name begins with ``prefix``."""
        with self._lock:
            made = [one.member for one in self._made.values()]
        for member in made:
            if member.name.startswith(prefix):
                yield Listed(member.name, member.size_bytes)

    def delete(self, name: str) -> None:
        """Raise ``Unsupported``: a bundle is written once."""
        raise Unsupported(f"{self.url} is a bundle: {name} cannot be removed from it")

    def publish(self) -> list[Path]:
        """End the last part and give the parts their names, durably; returns them in order."""
        with self._lock:
            self._parts[-1].finish(About(*self._about(), last=True, contents=self._contents))
            names = [self._path]
            if len(self._parts) > 1:
                names = part_paths(self._path, len(self._parts))
            for name in names:
                _refuse_taken(name)
            for part, name in zip(self._parts, names, strict=True):
                durable.install(part.staged, name)
            durable.sync_directory(self._path.parent)
            self._published = True
        return names

    def close(self) -> None:
        """Let go of the files; what was not published is removed."""
        with self._lock:
            for part in self._parts:
                part.close()
                if not self._published:
                    durable.unlink(part.staged)

    def _is_there(self, name: str, data: Buffer) -> bool:
        made = self._made.get(name)
        if made is None:
            return False
        if made.digest != hashlib.sha256(data).digest():
            raise Conflict(f"{self.url} holds another {name}")
        return True

    def _write(self, name: str, data: Buffer) -> None:
        if name in OWN_NAMES:
            raise Invalid(f"{name} is a bundle's own")
        try:
            check_name(name)
        except Corrupt as error:
            raise Invalid(error.message) from error
        if len(data) > MAX_MEMBER_BYTES:
            raise Invalid(f"{name} has {len(data)} bytes, an object of a bundle at most 128 MiB")
        if not self._parts[-1].has_room_for(name, data):
            self._next_part(name, data)
        part = self._parts[-1]
        member = part.add(name, data)
        self._made[name] = _Made(len(self._parts) - 1, member, part.sums[-1][1])
        if name == FORMAT_NAME:
            self._format = bytes(data)

    def _next_part(self, name: str, data: Buffer) -> None:
        if self._part_bytes is None:
            raise Invalid(
                f"a bundle in one file has at most {MAX_MEMBERS} objects",
                hint="split it: --split 4G",
            )
        self._parts[-1].finish(About(*self._about(), last=False, contents=self._contents))
        self._begin_part()
        if not self._parts[-1].has_room_for(name, data):
            raise Invalid(
                f"parts of {self._part_bytes} bytes cannot hold {name}, which has {len(data)}",
                hint="make them larger: --split 100M or more",
            )

    def _begin_part(self) -> None:
        staged = self._path.with_name(f".{self._path.name}.{os.urandom(8).hex()}")
        part = _Part(staged, self._part_bytes)
        self._parts.append(part)
        about = About(*self._about(), last=False, contents=self._contents)
        part.reserve(len(write_about(about)))
        part.add(README_NAME, readme(about))
        part.add(SCRIPT_NAME, _SCRIPT.read_bytes())
        if self._format:
            part.add(FORMAT_NAME, self._format)

    def _about(self) -> tuple[str, int]:
        return self.bundle_id, len(self._parts)


class _Part:
    """One file of a bundle, from its first member to its end."""

    def __init__(self, staged: Path, limit_bytes: int | None) -> None:
        self.staged = staged
        self.sums: list[tuple[str, bytes]] = []
        self._limit = limit_bytes
        self._members: list[Member] = []
        self._closing = END_BYTES
        self._file = durable.create(staged)
        self._reading = os.open(staged, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def reserve(self, about_bytes: int) -> None:
        """Keep room for what stands at the end of every part."""
        names = len(ABOUT_NAME) + len(SUMS_NAME)
        self._closing += about_bytes + _SUM_BYTES + _CLOSING_MEMBERS * (LOCAL_BYTES + MAX_ROW_BYTES)
        self._closing += 2 * names

    def has_room_for(self, name: str, data: Buffer) -> bool:
        """Tell whether a member still goes in, with what must come after it."""
        if len(self._members) + 1 + _CLOSING_MEMBERS > MAX_MEMBERS:
            return False
        needed = LOCAL_BYTES + len(name) + len(data) + _closing_bytes(name)
        return self._limit is None or self._end + needed + self._closing <= self._limit

    def add(self, name: str, data: Buffer) -> Member:
        """Write a member."""
        member = Member(name, zlib.crc32(data), len(data), self._end)
        self._file.append(local_header(name, member.crc, member.size_bytes))
        self._file.append(data)
        self._members.append(member)
        self.sums.append((name, hashlib.sha256(data).digest()))
        self._closing += _closing_bytes(name)
        return member

    def read(self, start: int, size: int) -> bytes:
        """Return bytes that were written."""
        return durable.read_at(self._reading, size, start)

    def finish(self, about: About) -> None:
        """Write the last members and the directory, and make the contents durable."""
        self.add(ABOUT_NAME, write_about(about))
        self.add(SUMS_NAME, b"".join(sums_line(digest, name) for name, digest in self.sums))
        offset = self._end
        for first in range(0, len(self._members), _ROWS_AT_ONCE):
            rows = map(central_row, self._members[first : first + _ROWS_AT_ONCE])
            self._file.append(b"".join(rows))
        directory = Directory(len(self._members), offset, self._file.size_bytes - offset)
        self._file.append(end_records(directory))
        self._file.sync()
        self._file.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        os.close(self._reading)

    @property
    def _end(self) -> int:
        return self._file.size_bytes


def part_paths(path: Path, count: int) -> list[Path]:
    """Return what the parts of a bundle at ``path`` are called: ``a.1.zip``, ``a.2.zip`` ..."""
    width = len(str(count))
    return [
        path.with_name(f"{path.stem}.{number:0{width}d}{path.suffix}")
        for number in range(1, count + 1)
    ]


def _closing_bytes(name: str) -> int:
    """Return how much a member adds to the end of a part: its row and its line of sums."""
    return MAX_ROW_BYTES + _SUM_BYTES + len(name)


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise Conflict(f"{path} is there already", hint="nothing was written; choose another name")
