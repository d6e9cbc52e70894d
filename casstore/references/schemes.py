"""Schemes, by name: which module knows each, loaded when a reference of it is used.

Knows: the table, what every handler can do, when one must be made anew.  Never: how any scheme
works.  ``casstore://`` is not here: it needs a store (``store/referred.py``).
"""

from collections.abc import Iterator
from typing import Protocol, cast

from casstore.backends.making import Kept, Module, load
from casstore.digest import Buffer
from casstore.references.record import Expansion, Found, Referent, checked
from casstore.references.uris import base_name, check_uri, scheme_of
from casstore.settings import backend_variables

__all__ = ["HANDLERS", "Handler", "expand", "is_known", "listing", "look", "read", "unchecked"]

HANDLERS: dict[str, Module] = {
    "abfs": Module("casstore.references.azure", "azure"),
    "abfss": Module("casstore.references.azure", "azure"),
    "az": Module("casstore.references.azure", "azure"),
    "file": Module("casstore.references.files"),
    "gcs": Module("casstore.references.gcs", "gcs"),
    "gs": Module("casstore.references.gcs", "gcs"),
    "http": Module("casstore.references.http"),
    "https": Module("casstore.references.http"),
    "s3": Module("casstore.references.s3", "s3"),
    "s3a": Module("casstore.references.s3", "s3"),
}
"""Scheme -> the module that knows it, and the extra that installs what it needs."""

OTHERS = Module("casstore.references.others")


class Handler(Protocol):
    """What is known of a scheme.  Safe across threads; made anew after a fork."""

    def expand(self, uri: str, limit: int) -> Expansion:
        """Return what a URI means now: an object, or what lies below a prefix or folder.

        Raises ``FileMissing`` if nothing is there and ``Invalid`` for more than ``limit`` objects.
        """

    def look(self, recorded: Referent) -> Referent | None:
        """Return what is there now, without reading it where that can be avoided; None: nothing."""

    def listing(self, folder: str) -> Iterator[Referent]:
        """Yield the newest of all objects below ``scheme://bucket/dir/``.

        Raises ``Unsupported`` where that is no cheaper than a look at each.
        """

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """Yield the bytes of the object that was recorded.

        Raises ``FileMissing`` if it is gone, ``ReferenceChanged`` if another is there.
        """


def is_known(uri: str) -> bool:
    """Tell whether more than the URI can be tracked."""
    return scheme_of(uri) in HANDLERS


def expand(uri: str, limit: int) -> Expansion:
    """Return what a URI means now, as ``Handler.expand``; only for schemes that are known."""
    return _handler(check_uri(uri)).expand(uri, limit)


def unchecked(uri: str) -> Expansion:
    """Return a URI as one object of which nothing is known; nobody is asked."""
    return Expansion([Found(base_name(uri), Referent(check_uri(uri)))])


def look(recorded: Referent) -> Referent | None:
    """Return what is there now, None if nothing is."""
    return _handler(recorded.uri).look(recorded)


def listing(folder: str) -> Iterator[Referent]:
    """Yield the objects below a folder; ``Unsupported`` where there is no such request."""
    return _handler(folder).listing(folder)


def read(recorded: Referent) -> Iterator[Buffer]:
    """Yield the bytes that were recorded; only when it ends well were they all and the right ones.

    Raises ``FileMissing``, ``ReferenceChanged``, ``RemoteError``.
    """
    return checked(recorded, _handler(recorded.uri).stream(recorded))


_handlers: dict[str, Kept[Handler]] = {}


def _handler(uri: str) -> Handler:
    """Return the handler of a scheme, for this process and what the environment says now."""
    module = HANDLERS.get(scheme_of(uri), OTHERS)
    kept = _handlers.setdefault(
        module.name, Kept(lambda: _made(module), surroundings=backend_variables)
    )
    return kept.get()


def _made(module: Module) -> Handler:
    return cast("Handler", load(module).make_handler())
