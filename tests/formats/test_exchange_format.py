"""The bytes of indexes and merged indexes are those that exchange/FORMAT.md shows, for ever."""

import re
from pathlib import Path

import pytest

import casstore
from casstore.digest import Digest, digest_of
from casstore.errors import Unsupported
from casstore.exchange import Indexed, indexes, merged, read_index, write_index
from casstore.exchange.indexes import IndexId
from casstore.exchange.merged import (
    MergedPack,
    Part,
    merge_parts,
    part_of_index,
    read_table,
    size_of_table,
)
from casstore.packs import PackId, PackKind, Row
from casstore.remotes import roll

PAGE = (Path(casstore.__file__).parent / "exchange" / "FORMAT.md").read_text()

PACK, INDEX, FRAME = PackId(b"\x11" * 32), IndexId(b"\x22" * 32), Digest(b"\x33" * 32)


def example():
    """Return the bytes of the page's example; its digest is shown by its first bytes."""
    block = re.search(r"```text\n(43 41 53 4d.*?)```", PAGE, re.DOTALL)[1]
    rows = bytes.fromhex("33" * 32 + "20 00 00 00  05 00 00 00  00 00 00 00")
    shown = re.search(r"([0-9a-f ]{11}) \.\.\.", block)[1]
    assert digest_of(rows)[:4] == bytes.fromhex(shown)
    text = re.sub(r"[0-9a-f ]{11} \.\.\. \([^)]*\)", digest_of(rows).hex(), block)
    text = re.sub(r"([0-9a-f]{2}) \(32 times\)", lambda match: match[1] * 32, text)
    return bytes.fromhex(text)


def test_the_example_of_the_page_is_what_is_written():
    """One pack, one frame, byte for byte; and it is read."""
    row = FRAME + bytes.fromhex("20000000 05000000 00000000")
    packs = [MergedPack(PACK, PackKind.DATA, 100, 0, INDEX)]
    name, data = merge_parts([Part(packs, frozenset([INDEX]), frozenset(), row)])
    assert data == example()
    table = read_table(name, data[: size_of_table(data, len(data))])
    assert list(table.packs()) == [packs[0]._replace(frames=1)]
    assert table.rows_of(0, data[slice(*table.span(0))]) == [(FRAME, 32, 5, 0)]


def test_the_entry_of_the_page_is_what_is_written():
    """A pack and an event, line for line; and it is read."""
    block = re.search(r"```text\n(casstore-roll.*?)```", PAGE, re.DOTALL)[1]
    entry = roll.read_entry(1, block.encode(), "here")
    assert [name.partition("/")[0] for name in entry.names] == ["journal", "packs"]
    nonce = block.split()[3]
    assert roll.write_entry(entry.first, nonce, entry.names) == block.encode()
    assert roll.entry_name(1) in PAGE
    assert f"at most {roll.MAX_LIST_BYTES // 1024 // 1024} MiB" in PAGE
    assert all(f"`{folder}`" in PAGE for folder in roll.FOLDERS)


@pytest.mark.parametrize(
    "said",
    [
        f"head, {merged.MERGED_HEAD_BYTES} bytes",
        f"rows, {merged.MERGED_ROW_BYTES} bytes each",
        f"packs, at most {merged.MAX_MERGED_PACKS:,}",
        f"stands for, at most {merged.MAX_MERGED_INDEXES:,}",
        f"number of rows, at most {merged.MAX_MERGED_ROWS:,}",
        f"at most {merged.BUCKET_ROWS:,} rows on the average",
        f"0 to {merged.MAX_BUCKET_BITS}",
        f"1 to {indexes.MAX_INDEXED_PACKS:,}",
        f"{indexes.PACKS_OF_AN_INDEX} packs or {indexes.MAX_INDEX_ROWS:,} rows",
    ],
)
def test_the_page_says_the_limits_of_the_code(said):
    """Each number once, in the words of the page."""
    assert said in " ".join(PAGE.split())


def test_an_index_of_format_1_is_read_for_ever():
    """Merged or not: this one was written when there were no merged ones."""
    head = b"CASINDX\n" + bytes.fromhex("0100 0100 01000000")
    pack = PACK + bytes.fromhex("6400000000000000 01000000 01 000000")
    row = FRAME + bytes.fromhex("20000000 05000000 05000000 0000 00 00")
    data = head + pack + row
    packs = [Indexed(PACK, PackKind.DATA, 100, [Row(FRAME, 32, 5, 5, 0)])]
    assert write_index(packs) == (digest_of(data), data)
    assert read_index(IndexId(digest_of(data)), data) == packs
    name, whole = merge_parts([part_of_index(IndexId(digest_of(data)), packs)])
    assert read_table(name, whole[: size_of_table(whole, len(whole))]).rows == 1


def test_a_merged_index_of_a_later_format_is_not_read():
    """Its readers say so, and read the indexes instead."""
    later = bytearray(example())
    later[8] = 2
    with pytest.raises(Unsupported, match="format 2"):
        size_of_table(later, len(later))
