"""Pack files: what is written is found, by the tail and by scanning, and damage is seen."""

import random

import pytest

from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.packs import PackKind, PackWriter, read_rows, scan_rows, unpack_frame
from casstore.packs import format as layout

FRAMES = [random.Random(number).randbytes(200 + 37 * number) for number in range(12)]


def write_pack(path, *, sealed=True, frames=FRAMES, kind=PackKind.DATA, direct=False):
    pack = PackWriter(path, kind, direct=direct)
    for frame in frames:
        pack.append(digest_of(frame), 0, len(frame), frame)
    if not sealed:
        pack.close()
        return None
    return pack.seal()


def damage(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset, 0 if offset >= 0 else 2)
        file.write(data)


@pytest.mark.parametrize("direct", [False, True])
def test_every_frame_is_found_by_the_footer(tmp_path, direct):
    """Rows are sorted by digest, and each points at its record."""
    path = tmp_path / "pack"
    pack_id, written = write_pack(path, direct=direct)
    read_id, kind, rows = read_rows(path)
    assert (read_id, kind, rows) == (pack_id, PackKind.DATA, written)
    assert [row.digest for row in rows] == sorted(map(digest_of, FRAMES))
    data = path.read_bytes()
    frames = {bytes(unpack_frame(data, row.offset, row.digest)[2]) for row in rows}
    assert frames == set(FRAMES)


def test_an_empty_pack_is_a_pack(tmp_path):
    """A session that added nothing new leaves nothing odd."""
    pack_id, _ = write_pack(tmp_path / "pack", frames=[])
    assert read_rows(tmp_path / "pack") == (pack_id, PackKind.DATA, [])


def test_two_packs_of_equal_frames_have_different_names(tmp_path):
    """A name that was deleted is never made again."""
    assert write_pack(tmp_path / "a")[0] != write_pack(tmp_path / "b")[0]


def test_a_frame_that_is_too_large_is_refused_before_it_is_written(tmp_path):
    """And so is a payload larger than its frame."""
    pack = PackWriter(tmp_path / "pack", PackKind.DATA, direct=False)
    before = pack.size_bytes
    with pytest.raises(ValueError, match="cannot be written"):
        pack.append(digest_of(b""), 0, layout.MAX_FRAME_BYTES + 1, b"")
    with pytest.raises(ValueError, match="cannot be written"):
        pack.append(digest_of(b""), 0, 1, b"xx")
    assert pack.size_bytes == before
    pack.close()


def test_a_pack_is_full_at_its_target_size(tmp_path, monkeypatch):
    """The writer says so, the session acts on it."""
    monkeypatch.setattr("casstore.packs.writer.TARGET_PACK_BYTES", 700)
    pack = PackWriter(tmp_path / "pack", PackKind.DATA, direct=False)
    fullness = []
    for frame in FRAMES[:3]:
        pack.append(digest_of(frame), 0, len(frame), frame)
        fullness.append(pack.full)
    pack.close()
    assert fullness == [False, False, True]


@pytest.mark.parametrize("kept", [0, 31, 79, 500, -1, -48, -49, -100])
def test_a_pack_that_was_cut_short_is_corrupt(tmp_path, kept):
    """At any place, the trailer is missing or not where it should be."""
    path = tmp_path / "pack"
    write_pack(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Corrupt):
        read_rows(path)


def test_every_flipped_bit_of_header_footer_and_trailer_is_seen(tmp_path):
    """Whatever the tail is read for is covered by the name or checked."""
    path = tmp_path / "pack"
    write_pack(path, frames=FRAMES[:2])
    whole = path.read_bytes()
    footer = len(whole) - layout.TRAILER.size - 2 * layout.FOOTER_ROW.size
    for offset in [*range(layout.HEADER.size), *range(footer, len(whole))]:
        data = bytearray(whole)
        data[offset] ^= 1 << offset % 8
        path.write_bytes(data)
        with pytest.raises((Corrupt, Unsupported)):
            read_rows(path)


def test_a_flipped_bit_of_a_record_is_seen_when_the_frame_is_unpacked(tmp_path):
    """Record headers are compared with what the index says; payloads are compared by digest."""
    path = tmp_path / "pack"
    _, rows = write_pack(path, frames=FRAMES[:1])
    row, data = rows[0], bytearray(path.read_bytes())
    for field in (0, 3, 16, 47):
        broken = bytearray(data)
        broken[row.offset + field] ^= 1
        with pytest.raises(Corrupt):
            unpack_frame(broken, row.offset, row.digest)
    data[row.offset + layout.RECORD.size] ^= 1
    assert digest_of(unpack_frame(data, row.offset, row.digest)[2]) != row.digest


