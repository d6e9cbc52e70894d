"""Entries: what a version says of one path, and the digest over all of them.

Knows: an entry's fields and bytes, the manifest digest.  Never: trees, frames, files.
"""

import enum
import struct
from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

from casstore.digest import DIGEST_SIZE, Digest, Hasher
from casstore.errors import Corrupt
from casstore.names import check_path

__all__ = [
    "EMPTY_LAYOUT",
    "Entry",
    "EntryKind",
    "ManifestDigest",
    "entry_from_wire",
    "entry_to_wire",
    "manifest_digest",
]

EMPTY_LAYOUT = b""
ENTRIES_AT_ONCE = 1024

_PATH_HEAD = struct.Struct("<I").pack
_CONTENT_HEAD = struct.Struct("<BI").pack


class EntryKind(enum.IntEnum):
    """What lies at a path."""

    FILE = 0
    EXECUTABLE = 1
    REFERENCE = 2


_EXECUTABLE, _REFERENCE = int(EntryKind.EXECUTABLE), int(EntryKind.REFERENCE)


class Entry(NamedTuple):
    """One path of a version.

    ``content`` is the file's BLAKE3 (32 bytes), or a reference's checksum as UTF-8 (its ETag, else
    its URI).  ``layout`` says which frames hold a file (``chunklists``).  ``extra`` is canonical
    msgpack of a reference's other fields (URI, ETag, version id, ...), empty for files.
    ``size_bytes`` of a reference whose size is not known is 0.
    """

    path: bytes
    size_bytes: int
    kind: int
    content: bytes
    layout: bytes = EMPTY_LAYOUT
    extra: bytes = b""

    @property
    def executable(self) -> bool:
        """Whether the file's owner may execute it."""
        return self.kind == _EXECUTABLE

    @property
    def is_reference(self) -> bool:
        """Whether the bytes lie elsewhere."""
        return self.kind == _REFERENCE


def entry_to_wire(entry: Entry) -> tuple[Any, ...]:
    """Return the fields of an entry as they stand in a segment: four to six, short tails cut."""
    if entry[5]:
        return tuple(entry)
    return entry[:5] if entry[4] else entry[:4]


def entry_from_wire(fields: Any) -> Entry:
    """Read and check one entry of a segment; raises ``Corrupt``, or ``Invalid`` for its path."""
    if type(fields) is not list or not 4 <= len(fields) <= 6:
        raise Corrupt("an entry of a manifest has another number of fields")
    path, size, kind, content = fields[:4]
    good = type(path) is bytes and type(size) is int and type(kind) is int and size >= 0
    good = good and type(content) is bytes and 0 <= kind <= _REFERENCE
    if not good or (len(fields) > 4 and any(type(field) is not bytes for field in fields[4:])):
        raise Corrupt("an entry of a manifest has a field that no entry has")
    if len(content) != DIGEST_SIZE and kind != _REFERENCE:
        raise Corrupt("an entry of a manifest has a digest of another length")
    check_path(path)
    return Entry(*fields)


class ManifestDigest:
    """The digest of a version's content, fed with entries in path order.

    For each entry: u32 length of the path, the path, u8 kind, u32 length of the content field, the
    content field; integers little-endian.  Sizes, layouts and extras are not covered, so equal
    content is the same version however it was cut, stored or described.
    """

    def __init__(self) -> None:
        self._hasher = Hasher()

    def extend(self, entries: Iterable[Entry]) -> None:
        """Take the next entries; the caller bounds how many at once."""
        self._hasher.update(
            b"".join(
                [
                    part
                    for path, _, kind, content, _, _ in entries
                    for part in (
                        _PATH_HEAD(len(path)),
                        path,
                        _CONTENT_HEAD(kind, len(content)),
                        content,
                    )
                ]
            )
        )

    def digest(self) -> Digest:
        """Return the digest of what was taken so far."""
        return Digest(self._hasher.digest())


def manifest_digest(entries: Iterable[Entry]) -> Digest:
    """Return the manifest digest of entries that come in path order."""
    digest = ManifestDigest()
    iterator = iter(entries)
    while group := list(islice(iterator, ENTRIES_AT_ONCE)):
        digest.extend(group)
    return digest.digest()
