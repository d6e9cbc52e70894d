"""Opening a store: where its index may lie, and which process shares what.

Knows: local and remote file systems, permissions, one open store a process.  Never: verbs.
"""

import os
import shutil
from pathlib import Path

from casstore import durable
from casstore.depot import create_identity, read_identity
from casstore.digest import digest_of
from casstore.errors import Error
from casstore.parallel import Lock
from casstore.settings import user_cache_dir
from casstore.store.store import Store

__all__ = ["close_store", "create_store", "discard_index", "open_store"]

_open_stores: dict[tuple[int, int], Store] = {}
_lock = Lock()


def open_store(root: Path) -> Store:
    """Open the store at ``root``; one object a process, however often it is asked for.

    Raises ``NotFound`` if there is none, ``Unsupported`` if it is of a newer release.
    """
    root = Path(os.path.abspath(root))
    identity = read_identity(root)
    info = (root / "FORMAT").stat()
    key = (info.st_dev, info.st_ino)
    with _lock:
        store = _open_stores.get(key)
        if store is None:
            folder, read_only = _index_folder(root, identity.store_id, info)
            store = _open_stores[key] = Store(root, identity, folder, read_only=read_only)
        return store


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


def discard_index(root: Path) -> bool:
    """Remove the index of the store at ``root``, unread, so that opening makes it again.

    Reading a damaged one may end the process.  Returns False while a process has it open.
    """
    root = Path(os.path.abspath(root))
    folder, _ = _index_folder(root, read_identity(root).store_id, (root / "FORMAT").stat())
    lock = durable.FileLock(folder / "db.lock")
    is_ours = lock.try_acquire()
    if is_ours:
        shutil.rmtree(folder / "db", ignore_errors=True)
    lock.release()
    return is_ours


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
