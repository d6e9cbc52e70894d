"""Whatever the frames, packs give them back, by the tail and by scanning."""

import contextlib
import secrets
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from casstore.digest import digest_of
from casstore.errors import Corrupt, Unsupported
from casstore.packs import PackKind, PackWriter, Row, read_rows, scan_rows, unpack_frame

frames = st.lists(
    st.tuples(st.binary(max_size=300), st.integers(0, 50), st.integers(0, 3)), max_size=20
)


def write(folder, items, *, seal):
    """Write payloads as frames that are ``more`` bytes larger, decoded."""
    path = Path(folder) / secrets.token_hex(8)
    pack = PackWriter(path, PackKind.METADATA, direct=False)
    for payload, more, codec in items:
        pack.append(digest_of(payload), codec, len(payload) + more, payload)
    if seal:
        return path, pack.seal()
    pack.close()
    return path, None


@given(frames)
def test_every_frame_is_found_by_the_tail(items):
    """With its codec, sizes and payload; the same frame twice is there twice."""
    with tempfile.TemporaryDirectory() as folder:
        path, (pack_id, written) = write(folder, items, seal=True)
        read_id, kind, rows = read_rows(path)
        data = path.read_bytes()
    assert (read_id, kind, rows) == (pack_id, PackKind.METADATA, written)
    found = []
    for row in rows:
        codec, size, payload = unpack_frame(data, row.offset, row.digest)
        found.append((bytes(payload), size - len(payload), codec))
        assert (codec, size, len(payload)) == (row.codec, row.size_bytes, row.stored_bytes)
    assert sorted(found) == sorted(items)


@given(frames, st.booleans(), st.floats(0, 1))
def test_scanning_finds_the_frames_before_a_cut(items, seal, part):
    """In the order written, wherever the file was cut."""
    with tempfile.TemporaryDirectory() as folder:
        path, _ = write(folder, items, seal=seal)
        whole = list(scan_rows(path))
        data = path.read_bytes()
        kept = 32 + int((len(data) - 32) * part)
        path.write_bytes(data[:kept])
        found = list(scan_rows(path))
    assert [(payload, row.size_bytes - len(payload), row.codec) for row, payload in whole] == items
    assert found == whole[: len(found)]
    assert all(end_of(row) > kept for row, _ in whole[len(found) :])


def end_of(row: Row) -> int:
    return row.offset + 48 + row.stored_bytes


@given(frames, st.data())
def test_a_changed_byte_gives_the_same_rows_or_an_error_of_ours(items, data):
    """Changes of payloads leave the rows alone, others are seen."""
    with tempfile.TemporaryDirectory() as folder:
        path, (_, rows) = write(folder, items, seal=True)
        changed = bytearray(path.read_bytes())
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(changed)
        with contextlib.suppress(Corrupt, Unsupported):
            assert read_rows(path)[2] == rows
