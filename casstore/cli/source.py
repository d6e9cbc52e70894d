"""From where a version is read: this store, or a depot elsewhere; and which of its files.

Knows: ``--from``, ``--include``, ``--exclude``.  Never: what is done with the files.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from casstore.cli.messages import tell_requests
from casstore.cli.table import load
from casstore.cli.workspace import Workspace
from casstore.journal.views import VersionView
from casstore.patterns import matcher_of
from casstore.store import Readable

__all__ = ["chooser", "source_of"]


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
                tell_requests(place.options, store.frames.fetcher.requests())
    else:
        with load("afar").version_afar(place, ref, remote) as found:
            yield found


def chooser(include: Sequence[str], exclude: Sequence[str]) -> Callable[[bytes], bool] | None:
    """Return what tells of a path whether it is wanted; None if all are."""
    if not include and not exclude:
        return None
    wanted, unwanted = matcher_of(include), matcher_of(exclude)
    return lambda path: (not include or wanted(path)) and not unwanted(path)
