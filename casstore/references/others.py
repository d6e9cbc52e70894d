"""Schemes that nothing more is known of: tracked by URI, read by whatever fsspec has for them.

Knows: fsspec's generic calls.  Never: what any server says of an object.
"""

from collections.abc import Iterator
from typing import Any

from casstore.digest import Buffer
from casstore.errors import Invalid, Unsupported
from casstore.references.backends import READ_BYTES, file_system, translated
from casstore.references.record import Expansion, Referent, unlisted
from casstore.references.uris import scheme_of

__all__ = ["Others", "make_handler"]


class Others:
    """The handler."""

    def expand(self, uri: str, limit: int) -> Expansion:
        """Refuse: only what was named can be tracked."""
        del limit
        raise Invalid(
            f"what lies at {scheme_of(uri)}:// cannot be listed", hint="pass name= to track the URI"
        )

    def look(self, recorded: Referent) -> Referent | None:
        """See ``Handler``; only the size is known."""
        with translated(recorded.uri):
            try:
                info = _file_system(recorded.uri).info(recorded.uri)
            except FileNotFoundError:
                return None
        return Referent(recorded.uri, int(info.get("size") or 0))

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: there is none."""
        raise unlisted(folder)

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``; nothing says whether it changed."""
        fs = _file_system(recorded.uri)
        with translated(recorded.uri), fs.open(recorded.uri, "rb") as stream:
            while data := stream.read(READ_BYTES):
                yield data


def make_handler() -> Others:
    """Return the handler of this module's schemes."""
    return Others()


def _file_system(uri: str) -> Any:
    scheme = scheme_of(uri)
    try:
        return file_system(scheme)
    except ValueError as error:
        raise Unsupported(
            f"nothing here reads {scheme}:// URIs", hint="fetch it with the tool that does"
        ) from error
    except ImportError as error:
        raise Unsupported(f"{scheme}:// cannot be read: {error}", hint="install it") from error
