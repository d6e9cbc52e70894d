"""What the errors of storage libraries mean: by class and code, never by their text.

Knows: botocore's, gcsfs's, azure's, asyncssh's, webdav4's, httpx's and aiohttp's errors, HTTP.
Never: the libraries themselves, which may not be installed; what was asked for.

Some servers send no text (Ceph RGW's is ``None``), others put addresses and signatures into it.  A
code in the chain of causes says most, then an HTTP status, then a class, the nearest first.
"""

import enum
import errno
import os
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Failure", "Kind", "StatusError", "UnusableKey", "understood"]


class Kind(enum.Enum):
    """What the handler does: ``BUSY`` to ``DEAD`` pass by themselves, so it calls again."""

    AUTH = enum.auto()  # credentials are wrong, missing, or allow too little
    HOST_KEY = enum.auto()  # the other end is not known
    MISSING = enum.auto()  # no such object
    NO_ROOT = enum.auto()  # no such bucket, container or folder
    EXISTS = enum.auto()  # a condition did not hold: it is there, or is another one
    FULL = enum.auto()
    BUSY = enum.auto()  # asked to wait
    CONFLICT = enum.auto()  # somebody writes it at this moment
    DAMAGED = enum.auto()  # bytes changed on the way, and the library noticed
    SHORT = enum.auto()  # the object ends before what was asked for
    PASSING = enum.auto()  # the server or the network failed
    UNREACHABLE = enum.auto()  # nobody answers there
    DEAD = enum.auto()  # the session ended: a new client is needed
    OTHER = enum.auto()


class Failure(NamedTuple):
    """A kind, and what can be told of it without repeating any text of a server."""

    kind: Kind
    said: str


