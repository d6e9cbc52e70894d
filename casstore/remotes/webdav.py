"""``webdav://HOST[:PORT]/path``, ``webdavs://``: Nextcloud, Apache, nginx and their like.

Knows: WebDAV's methods (RFC 4918), and which of them servers keep atomic.  Never: logins.

Uploads are written below ``tmp/`` and moved, for some servers show half of a PUT.  Of all methods
only MKCOL was atomic on Apache and nginx, where conditions and ``Overwrite: F`` are not: who makes
the collection ``NAME~`` may write the object ``NAME``.  A collection without its object is a name
that nobody has and that nobody gets; it is listed with no bytes.
"""

import contextlib
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from casstore.backends.webdav import Client, HTTPError, ResourceNotFound, webdav_client
from casstore.parallel import Lock
from casstore.remotes.addresses import Address
from casstore.remotes.driver import TEMPORARY, Driver, Page, Requests, temporary
from casstore.remotes.objects import Listed

__all__ = ["WebDav", "make_driver"]

TAKEN = "~"
MAX_KNOWN_FOLDERS = 100_000
PARTIAL, MOVED, FORBIDDEN, MISSING, NOT_ALLOWED, CONFLICT = 206, 301, 403, 404, 405, 409


class WebDav:
    """See ``Driver``."""

    def __init__(self, address: Address, requests: Requests) -> None:
        scheme = "https" if address.scheme == "webdavs" else "http"
        above, _, self._folder = unquote(address.path).rpartition("/")
        base = f"{scheme}://{address.place}/{quote(above)}"
        self._client: Client = webdav_client(base)
        self._requests = requests
        self._lock = Lock()
        self._known: set[str] = set()
        self._taken: set[tuple[str, bytes]] = set()

    def put(self, name: str, data: bytes) -> None:
        """See ``Driver``."""
        staged = temporary()
        self._in_folder(staged, lambda: self._send("PUT", staged, data))
        self._in_folder(name, lambda: self._move(staged, name))

    def put_new(self, name: str, data: bytes) -> None:
        """See ``Driver``; an attempt that failed after it had taken the name is gone on with.

        Unless somebody has written the object meanwhile, for an owner that seemed to be dead.
        """
        mine = (name, data)
        if mine in self._taken:
            self._require_free(name)
        else:
            self._in_folder(name, lambda: self._make_taken(name))
            self._taken.add(mine)
        self.put(name, data)
        self._taken.discard(mine)

    def get(self, name: str, start: int, end: int | None, most: int) -> bytes:
        """See ``Driver``; what a server that knows no ranges sends is cut."""
        part = (start, end) != (0, None)
        last = "" if end is None else end - 1
        headers = {"Range": f"bytes={start}-{last}"} if part else {}
        self._requests.add("GET")
        url = self._client.join_url(self._path(name))
        with self._client.http.stream("GET", url, headers=headers) as reply:
            if reply.status_code in {MISSING, MOVED, NOT_ALLOWED}:  # a folder is none itself
                raise FileNotFoundError(name)
            if not reply.is_success:
                raise HTTPError(reply)
            is_cut = part and reply.status_code != PARTIAL
            unasked = start if is_cut else 0
            taken = bytearray()
            for piece in reply.iter_bytes():
                taken += piece[unasked:]
                unasked = max(0, unasked - len(piece))
                if len(taken) > most:
                    break
        return bytes(taken[: most if is_cut and end is not None else most + 1])

    def page(self, prefix: str, more: object | None) -> Page:
        """See ``Driver``: a page is a folder; ``more`` are those that are left."""
        left = [prefix] if more is None else list(more) if isinstance(more, tuple) else []
        folder = left.pop()
        members = dict(self._members(folder))
        sizes = {name: size for name, size in members.items() if size is not None}
        folders = members.keys() - sizes.keys()
        taken = {name.removesuffix(TAKEN): 0 for name in folders if name.endswith(TAKEN)}
        found = [Listed(f"{folder}{name}", size) for name, size in {**taken, **sizes}.items()]
        left += [f"{folder}{name}/" for name in folders if not name.endswith(TAKEN)]
        if not prefix:
            left = [each for each in left if each != TEMPORARY]
        return Page(found, tuple(left) or None)

    def remove(self, name: str) -> None:
        """See ``Driver``: the object before the collection that keeps its name."""
        for each in (name, f"{name}{TAKEN}/"):
            try:
                self._ask("DELETE", each)
            except ResourceNotFound:
                continue

    def close(self) -> None:
        """See ``Driver``."""
        self._client.http.close()

    def _require_free(self, name: str) -> None:
        """Raise ``FileExistsError`` if there is an object of that name."""
        with contextlib.suppress(FileNotFoundError):
            self.get(name, 0, None, 0)
            raise FileExistsError(name)

    def _make_taken(self, name: str) -> None:
        """Make the collection that keeps a name; ``FileExistsError`` if somebody did."""
        if not self._make_collection(self._path(f"{name}{TAKEN}")):
            raise FileExistsError(name)

    def _make_collection(self, path: str) -> bool:
        """Make a collection; returns False if it is there.

        Apache answers those who made it at the same moment with 403, and at their next try rightly.
        """
        for attempt in (1, 2):
            try:
                self._ask_at("MKCOL", f"{path}/")
            except HTTPError as error:
                if error.status_code == NOT_ALLOWED:
                    return False
                if error.status_code != FORBIDDEN or attempt == 2:
                    raise
            else:
                break
        return True

    def _move(self, staged: str, name: str) -> None:
        destination = str(self._client.join_url(self._path(name)))
        self._ask("MOVE", staged, headers={"Destination": destination, "Overwrite": "T"})

    def _send(self, method: str, name: str, data: bytes) -> None:
        self._requests.add(method)
        self._client.upload_fileobj(
            io.BytesIO(data), self._path(name), overwrite=True, size=len(data)
        )

    def _members(self, folder: str) -> list[tuple[str, int | None]]:
        """Return what lies in a folder: names, and sizes of what is no folder."""
        self._requests.add("LIST")
        try:
            answer = self._client.propfind(
                self._path(folder) + "/", headers={"Depth": "1"}, follow_redirects=True
            )
        except ResourceNotFound:
            return []
        own = self._client.join_url(self._path(folder)).path.rstrip("/")
        members = []
        for each in answer.responses.values():
            if each.path_norm != own:
                is_folder = each.properties.resource_type == "directory"
                size = None if is_folder else int(each.properties.content_length or 0)
                members.append((each.path_norm.rpartition("/")[2], size))
        return members

    def _in_folder(self, name: str, make: Callable[[], None]) -> None:
        """Do what makes a file; once more, with the folders made, if they are not there."""
        folder = f"{self._folder}/{name}".rpartition("/")[0]
        if folder in self._known:
            try:
                make()
            except (ResourceNotFound, HTTPError) as error:
                if getattr(error, "status_code", CONFLICT) != CONFLICT:
                    raise
            else:
                return
        self._make_folders(folder)
        make()

    def _make_folders(self, folder: str) -> None:
        parts = [part for part in folder.split("/") if part]
        for count in range(1, len(parts) + 1):
            try:
                self._make_collection(quote("/".join(parts[:count])))
            except HTTPError as error:
                if error.status_code != CONFLICT:
                    raise
                raise FileNotFoundError(f"{parts[count - 1]}: no folder above it") from None
        with self._lock:
            if len(self._known) >= MAX_KNOWN_FOLDERS:
                self._known.clear()
            self._known.add(folder)

    def _path(self, name: str) -> str:
        """Return a name as it stands in a URL, below the folder that holds the depot's."""
        return quote(f"{self._folder}/{name}".strip("/"))

    def _ask(self, method: str, name: str, **named: Any) -> Any:
        return self._ask_at(method, self._path(name) + "/" * name.endswith("/"), **named)

    def _ask_at(self, method: str, path: str, **named: Any) -> Any:
        self._requests.add(method)
        return self._client.request(method, path, add_trailing_slash=path.endswith("/"), **named)


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return the driver of an address."""
    return WebDav(address, requests)
