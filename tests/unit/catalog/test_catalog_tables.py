"""The tables of the index, and what each question answers."""

import struct

import pytest

from casstore.catalog import Catalog, Damaged, EventPlace, PackRow, Stamp, StatRow, pack_rows
from casstore.catalog import catalog as catalog_module
from casstore.digest import CommitId, Digest, digest_of
from casstore.packs import PackId, PackKind, Row

COMMIT = CommitId(bytes(range(16)))


@pytest.fixture
def index(tmp_path):
    catalog = Catalog(tmp_path)
    yield catalog
    catalog.close()


def digests(*numbers):
    return [digest_of(b"%d" % number) for number in numbers]


def pack(number, frames=2, kind=PackKind.DATA):
    return PackRow(PackId(digest_of(b"pack %d" % number)), kind, frames, 1000 * number)


def rows(*numbers, offset=32):
    found = [
        Row(digest, offset + 100 * place, 40, 50, 0)
        for place, digest in enumerate(digests(*numbers))
    ]
    return sorted(found)


def test_packs_are_numbered_from_one_and_found_by_row_and_by_name(index):
    """Zero is no row."""
    first = index.write(lambda writer: writer.add_pack(pack(1), rows(1)))
    second = index.write(lambda writer: writer.add_pack(pack(2), rows(2)))
    with index.read() as reader:
        assert (first, second) == (1, 2)
        assert reader.pack(2) == pack(2)
        assert reader.pack_row(pack(1).pack_id) == 1
        assert reader.pack(3) is None
        assert reader.pack_row(pack(3).pack_id) is None
        assert list(reader.packs()) == [(1, pack(1)), (2, pack(2))]


def test_a_pack_that_is_known_keeps_its_row(index):
    """Indexing twice is once."""
    for _ in range(2):
        assert index.write(lambda writer: writer.add_pack(pack(1), rows(1, 2))) == 1
    with index.read() as reader:
        assert len(list(reader.packs())) == 1


def test_a_frame_in_two_packs_keeps_its_older_place(index):
    """What was relied on stays where it was."""
    index.write(lambda writer: writer.add_pack(pack(1), rows(1, 2)))
    index.write(lambda writer: writer.add_pack(pack(2), rows(2, 3, offset=5000)))
    with index.read() as reader:
        found = reader.chunks(digests(1, 2, 3, 4))
    assert [row and row.pack_row for row in found] == [1, 1, 2, None]
    assert found[1].offset < 5000 <= found[2].offset


def test_frames_can_be_moved_to_another_pack(index):
    """Then they are found there."""
    index.write(lambda writer: writer.add_pack(pack(1), rows(1)))
    index.write(lambda writer: writer.add_pack(pack(2), rows(1, offset=700)))
    index.write(lambda writer: writer.move_chunks(2, rows(1, offset=700)))
    with index.read() as reader:
        assert reader.chunk(digests(1)[0]) == (2, 700, 40)


def test_forgetting_a_pack_forgets_only_frames_that_are_found_in_it(index):
    """A frame that another pack gives stays."""
    index.write(lambda writer: writer.add_pack(pack(1), rows(1, 2)))
    index.write(lambda writer: writer.add_pack(pack(2), rows(2, 3)))
    index.write(lambda writer: writer.forget_pack(pack(2).pack_id, digests(2, 3)))
    with index.read() as reader:
        found = reader.chunks(digests(1, 2, 3))
        assert [row and row.pack_row for row in found] == [1, 1, None]
        assert reader.pack_row(pack(2).pack_id) is None
        assert reader.pack(2) is None
    index.write(lambda writer: writer.forget_pack(pack(2).pack_id, digests(2, 3)))


def test_a_row_is_never_given_twice(index):
    """What is remembered of a file must not mean a pack that came later."""
    index.write(lambda writer: writer.add_pack(pack(1), rows(1)))
    index.write(lambda writer: writer.add_pack(pack(2), rows(2)))
    index.write(lambda writer: writer.forget_pack(pack(2).pack_id, digests(2)))
    assert index.write(lambda writer: writer.add_pack(pack(3), rows(3))) == 3
    index.write(lambda writer: writer.forget_packs([pack(3).pack_id, pack(4).pack_id]))
    assert index.write(lambda writer: writer.add_pack(pack(3), rows(3))) == 4
    with index.read() as reader:
        assert [row for row, _ in reader.packs()] == [1, 4]


def test_events_are_known_with_their_place(index):
    """Each name once; a journal pack is a better place than a loose file, whichever comes first."""
    packed = EventPlace("202401", PackId(digest_of(b"pack")))
    places = [("b", EventPlace("202401")), ("a", EventPlace("202402")), ("b", packed)]
    for name, place in [*places, ("b", EventPlace("202401")), ("a", EventPlace("202402"))]:
        index.write(lambda writer, name=name, place=place: writer.add_event(name, place))
    with index.read() as reader:
        assert reader.has_event("a")
        assert not reader.has_event("c")
        assert reader.event_place("c") is None
        assert reader.event_place("b") == packed
        assert list(reader.events()) == [("a", EventPlace("202402")), ("b", packed)]
        assert [reader.loose_events(month) for month in ("202401", "202402", "202403")] == [0, 1, 0]


