"""``gs://``: Google Cloud Storage.

Knows: the JSON API's calls.  Never: credentials.

An object is one upload; ``ifGenerationMatch=0`` makes it exclusive.
"""

from typing import Any

from casstore.backends.gcs import gcs_client
from casstore.remotes.addresses import Address
from casstore.remotes.driver import Driver, Page, Requests
from casstore.remotes.objects import Listed

__all__ = ["Gcs", "make_driver"]

PAGE_OBJECTS = 1000
OBJECT = "b/{}/o/{}"
FIELDS = "nextPageToken,items(name,size)"


class Gcs:
    """See ``Driver``."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._address = address
        self._requests = requests
        self._client = gcs_client()

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._upload(name, data)

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._upload(name, data, ifGenerationMatch="0")

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        self._requests.add("GET")
        headers = {"Accept-Encoding": "identity"}
        if (start, end) != (0, None):
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        where = self._where(name)
        return self._client.ask("GET", OBJECT, *where, alt="media", headers=headers, most=most)

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: up to a thousand objects."""
        self._requests.add("LIST")
        base = self._address.key("")
        following = {"pageToken": more} if more else {}
        reply = self._client.ask_json(
            "GET",
            "b/{}/o",
            self._address.place,
            prefix=base + prefix,
            maxResults=PAGE_OBJECTS,
            fields=FIELDS,
            **following,
        )
        found = [
            Listed(each["name"].removeprefix(base), int(each.get("size", 0)))
            for each in reply.get("items", ())
        ]
        return Page(found, reply.get("nextPageToken"))

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._requests.add("DELETE")
        self._client.ask("DELETE", OBJECT, *self._where(name))

    def close(self) -> None:
        """See ``Driver``: gcsfs closes its connections when it is collected."""
        del self._client

    def _upload(self, name: str, data: bytes, **condition: Any) -> None:
        self._requests.add("PUT")
        bucket, key = self._where(name)
        self._client.ask(
            "POST",
            f"{self._client.upload_url}/b/{{}}/o",
            bucket,
            uploadType="media",
            name=key,
            data=data,
            headers={"Content-Type": "application/octet-stream"},
            **condition,
        )

    def _where(self, name: str) -> tuple[str, str]:
        return self._address.place, self._address.key(name)


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return Gcs(address, requests)
