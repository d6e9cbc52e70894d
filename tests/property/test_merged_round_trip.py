"""Whatever indexes are merged, every row is found in its bucket, and no wrong byte is believed."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.exchange import Indexed, indexes, merged
from casstore.exchange.indexes import IndexId
from casstore.exchange.merged import (
    MERGED_HEAD_BYTES,
    MERGED_ROW_BYTES,
    merge_parts,
    part_of_index,
    part_of_merged,
    read_table,
    size_of_table,
)
from casstore.packs import PackId, PackKind, Row

PACK_BYTES = 1_000_000


@pytest.fixture(autouse=True, scope="module")
def small_buckets():
    """Let a few rows make many buckets."""
    before, merged.BUCKET_ROWS = merged.BUCKET_ROWS, 2
    yield
    merged.BUCKET_ROWS = before


def packed(number, frames):
    """Return a pack of frames with these numbers."""
    rows = sorted(
        Row(digest_of(b"frame %d" % frame), 100 * at, 50, 60, 1) for at, frame in enumerate(frames)
    )
    kind = PackKind.DATA if number % 2 else PackKind.METADATA
    return Indexed(PackId(digest_of(b"pack %d" % number)), kind, PACK_BYTES, rows)


frame_sets = st.sets(st.integers(0, 40), max_size=25)
index_lists = st.lists(st.lists(frame_sets, min_size=1, max_size=3), min_size=1, max_size=5)


def parts_of(lists):
    """Return (parts, packs) of indexes with one pack for each set of frames."""
    parts, packs, number = [], [], 0
    for sets in lists:
        its = [packed(number + at, frames) for at, frames in enumerate(sets)]
        number += len(its)
        parts.append(part_of_index(IndexId(indexes.write_index(its)[0]), its))
        packs += its
    return parts, packs


def read(name, data):
    """Return the table and every row as (pack id, digest, offset, stored bytes)."""
    table = read_table(name, data[: size_of_table(data, len(data))])
    found = []
    for bucket in range(table.buckets):
        start, end = table.span(bucket)
        for digest, offset, stored, pack in table.rows_of(bucket, data[start:end]):
            assert table.bucket_of(digest) == bucket
            found.append((table.pack_id(pack), digest, offset, stored))
    return table, found


def rows_of(packs):
    return sorted(
        (p.pack_id, row.digest, row.offset, row.stored_bytes) for p in packs for row in p.rows
    )


@given(index_lists)
def test_every_row_is_there_once(lists):
    """With its pack, and for each pack an index that names it; a frame in two packs has two."""
    parts, packs = parts_of(lists)
    name, data = merge_parts(parts)
    table, found = read(name, data)
    assert sorted(found) == rows_of(packs)
    assert {p.pack_id: (p.kind, p.size_bytes, p.frames) for p in table.packs()} == {
        p.pack_id: (p.kind, p.size_bytes, len(p.rows)) for p in packs
    }
    named_by = {p.pack_id: set(part.indexes) for part in parts for p in part.packs}
    assert all({p.named_by} == named_by[p.pack_id] for p in table.packs())
    assert set(table.indexes) == set().union(*(part.indexes for part in parts))


@given(index_lists, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(lists, draw):
    """Two who merge the same make the same object."""
    parts, _ = parts_of(lists)
    turned = list(parts)
    draw.shuffle(turned)
    assert merge_parts(turned) == merge_parts(parts)


@given(index_lists, st.integers(0, 5))
def test_merged_again_nothing_is_lost(lists, split):
    """Neither where one index went into both; what is replaced is named."""
    parts, packs = parts_of(lists)
    names, again = [], []
    for its in (parts[: split + 1], parts[split:]):
        if its:
            name, data = merge_parts(its)
            table, _ = read(name, data)
            names.append(name)
            again.append(part_of_merged(table, data))
    table, found = read(*merge_parts(again))
    assert sorted(found) == rows_of(packs)
    assert set(table.replaced) == set(names)
    assert set(table.indexes) == set().union(*(part.indexes for part in parts))


@given(index_lists, st.data())
def test_packs_that_are_left_out_leave_the_others(lists, data):
    """As when they were set aside: a frame that another pack holds is found there."""
    parts, packs = parts_of(lists)
    gone = set(data.draw(st.lists(st.sampled_from([p.pack_id for p in packs]))))
    _, found = read(*merge_parts(parts, gone))
    assert sorted(found) == rows_of([p for p in packs if p.pack_id not in gone])


@given(index_lists, st.data())
def test_no_changed_byte_is_believed(lists, data):
    """Wherever it is: in the table, or in the rows of a bucket."""
    name, whole = merge_parts(parts_of(lists)[0])
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Corrupt, Unsupported)):
        read(name, bytes(changed))


@given(index_lists, st.integers(0, 10_000))
def test_no_part_of_one_is_taken_for_the_whole(lists, kept):
    """The size is compared with what the head counts before anything else is read."""
    name, whole = merge_parts(parts_of(lists)[0])
    cut = whole[: min(kept, len(whole) - 1)]
    with pytest.raises(Corrupt):
        read(name, cut)


@given(st.binary(min_size=MERGED_HEAD_BYTES, max_size=MERGED_HEAD_BYTES), st.integers(0, 2**40))
def test_whatever_a_head_counts_a_table_is_small(head, size_bytes):
    """A table has at most 6 MiB, whoever wrote it: no more is asked for."""
    for begin in (b"", b"CASMERG\n", b"CASMERG\n\x01\x00\x03"):
        with suppress(Corrupt, Unsupported):
            size = size_of_table(begin + head[len(begin) :], size_bytes)
            assert MERGED_HEAD_BYTES < size <= min(size_bytes, 6 * 1024 * 1024)
            assert (size_bytes - size) % MERGED_ROW_BYTES == 0


@given(index_lists, st.data())
def test_a_table_that_was_made_up_is_refused_or_adds_up(lists, data):
    """Also where its name is right: counts, packs and buckets must agree with each other."""
    _, whole = merge_parts(parts_of(lists)[0])
    end = size_of_table(whole, len(whole))
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(10, end - 1))] = data.draw(st.integers(0, 255))
    with suppress(Corrupt, Unsupported):
        table_bytes = bytes(changed[: size_of_table(changed, len(changed))])
        table, found = read(digest_of(table_bytes), bytes(changed))
        assert len(found) == table.rows == sum(pack.frames for pack in table.packs())
        for _, _, offset, stored in found:
            assert offset + stored <= 128 * 1024 * 1024


def forged(rows, *, bits=0, pack_bytes=PACK_BYTES):
    """Return the name and bytes of an object with these buckets of rows, its sums all right."""
    count = sum(len(bucket) for bucket in rows)
    head = struct.pack("<8sHBxIIII4x", b"CASMERG\n", 1, bits, 1, 1, 0, count)
    pack = struct.pack("<32sQIIB3x", b"\x11" * 32, pack_bytes, count, 0, PackKind.DATA)
    buckets = [b"".join(struct.pack("<32sIII", *row) for row in bucket) for bucket in rows]
    sums = b"".join(struct.pack("<32sI", digest_of(b), len(b) // 44) for b in buckets)
    table = head + pack + b"\x22" * 32 + sums
    return digest_of(table), table + b"".join(buckets)


LOW, MIDDLE, HIGH = b"\x01" * 32, b"\x70" * 32, b"\xf0" * 32


@pytest.mark.parametrize(
    ("rows", "bits", "told"),
    [
        ([[(LOW, PACK_BYTES - 10, 11, 0)]], 0, "past its packs"),
        ([[(LOW, 2**32 - 1, 2**32 - 1, 0)]], 0, "past its packs"),
        ([[(LOW, 0, 10, 1)]], 0, "past its packs"),
        ([[(MIDDLE, 0, 10, 0), (LOW, 0, 10, 0)]], 0, "not sorted"),
        ([[(LOW, 0, 10, 0), (HIGH, 0, 10, 0)], []], 1, "rows of another"),
        ([[], [(LOW, 0, 10, 0), (HIGH, 0, 10, 0)]], 1, "rows of another"),
        ([[(HIGH, 0, 10, 0)], [(LOW, 0, 10, 0)]], 1, "rows of another"),
    ],
)
def test_rows_that_somebody_made_up_are_refused(rows, bits, told):
    """Though every sum is right: they must be in order, in their bucket and within their pack."""
    name, data = forged(rows, bits=bits)
    with pytest.raises(Corrupt, match=told):
        read(name, data)


def test_rows_that_are_right_are_read_whoever_wrote_them():
    """The forger of the test above makes what is read, if it is right."""
    name, data = forged([[(LOW, 0, 10, 0), (MIDDLE, 9, 9, 0)], [(HIGH, 0, 10, 0)]], bits=1)
    assert [row[1] for row in read(name, data)[1]] == [LOW, MIDDLE, HIGH]
    with pytest.raises(Corrupt, match="cannot be"):
        read(*forged([[(LOW, 0, 10, 0)]], pack_bytes=2**40))
