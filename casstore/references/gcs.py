"""``gs://``: an object or a prefix; ETag, generation, size and MD5.

Knows: the JSON API's calls, through gcsfs.  Never: credentials, which gcsfs finds by itself; with
``STORAGE_EMULATOR_HOST`` there are none, as in Google's own clients.

The generation that was there when an object was added is fetched; where the bucket keeps no old
ones, what is there now must have the same MD5.
"""

import base64
from collections.abc import Iterator
from typing import Any

from casstore.backends.gcs import gcs_client
from casstore.backends.trying import Patience, tried
from casstore.digest import Buffer
from casstore.errors import FileMissing
from casstore.references.buckets import expand_bucket
from casstore.references.record import Expansion, Referent, changed, differs, gone
from casstore.references.translating import READ_BYTES, translated
from casstore.references.uris import Address, bucket_address, object_uri

__all__ = ["Gcs", "make_handler"]

PAGE_OBJECTS = 1000
FIELDS = "name,size,etag,generation,md5Hash"
PATIENCE = Patience(attempts=4, deadline_seconds=60)


class Gcs:
    """The handler."""

    def __init__(self) -> None:
        self._fs = gcs_client()

    def expand(self, uri: str, limit: int) -> Expansion:
        """See ``Handler``: one request for an object, one a thousand objects for a prefix."""
        address = bucket_address(uri)
        return expand_bucket(
            uri,
            limit,
            look=lambda each: self._look(each, address),
            below=lambda prefix: self._list(uri, address.bucket, prefix),
        )

    def look(self, recorded: Referent) -> Referent | None:
        """See ``Handler``: one request."""
        return self._look(recorded.uri, bucket_address(recorded.uri))

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: one request a thousand objects."""
        bucket, prefix, _ = bucket_address(folder)
        for key, now in self._list(folder, bucket, prefix):
            yield now._replace(uri=object_uri(folder, key))

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``: one request for some MiB, all of one generation."""
        address = bucket_address(recorded.uri)
        generation = recorded.version_id or address.version_id
        now = self._look(recorded.uri, address._replace(version_id=generation))
        if now is None and not address.version_id:
            now = self.look(recorded)
        if now is None:
            raise gone(recorded.uri)
        if differs(recorded, now):
            raise changed(recorded, now)
        for start in range(0, now.size_bytes, READ_BYTES):
            end = min(start + READ_BYTES, now.size_bytes) - 1
            yield self._read(
                recorded.uri,
                "b/{}/o/{}",
                address.bucket,
                address.key,
                alt="media",
                generation=now.version_id,
                headers={"Range": f"bytes={start}-{end}"},
            )

    def _ask(self, uri: str, path: str, *arguments: str, **named: Any) -> dict[str, Any]:
        with translated(uri):
            return tried(
                lambda: self._fs.ask_json("GET", path, *arguments, **named), patience=PATIENCE
            )

    def _read(self, uri: str, path: str, *arguments: str, **named: Any) -> bytes:
        with translated(uri):
            return tried(lambda: self._fs.ask("GET", path, *arguments, **named), patience=PATIENCE)

    def _look(self, uri: str, address: Address) -> Referent | None:
        asked = {"generation": address.version_id} if address.version_id else {}
        try:
            said = self._ask(
                uri,
                "b/{}/o/{}",
                address.bucket,
                address.key,
                fields=FIELDS,
                **asked,
            )
        except FileMissing:
            return None
        return _referent(uri, said)

    def _list(self, uri: str, bucket: str, prefix: str) -> Iterator[tuple[str, Referent]]:
        more: dict[str, Any] = {}
        while True:
            page = self._ask(
                uri,
                "b/{}/o",
                bucket,
                prefix=prefix,
                maxResults=PAGE_OBJECTS,
                fields=f"nextPageToken,items({FIELDS})",
                **more,
            )
            for listed in page.get("items", ()):
                yield listed["name"], _referent(uri, listed)
            if not page.get("nextPageToken"):
                return
            more = {"pageToken": page["nextPageToken"]}


def make_handler() -> Gcs:
    """Return the handler of this module's schemes."""
    return Gcs()


def _referent(uri: str, said: dict[str, Any]) -> Referent:
    md5 = said.get("md5Hash")  # objects that were composed of others have none
    return Referent(
        uri,
        int(said.get("size", 0)),
        etag=said.get("etag", ""),
        version_id=str(said.get("generation", "")),
        md5=base64.b64decode(md5).hex() if md5 else "",
    )