def test_journal_packs_are_known_once_all_of_them_was_applied(index):
    """By name; it is not one of the packs of frames."""
    index.write(lambda writer: writer.add_journal_pack(pack(1).pack_id, "202401"))
    with index.read() as reader:
        assert reader.has_journal_pack(pack(1).pack_id)
        assert not reader.has_journal_pack(pack(2).pack_id)
        assert reader.pack_row(pack(1).pack_id) is None


def test_state_rows_are_scanned_by_prefix_in_order(index):
    """An empty prefix scans all, one that nothing has scans none."""

    def put(writer):
        for key in (b"b\xff", b"a", b"b", b"b\0", b"c"):
            writer.put(key, b"value of " + key)

    index.write(put)
    index.write(lambda writer: writer.delete(b"c"))
    with index.read() as reader:
        assert [key for key, _ in reader.scan(b"b")] == [b"b", b"b\0", b"b\xff"]
        assert [key for key, _ in reader.scan(b"")] == [b"a", b"b", b"b\0", b"b\xff"]
        assert list(reader.scan(b"d")) == []
        assert reader.get(b"a") == b"value of a"
        assert reader.get(b"c") is None


def stamp(inode, size=0):
    """Return a stamp as ``stamp_of`` makes it: device, inode, size, mtime, ctime."""
    return Stamp(struct.pack(">QQQqq", 2**64 - 1, inode, size, -7, 3))


def test_stat_rows_come_back_in_the_order_asked(index):
    """With layouts and packs of any length."""
    row = StatRow(Digest(bytes(32)), b"layout", pack_rows((1, 2, 2**32 - 1)))
    long = StatRow(Digest(bytes(32)), b"x" * 256, b"")
    bare = StatRow(Digest(bytes(32)), b"", b"")
    rows = [(stamp(3), bare), (stamp(2), row), (stamp(4), long)]
    index.write(lambda writer: writer.add_stats(rows))
    with index.read() as reader:
        assert reader.unchanged([stamp(2), stamp(3), stamp(9), stamp(4)]) == [row, bare, None, long]


def test_a_stat_row_does_not_hold_for_a_file_that_has_changed(index):
    """Another size or time, and it is read again."""
    row = StatRow(Digest(bytes(32)), b"", pack_rows((1,)))
    index.write(lambda writer: writer.add_stats([(stamp(2, size=5), row)]))
    with index.read() as reader:
        assert reader.unchanged([stamp(2, size=5), stamp(2, size=6)]) == [row, None]


def test_the_stat_cache_is_emptied_when_it_is_too_large(index, monkeypatch):
    """It is a cache: what was dropped is read again."""
    monkeypatch.setattr(catalog_module, "MAX_STAT_ROWS", 3)
    row = StatRow(Digest(bytes(32)), b"", b"")
    for number in range(6):
        index.write(lambda writer, number=number: writer.add_stats([(stamp(number), row)]))
    with index.read() as reader:
        kept = reader.unchanged([stamp(number) for number in range(6)])
    assert kept[-1] == row
    assert sum(item is not None for item in kept) <= 4


def test_intents_are_kept_for_each_name_apart(index):
    """And cleared without a trace."""
    index.write(lambda writer: writer.set_intent("p", "a", "session", COMMIT))
    with index.read() as reader:
        assert reader.intent("p", "a") == ("session", COMMIT)
        assert reader.intent("p", "b") is None
        assert reader.intent("pa", "") is None
    index.write(lambda writer: writer.clear_intent("p", "a"))
    index.write(lambda writer: writer.clear_intent("p", "a"))
    with index.read() as reader:
        assert reader.intent("p", "a") is None


def test_settings_are_kept(index, tmp_path):
    """They are there when the index is opened again."""
    index.write(lambda writer: writer.set_meta("boot", b"abc"))
    index.close()
    again = Catalog(tmp_path)
    with again.read() as reader:
        assert reader.meta("boot") == b"abc"
        assert reader.meta("other") is None
    again.close()


def test_a_reader_sees_one_moment(index):
    """What is written meanwhile shows to the next."""
    index.write(lambda writer: writer.put(b"a", b"1"))
    with index.read() as reader:
        assert reader.get(b"a") == b"1"
        assert reader.get(b"b") is None
    index.write(lambda writer: writer.put(b"b", b"2"))
    with index.read() as reader:
        assert reader.get(b"b") == b"2"


@pytest.mark.parametrize(
    ("table", "row", "ask"),
    [
        ("chunks", b"short", lambda reader, key: reader.chunk(key)),
        ("chunks", b"short", lambda reader, key: reader.chunks([key])),
        ("pack_ids", b"", lambda reader, key: reader.pack_row(PackId(key))),
        ("packs", b"short", lambda reader, _: reader.pack(1)),
        ("packs", bytes(32) + b"\xff" + bytes(12), lambda reader, _: list(reader.packs())),
        ("events", b"\xff" * 40, lambda reader, _: list(reader.events())),
    ],
)
def test_bytes_that_are_no_row_are_damage(index, table, row, ask):
    """As a page of the file that was overwritten: the index is then made again."""
    key = digest_of(b"1")
    place = struct.pack(">I", 1) if table == "packs" else b"e" * 32 if table == "events" else key
    index.write(lambda writer: writer._put(table, place, row))
    with pytest.raises(Damaged), index.read() as reader:
        ask(reader, key)
