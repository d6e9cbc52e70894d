"""WebDAV's client.

Knows: webdav4 and httpx, timeouts.  Never: credentials, which are those of ``~/.netrc``.

webdav4's fsspec face asks for the parent and all its members before every upload, 1.4 s where they
are ten thousand; its client does not.
"""

import httpx
from webdav4.client import Client, HTTPError, ResourceNotFound

from casstore.backends.told import CONNECT_SECONDS, READ_SECONDS

__all__ = ["Client", "HTTPError", "ResourceNotFound", "webdav_client"]

CONNECTIONS = 16


def webdav_client(url: str) -> Client:
    """Return a client for what lies below an ``http(s)://`` URL; nothing is tried twice."""
    try:
        login = httpx.NetRCAuth()
    except FileNotFoundError:
        login = None
    return Client(
        url,
        auth=login,
        retry=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=CONNECTIONS),
        headers={"Accept-Encoding": "identity"},
    )
