"""Schemes that nothing more is known of: whatever fsspec has for them, without exclusive create.

Knows: fsspec's generic calls.  Never: any backend: an upload that is killed may show half of it,
which whoever reads it notices.
"""

import contextlib
from typing import Any

from casstore.backends.systems import file_system_at
from casstore.errors import Unsupported
from casstore.remotes.addresses import Address
from casstore.remotes.driver import Driver, Page, Requests
from casstore.remotes.objects import Listed

__all__ = ["Others", "make_driver"]


class Others:
    """See ``Driver``."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._scheme = address.scheme
        self._requests = requests
        fs, root = file_system_at(address.url)
        self._fs: Any = fs
        self._root = root.rstrip("/")

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._requests.add("PUT")
        path = self._path(name)
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(path, data)

    def put_new(self, name: str, data: bytes) -> None:
        """Refuse: what fsspec calls exclusive is exists and write nearly everywhere."""
        del data
        raise Unsupported(f"{self._scheme}:// cannot create {name} exclusively")

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        self._requests.add("GET")
        last = start + most + 1 if end is None else end
        data: bytes = self._fs.cat_file(self._path(name), start=start or None, end=last)
        return data

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: there is one page."""
        del more
        self._requests.add("LIST")
        self._fs.invalidate_cache()
        try:
            found = self._fs.find(self._path(prefix).rstrip("/"), detail=True)
        except FileNotFoundError:
            return Page([], None)
        above = len(self._root) + 1
        return Page(
            [Listed(path[above:], int(info["size"] or 0)) for path, info in found.items()], None
        )

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._requests.add("DELETE")
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def close(self) -> None:
        """See ``Driver``: fsspec closes its connections when it is collected."""
        self._fs = None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return Others(address, requests)
