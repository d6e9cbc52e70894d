"""Where a depot elsewhere is: URLs and paths, and what must not stand in them.

Knows: schemes' forms, secrets that hide in URLs.  Never: the network, what is there.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from casstore.errors import Invalid

__all__ = ["Address", "parse_address"]

MAX_URL_BYTES = 2048

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")  # RFC 3986, 3.1
_ALIASES = {"gcs": "gs", "s3a": "s3", "sftp": "ssh", "abfss": "abfs"}
_HTTP = {"webdav", "webdavs"}
_NAMED = {"abfs", "az", "gs", "memory", "s3", "ssh", *_HTTP}


class Address(NamedTuple):
    """A scheme, the bucket or server (empty for folders), and the path there without a last ``/``.

    Paths of buckets begin with no ``/``; only paths of folders are percent-decoded here.
    """

    scheme: str
    place: str
    path: str

    @property
    def url(self) -> str:
        """The URL, as it is kept and shown."""
        if self.scheme == "file":
            return Path(self.path).as_uri()
        separator = "/" if self.place and self.path and not self.path.startswith("/") else ""
        return f"{self.scheme}://{self.place}{separator}{self.path}"

    def key(self, name: str) -> str:
        """Return the full key or path of a name in the depot."""
        return f"{self.path}/{name}" if self.path else name


def parse_address(url: str | os.PathLike[str]) -> Address:
    """Read a URL, or the path of a folder, which is made absolute.

    Raises ``Invalid``: nothing named, a password or a signature in it, a form that no scheme has.
    """
    text = os.fspath(url)
    match = _SCHEME.match(text)
    if not text or "\0" in text or len(text.encode("utf-8", "replace")) > MAX_URL_BYTES:
        raise Invalid(f"{text[:60]!r} names no place", hint="give a URL, or a folder")
    if match is None:
        return Address("file", "", os.path.abspath(os.path.expanduser(text)))
    scheme = match[1].lower()
    _refuse_secrets(scheme, text)
    if scheme in {"http", "https"}:
        raise Invalid(
            f"a depot cannot lie at {scheme}://",
            hint=f"for WebDAV write webdav{'s' if scheme == 'https' else ''}://",
        )
    place, slash, path = text[match.end() :].partition("/")
    if scheme == "file":
        return Address("file", "", _folder(text, place, path))
    scheme = _ALIASES.get(scheme, scheme)
    if not place and scheme in _NAMED:
        raise Invalid(f"{text!r} names no bucket or server", hint=f"write {scheme}://NAME/...")
    path = "/".join(part for part in path.split("/") if part)
    _refuse_dots(text, path)
    if scheme in _NAMED - {"ssh"}:
        return Address(scheme, place, path)
    return Address(scheme, place, path if path.split("/")[0] == "~" else slash + path)


def _folder(text: str, place: str, path: str) -> str:
    if place not in {"", "localhost"}:
        raise Invalid(f"{text!r} names another machine", hint="write file:///an/absolute/path")
    if not path.strip("/"):
        raise Invalid(f"{text!r} names no folder")
    return os.path.abspath("/" + unquote(path))


def _refuse_dots(text: str, path: str) -> None:
    if {".", ".."} & set(path.split("/")):
        raise Invalid(f"{text!r} holds '.' or '..'", hint="write where it leads")


def _refuse_secrets(scheme: str, text: str) -> None:
    """Refuse what would be kept in ``config.toml`` and shown in messages; the error shows none."""
    authority = text.partition("://")[2].partition("/")[0]
    user, at, host = authority.rpartition("@")
    if at and (":" in user or scheme in _HTTP):
        raise Invalid(
            f"the URL of {host} holds a user or password, which are never stored",
            hint=_KEEP_SECRETS.get(scheme, "put them where the backend looks by itself"),
        )
    if scheme != "file" and ("?" in text or "#" in text):
        raise Invalid(
            f"the URL of {host or scheme} has a query or fragment, which may be a secret",
            hint=_KEEP_SECRETS.get(scheme, "leave it out"),
        )


_KEEP_SECRETS = {
    **dict.fromkeys(("s3", "s3a"), "put keys into AWS_ variables or ~/.aws/credentials"),
    **dict.fromkeys(("gs", "gcs"), "point GOOGLE_APPLICATION_CREDENTIALS to a file of keys"),
    **dict.fromkeys(
        ("az", "abfs", "abfss"), "put it into AZURE_STORAGE_CONNECTION_STRING or _SAS_TOKEN"
    ),
    **dict.fromkeys(("ssh", "sftp"), "use a key in ~/.ssh or the agent"),
    **dict.fromkeys(("webdav", "webdavs"), "put user and password into ~/.netrc"),
}
