"""Packs that are files of a store: what ``packs`` checks, read from disk.

Knows: paths, descriptors.  Never: what is in a pack, versions.
"""

import os
from collections.abc import Sequence
from functools import partial
from io import FileIO
from pathlib import Path

from casstore import durable
from casstore.catalog import ChunkRow
from casstore.digest import Buffer, Digest
from casstore.flows.verify.packs import PackState, check_pack_at
from casstore.packs import PackId
from casstore.packs.format import RECORD
from casstore.store import Index, Store

__all__ = ["StorePacks", "check_pack"]


class StorePacks:
    """See ``places.Packs``: those of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def index(self) -> Index:
        """See ``Packs``."""
        return self._store.index

    def look(self, pack_id: PackId) -> PackState:
        """See ``Packs``."""
        return check_pack(self._store.packs.path(pack_id), quick=True)

    def record(self, pack_id: PackId, row: ChunkRow) -> Buffer:
        """See ``Packs``."""
        with _opened(self._store.packs.path(pack_id)) as stream:
            return durable.read_at(stream.fileno(), RECORD.size + row.stored_bytes, row.offset)

    def read(self, digests: Sequence[Digest]) -> Sequence[Buffer]:
        """See ``Packs``."""
        return self._store.frames.read(digests)


def check_pack(path: Path, *, quick: bool) -> PackState:
    """Check a pack's structure and, unless ``quick``, every frame in it.

    Raises nothing about the pack; ``Error`` where no file at all can be opened.
    """
    try:
        with _opened(path) as stream:
            size_bytes = os.fstat(stream.fileno()).st_size
            read = partial(durable.read_at, stream.fileno())
            return check_pack_at(read, size_bytes, path.name, quick=quick)
    except FileNotFoundError:
        return PackState(path.name, -1, f"pack {path.name} is gone")
    except OSError as error:
        if durable.is_out_of_means(error):
            raise
        message = f"pack {path.name} cannot be read: {error.strerror}"
        return PackState(path.name, _size_of(path), message, broken=True)


def _opened(path: Path) -> FileIO:
    return FileIO(durable.open_file(path))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