class StatusError(Exception):
    """An HTTP status that is no success, where a library would hide it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class UnusableKey(Exception):
    """A key of the user's, or what says which to use, where a library has no class for it.

    Its text is ours, and may be told.
    """


CODES = {
    **dict.fromkeys(
        (
            *("AccessDenied", "AuthenticationFailed", "AuthorizationFailure", "ExpiredToken"),
            *("AuthorizationPermissionMismatch", "InsufficientAccountPermissions"),
            *("InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed"),
            *("SignatureDoesNotMatch", "TokenRefreshRequired"),
        ),
        Kind.AUTH,
    ),
    **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "BlobNotFound"), Kind.MISSING),
    **dict.fromkeys(("NoSuchBucket", "ContainerNotFound"), Kind.NO_ROOT),
    **dict.fromkeys(
        ("PreconditionFailed", "BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"),
        Kind.EXISTS,
    ),
    **dict.fromkeys(("SlowDown", "ServerBusy", "Throttling", "TooManyRequests"), Kind.BUSY),
    **dict.fromkeys(("ConditionalRequestConflict", "OperationAborted"), Kind.CONFLICT),
    **dict.fromkeys(("BadDigest", "XAmzContentSHA256Mismatch", "Md5Mismatch"), Kind.DAMAGED),
    "InvalidRange": Kind.SHORT,
    **dict.fromkeys(("InternalError", "RequestTimeout", "OperationTimedOut"), Kind.PASSING),
    **dict.fromkeys(("QuotaExceeded", "InsufficientStorage"), Kind.FULL),
}

STATUSES = {
    **dict.fromkeys((401, 403, 407), Kind.AUTH),
    **dict.fromkeys((404, 410), Kind.MISSING),
    **dict.fromkeys((408, 500, 502, 504, 509), Kind.PASSING),
    **dict.fromkeys((409, 423), Kind.CONFLICT),
    412: Kind.EXISTS,
    416: Kind.SHORT,
    **dict.fromkeys((429, 503), Kind.BUSY),
    507: Kind.FULL,
}

CLASSES = {  # the first package of a class's module, and its name
    "adlfs.ResourceNotFoundError": Kind.MISSING,
    "aiohttp.ClientConnectorError": Kind.UNREACHABLE,
    "aiohttp.ClientError": Kind.PASSING,
    "asyncssh.ChannelOpenError": Kind.DEAD,
    "asyncssh.DisconnectError": Kind.DEAD,
    "asyncssh.HostKeyNotVerifiable": Kind.HOST_KEY,
    "asyncssh.PermissionDenied": Kind.AUTH,
    "asyncssh.SFTPConnectionLost": Kind.DEAD,
    "asyncssh.SFTPFileAlreadyExists": Kind.EXISTS,
    "asyncssh.SFTPNoConnection": Kind.DEAD,
    "asyncssh.SFTPNoSpaceOnFilesystem": Kind.FULL,
    "asyncssh.SFTPNoSuchFile": Kind.MISSING,
    "asyncssh.SFTPNoSuchPath": Kind.MISSING,
    "asyncssh.SFTPPermissionDenied": Kind.AUTH,
    "asyncssh.SFTPQuotaExceeded": Kind.FULL,
    "azure.ClientAuthenticationError": Kind.AUTH,
    "azure.IncompleteReadError": Kind.PASSING,
    "azure.ResourceExistsError": Kind.EXISTS,
    "azure.ResourceModifiedError": Kind.EXISTS,
    "azure.ResourceNotFoundError": Kind.MISSING,
    "azure.ServiceRequestError": Kind.UNREACHABLE,
    "azure.ServiceResponseError": Kind.PASSING,
    "botocore.ConnectTimeoutError": Kind.UNREACHABLE,
    "botocore.CredentialRetrievalError": Kind.AUTH,
    "botocore.EndpointConnectionError": Kind.UNREACHABLE,
    "botocore.FlexibleChecksumError": Kind.DAMAGED,
    "botocore.HTTPClientError": Kind.PASSING,
    "botocore.IncompleteReadError": Kind.PASSING,
    "botocore.NoCredentialsError": Kind.AUTH,
    "botocore.PartialCredentialsError": Kind.AUTH,
    "botocore.ProfileNotFound": Kind.AUTH,
    "botocore.ResponseStreamingError": Kind.PASSING,
    "botocore.SSOTokenLoadError": Kind.AUTH,
    "botocore.TokenRetrievalError": Kind.AUTH,
    "botocore.UnauthorizedSSOTokenError": Kind.AUTH,
    "builtins.ConnectionError": Kind.PASSING,
    "builtins.ConnectionRefusedError": Kind.UNREACHABLE,
    "builtins.FileExistsError": Kind.EXISTS,
    "builtins.FileNotFoundError": Kind.MISSING,
    "builtins.PermissionError": Kind.AUTH,
    "builtins.TimeoutError": Kind.PASSING,
    "casstore.ShortRead": Kind.SHORT,
    "casstore.UnusableKey": Kind.AUTH,
    "google.DefaultCredentialsError": Kind.AUTH,
    "google.RefreshError": Kind.AUTH,
    "google.TransportError": Kind.PASSING,
    "httpx.ConnectError": Kind.UNREACHABLE,
    "httpx.ConnectTimeout": Kind.UNREACHABLE,
    "httpx.TransportError": Kind.PASSING,
    "requests.ConnectionError": Kind.UNREACHABLE,
    "requests.RequestException": Kind.PASSING,
    "socket.gaierror": Kind.UNREACHABLE,
    "urllib3.HTTPError": Kind.PASSING,
    "webdav4.BadGatewayError": Kind.PASSING,
    "webdav4.InsufficientStorage": Kind.FULL,
    "webdav4.ResourceNotFound": Kind.MISSING,
    "xml.ParseError": Kind.PASSING,  # rclone's listing, cut by an object that goes meanwhile
}

ERRNOS = {
    errno.EDQUOT: Kind.FULL,
    errno.EHOSTUNREACH: Kind.UNREACHABLE,
    errno.EIO: Kind.PASSING,
    errno.ENETUNREACH: Kind.UNREACHABLE,
    errno.ENOSPC: Kind.FULL,
    errno.ENOTDIR: Kind.MISSING,
    errno.EROFS: Kind.AUTH,
    errno.ESTALE: Kind.PASSING,
}


def understood(error: BaseException) -> Failure:
    """Return what an error of a library means."""
    chain = list(_chain(error))
    for each in chain:
        code = _code(each)
        if code in CODES:
            return Failure(CODES[code], code)
    for each in chain:
        status = _status(each)
        if status in STATUSES:
            return Failure(STATUSES[status], _code(each) or f"HTTP {status}")
    for each in chain:
        for kind in type(each).__mro__:
            name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
            if name in CLASSES:
                return Failure(CLASSES[name], _told(each))
        if isinstance(each, OSError) and each.errno in ERRNOS:
            return Failure(ERRNOS[each.errno], _told(each))
    return Failure(Kind.OTHER, _told(chain[-1]))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _code(error: BaseException) -> str:
    """Return the code that S3 or Azure put into an error; empty if none."""
    reply = getattr(error, "response", None)
    if isinstance(reply, dict):
        return str(reply.get("Error", {}).get("Code", ""))
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code)) if code else ""


def _status(error: BaseException) -> int:
    """Return the HTTP status that an error carries; 0 if none."""
    reply = getattr(error, "response", None)
    if isinstance(reply, dict):
        return int(reply.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    for name in ("status_code", "code", "status"):
        value = getattr(error, name, None)
        if isinstance(value, int | str) and str(value).isdecimal() and int(value) >= 100:
            return int(value)
    return 0


def _told(error: BaseException) -> str:
    """Return the name of an error, the system's own words for its number if it has one."""
    if isinstance(error, UnusableKey):
        return str(error)
    status = _status(error)
    if status:
        return _code(error) or f"HTTP {status}"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__
