"""``az://``, ``abfs://``: a blob or a prefix; ETag, size and MD5.

Knows: blobs, through adlfs and its client.  Never: credentials, which adlfs finds by itself
(``AZURE_STORAGE_CONNECTION_STRING``, ``AZURE_STORAGE_ACCOUNT_NAME``, logins).
"""

from collections.abc import Iterator
from typing import Any

from casstore.backends.azure import MatchConditions, azure_file_system
from casstore.backends.systems import run
from casstore.digest import Buffer
from casstore.errors import FileMissing, ReferenceChanged
from casstore.references.buckets import expand_bucket
from casstore.references.record import Expansion, Referent, changed, unlisted
from casstore.references.translating import translated

__all__ = ["Azure", "make_handler"]


class Azure:
    """The handler; one client an account that URIs name (``container@account.dfs...``)."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def expand(self, uri: str, limit: int) -> Expansion:
        """See ``Handler``: one request for a blob, one some thousand blobs for a prefix."""
        return expand_bucket(
            uri,
            limit,
            look=lambda each: self.look(Referent(each)),
            below=lambda prefix: self._below(uri, prefix, limit),
        )

    def look(self, recorded: Referent) -> Referent | None:
        """See ``Handler``: one request."""
        fs, container, key = self._place(recorded.uri)
        try:
            with translated(recorded.uri):
                client = fs.service_client.get_blob_client(container, key)
                return _referent(recorded.uri, run(fs, client.get_blob_properties))
        except FileMissing:
            return None

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: there is none."""
        raise unlisted(folder)

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``; every request names the ETag, so all bytes are of one object."""
        fs, container, key = self._place(recorded.uri)
        condition: dict[str, Any] = {}
        if recorded.etag:
            condition = {"etag": recorded.etag, "match_condition": MatchConditions.IfNotModified}
        try:
            with translated(recorded.uri):
                client = fs.service_client.get_blob_client(container, key)
                download = run(fs, client.download_blob, **condition)
                chunks = download.chunks()
                while (data := run(fs, _next, chunks)) is not None:
                    yield data
        except ReferenceChanged:
            raise changed(recorded, self.look(recorded) or Referent(recorded.uri)) from None

    def _below(self, uri: str, prefix: str, limit: int) -> Iterator[tuple[str, Referent]]:
        fs, container, _ = self._place(uri)
        with translated(uri):
            blobs = run(fs, _listed, fs, container, prefix, limit)
        return ((blob.name, _referent(uri, blob)) for blob in blobs)

    def _place(self, uri: str) -> tuple[Any, str, str]:
        authority = uri.partition("://")[2].partition("/")[0]
        account = authority.partition("@")[2]
        if account not in self._clients:
            self._clients[account] = azure_file_system(uri)
        fs = self._clients[account]
        container, key, _ = fs.split_path(uri)
        return fs, container, key


def make_handler() -> Azure:
    """Return the handler of this module's schemes."""
    return Azure()


async def _listed(fs: Any, container: str, prefix: str, limit: int) -> list[Any]:
    """Return the blobs below a prefix, at most one more than ``limit``."""
    blobs = []
    client = fs.service_client.get_container_client(container)
    async for blob in client.list_blobs(name_starts_with=prefix, include=["metadata"]):
        is_folder = (blob.metadata or {}).get("hdi_isfolder") == "true"
        if is_folder or (blob.name.endswith("/") and not blob.size):
            continue
        blobs.append(blob)
        if len(blobs) > limit:
            break
    return blobs


async def _next(chunks: Any) -> Buffer | None:
    """Return the next chunk of a download, None after the last."""
    async for chunk in chunks:
        data: Buffer = chunk
        return data
    return None


def _referent(uri: str, said: Any) -> Referent:
    md5 = said.content_settings.content_md5
    return Referent(
        uri, said.size, etag=(said.etag or "").strip('"'), md5=bytes(md5).hex() if md5 else ""
    )
