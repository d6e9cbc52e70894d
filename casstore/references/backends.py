"""fsspec's file systems, made for references, and what their errors mean.

Knows: settings that every backend gets, classes and statuses of errors.  Never: keys, objects.

Measured with s3fs 2026.9, gcsfs 2026.10, adlfs 2026.8: listings are cached for ever unless that is
switched off; instances are shared between callers unless that is; a forked child cannot use one.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import fsspec
from fsspec.asyn import sync

from casstore.errors import Error, ReferenceChanged, RemoteAuth, RemoteError
from casstore.references.record import gone

__all__ = ["COMMON", "READ_BYTES", "file_system", "run", "translated"]

READ_BYTES = 4 * 1024 * 1024

COMMON: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
"""What every backend is told."""

_AUTH_STATUSES = {401, 403, 407}
_GONE_STATUSES = {404, 410}
_CHANGED_STATUS = 412
_AUTH_CLASSES = {  # what botocore, google-auth and azure-identity raise before any request
    "ClientAuthenticationError",
    "CredentialRetrievalError",
    "DefaultCredentialsError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}


def file_system(scheme: str) -> Any:
    """Return fsspec's file system for a scheme; ``ValueError`` or ``ImportError`` if none."""
    return fsspec.filesystem(scheme, **COMMON)


def run(fs: Any, function: Any, *arguments: Any, **named: Any) -> Any:
    """Call a coroutine function in the loop of a file system, and wait for what it returns."""
    return sync(fs.loop, function, *arguments, **named)


@contextlib.contextmanager
def translated(uri: str) -> Iterator[None]:
    """Raise what a backend raises as ``FileMissing``, ``RemoteAuth`` or ``RemoteError``."""
    try:
        yield
    except Error:
        raise
    except Exception as error:  # the classes belong to libraries that may not be installed
        raise _meant(uri, error) from error


def _meant(uri: str, error: BaseException) -> Error:
    chain = list(_chain(error))
    status = next((code for each in chain if (code := _status(each))), 0)
    classes = {type(each).__name__ for each in chain}
    said = " ".join(str(error).split())[:300] or type(error).__name__
    if status in _AUTH_STATUSES or "PermissionError" in classes or classes & _AUTH_CLASSES:
        return RemoteAuth(
            f"{uri} cannot be read with these credentials: {said}",
            hint="set what the backend reads, as its own tools do: variables, profiles, logins",
        )
    if status in _GONE_STATUSES or any(isinstance(each, FileNotFoundError) for each in chain):
        return gone(uri)
    if status == _CHANGED_STATUS:
        return ReferenceChanged(f"{uri} has changed")
    if any(isinstance(each, asyncio.TimeoutError | TimeoutError) for each in chain):
        said = "no answer in time"
    return RemoteError(f"{uri} cannot be read: {said}", hint="call again")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int:
    """Return the HTTP status that an error carries: botocore's, azure's, gcsfs's, aiohttp's."""
    reply = getattr(error, "response", None)
    if isinstance(reply, dict):
        return int(reply.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    for name in ("status_code", "code", "status"):
        value = getattr(error, name, None)
        if isinstance(value, int | str) and str(value).isdecimal():
            return int(value)
    return _gcsfs_forbidden(error)


def _gcsfs_forbidden(error: BaseException) -> int:
    """Return 403 for gcsfs's, which carries it in no other way than its first word."""
    bare = type(error) is OSError and error.errno is None
    return 403 if bare and str(error).startswith("Forbidden: ") else 0
