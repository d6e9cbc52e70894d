"""Writing a pack, to a file or in memory.

Knows: the order header, records, footer, trailer.  Never: names of folders, dedup, codecs' insides.
"""

import os
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from casstore import durable
from casstore.digest import Buffer, Digest
from casstore.packs.format import (
    FOOTER_ROW,
    FORMAT_VERSION,
    HEADER,
    HEADER_MAGIC,
    MAX_FRAME_BYTES,
    RECORD,
    RECORD_MAGIC,
    TARGET_PACK_BYTES,
    TRAILER,
    TRAILER_MAGIC,
    PackId,
    PackKind,
    Row,
    pack_id_of,
)
from casstore.parallel import Background

__all__ = ["PackBuffer", "PackWriter"]

_FIRST = itemgetter(0)


class _Out(Protocol):
    """Where a pack's bytes go, one after the other."""

    @property
    def size_bytes(self) -> int: ...

    def append(self, data: Buffer, /) -> None: ...


class _Pack:
    """A pack being written to ``out``."""

    def __init__(self, out: _Out, kind: PackKind) -> None:
        self.kind = kind
        self._file = out
        self._header = HEADER.pack(HEADER_MAGIC, FORMAT_VERSION, kind, 0, os.urandom(16))
        self._rows: list[tuple[Digest, int, int, int, int]] = []
        out.append(self._header)

    @property
    def full(self) -> bool:
        """Whether the pack has reached its target size."""
        return self._file.size_bytes >= TARGET_PACK_BYTES

    @property
    def empty(self) -> bool:
        """Whether no frame was written."""
        return not self._rows

    @property
    def size_bytes(self) -> int:
        """Bytes written so far, without a footer."""
        return self._file.size_bytes

    def append(self, digest: Digest, codec: int, size: int, payload: Buffer) -> None:
        """Write one frame: ``size`` bytes before encoding, ``payload`` after."""
        stored = len(payload)
        if not stored <= size <= MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {size} bytes stored as {stored} cannot be written")
        append = self._file.append
        self._rows.append((digest, self._file.size_bytes, stored, size, codec))
        append(RECORD.pack(RECORD_MAGIC, codec, 0, 0, stored, size, digest))
        append(payload)

    def _finish(self) -> tuple[PackId, list[Row]]:
        """Write footer and trailer; returns the pack's name and its rows by digest."""
        rows = sorted(self._rows, key=_FIRST)
        pack = FOOTER_ROW.pack
        footer = b"".join([pack(*row) for row in rows])
        pack_id = pack_id_of(self._header, footer)
        self._file.append(footer)
        self._file.append(TRAILER.pack(len(footer), len(rows), pack_id, TRAILER_MAGIC))
        return pack_id, [Row(*row) for row in rows]


class PackWriter(_Pack):
    """A pack being written under a temporary name; ``seal`` finishes it.

    A pack that is closed unsealed has no footer: ``scan_rows`` still finds its frames.
    ``background`` is as in ``durable.FileWriter``.
    """

    def __init__(
        self, path: Path, kind: PackKind, *, direct: bool, background: Background | None = None
    ) -> None:
        self.path = path
        self._out = durable.create(path, direct=direct, background=background)
        try:
            super().__init__(self._out, kind)
        except BaseException:
            self._out.close()
            raise

    def seal(self) -> tuple[PackId, list[Row]]:
        """Write footer and trailer and make the file durable; returns its name and its rows."""
        sealed = self._finish()
        self._out.sync()
        self._out.close()
        return sealed

    def close(self) -> None:
        """Give the file back unsealed."""
        self._out.close()


class _Memory(BytesIO):
    """A file in memory, whose bytes are had in the end without copying them."""

    @property
    def size_bytes(self) -> int:
        return self.tell()

    def append(self, data: Buffer, /) -> None:
        self.write(data)


class PackBuffer(_Pack):
    """A pack being written in memory, to be sent elsewhere whole."""

    def __init__(self, kind: PackKind) -> None:
        self._memory = _Memory()
        super().__init__(self._memory, kind)

    def seal(self) -> tuple[PackId, bytes, list[Row]]:
        """Return the pack's name, its bytes, and its rows by digest; nothing is added after."""
        pack_id, rows = self._finish()
        data = self._memory.getvalue()  # its own bytes: no copy is made as long as nobody writes
        self._memory.close()
        return pack_id, data, rows
