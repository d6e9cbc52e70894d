"""URIs of objects elsewhere: what is refused, and how buckets and keys are read from them.

Knows: schemes, credentials that hide in URIs, pinned versions.  Never: the network, what is there.
"""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from casstore.errors import Invalid
from casstore.names import path_bytes

__all__ = ["Address", "base_name", "bucket_address", "check_uri", "object_uri", "scheme_of"]

MAX_URI_BYTES = 4096

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")  # RFC 3986, 3.1
_SIGNATURES = {"x-amz-signature", "x-goog-signature", "x-amz-security-token", "sig"}
_VERSION_ID = re.compile(r"\?versionId=([^&/]+)\Z")
_GENERATION = re.compile(r"#([0-9]+)\Z")
_PINNED = {"s3": _VERSION_ID, "s3a": _VERSION_ID, "gs": _GENERATION, "gcs": _GENERATION}


class Address(NamedTuple):
    """A bucket, a key in it (empty: the bucket), and the version that the URI pins, if any."""

    bucket: str
    key: str
    version_id: str = ""


def scheme_of(uri: str) -> str:
    """Return the scheme in lower case; ``Invalid`` if there is none."""
    match = _SCHEME.match(uri) if isinstance(uri, str) else None
    if match is None:
        raise Invalid(
            f"{uri!r} is no URI: it has no scheme",
            hint="write s3://, https://, file:///...; add_file takes files of this machine",
        )
    return match[1].lower()


def check_uri(uri: str) -> str:
    """Return a URI if it may be kept; ``Invalid`` without scheme, or with credentials in it."""
    scheme = scheme_of(uri)
    try:
        size = len(uri.encode())
    except UnicodeEncodeError as error:
        raise Invalid(f"{uri!r} is not UTF-8, so it cannot be kept") from error
    if size > MAX_URI_BYTES:
        raise Invalid(f"a URI has at most {MAX_URI_BYTES} bytes: {uri[:60]!r}...")
    if not uri.partition("://")[2].strip("/") and scheme != "file":
        raise Invalid(f"{uri!r} names nothing")
    authority = uri.partition("://")[2].split("/")[0]
    user, at, _ = authority.rpartition("@")
    if at and (":" in user or scheme in {"http", "https"}):
        raise Invalid(
            f"the URI of {authority.rpartition('@')[2]} holds a user or password",
            hint="credentials are never stored: put them in ~/.netrc or where the backend looks",
        )
    if scheme in {"http", "https"} and _SIGNATURES & _parameters(uri):
        raise Invalid(
            f"the URI of {authority} is signed: it is a credential, and it expires",
            hint="give the object's own URI (s3://, gs://, az://)",
        )
    return uri


def bucket_address(uri: str) -> Address:
    """Take ``s3://bucket/key[?versionId=ID]`` or ``gs://bucket/key[#generation]`` apart.

    Keys stand as they are in the bucket, not percent-encoded.
    """
    pattern = _PINNED.get(scheme_of(uri))
    pinned = pattern.search(uri) if pattern else None
    plain = uri[: pinned.start()] if pinned else uri
    bucket, _, key = plain.partition("://")[2].partition("/")
    return Address(bucket, key, pinned[1] if pinned else "")


def object_uri(uri: str, key: str) -> str:
    """Return the URI of another key in the bucket that a URI names."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{key}"


def base_name(uri: str) -> bytes:
    """Return the last part of a URI's path, which names its object in an artifact."""
    scheme = scheme_of(uri)
    if scheme in {"http", "https"}:
        path = _split(uri).path
    elif scheme in _PINNED:
        path = "/" + bucket_address(uri).key
    elif scheme == "file":
        path = "/" + uri.partition("://")[2]
    else:
        path = "/" + uri.partition("://")[2].partition("/")[2]
    name = path.rstrip("/").rpartition("/")[2]
    if not name:
        raise Invalid(f"{uri!r} has no base name", hint="pass name=")
    return path_bytes(name)


def _parameters(uri: str) -> set[str]:
    query = _split(uri).query
    return {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:
        raise Invalid(f"{uri!r} is no URI: {error}") from error
