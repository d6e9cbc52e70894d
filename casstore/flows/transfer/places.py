"""What a name, a URL or a file means, as an open depot: a remote, or a bundle that is read as one.

Knows: what is meant first where several things could be, where mirrors lie without a store.
Never: what travels, how it is asked for.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from casstore.bundles import BundleReader, parts_beside
from casstore.errors import Invalid, NotFound
from casstore.exchange import Connection, connect, connect_apart, find_remote, open_depot
from casstore.remotes.configuration import Remote, read_remotes
from casstore.store import Store

__all__ = ["meant", "reached"]


def meant(store: Store | Path, text: str | None) -> Remote | Path:
    """Return the remote, or the file of a bundle, that a name, a URL or a path means.

    Nothing is opened.  Raises as ``find_remote`` does.
    """
    root = store if isinstance(store, Path) else store.root
    if text is not None and text not in read_remotes(root) and Path(text).is_file():
        return Path(text)
    return find_remote(store, text)


@contextlib.contextmanager
def reached(
    store: Store | Path,
    text: str | None,
    *,
    create: bool,
    planning: bool = False,
    follow: bool = True,
) -> Iterator[Connection]:
    """Open what ``text`` means for a block: a remote's name, a URL, a folder, a file of a bundle.

    ``store`` may be the folder of one that was never made: none is made, and what is known of the
    depot is forgotten at the end.  The other options are those of ``connect``.  Of a bundle in
    parts all must lie beside the one that is named.  Raises as ``meant`` and ``connect`` do;
    ``Invalid`` for a bundle that is to be written to.
    """
    remote = meant(store, text)
    if isinstance(remote, Path):
        with _bundle(remote, create=create or planning) as connection:
            yield connection
        return
    with contextlib.ExitStack() as ends:
        if isinstance(store, Path):
            cache = ends.enter_context(tempfile.TemporaryDirectory(prefix="casstore-"))
            apart = connect_apart(None, Path(cache), remote, create=create, planning=planning)
            connection = apart
        else:
            connection = connect(store, remote, create=create, planning=planning, follow=follow)
        ends.callback(connection.close)
        yield connection
        connection.depot.tell()


@contextlib.contextmanager
def _bundle(path: Path, *, create: bool) -> Iterator[Connection]:
    if create:
        raise Invalid(
            f"{path} is a file: a bundle is written once",
            hint="make another one: casstore bundle create FILE REF...",
        )
    with (
        BundleReader(parts_beside(path)) as reader,
        tempfile.TemporaryDirectory(prefix="casstore-") as cache,
    ):
        for missing in reader.missing_parts().values():
            named = ", ".join(map(str, missing))
            raise NotFound(
                f"{path} is a part of a bundle, and its parts {named} are not beside it",
                hint="bring them together, or take the parts one by one: casstore bundle apply",
            )
        depot = open_depot(reader, Path(cache))
        try:
            yield Connection(None, Path(cache), Remote(str(path), str(path)), depot, is_bundle=True)
        finally:
            depot.close()
