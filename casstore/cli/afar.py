"""``--from``: a version in a depot elsewhere, read without pulling it; loaded when it is asked for.

Knows: which depot is meant.  Never: what is done with the files.
"""

import contextlib
from collections.abc import Iterator

from casstore.cli.carrying import connected
from casstore.cli.workspace import Workspace
from casstore.exchange import Afar
from casstore.journal.views import VersionView
from casstore.store import Readable, Store, find_version

__all__ = ["version_afar"]


@contextlib.contextmanager
def version_afar(place: Workspace, ref: str, remote: str) -> Iterator[tuple[Readable, VersionView]]:
    """Give a remote's depot as it is now, and the version that ``ref`` means there.

    It needs no store, and makes none.
    """
    reference = place.reference(ref)
    base = place.base()
    with connected(place, base, remote, create=False, follow=False) as connection:
        connection.depot.refresh()
        afar = Afar(base if isinstance(base, Store) else None, connection.depot)
        yield afar, find_version(afar, reference, place.project)
