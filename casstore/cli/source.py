"""From where a version is read: this store, or a depot elsewhere.

Knows: ``--from``.  Never: what is done with the files.
"""

import contextlib
from collections.abc import Iterator

from casstore.cli.messages import tell_requests
from casstore.cli.table import load
from casstore.cli.workspace import Workspace
from casstore.journal.views import VersionView
from casstore.store import Readable

__all__ = ["source_of"]


@contextlib.contextmanager
def source_of(
    place: Workspace, ref: str, remote: str | None
) -> Iterator[tuple[Readable, VersionView]]:
    """Give what to read, and the version that ``ref`` means there; nothing is pulled from afar."""
    if remote is None:
        view = place.version(ref)
        store = place.existing()
        try:
            yield store, view
        finally:
            if store.frames.fetcher is not None:
                for url, counts in store.frames.fetcher.requests().items():
                    tell_requests(place.options, counts, url)
    else:
        with load("afar").version_afar(place, ref, remote) as found:
            yield found
