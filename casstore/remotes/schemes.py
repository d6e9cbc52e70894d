"""Schemes of depots elsewhere: which module drives each, and where it looks for credentials.

Knows: the table.  Never: how any scheme works.
"""

from typing import NamedTuple, cast

from casstore.backends.making import Module, load
from casstore.remotes.addresses import Address
from casstore.remotes.driver import Driver, MakeDriver, Requests

__all__ = ["OTHERS", "SCHEMES", "Scheme", "check_scheme", "make_driver", "scheme_of"]


class Scheme(NamedTuple):
    """The module of a scheme's driver, and where credentials are looked for."""

    module: Module
    credentials: str


_AZURE = Scheme(
    Module("casstore.remotes.azure", "azure"),
    "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_NAME with _ACCOUNT_KEY or _SAS_TOKEN,"
    " and the logins that azure-identity knows",
)
_WEBDAV = Scheme(Module("casstore.remotes.webdav", "webdav"), "~/.netrc")

SCHEMES: dict[str, Scheme] = {
    "abfs": _AZURE,
    "az": _AZURE,
    "file": Scheme(Module("casstore.remotes.folder"), "the permissions of the folder"),
    "gs": Scheme(
        Module("casstore.remotes.gcs", "gcs"),
        "GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, the machine's",
    ),
    "memory": Scheme(Module("casstore.remotes.memory"), "nowhere"),
    "s3": Scheme(
        Module("casstore.remotes.s3", "s3"),
        "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws, the machine's role",
    ),
    "ssh": Scheme(
        Module("casstore.remotes.ssh", "ssh"), "~/.ssh/config, the agent, keys ~/.ssh/id_*"
    ),
    "webdav": _WEBDAV,
    "webdavs": _WEBDAV,
}
"""In the form that ``parse_address`` gives: ``gcs``, ``s3a``, ``sftp`` are gone."""

OTHERS = Scheme(Module("casstore.remotes.others"), "where fsspec's backend looks")

_SYSTEMS = Module("casstore.backends.systems")


def scheme_of(address: Address) -> Scheme:
    """Return what is known of an address's scheme."""
    return SCHEMES.get(address.scheme, OTHERS)


def check_scheme(address: Address) -> None:
    """Raise ``Unsupported`` for a scheme that nothing knows, installed or not."""
    if address.scheme not in SCHEMES and not load(_SYSTEMS).is_known(address.scheme):
        raise load(_SYSTEMS).unknown_scheme(address.scheme)


def make_driver(address: Address, requests: Requests) -> Driver:
    """Return a driver for an address; ``Unsupported`` if what it needs is not installed."""
    made = cast("MakeDriver", load(scheme_of(address).module).make_driver)
    return made(address, requests)
