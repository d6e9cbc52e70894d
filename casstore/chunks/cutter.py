"""Content-defined cut points: FastCDC 2020 with normalised chunking, one setting for everyone.

Knows: the frozen parameters, how to cut a stream block by block.  Never: what the bytes are.
Source: Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based
Storage Systems", IEEE TPDS 31(9), 2020; the gear table is that paper's reference code's.
"""

import importlib
from functools import cached_property
from typing import Any, Final

from casstore.digest import Buffer

__all__ = [
    "AVERAGE_CHUNK_BYTES",
    "CHUNKER_PARAMETERS",
    "MAX_CHUNK_BYTES",
    "MIN_CHUNK_BYTES",
    "Cutter",
]

MIN_CHUNK_BYTES = 16 * 1024
AVERAGE_CHUNK_BYTES = 64 * 1024
MAX_CHUNK_BYTES = 256 * 1024
NORMALIZATION_LEVEL: Final = 1

CHUNKER_PARAMETERS: dict[str, str | int] = {
    "algorithm": "fastcdc-2020",
    "average_bytes": AVERAGE_CHUNK_BYTES,
    "max_bytes": MAX_CHUNK_BYTES,
    "min_bytes": MIN_CHUNK_BYTES,
    "normalization": NORMALIZATION_LEVEL,
    "seed": 0,
}


class Cutter:
    """Finds cut points; one per thread.  The library is loaded when the first one cuts."""

    @cached_property
    def _chunker(self) -> Any:
        return importlib.import_module("pyfastcdc").FastCDC(
            AVERAGE_CHUNK_BYTES,
            min_size=MIN_CHUNK_BYTES,
            max_size=MAX_CHUNK_BYTES,
            normalized_chunking=NORMALIZATION_LEVEL,
        )

    def cut(self, data: Buffer, *, final: bool) -> list[int]:
        """Return the lengths of the chunks at the front of ``data``, in bytes.

        Unless ``final``, bytes may follow, so a last chunk that could still grow is left out: the
        caller carries ``len(data) - sum(lengths)`` bytes over, always fewer than the maximum.
        """
        lengths = [chunk.length for chunk in self._chunker.cut_buf(data)]
        if not final and lengths and lengths[-1] < MAX_CHUNK_BYTES:
            del lengths[-1]
        return lengths
