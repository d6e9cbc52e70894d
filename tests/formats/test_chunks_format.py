"""Cut points and codecs are frozen: moved cuts would cost every user their deduplication."""

import random
import struct

import pytest
from pyfastcdc.py import FastCDC

from casstore.chunks import CHUNKER_PARAMETERS, MAX_CHUNK_BYTES, Cutter, codecs, decode
from casstore.digest import digest_of

MIB = 1 << 20
FLOATS = struct.pack("<100f", *(1 + number / 128 for number in range(100)))

# Payloads as releases have written them: (codec, payload in hex, the frame).
PAYLOADS = {
    "raw": (codecs.CODEC_RAW, "63617373746f7265", b"casstore"),
    "raw empty": (codecs.CODEC_RAW, "", b""),
    "zstd": (
        codecs.CODEC_ZSTD,
        "28b52ffd20b48500004863617373746f72652001002852e508",
        b"casstore " * 20,
    ),
    "zstd zeros": (codecs.CODEC_ZSTD, "28b52ffd6000004d000010000001007b0a6001", bytes(256)),
    "split 2": (
        codecs.CODEC_SPLIT2,
        (
            "a90000001200000028b52ffd20c8050500820c272d20d7dd6bc15ab016ac056bc15ab016ac056b81"
            "aaaaaaaaaaaaaaaaaa6a01800180018001800180018001c0b914478d16253a546850a03f7df6e4b9"
            "53674e9c376dd6a43953664c982f5db664b952654a94274d962439526448901f3d76e4b85163468c"
            "172d56a438516244880f1d3664b850614284070d16243850604080bfbebdbcbbbab9b8b7b6b5b4b3"
            "b2b1b0afaeadacabaaa9a8a7a6a5a4010028b52ffd20c84d000010003f0100c3288705"
        ),
        FLOATS,
    ),
    "split 4": (
        codecs.CODEC_SPLIT4,
        (
            "1100000011000000640000001100000028b52ffd206445000010000001003f012c28b52ffd206445"
            "000010000001003f012c808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d"
            "9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5"
            "c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e328b52ffd206445000010"
            "3f3f01003f012c"
        ),
        FLOATS,
    ),
    "split 2 odd": (codecs.CODEC_SPLIT2, "0200000001000000616362", b"abc"),
    "split 4 short": (codecs.CODEC_SPLIT4, "01000000010000000000000000000000" + "6162", b"ab"),
}


def cut_in_blocks(data, block_bytes):
    """Cut ``data`` as a file is cut that is read block by block."""
    cutter, lengths, carried, start = Cutter(), [], b"", 0
    while start < len(data):
        block = carried + data[start : start + block_bytes]
        start += block_bytes
        cuts = cutter.cut(block, final=start >= len(data))
        carried = block[sum(cuts) :]
        lengths += cuts
    return lengths


def digest_of_lengths(lengths):
    return digest_of(struct.pack(f"<{len(lengths)}I", *lengths)).hex()[:32]


def test_cut_points_of_random_bytes_stay_where_they_were():
    """Eight MiB of seeded bytes are cut as they were in the first release."""
    lengths = Cutter().cut(random.Random(20240501).randbytes(8 * MIB), final=True)
    assert lengths[:8] == [33111, 88854, 85357, 31389, 70928, 52694, 21995, 36705]
    assert (len(lengths), digest_of_lengths(lengths)) == (114, "cff87b900c53fb075388c9d3fede1eb1")


def test_cut_points_of_text_stay_where_they_were():
    """Lines of a seeded CSV are cut as they were in the first release."""
    draw = random.Random(5)
    lines = [b"%d,%d,%.6f\n" % (row, draw.randrange(10**6), draw.random()) for row in range(80_000)]
    lengths = Cutter().cut(b"".join(lines), final=True)
    assert (len(lengths), digest_of_lengths(lengths)) == (20, "7fcc8c0592882f8fc3672c7792d144f4")


def test_bytes_without_any_cut_are_cut_at_the_maximum():
    """Zeros are chunks of the largest size and a rest."""
    lengths = Cutter().cut(bytes(MIB + 5), final=True)
    assert lengths == [MAX_CHUNK_BYTES] * 4 + [5]


def test_the_compiled_chunker_and_its_pure_python_twin_agree():
    """The cuts are those of the published algorithm, not of one build of one library."""
    data = random.Random(11).randbytes(MIB)
    twin = FastCDC(
        CHUNKER_PARAMETERS["average_bytes"],
        min_size=CHUNKER_PARAMETERS["min_bytes"],
        max_size=CHUNKER_PARAMETERS["max_bytes"],
        normalized_chunking=CHUNKER_PARAMETERS["normalization"],
        seed=CHUNKER_PARAMETERS["seed"],
    )
    assert [chunk.length for chunk in twin.cut_buf(data)] == Cutter().cut(data, final=True)


@pytest.mark.parametrize("block_bytes", [MAX_CHUNK_BYTES, 300_001, MIB, 3 * MIB])
def test_cuts_do_not_depend_on_how_a_file_is_read(block_bytes):
    """Blocks of any size give the cuts of the whole."""
    data = random.Random(12).randbytes(4 * MIB) + bytes(MIB)
    assert cut_in_blocks(data, block_bytes) == Cutter().cut(data, final=True)


def test_the_parameters_of_the_chunker_are_frozen():
    """They stand in every depot's FORMAT and never change."""
    assert CHUNKER_PARAMETERS == {
        "algorithm": "fastcdc-2020",
        "average_bytes": 65_536,
        "max_bytes": 262_144,
        "min_bytes": 16_384,
        "normalization": 1,
        "seed": 0,
    }


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_every_payload_that_was_ever_written_is_read(name):
    """What a release has stored, every later one returns."""
    codec, payload, frame = PAYLOADS[name]
    assert bytes(decode(codec, bytes.fromhex(payload), len(frame))) == frame


def test_every_codec_has_a_golden_payload():
    """A codec that is added brings its payload along."""
    known = {value for name, value in vars(codecs).items() if name.startswith("CODEC_")}
    assert {codec for codec, _, _ in PAYLOADS.values()} == known
