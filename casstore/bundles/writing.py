"""Writing a bundle: objects go in as they come, and it appears when it is whole.

Knows: parts and their sizes, what each of them holds, temporary names.  Never: what the objects
say, where they come from.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from casstore import durable
from casstore.bundles.about import FORMAT_NAME, MAX_PARTS, OWN_NAMES, About, Contents
from casstore.bundles.container import MAX_MEMBER_BYTES, MAX_MEMBERS, check_name
from casstore.bundles.part import Part, Stored, closing_bytes, taken_bytes
from casstore.digest import Buffer
from casstore.errors import Conflict, Corrupt, Invalid, NotFound, RemoteError, Unsupported
from casstore.parallel import Lock
from casstore.remotes.objects import MAX_OBJECT_BYTES, Listed, Range, too_large

__all__ = ["BundleWriter", "part_paths"]

MAX_VERSIONS = 100_000  # bundle.json is a member, and so has 128 MiB at most
EVENTS_FOLDER = "journal/"
EVENTS_ROOM_BYTES = 64 * 1024  # for what is said meanwhile


class _Made(NamedTuple):
    """An object that was written: in which part, and what and where it is there."""

    part: int
    stored: Stored


class BundleWriter:
    """A bundle being written; a depot to those who send objects (``remotes.Objects``).

    ``path`` is what it will be called; with ``part_bytes`` it becomes several files where it is
    larger (``part_paths``), each a whole ZIP.  Objects go whole into one part, but FORMAT and the
    events into each, so that the parts may be applied in any order.  Nothing is there under its
    name before ``publish``, and leaving the bracket without it leaves nothing.  Safe across
    threads.  Memory grows by less than 1 kB an object, of which a part has at most 131,072.
    """

    def __init__(self, path: Path, contents: Contents, *, part_bytes: int | None = None) -> None:
        self.bundle_id = os.urandom(16).hex()
        self._path = Path(os.path.abspath(path))
        self._contents = contents
        self._limit = part_bytes
        self._made: dict[str, _Made] = {}
        self._parts: list[Part] = []
        self._published = False
        self._lock = Lock()
        if len(contents.versions) > MAX_VERSIONS:
            raise Invalid(
                f"a bundle has at most {MAX_VERSIONS} versions, not {len(contents.versions)}",
                hint="make several bundles",
            )
        self._closing = closing_bytes(About(self.bundle_id, MAX_PARTS, MAX_PARTS, contents))
        self._events_bytes = 0
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
        self.discard()

    def keep_room(self, events_bytes: int) -> None:
        """Leave so much of each part for events, which come last."""
        self._events_bytes = events_bytes + EVENTS_ROOM_BYTES

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
            made = self._made.get(name)
            if made is None:
                self._write(name, data)
            elif not made.stored.is_of(data):
                raise Conflict(f"{self.url} holds another {name}")

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one; tell whether it holds ``data``."""
        try:
            self.create(name, data)
        except Conflict:
            return False
        return True

    def read(
        self, name: str, start: int = 0, end: int | None = None, *, at_most: int = MAX_OBJECT_BYTES
    ) -> bytes:
        """Return the bytes of an object that was written, or of a part of it."""
        with self._lock:
            made = self._made.get(name)
            if made is None:
                raise NotFound(f"{self.url} holds no {name}")
            member = made.stored.member
            stop = member.size_bytes if end is None else end
            if end is None and stop - start > at_most:
                raise too_large(self.url, name, at_most)
            if not 0 <= start <= stop <= member.size_bytes:
                raise RemoteError(f"{name} of {self.url} has {member.size_bytes} bytes, not {stop}")
            return self._parts[made.part].read(member, start, stop)

    def read_ranges(self, ranges: Iterable[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in the order given."""
        return (self.read(*wanted) for wanted in ranges)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every object whose name begins with ``prefix``."""
        with self._lock:
            members = [made.stored.member for made in self._made.values()]
        for member in members:
            if member.name.startswith(prefix):
                yield Listed(member.name, member.size_bytes)

    def delete(self, name: str) -> None:
        """Raise ``Unsupported``: a bundle is written once."""
        raise Unsupported(f"{self.url} is a bundle: {name} cannot be removed from it")

    def close(self) -> None:
        """Do nothing: a bundle ends with ``publish`` or with its bracket."""

    def publish(self) -> list[Path]:
        """End the parts and give them their names, durably; returns those in order."""
        with self._lock:
            count = len(self._parts)
            names = part_paths(self._path, count) if count > 1 else [self._path]
            for name in names:
                _refuse_taken(name)
            for number, part in enumerate(self._parts):
                self._share(number)
                part.finish(About(self.bundle_id, number + 1, count, self._contents))
            self._name(names)
            durable.sync_directory(self._path.parent)
            self._published = True
        return names

    def _name(self, names: list[Path]) -> None:
        """Give the parts their names, or none of them one: somebody may have taken it just now."""
        named: list[Path] = []
        try:
            for part, name in zip(self._parts, names, strict=True):
                durable.install_new(part.staged, name)
                named.append(name)
        except BaseException as error:
            for name in named:
                durable.unlink(name)
            if not isinstance(error, FileExistsError):
                raise
            raise _taken(names[len(named)]) from None

    def discard(self) -> None:
        """Let go of the files; what was not published is removed."""
        with self._lock:
            for part in self._parts:
                part.close()
                if not self._published:
                    durable.unlink(part.staged)

    def _write(self, name: str, data: Buffer) -> None:
        if self._published:
            raise Unsupported(f"{self.url} is a bundle: {name} cannot be added to it")
        if name in OWN_NAMES:
            raise Invalid(f"{name} is a bundle's own")
        try:
            check_name(name)
        except Corrupt as error:
            raise Invalid(error.message) from error
        if len(data) > MAX_MEMBER_BYTES:
            raise Invalid(f"{name} has {len(data)} bytes, an object of a bundle at most 128 MiB")
        if not (_is_shared(name) or self._has_room(name, data)):
            self._next_part(name, data)
        self._made[name] = _Made(len(self._parts) - 1, self._parts[-1].add(name, data))

    def _has_room(self, name: str, data: Buffer) -> bool:
        part = self._parts[-1]
        size = part.size_bytes + taken_bytes(name, len(data)) + self._closing + self._events_bytes
        return not part.full and (self._limit is None or size <= self._limit)

    def _next_part(self, name: str, data: Buffer) -> None:
        if self._limit is None or len(self._parts) == MAX_PARTS:
            raise Invalid(
                f"a bundle has at most {MAX_PARTS} parts, each of at most {MAX_MEMBERS} objects",
                hint="split it, into larger parts: --split 4G",
            )
        self._begin_part()
        if not self._has_room(name, data):
            raise Invalid(
                f"parts of {self._limit} bytes cannot hold {name}, which has {len(data)}",
                hint="make them larger: --split 100M or more",
            )

    def _begin_part(self) -> None:
        staged = self._path.with_name(f".{self._path.name}.{os.urandom(8).hex()}")
        self._parts.append(Part(staged))

    def _share(self, number: int) -> None:
        """Put into a part what each holds and it has not yet."""
        part = self._parts[number]
        for name, made in self._made.items():
            if _is_shared(name) and made.part != number:
                member = made.stored.member
                part.add(name, self._parts[made.part].read(member, 0, member.size_bytes))
        if self._limit is not None and part.size_bytes + self._closing > self._limit:
            raise Conflict(
                "more was said of the versions while they were written than there was room for",
                hint="nothing was written; call again",
            )


def part_paths(path: Path, count: int) -> list[Path]:
    """Return what the parts of a bundle at ``path`` are called: ``a.1.zip``, ``a.2.zip`` ..."""
    width = len(str(count))
    return [
        path.with_name(f"{path.stem}.{number:0{width}d}{path.suffix}")
        for number in range(1, count + 1)
    ]


def _is_shared(name: str) -> bool:
    return name == FORMAT_NAME or name.startswith(EVENTS_FOLDER)


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> Conflict:
    return Conflict(f"{path} is there already", hint="nothing was written; choose another name")
