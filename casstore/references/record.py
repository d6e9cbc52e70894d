"""What is kept of an object that lies elsewhere, and how it is compared with what is there now.

Knows: the fields of a reference (``manifests/FORMAT.md``), which of them decide.  Never: schemes,
the network, credentials.
"""

import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from casstore.digest import Buffer, Hasher
from casstore.encoding import decode, encode
from casstore.errors import (
    Corrupt,
    FileMissing,
    Invalid,
    ReferenceChanged,
    RemoteError,
    Unsupported,
)

__all__ = [
    "Expansion",
    "Found",
    "Referent",
    "changed",
    "checked",
    "differs",
    "gone",
    "matches",
    "too_many",
]

READ_BYTES = 1024 * 1024
MD5_HEX_CHARS = 32


class Referent(NamedTuple):
    """One object elsewhere; a field is empty where the server did not tell.

    ``uri`` as it was given, with a version in it if one was pinned; never with credentials.
    ``version_id``: an S3 version id, a GCS generation.  ``md5`` and ``blake3`` in hex.
    ``size_bytes`` is 0 if it is not known.
    """

    uri: str
    size_bytes: int = 0
    etag: str = ""
    version_id: str = ""
    last_modified: str = ""
    md5: str = ""
    blake3: str = ""

    @property
    def checksum(self) -> str:
        """What stands for its bytes in a manifest: the best that is known, else its URI."""
        dated = f"{self.last_modified}; {self.size_bytes} bytes" if self.last_modified else ""
        return self.etag or self.blake3 or self.md5 or dated or self.uri

    @property
    def is_checked(self) -> bool:
        """Whether anything was recorded that a changed object would differ in."""
        return self.checksum != self.uri

    def fields(self) -> bytes:
        """Return what a manifest keeps beside path, size and checksum: canonical msgpack."""
        kept = self._asdict()
        del kept["size_bytes"]
        return encode({name: value for name, value in kept.items() if value})

    @classmethod
    def of_fields(cls, data: Buffer, size_bytes: int) -> "Referent":
        """Read what ``fields`` wrote; fields of later releases are passed over."""
        kept = decode(data) if data else None
        if not isinstance(kept, dict) or not kept.get("uri"):
            raise Corrupt("a reference has no URI")
        known = {name: kept[name] for name in cls._fields if name in kept and name != "size_bytes"}
        if not all(isinstance(value, str) for value in known.values()):
            raise Corrupt("a field of a reference is no text")
        return cls(**known, size_bytes=size_bytes)


class Found(NamedTuple):
    """An object that a URI means: its path below what was asked for, and what is known of it."""

    name: bytes
    referent: Referent


class Expansion(NamedTuple):
    """All that a URI means; ``is_prefix`` if that is what lies below it, not the object itself."""

    found: list[Found]
    is_prefix: bool = False


def differs(recorded: Referent, now: Referent) -> bool:
    """Tell whether an object is another one than was recorded; no, if nothing was recorded."""
    if recorded.version_id and recorded.version_id == now.version_id:
        return False
    for mine, other in ((recorded.blake3, now.blake3), (recorded.md5, now.md5)):
        if mine and other:
            return mine != other
    if recorded.etag:
        return _strong(recorded.etag) != _strong(now.etag)
    return recorded.is_checked and recorded.checksum != now.checksum


def changed(recorded: Referent, now: Referent) -> ReferenceChanged:
    """Return the error for an object that is another one now."""
    return ReferenceChanged(
        f"{recorded.uri} has changed: recorded {_told(recorded)}, now {_told(now)}",
        hint="bring that object back, or add the reference again and log a new version",
    )


def gone(uri: str, what: str = "nothing is there") -> FileMissing:
    """Return the error for an object that is not there."""
    return FileMissing(f"{uri}: {what}", hint="see whether the URI is right")


def unlisted(uri: str) -> Unsupported:
    """Return the error for a scheme that has no listing worth a request."""
    return Unsupported(f"what lies below {uri} cannot be listed")


def too_many(uri: str, limit: int) -> Invalid:
    """Return the error for more objects than were allowed."""
    return Invalid(
        f"{uri} holds more than {limit:,} objects; nothing was added",
        hint="pass max_objects= to allow more, or a longer prefix",
    )


def checked(recorded: Referent, pieces: Iterator[Buffer]) -> Iterator[Buffer]:
    """Pass bytes on and see at their end that they are all there and what was recorded.

    Raises ``ReferenceChanged`` for a BLAKE3 that differs; ``RemoteError`` for bytes that were lost
    or damaged on the way, since the server said that it is the same object.
    """
    size, blake3 = 0, Hasher()
    md5 = _md5()  # the server's checksum, against damage
    for piece in pieces:
        size += len(piece)
        if recorded.blake3:
            blake3.update(piece)
        elif recorded.md5:
            md5.update(piece)
        yield piece
    if recorded.blake3:
        now = Referent(recorded.uri, size, blake3=blake3.hexdigest())
        if differs(recorded, now):
            raise changed(recorded, now)
    elif recorded.md5 and md5.hexdigest() != recorded.md5:
        raise RemoteError(f"{recorded.uri} arrived damaged: its MD5 is another", hint="call again")
    elif recorded.size_bytes and size != recorded.size_bytes:
        raise RemoteError(
            f"{size:,} of {recorded.size_bytes:,} bytes of {recorded.uri} arrived",
            hint="call again",
        )


def matches(recorded: Referent, path: bytes) -> bool | None:
    """Tell whether a file holds the bytes of a reference; None where nothing recorded says."""
    if not (recorded.blake3 or recorded.md5 or len(recorded.etag) == MD5_HEX_CHARS):
        return None
    blake3, md5 = Hasher(), _md5()
    with open(path, "rb", buffering=0) as stream:
        while data := stream.read(READ_BYTES):
            blake3.update(data)
            md5.update(data)
    if recorded.blake3:
        return blake3.hexdigest() == recorded.blake3
    if recorded.md5:
        return bool(md5.hexdigest() == recorded.md5)
    return (
        bool(md5.hexdigest() == recorded.etag) or None
    )  # S3: the MD5, unless the bucket is encrypted


def _strong(etag: str) -> str:
    """Return an ETag without the mark of a weak one: RFC 9110, 8.8.3.2, weak comparison."""
    return etag.removeprefix("W/")


def _told(referent: Referent) -> str:
    if referent.etag:
        return f"ETag {referent.etag}"
    if referent.blake3:
        return f"BLAKE3 {referent.blake3}"
    if referent.last_modified:
        return f"Last-Modified {referent.last_modified}, {referent.size_bytes:,} bytes"
    return "no ETag"


def _md5() -> Any:
    """Return a hasher; the library behind it is loaded where a server gives nothing better."""
    return importlib.import_module("hashlib").md5(usedforsecurity=False)
