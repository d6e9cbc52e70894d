"""Replacing: frames put into new packs though the index knows a place for them already.

Knows: packs being filled, when they are durable, how the index moves.
Never: which frames are damaged, where sound ones come from.

A session stores only what the index does not know, and must: this is for frames whose place is
damaged.  The index changes when the new pack is durable, in one transaction, so a frame is found in
its old place or in its new one.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from casstore.catalog import PackRow
from casstore.depot import PackFiles
from casstore.digest import Digest
from casstore.packs import Encoded, PackId, PackKind, PackWriter, read_rows
from casstore.store.index import Index

__all__ = ["Replacing"]


class Replacing:
    """Takes sound frames; leaving its bracket without an error makes them the ones that are read.

    The packs that were filled before an error stay and are found.
    """

    def __init__(self, packs: PackFiles, index: Index, staging: Callable[[], Path]) -> None:
        self._packs = packs
        self._index = index
        self._staging = staging
        self._writers: dict[PackKind, PackWriter] = {}

    @contextmanager
    def begun(self) -> Iterator["Replacing"]:
        """Fill packs until the block ends."""
        try:
            yield self
            for kind in list(self._writers):
                self._seal(kind)
        finally:
            for writer in self._writers.values():
                writer.close()

    def add(self, digest: Digest, frame: Encoded, kind: PackKind) -> None:
        """Keep a frame that the caller has verified."""
        writer = self._writers.get(kind)
        if writer is None:
            path = self._staging() / f"{os.urandom(8).hex()}.pack"
            writer = self._writers[kind] = PackWriter(path, kind, direct=False)
        writer.append(digest, *frame)
        if writer.full:
            self._seal(kind)

    def _seal(self, kind: PackKind) -> None:
        writer = self._writers.pop(kind)
        pack_id, rows = writer.seal()
        size = writer.path.stat().st_size
        self._packs.sync([self._packs.install(writer.path, pack_id)])
        pack = PackRow(pack_id, kind, len(rows), size)
        self._index.write(lambda writer: writer.move_chunks(writer.add_pack(pack, rows), rows))

    def held_by(self, pack_id: PackId, digests: set[Digest]) -> set[Digest]:
        """Return which of some frames a sound pack holds."""
        rows = read_rows(self._packs.path(pack_id))[2]
        return {row.digest for row in rows if row.digest in digests}

    def find_in(self, pack_id: PackId, digests: set[Digest]) -> None:
        """Let frames be found in a sound pack that holds them too."""
        path = self._packs.path(pack_id)
        _, kind, rows = read_rows(path)
        held = [row for row in rows if row.digest in digests]
        pack = PackRow(pack_id, kind, len(rows), path.stat().st_size)
        self._index.write(lambda writer: writer.move_chunks(writer.add_pack(pack, rows), held))
