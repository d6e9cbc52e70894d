"""Codecs: a chunk as it is stored, and back.

Knows: raw, zstd, byte-plane split + zstd; when compression pays.  Never: digests, packs.
The only importer of zstd (DESIGN says why not the standard library's).

Compressibility is sampled, and what a file's kind (its suffix) showed is believed for a while:
a stream of random bytes costs one sample in 128 chunks and no compressor time.
"""

import struct
from collections import deque

import zstandard

from casstore.digest import Buffer
from casstore.errors import Corrupt, Unsupported

__all__ = ["CODEC_RAW", "CODEC_SPLIT2", "CODEC_SPLIT4", "CODEC_ZSTD", "Encoder", "decode"]

CODEC_RAW = 0
CODEC_ZSTD = 1
CODEC_SPLIT2 = 2
CODEC_SPLIT4 = 3

# On 64 KiB chunks a tenth faster than level 1 alone, and up to 5 % larger.
_COMPRESSION = zstandard.ZstdCompressionParameters(compression_level=1, hash_log=13, min_match=7)
SAMPLE_BYTES = 4096
MIN_ENCODED_BYTES = 128  # below this a frame's header outweighs any gain
GOOD_ZSTD_RATIO = 0.90  # a sample must shrink to this for zstd to be tried
GOOD_SPLIT_RATIO = 0.80  # planes cost about 1.5 s per GB and core, so they must gain more
SPLIT_WINS = 0.90  # and must beat zstd alone by this
KEEP_RATIO = 0.94  # what gains less than this is stored raw after all
BELIEVED_CHUNKS = 16  # how many chunks of one kind follow a sample, twice as many if it held
MAX_BELIEVED_CHUNKS = 128
MAX_KINDS = 1024

MAX_WINDOW_BYTES = 16 * 1024 * 1024  # no frame is larger, so none needs a larger window
MAX_SPARE_DECOMPRESSORS = 8
_NOT_WRITTEN = -1  # what `frame_content_size` says of a frame whose header leaves its size out

_PLANES = {CODEC_SPLIT2: 2, CODEC_SPLIT4: 4}
_spare_decompressors: deque[zstandard.ZstdDecompressor] = deque(maxlen=MAX_SPARE_DECOMPRESSORS)


class Encoder:
    """Turns chunks into payloads; one per thread, for its compressor and what it has learnt."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(compression_params=_COMPRESSION)
        self._learnt: dict[str, tuple[int, int, int]] = {}

    def encode(self, data: Buffer, kind: str = "") -> tuple[int, Buffer]:
        """Return (codec, payload) of a chunk; ``kind`` groups chunks that are alike.

        A raw payload is ``data`` itself, not a copy.
        """
        codec = self._choose(data, kind)
        if codec == CODEC_RAW:
            return codec, data
        payload = self._zstd(data) if codec == CODEC_ZSTD else self._split(data, _PLANES[codec])
        if len(payload) > KEEP_RATIO * len(data):
            self._learnt.pop(kind, None)
            return CODEC_RAW, data
        return codec, payload

    def _choose(self, data: Buffer, kind: str) -> int:
        if len(data) < MIN_ENCODED_BYTES:
            return CODEC_RAW
        codec, left, span = self._learnt.get(kind, (CODEC_RAW, 0, BELIEVED_CHUNKS // 2))
        if left == 0:
            before, codec = codec, self._sampled(data)
            span = min(2 * span, MAX_BELIEVED_CHUNKS) if codec == before else BELIEVED_CHUNKS
            left = span
            if len(self._learnt) >= MAX_KINDS:
                self._learnt.clear()
        self._learnt[kind] = (codec, left - 1, span)
        return codec

    def _sampled(self, data: Buffer) -> int:
        start = max(0, (len(data) - SAMPLE_BYTES) // 2) & ~3
        sample = bytes(memoryview(data)[start : start + SAMPLE_BYTES])
        ratios = {
            CODEC_ZSTD: len(self._zstd(sample)) / len(sample),
            CODEC_SPLIT2: len(self._split(sample, 2)) / len(sample),
            CODEC_SPLIT4: len(self._split(sample, 4)) / len(sample),
        }
        split = min(CODEC_SPLIT2, CODEC_SPLIT4, key=ratios.__getitem__)
        if ratios[split] <= GOOD_SPLIT_RATIO and ratios[split] < SPLIT_WINS * ratios[CODEC_ZSTD]:
            return split
        return CODEC_ZSTD if ratios[CODEC_ZSTD] <= GOOD_ZSTD_RATIO else CODEC_RAW

    def _zstd(self, data: Buffer) -> bytes:
        return self._compressor.compress(data)

    def _split(self, data: Buffer, count: int) -> bytes:
        """Return plane lengths (u32 each), then planes; one that zstd does not shrink is raw."""
        whole = data if isinstance(data, bytes) else bytes(data)
        planes = [self._plane(whole[start::count]) for start in range(count)]
        return b"".join([struct.pack(f"<{count}I", *map(len, planes)), *planes])

    def _plane(self, plane: bytes) -> bytes:
        probe = plane[: SAMPLE_BYTES // 4]
        if len(self._zstd(probe)) > GOOD_ZSTD_RATIO * len(probe):
            return plane
        packed = self._zstd(plane)
        return packed if len(packed) < len(plane) else plane


def decode(codec: int, payload: Buffer, size: int) -> Buffer:
    """Return the ``size`` bytes of a chunk from its payload.

    Raises ``Corrupt`` if the payload does not hold exactly that many bytes (nothing larger than
    ``size`` is ever allocated), ``Unsupported`` for a codec of a newer release.
    """
    if codec == CODEC_RAW:
        if len(payload) != size:
            raise Corrupt(f"a raw frame of {size} bytes has {len(payload)}")
        return payload
    if codec == CODEC_ZSTD:
        return _unzstd(payload, size)
    if codec in _PLANES:
        return _join(payload, size, _PLANES[codec])
    raise Unsupported(f"codec {codec} is not known to this release", hint="upgrade casstore")


def _unzstd(payload: Buffer, size: int) -> bytes:
    decompressor = _take_decompressor()
    try:
        if zstandard.frame_content_size(payload) not in (size, _NOT_WRITTEN):
            raise Corrupt(f"a compressed frame does not hold exactly {size} bytes")
        data = decompressor.decompress(payload, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Corrupt(f"a compressed frame cannot be read: {error}") from error
    finally:
        _spare_decompressors.append(decompressor)
    if len(data) != size:
        raise Corrupt(f"a compressed frame does not hold exactly {size} bytes")
    return data


def _take_decompressor() -> zstandard.ZstdDecompressor:
    """Return one that nobody else uses; a frame decoded by a new one takes a third longer."""
    try:
        return _spare_decompressors.pop()
    except IndexError:
        return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)


def _join(payload: Buffer, size: int, count: int) -> bytearray:
    view = memoryview(payload)
    head = 4 * count
    if len(view) < head:
        raise Corrupt("a split frame is shorter than its plane lengths")
    lengths = struct.unpack_from(f"<{count}I", view)
    if head + sum(lengths) != len(view):
        raise Corrupt("a split frame's planes do not fill it")
    data = bytearray(size)
    offset = head
    for start, length in enumerate(lengths):
        plane_size = len(range(start, size, count))
        plane: Buffer = view[offset : offset + length]
        if length != plane_size:
            plane = _unzstd(plane, plane_size)
        data[start::count] = plane
        offset += length
    return data
