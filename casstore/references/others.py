"""Schemes that nothing more is known of: tracked by URI, read by whatever fsspec has for them.

Knows: fsspec's generic calls.  Never: what any server says of an object.
"""

from collections.abc import Iterator

from casstore.backends.systems import file_system_at
from casstore.digest import Buffer
from casstore.errors import Invalid
from casstore.references.record import Expansion, Referent, unlisted
from casstore.references.translating import READ_BYTES, translated
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
                fs, path = file_system_at(recorded.uri)
                info = fs.info(path)
            except FileNotFoundError:
                return None
        return Referent(recorded.uri, int(info.get("size") or 0))

    def listing(self, folder: str) -> Iterator[Referent]:
        """See ``Handler``: there is none."""
        raise unlisted(folder)

    def stream(self, recorded: Referent) -> Iterator[Buffer]:
        """See ``Handler``; nothing says whether it changed."""
        with translated(recorded.uri):
            fs, path = file_system_at(recorded.uri)
            with fs.open(path, "rb") as stream:
                while data := stream.read(READ_BYTES):
                    yield data


def make_handler() -> Others:
    """Return the handler of this module's schemes."""
    return Others()
