"""The packs mirrored in the index: what their footers say becomes rows.

Knows: which packs the index does not have yet, which were set aside, where frames of a pack that is
gone lie now.  Never: when the index is behind, what is in a frame.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from casstore.catalog import WRITE_WAIT_SECONDS, PackRow, Reader, Writer
from casstore.depot import PackFiles
from casstore.digest import Digest
from casstore.errors import Corrupt, Unsupported
from casstore.packs import PackId, Row, read_rows
from casstore.store.marks import Marks
from casstore.store.mirroring import Write

__all__ = ["PackMirror"]


class PackMirror:
    """Indexes packs; ``problems`` takes what cannot be read, by its path.

    With ``writable``, names that others left are synced before they are used.  ``read`` and
    ``write`` are the index's.
    """

    def __init__(
        self,
        packs: PackFiles,
        marks: Marks,
        problems: dict[str, str],
        read: Callable[[], AbstractContextManager[Reader]],
        write: Write,
        *,
        writable: bool,
    ) -> None:
        self._packs = packs
        self._marks = marks
        self._problems = problems
        self._read = read
        self._write = write
        self._writable = writable

    def catch_up(self, wait_seconds: float, *, thorough: bool) -> bool:
        """Index packs that the index lacks, forget those set aside; returns whether any were.

        Folders whose mtime is the one seen last are skipped, unless ``thorough``.
        """
        marked = self._packs.set_aside.packs()
        found = anew = self._forget_set_aside(marked, wait_seconds)
        for folder, mtime_ns in list(self._packs.folders()):
            key = f"packs/{folder}"
            if not (thorough or anew) and self._marks.is_seen(key, mtime_ns):
                continue
            listed = [pack_id for pack_id in self._packs.listing(folder) if pack_id not in marked]
            with self._read() as reader:
                unknown = [each for each in listed if anew or reader.pack_row(each) is None]
            if unknown and self._writable:
                self._packs.sync_names(folder)
            for pack_id in unknown:
                found = self._index_pack(self._packs.path(pack_id), wait_seconds) or found
            self._marks.see(key, mtime_ns, wait_seconds)
        return found

    def _forget_set_aside(self, marked: set[PackId], wait_seconds: float) -> bool:
        """Forget packs that were set aside since; every other is looked at again then.

        A frame of theirs may lie in one that is known, and that was not its place so far.
        """
        with self._read() as reader:
            known = [pack_id for pack_id in marked if reader.pack_row(pack_id) is not None]
        if known:
            self._write(lambda writer: writer.forget_packs(known), wait_seconds=wait_seconds)
        return bool(known)

    def _index_pack(self, path: Path, wait_seconds: float) -> bool:
        where = f"packs/{path.parent.name}/{path.name}"
        try:
            pack_id, kind, rows = read_rows(path)
            size_bytes = path.stat().st_size
        except FileNotFoundError:
            return False  # taken back since it was listed
        except (Corrupt, Unsupported) as error:
            self._problems[where] = error.message
            return False
        if pack_id.hex() != path.name:
            self._problems[where] = "its name is not the one that its footer gives"
            return False
        pack = PackRow(pack_id, kind, len(rows), size_bytes)
        self._write(lambda writer: writer.add_pack(pack, rows), wait_seconds=wait_seconds)
        return True

    def find_elsewhere(self, gone: PackId, digests: Sequence[Digest]) -> bool:
        """Let frames of a pack that is gone be found in others, if all of them can be."""
        moves: dict[PackId, list[Row]] = {}
        wanted = set(digests)
        with self._read() as reader:
            known = [pack.pack_id for _, pack in reader.packs() if pack.pack_id != gone]
        for pack_id in reversed(known):  # what was collected lies in a newer one
            if not wanted:
                break
            try:
                rows = read_rows(self._packs.path(pack_id))[2]
            except (FileNotFoundError, Corrupt, Unsupported):
                continue  # what it held may lie in another, too
            moves[pack_id] = [row for row in rows if row.digest in wanted]
            wanted.difference_update(row.digest for row in moves[pack_id])
        if not wanted:
            self._write(partial(_move, moves, gone), wait_seconds=WRITE_WAIT_SECONDS)
        return not wanted


def _move(moves: dict[PackId, list[Row]], gone: PackId, writer: Writer) -> None:
    for pack_id, rows in moves.items():
        number = writer.pack_row(pack_id)
        if number is not None:
            writer.move_chunks(number, rows)
    writer.forget_packs([gone])
