"""Pack files: frames in, frames out.

Knows: byte layout, offsets, the two recoveries.  Never: LMDB, artifacts, compression, the network.
``FORMAT.md`` beside this file is the specification.
"""

from casstore.packs.format import (
    MAX_PACK_BYTES,
    TARGET_PACK_BYTES,
    Encoded,
    PackId,
    PackKind,
    Row,
)
from casstore.packs.reader import read_rows, rows_at, scan_rows, unpack_frame
from casstore.packs.writer import PackBuffer, PackWriter

__all__ = [
    "MAX_PACK_BYTES",
    "TARGET_PACK_BYTES",
    "Encoded",
    "PackBuffer",
    "PackId",
    "PackKind",
    "PackWriter",
    "Row",
    "read_rows",
    "rows_at",
    "scan_rows",
    "unpack_frame",
]
