"""botocore's client for S3, which s3fs brings along and does not use itself.

Knows: botocore, timeouts, what fsspec is told of S3.  Never: credentials, which botocore finds by
itself (``AWS_ENDPOINT_URL``, profiles, roles).

s3fs makes every call in the one thread of fsspec's loop: it signs, hashes and copies there, one
after the other.  This client does so in the thread that calls, at half the processor time.

A server that sends the head of an answer before its body, and leaves Nagle's algorithm on (Ceph's
gateway does by default), holds the body back until the head was acknowledged, which Linux puts off
for 40 ms: each small answer then took 44 ms instead of 3.  So what comes is acknowledged at once.
"""

import socket
from typing import Any

from botocore import UNSIGNED
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import Session

from casstore.backends.told import CONNECT_SECONDS, READ_SECONDS, told

__all__ = ["S3_CONNECTIONS", "s3_client"]

S3_CONNECTIONS = 32
_KEYS = {
    "key": "aws_access_key_id",
    "secret": "aws_secret_access_key",
    "token": "aws_session_token",
    "endpoint_url": "endpoint_url",
    "use_ssl": "use_ssl",
}


def s3_client() -> Any:
    """Return a client that sends each request once; safe across threads.

    Who has digests of its own does without botocore's checks of what is read: ``rclone serve s3``
    sends the whole object's checksum with a part of it.  fsspec's configuration for ``s3``
    (``FSSPEC_S3_...``) holds here as it does for s3fs.
    """
    options = told("s3")
    settings = {
        "max_pool_connections": S3_CONNECTIONS,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "response_checksum_validation": "when_required",
        "retries": {"total_max_attempts": 1, "mode": "standard"},
        **({"signature_version": UNSIGNED} if options.get("anon") else {}),
        **options.get("config_kwargs", {}),
    }
    named = {name: options[key] for key, name in _KEYS.items() if options.get(key) is not None}
    session = Session(profile=options.get("profile"))
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    config = Config(**settings)
    client = session.create_client(
        "s3", config=config, **{**named, **options.get("client_kwargs", {})}
    )
    _acknowledge_at_once(client)
    return client


class _EveryName(list[str]):
    def __contains__(self, name: object) -> bool:
        return True


def _loader(search_path: str | None) -> Any:
    """Return botocore's loader of models, which else looks into 400 folders: 13 ms of a start.

    Credentials may need other services than S3 (roles, single sign-on); one that is not there is
    told when its model is loaded.
    """
    loader = create_loader(search_path)
    loader.list_available_services = lambda _type_name: _EveryName()
    return loader


class _Connection(AWSHTTPConnection):  # type: ignore[misc]
    def getresponse(self) -> Any:
        _at_once(self.sock)
        return super().getresponse()


class _SecureConnection(AWSHTTPSConnection):  # type: ignore[misc]
    def getresponse(self) -> Any:
        _at_once(self.sock)
        return super().getresponse()


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _SecureConnection


def _at_once(sock: socket.socket | None) -> None:
    """Acknowledge the next answer at once; the kernel falls back to waiting by itself."""
    option = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it
    if sock is not None and option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, 1)


def _acknowledge_at_once(client: Any) -> None:
    """Give a client these connections; botocore has no setting for it, and does without it else."""
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    manager = getattr(session, "_manager", None)
    if manager is not None:
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
