"""``s3://``: AWS and the many servers that speak like it.

Knows: S3's calls.  Never: credentials; whether a server heeds conditions, which ``probing`` tells.

An object is one PUT, never in parts, so a killed upload leaves nothing, and ``If-None-Match`` on a
PUT is what makes one exclusive: at the end of an upload in parts servers pass over it.
"""

import contextlib
from typing import Any

from casstore.backends.s3client import s3_client
from casstore.remotes.addresses import Address
from casstore.remotes.driver import Driver, Page, Requests
from casstore.remotes.objects import Listed

__all__ = ["S3", "make_driver"]

VERBS = {
    "delete_object": "DELETE",
    "get_object": "GET",
    "list_objects_v2": "LIST",
    "put_object": "PUT",
}


class S3:
    """See ``Driver``."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._address = address
        self._requests = requests
        self._client: Any = s3_client()

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._call("put_object", Key=self._address.key(name), Body=data)

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``; 409 means that somebody else's PUT is under way: it passes."""
        self._call("put_object", Key=self._address.key(name), Body=data, IfNoneMatch="*")

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        part = {} if (start, end) == (0, None) else {"Range": _range(start, end)}
        reply = self._call("get_object", Key=self._address.key(name), **part)
        with contextlib.closing(reply["Body"]) as body:
            return _taken(body, most)

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: up to a thousand objects."""
        base = self._address.key("")
        following = {"ContinuationToken": more} if more else {}
        reply = self._call("list_objects_v2", Prefix=base + prefix, **following)
        found = [
            Listed(each["Key"].removeprefix(base), int(each["Size"]))
            for each in reply.get("Contents", ())
        ]
        return Page(found, reply["NextContinuationToken"] if reply.get("IsTruncated") else None)

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._call("delete_object", Key=self._address.key(name))

    def close(self) -> None:
        """See ``Driver``."""
        self._client.close()

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self._requests.add(VERBS[method])
        call = getattr(self._client, method)
        reply: dict[str, Any] = call(Bucket=self._address.place, **arguments)
        return reply


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return S3(address, requests)


def _taken(body: Any, most: int) -> bytes:
    """Return what a body holds, but no more than ``most`` + 1 bytes of it."""
    pieces: list[bytes] = []
    left = most + 1
    while left and (piece := body.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _range(start: int, end: int | None) -> str:
    return f"bytes={start}-{'' if end is None else end - 1}"
