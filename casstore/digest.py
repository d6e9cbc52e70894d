"""BLAKE3: what a thing is called by its bytes.

Knows: digests, commit ids, their hexadecimal forms.  Never: files, formats.
The only importer of ``blake3``.
"""

import os
from typing import NewType, TypeAlias

from blake3 import blake3

from casstore.errors import Invalid

__all__ = [
    "COMMIT_ID_SIZE",
    "DIGEST_SIZE",
    "Buffer",
    "CommitId",
    "Digest",
    "Hasher",
    "commit_id_of",
    "digest_of",
    "parse_commit_id",
    "parse_digest",
    "random_commit_id",
]

Buffer: TypeAlias = bytes | bytearray | memoryview

DIGEST_SIZE = 32
COMMIT_ID_SIZE = 16

Digest = NewType("Digest", bytes)
"""32 bytes: the plain, unkeyed BLAKE3 of some bytes, as ``b3sum`` prints it in hex."""

CommitId = NewType("CommitId", bytes)
"""16 bytes that identify one version for ever, whatever number or alias it carries."""

Hasher = blake3
"""Incremental BLAKE3: ``update(buffer)``, ``digest()``.  Releases the GIL on large buffers."""


def digest_of(data: Buffer) -> Digest:
    """Return the BLAKE3 digest of ``data``."""
    return Digest(blake3(data).digest())


def random_commit_id() -> CommitId:
    """Draw the identity of a new version."""
    return CommitId(os.urandom(COMMIT_ID_SIZE))


def commit_id_of(data: Buffer) -> CommitId:
    """Derive a commit id from bytes, where finishing twice must give the same version."""
    return CommitId(blake3(data).digest()[:COMMIT_ID_SIZE])


def parse_digest(text: str) -> Digest:
    """Read 64 hexadecimal characters."""
    return Digest(_unhex(text, DIGEST_SIZE, "a digest"))


def parse_commit_id(text: str) -> CommitId:
    """Read 32 hexadecimal characters."""
    return CommitId(_unhex(text, COMMIT_ID_SIZE, "a commit id"))


def _unhex(text: str, size: int, what: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != size:
        raise Invalid(f"{text!r} is not {what}: expected {2 * size} hexadecimal characters")
    return raw
