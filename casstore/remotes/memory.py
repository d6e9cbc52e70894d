"""``memory://``: a dict of this process, for tests and for trying things out.

Knows: dicts.  Never: other processes: a forked child has a copy of its own.
"""

from casstore.parallel import Lock
from casstore.remotes.addresses import Address
from casstore.remotes.driver import Driver, Page, Requests
from casstore.remotes.objects import Listed

__all__ = ["Memory", "make_driver"]

_places: dict[str, dict[str, bytes]] = {}
_lock = Lock()


class Memory:
    """See ``Driver``; every place of one URL in this process is the same."""

    def __init__(self, address: Address, requests: Requests) -> None:
        self._requests = requests
        with _lock:
            self._objects = _places.setdefault(address.url, {})

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._requests.add("PUT")
        with _lock:
            self._objects[name] = data

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        self._requests.add("PUT")
        with _lock:
            if name in self._objects:
                raise FileExistsError(name)
            self._objects[name] = data

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``."""
        self._requests.add("GET")
        try:
            return self._objects[name][start:end][: most + 1]
        except KeyError:
            raise FileNotFoundError(name) from None

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: there is one page."""
        del more
        self._requests.add("LIST")
        with _lock:
            names = sorted(self._objects)
            found = [
                Listed(name, len(self._objects[name])) for name in names if name.startswith(prefix)
            ]
        return Page(found, None)

    def remove(self, name: str) -> None:
        """See ``Driver``."""
        self._requests.add("DELETE")
        with _lock:
            self._objects.pop(name, None)

    def close(self) -> None:
        """See ``Driver``: what is in memory stays."""


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return Memory(address, requests)
