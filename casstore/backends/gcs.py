"""Google Cloud Storage's client: its JSON API.

Knows: gcsfs, timeouts.  Never: credentials, which gcsfs finds by itself; with
``STORAGE_EMULATOR_HOST`` there are none, as in Google's own clients.
"""

import json
import logging
from typing import Any

import aiohttp
from gcsfs.core import GCSFileSystem

from casstore.backends.failures import StatusError
from casstore.backends.systems import COMMON, take
from casstore.backends.told import CONNECT_SECONDS, READ_SECONDS
from casstore.settings import storage_emulator

__all__ = ["GcsClient", "gcs_client"]

FIRST_ERROR_STATUS = 400

logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it logs what it then raises, as tracebacks


class GcsClient(GCSFileSystem):  # type: ignore[misc] # gcsfs has no types
    """gcsfs's credentials and session, with requests that are sent once and tell their status.

    gcsfs's own sends each request six times, up to 33 s, and tells refusals apart by text only.
    The class is taken from ``gcsfs.core``: the one that gcsfs offers at its top first asks each
    bucket for its layout over gRPC, which no emulator answers.
    """

    async def _request(
        self,
        method: str,
        path: str,
        *args: str,
        headers: Any = None,
        data: Any = None,
        most: int | None = None,
        **named: Any,
    ) -> tuple[int, Any, Any, bytes]:
        await self._set_session()
        async with self.session.request(
            method=method,
            url=self._format_path(path, args),
            params=self._get_params(named),
            headers=self._get_headers(headers),
            data=data,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
            ),
        ) as reply:
            if reply.status >= FIRST_ERROR_STATUS:
                raise StatusError(reply.status)
            body = await (reply.read() if most is None else take(reply.content.read, most))
            return reply.status, reply.headers, reply.request_info, body

    @property
    def upload_url(self) -> str:
        """The URL below which uploads go."""
        return f"{self._location}/upload/storage/v1"

    def ask(self, method: str, path: str, *args: str, **named: Any) -> bytes:
        """Send one request; ``{}`` in the path stand for ``args``, quoted.  Returns the body.

        With ``most`` no more than that and one byte of it.
        """
        body: bytes = self.call(method, path, *args, **named)[1]
        return body

    def ask_json(self, method: str, path: str, *args: str, **named: Any) -> dict[str, Any]:
        """Send one request and return the object that is its answer."""
        answer: dict[str, Any] = json.loads(self.ask(method, path, *args, **named))
        return answer


def gcs_client() -> GcsClient:
    """Return a client."""
    return GcsClient(**COMMON, **({"token": "anon"} if storage_emulator() else {}))