def test_a_frame_is_not_unpacked_from_bytes_that_end_too_early(tmp_path):
    """Neither its header nor its payload."""
    path = tmp_path / "pack"
    _, rows = write_pack(path, frames=FRAMES[:1])
    data = path.read_bytes()
    end = rows[0].offset + layout.RECORD.size + rows[0].stored_bytes
    for short in (end - 1, rows[0].offset + 10, rows[0].offset):
        with pytest.raises(Corrupt, match="cut short"):
            unpack_frame(data[:short], rows[0].offset, rows[0].digest)


def test_a_row_that_points_past_the_records_is_corrupt(tmp_path):
    """Also in a pack whose name fits: it was written wrongly."""
    path = tmp_path / "pack"
    header = layout.HEADER.pack(layout.HEADER_MAGIC, 1, 1, 0, bytes(16))
    footer = layout.FOOTER_ROW.pack(bytes(32), 32, 100, 100, 0)
    name = layout.pack_id_of(header, footer)
    path.write_bytes(
        header + footer + layout.TRAILER.pack(len(footer), 1, name, layout.TRAILER_MAGIC)
    )
    with pytest.raises(Corrupt, match="past the records"):
        read_rows(path)


@pytest.mark.parametrize(
    ("offset", "data", "message"), [(8, b"\x02\x00", "format 2"), (10, b"\x09", "kind 9")]
)
def test_a_pack_of_a_later_release_asks_for_an_upgrade(tmp_path, offset, data, message):
    """It is not taken for damage."""
    path = tmp_path / "pack"
    write_pack(path)
    damage(path, offset, data)
    with pytest.raises(Unsupported, match=message):
        read_rows(path)


def test_a_pack_without_a_footer_gives_all_its_frames_by_scanning(tmp_path):
    """A session that died leaves such packs."""
    path = tmp_path / "pack"
    write_pack(path, sealed=False)
    with pytest.raises(Corrupt):
        read_rows(path)
    found = list(scan_rows(path))
    assert [data for _, data in found] == FRAMES
    assert [row.digest for row, _ in found] == list(map(digest_of, FRAMES))


def test_scanning_a_sealed_pack_finds_what_its_footer_says(tmp_path):
    """The footer itself is not taken for a record."""
    path = tmp_path / "pack"
    _, rows = write_pack(path)
    assert sorted(row for row, _ in scan_rows(path)) == rows


def test_scanning_ends_at_the_record_that_is_cut_short(tmp_path):
    """Those before it are whole, wherever the cut is."""
    path = tmp_path / "pack"
    write_pack(path, sealed=False, frames=FRAMES[:4])
    whole = path.read_bytes()
    ends = [row.offset + layout.RECORD.size + row.stored_bytes for row, _ in scan_rows(path)]
    for size in range(layout.HEADER.size, len(whole), 13):
        path.write_bytes(whole[:size])
        assert len(list(scan_rows(path))) == sum(end <= size for end in ends)


def test_scanning_ends_at_a_record_that_is_damaged(tmp_path):
    """Its sizes say where the next one lies, so nothing after it can be believed."""
    path = tmp_path / "pack"
    write_pack(path, sealed=False)
    second = next(row for number, (row, _) in enumerate(scan_rows(path)) if number == 1)
    damage(path, second.offset, b"?")
    assert [data for _, data in scan_rows(path)] == FRAMES[:1]


def test_a_record_with_absurd_sizes_ends_a_scan(tmp_path):
    """Nothing of that size is read into memory."""
    path = tmp_path / "pack"
    write_pack(path, sealed=False, frames=[])
    with path.open("ab") as file:
        file.write(layout.RECORD.pack(layout.RECORD_MAGIC, 0, 0, 0, 2**31, 2**31, bytes(32)))
    assert list(scan_rows(path)) == []


def test_a_file_that_is_no_pack_is_not_scanned(tmp_path):
    """Its first bytes say so."""
    path = tmp_path / "pack"
    path.write_bytes(b"something else entirely, long enough for a header")
    with pytest.raises(Corrupt, match="magic number"):
        list(scan_rows(path))
