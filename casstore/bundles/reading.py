"""Reading bundles: several files, any parts of any bundles, as one depot of objects.

Knows: which file holds which object, that every byte of a file's structure is as written.
Never: what the objects are; their bytes are checked by those who know their digests.
"""

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from casstore import durable
from casstore.bundles.about import (
    ABOUT_NAME,
    FORMAT_NAME,
    OWN_NAMES,
    README_NAME,
    SCRIPT_NAME,
    SUMS_NAME,
    About,
    read_about,
)
from casstore.bundles.container import (
    END_BYTES,
    LOCAL_BYTES,
    Member,
    local_header,
    parse_directory,
    parse_end,
)
from casstore.bundles.writing import part_paths
from casstore.errors import Corrupt, FileMissing, Invalid, NotFound, Unsupported
from casstore.remotes.objects import MAX_OBJECT_BYTES, Listed, Range, too_large

__all__ = ["BundleFile", "BundleReader", "parts_beside"]

_HINT = "copy it again from where it was made"
_PART_NAME = re.compile(r"(.+)\.[0-9]+(\.[^.]*)?\Z", re.DOTALL)


class BundleFile:
    """One file of a bundle, its structure checked from end to end when it is opened.

    Raises ``FileMissing``, ``Invalid`` for what is no file, ``Corrupt`` naming the file,
    ``Unsupported`` for a later format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise Invalid(f"{path} is no file", hint="name a bundle")
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            raise FileMissing(f"{path}: no such file", hint="name a bundle") from None
        try:
            self.size_bytes = os.fstat(self._descriptor).st_size
            self.members = {member.name: member for member in self._listed()}
            self.about = self._own()
        except BaseException as error:
            self.close()
            if isinstance(error, Corrupt):
                raise self.damaged(error.message) from error
            raise

    def damaged(self, message: str) -> Corrupt:
        """Return the error that says what is wrong with this file."""
        return Corrupt(f"{self.path}: {message}", hint=_HINT)

    def content(self, member: Member) -> bytes:
        """Return a member's bytes; raises ``Corrupt`` if they are not those of its CRC-32."""
        data = self.raw(member)
        if zlib.crc32(data) != member.crc:
            raise self.damaged(f"member {member.name} is damaged")
        return data

    def raw(self, member: Member, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes of a member as they are in the file now."""
        stop = member.size_bytes if end is None else end
        if not 0 <= start <= stop <= member.size_bytes:
            raise self.damaged(f"{member.name} has {member.size_bytes} bytes, not {stop}")
        data = durable.read_at(self._descriptor, stop - start, member.start + start)
        if len(data) < stop - start:
            raise self.damaged(f"it ends within {member.name}")
        return data

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)

    def _listed(self) -> list[Member]:
        tail = durable.read_at(self._descriptor, END_BYTES, max(0, self.size_bytes - END_BYTES))
        directory = parse_end(tail, self.size_bytes)
        rows = durable.read_at(self._descriptor, directory.size_bytes, directory.offset)
        members = parse_directory(rows, directory)
        for member in members:
            size = LOCAL_BYTES + len(member.name)
            head = durable.read_at(self._descriptor, size, member.offset)
            if head != local_header(member.name, member.crc, member.size_bytes):
                raise Corrupt(f"the header of member {member.name} is not the one in the list")
        return members

    def _own(self) -> About:
        for name in (README_NAME, SCRIPT_NAME, SUMS_NAME, ABOUT_NAME, FORMAT_NAME):
            if name not in self.members:
                raise Corrupt(f"it has no {name}: a ZIP file, but no bundle")
        return read_about(self.content(self.members[ABOUT_NAME]))


class BundleReader:
    """The objects of some files, as a depot that can only be read (``remotes.Objects``).

    Parts may come in any order and from several bundles: names of objects are bound to content, so
    one that is in two files is one object.  Safe across threads.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files: list[BundleFile] = []
        self._closed = False
        self._places: dict[str, list[BundleFile]] = {}
        try:
            for path in paths:
                self.files.append(BundleFile(path))
        except BaseException:
            self.close()
            raise
        for file in self.files:
            for name in file.members.keys() - OWN_NAMES:
                self._places.setdefault(name, []).append(file)

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
        """Return the files, as messages show them."""
        return ", ".join(str(file.path) for file in self.files)

    def missing_parts(self) -> dict[str, list[int]]:
        """Return the parts that are not among the files, for each bundle that lacks some."""
        missing: dict[str, set[int]] = {}
        for about in [file.about for file in self.files]:
            missing.setdefault(about.bundle_id, set()).update(range(1, about.parts + 1))
        for about in [file.about for file in self.files]:
            missing[about.bundle_id].discard(about.part)
        return {bundle_id: sorted(parts) for bundle_id, parts in missing.items() if parts}

    def read(
        self, name: str, start: int = 0, end: int | None = None, *, at_most: int = MAX_OBJECT_BYTES
    ) -> bytes:
        """Return the bytes of an object, or of a part of it, which nobody has checked.

        Of a whole object the first copy that has its CRC-32 is taken.  Raises ``NotFound``, and
        ``Corrupt`` naming the file for bytes that are not there or not those.
        """
        if self._closed:
            raise Invalid(f"{self.url} was closed")
        files = self._places.get(name)
        if not files:
            raise NotFound(f"{self.url} holds no {name}")
        if end is None and files[0].members[name].size_bytes - start > at_most:
            raise too_large(self.url, name, at_most)
        if start or end is not None:
            return files[0].raw(files[0].members[name], start, end)
        for file in files[:-1]:
            try:
                return file.content(file.members[name])
            except Corrupt:
                continue
        return files[-1].content(files[-1].members[name])

    def read_ranges(self, ranges: Iterable[Range]) -> Iterator[bytes]:
        """Yield the bytes of each range, in the order given."""
        return (self.read(*wanted) for wanted in ranges)

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every object whose name begins with ``prefix``."""
        for name, files in self._places.items():
            if name.startswith(prefix):
                yield Listed(name, files[0].members[name].size_bytes)

    @property
    def requests(self) -> Mapping[str, int]:
        """Return nothing: files of this machine are not asked for anything."""
        return {}

    def create(self, name: str, data: bytes | memoryview) -> None:
        """Raise ``Unsupported``: a bundle is written once."""
        del data
        raise Unsupported(f"{self.url} is a bundle: {name} cannot be added to it")

    def create_exclusively(self, name: str, data: bytes) -> bool:
        """Raise ``Unsupported``: a bundle is written once."""
        del data
        raise Unsupported(f"{self.url} is a bundle: {name} cannot be added to it")

    def delete(self, name: str) -> None:
        """Raise ``Unsupported``: a bundle is written once."""
        raise Unsupported(f"{self.url} is a bundle: {name} cannot be removed from it")

    def close(self) -> None:
        """Let the files go."""
        if not self._closed:
            self._closed = True
            for file in self.files:
                file.close()


def parts_beside(path: Path) -> list[Path]:
    """Return the parts of a file's bundle that lie beside it, itself among them, in order.

    They are found by their names, those of ``part_paths``.  Raises as ``BundleFile`` does.
    """
    with closing(BundleFile(path)) as file:
        about = file.about
    match = _PART_NAME.match(path.name)
    if about.parts == 1 or match is None:
        return [path]
    found = []
    for name in part_paths(path.with_name(f"{match[1]}{match[2] or ''}"), about.parts):
        if name.is_file():
            with closing(BundleFile(name)) as other:
                if other.about.bundle_id == about.bundle_id:
                    found.append(name)
    return found if path in found else [path]
