"""``az://CONTAINER/...``, ``abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/...``: Azure's blobs.

Knows: blobs, through the client that adlfs makes.  Never: credentials.

An object is one Put Blob as long as it has at most 64 MiB (the client's own bound), which no pack
passes; ``If-None-Match: *`` makes one exclusive.
"""

from typing import Any

from casstore.backends.azure import azure_file_system
from casstore.backends.systems import run
from casstore.backends.told import CONNECT_SECONDS, READ_SECONDS
from casstore.remotes.addresses import Address
from casstore.remotes.driver import Driver, Page, Requests
from casstore.remotes.objects import Listed

__all__ = ["Azure", "make_driver"]

PAGE_BLOBS = 1000
ONCE = {
    "connection_timeout": CONNECT_SECONDS,
    "read_timeout": READ_SECONDS,
    "retry_total": 0,
}


class Azure:
    """See ``Driver``."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._address = address
        self._requests = requests
        self._container = address.place.partition("@")[0]
        self._fs: Any = azure_file_system(address.url)

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._upload(name, data, overwrite=True)

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._upload(name, data, overwrite=False)

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        self._requests.add("GET")
        length = None if end is None else end - start
        data: bytes = run(self._fs, _download, self._blob(name), start, length, most)
        return data

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: up to a thousand blobs."""
        self._requests.add("LIST")
        base = self._address.key("")
        client = self._fs.service_client.get_container_client(self._container)
        blobs, following = run(self._fs, _page, client, base + prefix, more)
        found = [Listed(name.removeprefix(base), size) for name, size in blobs]
        return Page(found, following or None)

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._requests.add("DELETE")
        run(self._fs, self._blob(name).delete_blob, **ONCE)

    def close(self) -> None:
        """See ``Driver``: adlfs closes its connections when it is collected."""
        self._fs = None

    def _upload(self, name: str, data: bytes, *, overwrite: bool) -> None:
        self._requests.add("PUT")
        blob = self._blob(name)
        run(self._fs, blob.upload_blob, data, length=len(data), overwrite=overwrite, **ONCE)

    def _blob(self, name: str) -> Any:
        return self._fs.service_client.get_blob_client(self._container, self._address.key(name))


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return Azure(address, requests)


async def _download(blob: Any, start: int, length: int | None, most: int) -> bytes:
    part = {"offset": start, "length": length} if start or length is not None else {}
    download = await blob.download_blob(**part, **ONCE)  # the client takes 32 MiB at first at most
    data: bytes = await (download.readall() if download.size <= most else download.read(most + 1))
    return data


async def _page(
    client: Any, prefix: str, more: object | None
) -> tuple[list[tuple[str, int]], str | None]:
    listed = client.list_blobs(name_starts_with=prefix, results_per_page=PAGE_BLOBS, **ONCE)
    pages = listed.by_page(more)
    async for page in pages:
        found = [(blob.name, blob.size) async for blob in page]
        return found, pages.continuation_token
    return [], None
