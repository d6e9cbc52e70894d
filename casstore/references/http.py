"""``http(s)://``: one object; ETag and size, else Last-Modified and size.

Knows: HEAD, GET, what servers do instead.  Never: folders, which HTTP has not.

Through the standard library, not fsspec: its HTTP needs another 3 MB and does not show the ETag of
the very reply whose bytes it gives.  Proxies and certificates are those of the environment
(``https_proxy``, ``SSL_CERT_FILE``), credentials those of ``~/.netrc``.  Nothing is decoded: bytes
are kept as they are served to one who accepts no compression.
"""

import base64
import contextlib
import http.client
import netrc
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urldefrag, urlsplit

from casstore.digest import Buffer
from casstore.errors import Error, FileMissing, Invalid, RemoteAuth, RemoteError
from casstore.references.record import Expansion, Found, Referent, changed, differs, gone, unlisted
from casstore.references.uris import base_name

__all__ = ["Http", "make_handler"]

READ_BYTES = 1024 * 1024
TIMEOUT_SECONDS = 60
ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.2
AGENT = "casstore"  # some servers refuse Python's own

_PLAIN = "%/:=&?~#+!$,;'@()*[]"  # RFC 3986: what is quoted already, or has a meaning
_AUTH_STATUSES = {401, 403, 407}
_GONE_STATUSES = {404, 410}
_AGAIN_STATUSES = {429, 500, 502, 503, 504}


class Http:
    """The handler."""

    def expand(self, uri: str, limit: int) -> Expansion:
        """See ``Handler``: a HEAD, and a GET whose body is not read where HEAD is refused."""
        del limit
        return Expansion([Found(base_name(uri), _described(uri))])

    def look(self, recorded: Referent) -> Referent | None:
        """See ``Handler``."""
        try:
            return _described(recorded.uri)
        except FileMissing:
            return None

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: there is none."""
        raise unlisted(folder)

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``; the reply that gives the bytes is the one whose ETag is compared."""
        with _opened(recorded.uri, "GET") as reply:
            now = _referent(recorded.uri, reply)
            if differs(recorded, now):
                raise changed(recorded, now)
            size = 0
            while data := _read(reply, recorded.uri):
                size += len(data)
                yield data
            if size < now.size_bytes:  # http.client does not tell
                raise RemoteError(
                    f"{size:,} of {now.size_bytes:,} bytes of {recorded.uri} arrived",
                    hint="call again",
                )


def make_handler() -> Http:
    """Return the handler of this module's schemes."""
    return Http()


def _described(uri: str) -> Referent:
    """Return what a server says of an object."""
    try:
        with _opened(uri, "HEAD", attempts=1) as reply:
            return _referent(uri, reply)
    except Error:  # refused, or not understood: only GET is sure to mean something
        with _opened(uri, "GET") as reply:
            return _referent(uri, reply)


def _referent(uri: str, reply: Any) -> Referent:
    length = reply.headers.get("Content-Length", "")
    etag = reply.headers.get("ETag", "").strip()
    modified = "" if etag else reply.headers.get("Last-Modified", "").strip()
    size = int(length) if length.isdecimal() else 0
    return Referent(uri, size, etag=etag, last_modified=modified)


@contextlib.contextmanager
def _opened(uri: str, method: str, *, attempts: int = ATTEMPTS) -> Iterator[Any]:
    """Give a reply of status 200; asks again for what passes by itself."""
    wait_seconds = FIRST_WAIT_SECONDS
    for left in reversed(range(attempts)):
        try:
            reply = urllib.request.urlopen(_request(uri, method), timeout=TIMEOUT_SECONDS)  # noqa: S310 - http and https only, by _request
            break
        except urllib.error.HTTPError as error:
            error.close()
            if not left or error.code not in _AGAIN_STATUSES:
                raise _refused(uri, error) from None
        except (OSError, http.client.HTTPException) as error:
            if not left or isinstance(error, http.client.InvalidURL):
                raise _unreached(uri, error) from error
        time.sleep(wait_seconds)
        wait_seconds *= 2
    with reply:
        yield reply


def _read(reply: Any, uri: str) -> bytes:
    try:
        data: bytes = reply.read(READ_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _unreached(uri, error) from error
    return data


def _request(uri: str, method: str) -> urllib.request.Request:
    try:
        url = quote(urldefrag(uri).url, safe=_PLAIN)
        host = urlsplit(url).hostname or ""
    except ValueError as error:  # what is recorded may come from elsewhere
        raise Invalid(f"{uri!r} is no URL: {error}") from error
    if not url.lower().startswith(("http://", "https://")):
        raise Invalid(f"{uri!r} is no HTTP URL")
    request = urllib.request.Request(url, method=method, headers={"User-Agent": AGENT})  # noqa: S310 - see above
    login = _login(host)
    if login:
        request.add_unredirected_header("Authorization", login)
    return request


def _login(host: str) -> str:
    try:
        found = netrc.netrc().authenticators(host)
    except FileNotFoundError:
        return ""
    except (netrc.NetrcParseError, OSError) as error:
        raise RemoteAuth(f"~/.netrc cannot be read: {error}", hint="correct it") from error
    if not found:
        return ""
    user, _, password = found
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _refused(uri: str, error: urllib.error.HTTPError) -> Error:
    said = f"{error.code} {error.reason}"
    if error.code in _AUTH_STATUSES:
        return RemoteAuth(f"{uri} may not be read: {said}", hint="put a login into ~/.netrc")
    if error.code in _GONE_STATUSES:
        return gone(uri, said)
    return RemoteError(f"{uri} cannot be read: {said}", hint="call again")


def _unreached(uri: str, error: Exception) -> Error:
    if isinstance(error, http.client.InvalidURL):
        return Invalid(f"{uri!r} is no URL: {error}")
    reason = getattr(error, "reason", error)
    return RemoteError(
        f"{uri} cannot be read: {reason or type(reason).__name__}", hint="call again"
    )
