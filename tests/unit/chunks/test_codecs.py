"""Codecs: chunks come back as they went in, and payloads that lie are refused."""

import random
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard

from casstore.chunks import codecs
from casstore.chunks.codecs import (
    CODEC_RAW,
    CODEC_SPLIT2,
    CODEC_SPLIT4,
    CODEC_ZSTD,
    Encoder,
    decode,
)
from casstore.errors import Corrupt, Unsupported

DRAW = random.Random(3)
NOISE = DRAW.randbytes(40_000)
TEXT = b"the quick brown fox\n" * 2_000
FLOATS = struct.pack("<10000f", *(DRAW.gauss(0, 1e-3) for _ in range(10_000)))
HALVES = struct.pack("<20000e", *(1 + DRAW.random() / 64 for _ in range(20_000)))
WEIGHTS = b"".join(FLOATS[place + 2 : place + 4] for place in range(0, len(FLOATS), 4))  # bfloat16
CHUNKS = {
    "noise": NOISE,
    "text": TEXT,
    "floats": FLOATS,
    "halves": HALVES,
    "weights": WEIGHTS,
    "zeros": bytes(50_000),
}


@pytest.mark.parametrize("name", sorted(CHUNKS))
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_chunk_comes_back_as_it_went_in(name, cut):
    """Sizes that are no multiple of a plane count too."""
    chunk = CHUNKS[name][: len(CHUNKS[name]) - cut]
    codec, payload = Encoder().encode(chunk)
    assert decode(codec, payload, len(chunk)) == chunk
    assert len(payload) <= len(chunk)


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 127, 128, 1001])
def test_planes_of_any_size_come_back(count, size):
    """A frame smaller than its planes' number has empty planes."""
    chunk = NOISE[: size // 2] + bytes(size - size // 2)
    payload = Encoder()._split(chunk, count)
    codec = {2: CODEC_SPLIT2, 4: CODEC_SPLIT4}[count]
    assert decode(codec, payload, size) == chunk


@pytest.mark.parametrize(
    ("name", "codec"),
    [("noise", CODEC_RAW), ("text", CODEC_ZSTD), ("zeros", CODEC_ZSTD), ("weights", CODEC_SPLIT2)],
)
def test_each_kind_of_bytes_gets_the_codec_that_pays(name, codec):
    """Noise costs no compressor time, weights are split."""
    assert Encoder().encode(CHUNKS[name])[0] == codec


def test_a_raw_payload_is_the_chunk_itself():
    """Nothing is copied where nothing is gained."""
    view = memoryview(NOISE)
    assert Encoder().encode(view)[1] is view


def test_small_chunks_are_stored_raw():
    """A frame's header outweighs what they could gain."""
    assert Encoder().encode(bytes(codecs.MIN_ENCODED_BYTES - 1))[0] == CODEC_RAW
    assert Encoder().encode(bytes(codecs.MIN_ENCODED_BYTES))[0] == CODEC_ZSTD


def test_what_a_kind_showed_is_believed_for_a_while_and_then_sampled_again(monkeypatch):
    """One sample in sixteen chunks, for each kind apart."""
    encoder, sampled = Encoder(), []
    sample = encoder._sampled
    monkeypatch.setattr(encoder, "_sampled", lambda data: sampled.append(1) or sample(data))
    for _ in range(codecs.BELIEVED_CHUNKS):
        encoder.encode(NOISE, ".bin")
    assert len(sampled) == 1
    encoder.encode(NOISE, ".bin")
    encoder.encode(NOISE, ".png")
    assert len(sampled) == 3


def test_a_belief_that_gains_nothing_is_given_up():
    """A chunk that does not compress is stored raw though its kind did."""
    encoder = Encoder()
    assert encoder.encode(TEXT, ".txt")[0] == CODEC_ZSTD
    assert encoder.encode(NOISE, ".txt")[0] == CODEC_RAW
    assert encoder.encode(NOISE, ".txt")[0] == CODEC_RAW
    assert encoder.encode(TEXT, ".txt")[0] == CODEC_RAW


def test_the_number_of_kinds_that_are_remembered_is_bounded():
    """A million suffixes need no memory."""
    encoder = Encoder()
    for number in range(codecs.MAX_KINDS + 10):
        encoder.encode(bytes(200), f".{number}")
    assert len(encoder._learnt) <= codecs.MAX_KINDS


@pytest.mark.parametrize("codec", [CODEC_RAW, CODEC_ZSTD, CODEC_SPLIT2, CODEC_SPLIT4])
@pytest.mark.parametrize("lie", [-1, 1, 1000])
def test_a_payload_of_another_size_is_corrupt(codec, lie):
    """A record's size field is believed by nobody."""
    encoder = Encoder()
    payload = {
        CODEC_RAW: FLOATS,
        CODEC_ZSTD: encoder._zstd(FLOATS),
        CODEC_SPLIT2: encoder._split(FLOATS, 2),
        CODEC_SPLIT4: encoder._split(FLOATS, 4),
    }[codec]
    assert decode(codec, payload, len(FLOATS)) == FLOATS
    with pytest.raises(Corrupt):
        decode(codec, payload, len(FLOATS) + lie)


@pytest.mark.parametrize("codec", [CODEC_ZSTD, CODEC_SPLIT2, CODEC_SPLIT4])
def test_garbage_is_corrupt(codec):
    """Whatever the bytes, the answer is one of ours."""
    for size in (0, 1, 7, 8, 15, 16, 17, 300):
        with pytest.raises(Corrupt):
            decode(codec, NOISE[:size], 300)


def test_every_cut_and_every_byte_after_the_end_is_corrupt():
    """A frame that was cut short or has something appended is refused."""
    payload = Encoder()._zstd(TEXT)
    for end in range(0, len(payload), 3):
        with pytest.raises(Corrupt):
            decode(CODEC_ZSTD, payload[:end], len(TEXT))
    with pytest.raises(Corrupt):
        decode(CODEC_ZSTD, payload + b"\0", len(TEXT))


@pytest.mark.parametrize("says_its_size", [True, False])
def test_a_bomb_is_refused_before_it_is_unpacked(says_its_size):
    """A few bytes that decompress to 64 MiB never do, whether or not their header admits it."""
    compressor = zstandard.ZstdCompressor(write_content_size=says_its_size)
    bomb = compressor.compress(bytes(64 * 1024 * 1024))
    assert len(bomb) < 10_000
    tracemalloc.start()
    try:
        with pytest.raises(Corrupt):
            decode(CODEC_ZSTD, bomb, 1000)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_frame_that_does_not_say_its_size_is_read():
    """Its header may leave the size out (RFC 8878); the record has it."""
    payload = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    assert decode(CODEC_ZSTD, payload, len(TEXT)) == TEXT
    for lie in (-1, 1):
        with pytest.raises(Corrupt):
            decode(CODEC_ZSTD, payload, len(TEXT) + lie)


def test_a_frame_after_a_damaged_one_is_read():
    """What a decompressor was left with by damage does not touch the frames after it."""
    payload = Encoder()._zstd(TEXT)
    for end in (5, len(payload) // 2, len(payload) - 1):
        with pytest.raises(Corrupt):
            decode(CODEC_ZSTD, payload[:end] + NOISE[:100], len(TEXT))
        assert decode(CODEC_ZSTD, payload, len(TEXT)) == TEXT


def test_frames_are_decoded_by_many_threads_at_once():
    """No two of them share a decompressor."""
    texts = [bytes([65 + number]) * 5000 + TEXT for number in range(8)]
    payloads = [Encoder()._zstd(text) for text in texts]

    def decode_all(_: int) -> bool:
        return all(
            decode(CODEC_ZSTD, payload, len(text)) == text
            for payload, text in zip(payloads, texts, strict=True)
        )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(decode_all, range(200)))


def test_a_bomb_inside_a_plane_is_refused():
    """Planes are bounded by their own size."""
    bomb = Encoder()._zstd(bytes(1 << 20))
    payload = struct.pack("<2I", len(bomb), 500) + bomb + bytes(500)
    with pytest.raises(Corrupt):
        decode(CODEC_SPLIT2, payload, 1000)


def test_planes_that_overlap_or_leave_gaps_are_corrupt():
    """The lengths must fill the payload exactly."""
    for lengths in ((500, 499), (500, 501), (2**32 - 1, 2), (0, 1000)):
        with pytest.raises(Corrupt):
            decode(CODEC_SPLIT2, struct.pack("<2I", *lengths) + bytes(1000), 1000)


def test_a_codec_of_a_later_release_asks_for_an_upgrade():
    """It is not taken for damage."""
    with pytest.raises(Unsupported, match="codec 4"):
        decode(4, b"", 0)
