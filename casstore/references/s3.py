"""``s3://``: an object or a prefix; ETag, size, and the version id where the bucket has versions.

Knows: S3's calls, through s3fs.  Never: credentials, which botocore finds by itself
(``AWS_ENDPOINT_URL``, profiles, roles).

What the bucket had when an object was added is fetched by its version id; without versions what is
there must have the same ETag.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from casstore.backends.s3 import s3_file_system
from casstore.backends.systems import run
from casstore.digest import Buffer
from casstore.errors import FileMissing, ReferenceChanged, RemoteAuth, RemoteError
from casstore.references.buckets import expand_bucket
from casstore.references.record import Expansion, Referent, changed, differs
from casstore.references.translating import READ_BYTES, translated
from casstore.references.uris import bucket_address, object_uri

__all__ = ["S3", "make_handler"]

NO_VERSION = "null"
ATTEMPTS = 3


class S3:
    """The handler; ``call`` is one request."""

    def __init__(self) -> None:
        self._fs = s3_file_system(attempts=ATTEMPTS)

    def expand(self, uri: str, limit: int) -> Expansion:
        """See ``Handler``: one request for an object, one a thousand objects for a prefix."""
        bucket = bucket_address(uri).bucket
        return expand_bucket(
            uri,
            limit,
            look=self._look,
            below=lambda prefix: self._list(uri, bucket, prefix),
        )

    def look(self, recorded: Referent) -> Referent | None:
        """See ``Handler``: one request."""
        return self._look(recorded.uri)

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: one request a thousand objects; without version ids."""
        bucket, prefix, _ = bucket_address(folder)
        for page in self._pages(folder, "list_objects_v2", Bucket=bucket, Prefix=prefix):
            for listed in page.get("Contents", ()):
                yield _referent(object_uri(folder, listed["Key"]), listed)

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``: one request; botocore compares the checksum that S3 keeps, if any."""
        with translated(recorded.uri):
            body = self._open(recorded)["Body"]
            try:
                while data := run(self._fs, body.read, READ_BYTES):
                    yield data
            finally:
                run(self._fs, body.aclose)

    def call(self, uri: str, method: str, **arguments: Any) -> dict[str, Any]:
        """Make one request."""
        with translated(uri):
            reply: dict[str, Any] = self._fs.call_s3(method, **arguments)
            return reply

    def _look(self, uri: str) -> Referent | None:
        address = bucket_address(uri)
        version = {"VersionId": address.version_id} if address.version_id else {}
        try:
            reply = self.call(uri, "head_object", Bucket=address.bucket, Key=address.key, **version)
        except FileMissing:
            return None
        return _referent(uri, {**reply, "Size": reply["ContentLength"]})

    def _open(self, recorded: Referent) -> dict[str, Any]:
        address = bucket_address(recorded.uri)
        where = {"Bucket": address.bucket, "Key": address.key}
        version = recorded.version_id or address.version_id
        if version:
            try:
                return self.call(recorded.uri, "get_object", **where, VersionId=version)
            except (FileMissing, RemoteAuth):  # gone, or only the newest may be read
                if address.version_id:
                    raise
        condition = {"IfMatch": f'"{recorded.etag}"'} if recorded.etag else {}
        try:
            reply = self.call(recorded.uri, "get_object", **where, **condition)
        except ReferenceChanged:
            raise changed(recorded, self.look(recorded) or Referent(recorded.uri)) from None
        now = _referent(recorded.uri, {**reply, "Size": reply["ContentLength"]})
        if differs(recorded, now):  # servers that do not know conditions
            run(self._fs, reply["Body"].aclose)
            raise changed(recorded, now)
        return reply

    def _list(self, uri: str, bucket: str, prefix: str) -> Iterator[tuple[str, Referent]]:
        """Yield the newest version of every key, a thousand keys a request."""
        for listed in self._listed(uri, bucket, prefix):
            yield listed["Key"], _referent(uri, listed)

    def _listed(self, uri: str, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._pages(uri, "list_object_versions", Bucket=bucket, Prefix=prefix)
        try:
            first = next(pages) if self._has_versions(uri, bucket) else None
        except RemoteAuth:  # objects may be listed by people who may not list versions
            first = None
        if first is None:
            for page in self._pages(uri, "list_objects_v2", Bucket=bucket, Prefix=prefix):
                yield from page.get("Contents", ())
            return
        for page in chain([first], pages):
            yield from (each for each in page.get("Versions", ()) if each["IsLatest"])

    def _has_versions(self, uri: str, bucket: str) -> bool:
        """Tell whether a bucket may have versions; yes where nobody may ask."""
        try:
            reply = self.call(uri, "get_bucket_versioning", Bucket=bucket)
        except RemoteAuth:
            return True
        except RemoteError:  # a server that has no such call has no versions
            return False
        return bool(reply.get("Status"))

    def _pages(self, uri: str, method: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            page = self.call(uri, method, **arguments, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            if "NextContinuationToken" in page:
                more = {"ContinuationToken": page["NextContinuationToken"]}
            else:
                more = {"KeyMarker": page["NextKeyMarker"]}
                if page.get("NextVersionIdMarker"):
                    more["VersionIdMarker"] = page["NextVersionIdMarker"]


def make_handler() -> S3:
    """Return the handler of this module's schemes."""
    return S3()


def _referent(uri: str, said: dict[str, Any]) -> Referent:
    version = said.get("VersionId") or ""
    return Referent(
        uri,
        int(said["Size"]),
        etag=(said.get("ETag") or "").strip('"'),
        version_id="" if version == NO_VERSION else version,
    )
