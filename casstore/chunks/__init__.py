"""Chunks: where bytes are cut, and how a chunk is written down.

Knows: FastCDC's frozen parameters, codecs.  Never: files, packs, digests.
The only importer of the chunker and of zstd.
"""

from casstore.chunks.codecs import CODEC_RAW, Encoder, decode
from casstore.chunks.cutter import (
    AVERAGE_CHUNK_BYTES,
    CHUNKER_PARAMETERS,
    MAX_CHUNK_BYTES,
    MIN_CHUNK_BYTES,
    Cutter,
)

__all__ = [
    "AVERAGE_CHUNK_BYTES",
    "CHUNKER_PARAMETERS",
    "CODEC_RAW",
    "MAX_CHUNK_BYTES",
    "MIN_CHUNK_BYTES",
    "Cutter",
    "Encoder",
    "decode",
]
