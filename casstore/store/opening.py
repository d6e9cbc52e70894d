"""Opening a store: where its index may lie, and which process shares what.

Knows: local and remote file systems, permissions, who shares a store, one open store a process.
Never: verbs.
"""

import importlib
import os
from pathlib import Path
from typing import TypeAlias

from casstore import durable
from casstore.depot import Sharing, create_identity, read_identity
from casstore.digest import digest_of
from casstore.errors import Error
from casstore.parallel import Lock
from casstore.settings import user_cache_dir
from casstore.store.store import Store

__all__ = ["close_store", "create_store", "is_open", "open_store"]

Key: TypeAlias = tuple[int, int, str, str]

_open_stores: dict[Key, Store] = {}
_lock = Lock()


def open_store(root: Path, *, renew: bool = False, fresh: bool = False) -> Store:
    """Open the store at ``root``; one object a process, however often it is asked for.

    With ``renew`` its index is made again from the files first, however damaged it is; ``Busy`` if
    another process has the store open.  With ``fresh`` it shows what other hosts have written until
    now, which may else take a minute.  Raises ``NotFound`` if there is none, ``Unsupported`` if it
    is of a newer release.
    """
    root = Path(os.path.abspath(root))
    identity = read_identity(root)
    key = _key(root, identity.store_id)
    with _lock:
        _let_go_of_removed(root, key)
        store = _open_stores.get(key)
        if store is None:
            read_only = not os.access(root, os.W_OK) or not os.access(root / "packs", os.W_OK)
            sharing = Sharing(root, far=not durable.is_local_filesystem(root))
            if sharing.far and not read_only:
                sharing.begin()
            inside = not (sharing.now() or read_only) and _claim_index(root)
            folder = root if inside else _cache_folder(root, key)
            store = Store(root, identity, folder, sharing, read_only=read_only, renew=renew)
            if inside and not _has_index(root):  # somebody took it between the two
                store.close()
                folder = _cache_folder(root, key)
                store = Store(root, identity, folder, sharing, read_only=False, renew=renew)
            _open_stores[key] = store
        elif renew:
            store.index.rebuild()
    if fresh:
        store.index.catch_up(at_once=True, fresh=True)
    return store


def _key(root: Path, store_id: str) -> Key:
    """Return what tells one store from every other, also from one that takes its place.

    Inode numbers are given again, so the id belongs to it; where they are made up, the path does.
    """
    info = (root / "FORMAT").stat()
    if durable.keeps_inodes(root):
        return info.st_dev, info.st_ino, store_id, ""
    return info.st_dev, 0, store_id, os.path.realpath(root)


def _let_go_of_removed(root: Path, key: Key) -> None:
    """Close stores that were at ``root`` before another was made there."""
    for other in [
        other for other, store in _open_stores.items() if store.root == root and other != key
    ]:
        _open_stores.pop(other).close()


def create_store(root: Path, *, fresh: bool = False) -> Store:
    """Open the store at ``root``, making it first if there is none; otherwise as ``open_store``."""
    root = Path(os.path.abspath(root))
    if not (root / "FORMAT").exists():
        try:
            create_identity(root)
        except OSError as error:
            raise Error(
                f"no store can be made at {root}: {error.strerror}",
                hint="name another folder with --store or CASSTORE_HOME",
            ) from error
    return open_store(root, fresh=fresh)


def is_open(root: Path) -> bool:
    """Tell whether this process has the store at ``root`` open."""
    root = Path(os.path.abspath(root))
    with _lock:
        return any(store.root == root for store in _open_stores.values())


def close_store(store: Store) -> None:
    """Close a store for the whole process; whoever opens it again meanwhile waits."""
    with _lock:
        for key in [key for key, known in _open_stores.items() if known is store]:
            del _open_stores[key]
        store.close()


def _claim_index(root: Path) -> bool:
    """Tell whether the index inside is for processes of this container, taking it if it is free.

    LMDB tells by process numbers who lives, so it must not be open in two containers at once.  Who
    opens it alone says whose it is, in ``db.lock``; it can change only while nobody has it open.
    """
    lock = durable.FileLock(root / "db.lock")
    try:
        if lock.try_acquire():
            lock.inscribe(durable.process_space())
        return _has_index(root)
    finally:
        lock.release()


def _has_index(root: Path) -> bool:
    said = durable.FileLock(root / "db.lock").inscription()
    return said in {"", durable.process_space()}


def _cache_folder(root: Path, key: Key) -> Path:
    """Return where the index lies of a store that has none inside, under its id and place.

    LMDB forbids remote file systems, one host's locks mean nothing on another, and an index beside
    a store that cannot be written cannot be written either.
    """
    device, inode, store_id, _ = key
    place = f"{os.path.realpath(root)}\0{device}\0{inode}\0{durable.process_space()}".encode()
    folder = _local_cache() / f"{store_id}-{digest_of(place).hex()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _local_cache() -> Path:
    """Return the user's cache, or a folder of this machine's own where homes lie on a network."""
    cache = user_cache_dir()
    if durable.is_local_filesystem(cache):
        return cache
    folder = Path(importlib.import_module("tempfile").gettempdir()) / f"casstore-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not durable.is_local_filesystem(folder) or folder.lstat().st_uid != os.getuid():
        raise Error(
            f"the index needs a local disk: {cache} is not on one, and {folder} cannot be used",
            hint="set XDG_CACHE_HOME or TMPDIR to a folder of yours on a disk of this machine",
        )
    return folder
