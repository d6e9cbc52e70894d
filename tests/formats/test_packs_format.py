"""The format of packs is frozen: bytes, names and constants that no release may move."""

import re
from pathlib import Path

import pytest

import casstore.packs
from casstore.chunks import codecs, decode
from casstore.digest import digest_of
from casstore.packs import PackKind, PackWriter, read_rows, scan_rows
from casstore.packs import format as layout
from casstore.packs import writer as writer_module

FORMAT = (Path(casstore.packs.__file__).parent / "FORMAT.md").read_text()
HELLO = b"hello, pack\n"
ZEROS = bytes(256)
ZEROS_AS_ZSTD = bytes.fromhex("28b52ffd6000004d000010000001007b0a6001")
NAME = "e8a944bf45c1155f3d3de19962211b25abffc98259de5926b277e1115fa2c841"


def worked_example():
    block = FORMAT.split("## Worked example")[1].split("```")[1].removeprefix("text\n")
    return bytes.fromhex("".join(line.partition("  ")[0] for line in block.splitlines()))


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Write the pack of the worked example; return where it lies and its name."""
    monkeypatch.setattr(writer_module.os, "urandom", lambda size: bytes(range(size)))
    pack = PackWriter(tmp_path / "staged", PackKind.DATA, direct=False)
    pack.append(digest_of(HELLO), codecs.CODEC_RAW, len(HELLO), HELLO)
    pack.append(digest_of(ZEROS), codecs.CODEC_ZSTD, len(ZEROS), ZEROS_AS_ZSTD)
    pack_id, _ = pack.seal()
    return tmp_path / "staged", pack_id.hex()


def test_the_worked_example_is_what_the_code_writes(example):
    """The page shows real bytes, and no release writes others."""
    path, name = example
    assert name == NAME
    assert path.read_bytes() == worked_example()


def test_the_worked_example_is_read_from_its_tail(tmp_path):
    """Footer and trailer alone say where every frame lies."""
    path = tmp_path / NAME
    path.write_bytes(worked_example())
    pack_id, kind, rows = read_rows(path)
    assert (pack_id.hex(), kind) == (NAME, PackKind.DATA)
    assert [row[1:] for row in rows] == [(92, 19, 256, 1), (32, 12, 12, 0)]
    assert [row.digest for row in rows] == [digest_of(ZEROS), digest_of(HELLO)]


def test_the_worked_example_is_read_from_its_front(tmp_path):
    """Without its tail a pack still gives every frame."""
    path = tmp_path / "cut"
    path.write_bytes(worked_example()[:-100])
    frames = [bytes(decode(row.codec, data, row.size_bytes)) for row, data in scan_rows(path)]
    assert frames == [HELLO, ZEROS]


def stated(label):
    found = re.search(rf"^\| {re.escape(label)} \| ([0-9,]+)", FORMAT, re.MULTILINE)
    assert found, label
    return int(found[1].replace(",", ""))


def test_the_page_states_the_constants_of_the_code():
    """Sizes and limits are the same in both."""
    assert stated("format version") == layout.FORMAT_VERSION
    assert stated("header, bytes") == layout.HEADER.size
    assert stated("record without payload, bytes") == layout.RECORD.size
    assert stated("footer row, bytes") == layout.FOOTER_ROW.size
    assert stated("trailer, bytes") == layout.TRAILER.size
    assert stated("target size, bytes") == layout.TARGET_PACK_BYTES
    assert stated("pack, at most, bytes") == layout.MAX_PACK_BYTES
    assert stated("frame, at most, bytes") == layout.MAX_FRAME_BYTES


def test_the_page_lists_every_kind_and_codec():
    """A kind or codec that is added is written down."""
    for kind in PackKind:
        assert stated(kind.name.lower()) == kind
    names = {
        "raw": codecs.CODEC_RAW,
        "zstd": codecs.CODEC_ZSTD,
        "split 2": codecs.CODEC_SPLIT2,
        "split 4": codecs.CODEC_SPLIT4,
    }
    assert {name: stated(name) for name in names} == names
