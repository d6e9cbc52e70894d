"""From where a version is read: this store, with its bytes on demand, or a depot elsewhere.

Knows: ``--from``.  Never: what is done with the files.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from casstore.cli.carrying import connected
from casstore.cli.workspace import Workspace
from casstore.exchange import Afar, on_demand
from casstore.journal.views import VersionView
from casstore.patterns import matcher_of
from casstore.store import Readable, find_version

__all__ = ["chooser", "source_of"]


@contextlib.contextmanager
def source_of(
    place: Workspace, ref: str, remote: str | None
) -> Iterator[tuple[Readable, VersionView]]:
    """Give what to read, and the version that ``ref`` means there; nothing is pulled from afar."""
    if remote is None:
        view = place.version(ref)
        yield on_demand(place.existing()), view
        return
    store = place.existing_or_empty() or place.writable()
    reference = place.reference(ref)
    with connected(place, store, remote, create=False, follow=False) as connection:
        connection.depot.refresh()
        afar = Afar(store, connection.depot)
        yield afar, find_version(afar, reference, place.project)


def chooser(include: Sequence[str], exclude: Sequence[str]) -> Callable[[bytes], bool] | None:
    """Return what tells of a path whether it is wanted; None if all are."""
    if not include and not exclude:
        return None
    wanted, unwanted = matcher_of(include), matcher_of(exclude)
    return lambda path: (not include or wanted(path)) and not unwanted(path)
