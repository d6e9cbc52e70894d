"""Opening a store: where its index may lie, and which process shares what.

Knows: local and remote file systems, permissions, one open store a process.  Never: verbs.
"""

import os
from pathlib import Path

from casstore import durable
from casstore.depot import create_identity, read_identity
from casstore.digest import digest_of
from casstore.errors import Error
from casstore.parallel import Lock
from casstore.settings import user_cache_dir
from casstore.store.store import Store

__all__ = ["close_store", "create_store", "is_open", "open_store"]

_open_stores: dict[tuple[int, int, str], Store] = {}
_lock = Lock()


def open_store(root: Path, *, renew: bool = False) -> Store:
    """Open the store at ``root``; one object a process, however often it is asked for.

    With ``renew`` its index is made again from the files first, however damaged it is; ``Busy`` if
    another process has the store open.  Raises ``NotFound`` if there is none, ``Unsupported`` if it
    is of a newer release.
    """
    root = Path(os.path.abspath(root))
    identity = read_identity(root)
    info = (root / "FORMAT").stat()
    key = (info.st_dev, info.st_ino, identity.store_id)  # inodes are given again
    with _lock:
        _let_go_of_removed(root, key)
        store = _open_stores.get(key)
        if store is None:
            folder, read_only = _index_folder(root, identity.store_id, info)
            store = Store(root, identity, folder, read_only=read_only, renew=renew)
            _open_stores[key] = store
        elif renew:
            store.index.rebuild()
        return store


def _let_go_of_removed(root: Path, key: tuple[int, int, str]) -> None:
    """Close stores that were at ``root`` before another was made there."""
    for other in [
        other for other, store in _open_stores.items() if store.root == root and other != key
    ]:
        _open_stores.pop(other).close()


def create_store(root: Path) -> Store:
    """Open the store at ``root``, making it first if there is none."""
    root = Path(os.path.abspath(root))
    if not (root / "FORMAT").exists():
        try:
            create_identity(root)
        except OSError as error:
            raise Error(
                f"no store can be made at {root}: {error.strerror}",
                hint="name another folder with --store or CASSTORE_HOME",
            ) from error
    return open_store(root)


def is_open(root: Path) -> bool:
    """Tell whether this process has the store at ``root`` open."""
    root = Path(os.path.abspath(root))
    with _lock:
        return any(store.root == root for store in _open_stores.values())


def close_store(store: Store) -> None:
    """Close a store for the whole process."""
    with _lock:
        for key in [key for key, known in _open_stores.items() if known is store]:
            del _open_stores[key]
    store.close()


def _index_folder(root: Path, store_id: str, info: os.stat_result) -> tuple[Path, bool]:
    """Return where the index lies and whether the store can only be read.

    LMDB forbids remote file systems, and an index beside a store that cannot be written cannot be
    either: there it lies in the user's cache, under the store's id and place.
    """
    read_only = not os.access(root, os.W_OK) or not os.access(root / "packs", os.W_OK)
    if not read_only and durable.is_local_filesystem(root):
        return root, False
    place = f"{os.path.realpath(root)}\0{info.st_dev}\0{info.st_ino}".encode()
    folder = user_cache_dir() / f"{store_id}-{digest_of(place).hex()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, read_only
