"""Indexes are merged, so that a push to a large depot fetches little; nothing is lost by it."""

import random
from collections import Counter
from contextlib import suppress

import pytest

from casstore.digest import Digest, digest_of
from casstore.errors import RemoteFull
from casstore.exchange import (
    Connection,
    Indexed,
    lookup,
    merge_all,
    merge_some,
    merged,
    merged_id,
    merging,
    open_depot,
    read_roots,
    write_index,
)
from casstore.exchange.indexes import IndexId
from casstore.exchange.merged import merge_parts, part_of_index
from casstore.flows.transfer import plan_to_send, push, receive, send
from casstore.flows.verify import repair_depot, verify_depot
from casstore.packs import PackBuffer, PackId, PackKind, Row
from casstore.remotes import open_objects
from casstore.remotes.configuration import Remote
from casstore.store import close_store, create_store, live_versions

MIB = 1024 * 1024


class Counted:
    """Objects that count requests, and bytes of indexes as they come; no one may delete."""

    def __init__(self, objects):
        self._objects = objects
        self.requests = Counter()
        self.index_bytes = 0

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def read(self, name, start=0, end=None):
        data = self._objects.read(name, start, end)
        self._count(name, data)
        return data

    def read_ranges(self, ranges):
        wanted = list(ranges)
        for one, data in zip(wanted, self._objects.read_ranges(wanted), strict=True):
            self._count(one.name, data)
            yield data

    def _count(self, name, data):
        self.requests["GET"] += 1
        self.index_bytes += len(data) if name.startswith("index/") else 0

    def create(self, name, data):
        self.requests["PUT"] += 1
        self._objects.create(name, data)

    def listing(self, prefix):
        self.requests["LIST"] += 1
        return self._objects.listing(prefix)

    def delete(self, name):
        raise PermissionError(name)


@pytest.fixture
def other(tmp_path):
    """Make a second store."""
    made = create_store(tmp_path / "other")
    yield made
    close_store(made)


@pytest.fixture
def connect(tmp_path):
    """Open the one depot elsewhere of a test, each time with a mirror that knows nothing yet."""
    opened = []

    def open_it(wrap=Counted, mirror=None):
        objects = wrap(open_objects(tmp_path / "shared"))
        folder = tmp_path / "mirrors" / (mirror or str(len(opened)))
        opened.append(open_depot(objects, folder, create=True))
        return opened[-1]

    yield open_it
    for depot in opened:
        depot.close()


@pytest.fixture
def small_limits(monkeypatch):
    """Let a few rows be many: some merged indexes of some buckets each."""
    monkeypatch.setattr(merged, "BUCKET_ROWS", 16)
    monkeypatch.setattr(merging, "MAX_MERGED_ROWS", 400)
    monkeypatch.setattr(lookup, "MAX_GAP_BYTES", 0)
    monkeypatch.setattr(lookup, "LEAST_READ_BYTES", 100)


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version with files that its number alone decides, some of them in every version."""

    def log_number(number, into=store, name=None):
        draw = random.Random(number)
        files = {f"{at}.bin": draw.randbytes(300) for at in range(20)}
        files["same.bin"] = b"in every version" * 20
        folder = write(tmp_path / f"files-{number}", files)
        return log(into, folder, name or f"net-{number}")

    return log_number


def merged_names(depot):
    return [one.name for one in depot.objects.listing("index/") if merged_id(one.name)]


def names_in(depot):
    return {one.name for one in depot.objects.listing("")}


def fill(depot, draw, *, indexes, packs, rows):
    """Put synthetic indexes into a depot, with objects as their packs; returns bytes, a digest."""
    size = 0
    for _ in range(indexes):
        group = []
        for _ in range(packs):
            pack_id = PackId(draw.randbytes(32))
            depot.objects.create(f"packs/{pack_id.hex()[:2]}/{pack_id.hex()}", b"pack")
            digests = [Digest(draw.randbytes(32)) for _ in range(rows)]
            its = [Row(one, at * 30_000, 29_000, 65_536, 1) for at, one in enumerate(digests)]
            group.append(Indexed(pack_id, PackKind.DATA, 32 * MIB, its))
        name, data = write_index(group)
        depot.objects.create(f"index/{name.hex()}", data)
        size += len(data)
    return size, group[0].rows[0].digest


def test_a_push_of_one_small_file_fetches_a_small_part(store, connect, write, log, tmp_path):
    """Of 300 indexes a hundredth of their bytes, and nothing of it a second time."""
    size_bytes, known = fill(connect(), random.Random(1), indexes=300, packs=4, rows=320)
    done = merge_all(connect().frames)
    assert (done.indexes, done.objects) == (300, 1)
    view = log(store, write(tmp_path / "files", {"small.bin": b"small" * 1000}), "net")
    depot = connect()
    plan = plan_to_send(store, depot, [view.commit])
    sent = send(store, depot, [view.commit])
    assert plan.frames == sent.frames > 1
    assert depot.frames.ask([known, digest_of(b"nowhere")]) == [True, False]
    counted = depot.objects
    assert counted.index_bytes < size_bytes / 50
    assert sum(counted.requests.values()) <= 20
    before = counted.index_bytes
    again = log(store, write(tmp_path / "more", {"small.bin": b"small" * 1000}), "again")
    send(store, depot, [again.commit])
    assert counted.index_bytes - before < size_bytes / 1000


def test_a_push_of_much_fetches_all_in_few_requests(connect):
    """Some ranges of 16 MiB, instead of a request for each index or bucket."""
    size_bytes, _ = fill(connect(), random.Random(2), indexes=100, packs=2, rows=1000)
    merge_all(connect().frames)
    depot = connect()
    depot.frames.look()
    draw = random.Random(3)
    assert not any(depot.frames.ask([Digest(draw.randbytes(32)) for _ in range(4096)]))
    assert depot.objects.index_bytes < size_bytes
    assert depot.objects.requests["GET"] <= 5


def test_pushes_merge_by_themselves(store, connect, logged, tmp_path):
    """So that few lie there that must be read whole, and an unchanged push asks for no index."""
    remote = Remote("nas", str(tmp_path / "shared"))
    depot = connect()
    views = []
    for number in range(40):
        views.append(logged(number))
        push(store, Connection(store, remote, depot), [views[-1].commit])
    fresh = connect()
    fresh.frames.look()
    assert len(fresh.frames.unmerged()) + len(fresh.frames.merged()) <= merging.MAX_UNMERGED + 1
    assert len(merged_names(depot)) <= 6
    assert fresh.objects.requests["GET"] <= 30
    unchanged = connect()
    push(store, Connection(store, remote, unchanged), [view.commit for view in views])
    assert unchanged.objects.requests["PUT"] == 0
    before = Counter(unchanged.objects.requests)
    push(store, Connection(store, remote, unchanged), [view.commit for view in views])
    assert sum((unchanged.objects.requests - before).values()) <= 2


def test_a_push_does_not_fail_where_merging_does(store, connect, logged, monkeypatch, tmp_path):
    """Whoever pushes next merges; all that was pushed is there."""
    monkeypatch.setattr(merging, "MAX_UNMERGED", 0)
    monkeypatch.setattr(merging, "LEAST_MERGED", 2)

    class Full(Counted):
        def create(self, name, data):
            if merged_id(name):
                raise RemoteFull("no room")
            super().create(name, data)

    remote = Remote("nas", str(tmp_path / "shared"))
    views = [logged(number) for number in range(4)]
    for view in views:
        pushed = push(store, Connection(store, remote, connect(Full)), [view.commit])
        assert [one.commit for one in pushed.sent.versions] == [view.commit]
    assert merged_names(connect()) == []


def test_what_only_a_merged_index_told_is_not_sent_again(
    store, other, connect, logged, small_limits
):
    """Others are led by root lists to the indexes themselves, which are all there still."""
    views = [logged(number) for number in range(30)]
    for view in views:
        send(store, connect(mirror="known"), [view.commit])
    before = names_in(connect())
    merge_all(connect().frames)
    after = names_in(connect())
    assert before < after
    assert all(merged_id(name) for name in after - before)
    same = logged(7, other, "same-files")
    depot = connect()
    sent = send(other, depot, [same.commit])
    assert (sent.frames, sent.packs) == (0, 0)
    assert depot.frames.merged()
    assert depot.frames.unmerged() == []
    root = f"roots/{same.manifest.root.hex()}/"
    for listed in depot.objects.listing(root):
        name = listed.name.rpartition("/")[2]
        for index in read_roots(name, depot.objects.read(listed.name)):
            assert f"index/{index.hex()}" in before
    receive(store, connect(), [same.commit])
    assert [view.commit for view in live_versions(store, "p", "same-files")] == [same.commit]


class Ended(BaseException):
    """The process ends here."""


class Dying(Counted):
    """Objects of a process that ends at its ``nth`` creation, before or after it was made."""

    nth = 0
    made = False

    def create(self, name, data):
        self.nth -= 1
        if self.nth < 0:
            if self.made:
                super().create(name, data)
            raise Ended
        super().create(name, data)


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("mirror", [None, "one for all"])
def test_merging_that_is_killed_anywhere_changes_no_answer(
    store, other, connect, logged, small_limits, made, mirror
):
    """Before or after each creation; whoever merges next goes on."""
    for number in range(60):
        send(store, connect(mirror="known"), [logged(number).commit])
    copies = [logged(number, other, f"copy-{number}") for number in (0, 17, 59)]

    def nothing_is_sent_again(depot):
        return plan_to_send(other, depot, [view.commit for view in copies]).frames == 0

    assert nothing_is_sent_again(connect())
    died = 0
    for nth in range(100):
        dying = type("DyingNow", (Dying,), {"nth": nth, "made": made})
        with suppress(Ended):
            merge_all(connect(dying, mirror).frames)
            break
        died += 1
        assert nothing_is_sent_again(connect())
        assert nothing_is_sent_again(connect(mirror=mirror))
    assert died >= 2
    assert nothing_is_sent_again(connect())


def test_an_index_that_cannot_be_read_is_fetched_once_a_look(connect):
    """And not merged: what is in it counts as not there, whoever asks how often."""
    fill(connect(), random.Random(6), indexes=3, packs=1, rows=10)
    damaged = b"CASINDX\n" + bytes(5000)
    connect().objects.create(f"index/{digest_of(damaged).hex()}", damaged)
    merge_all(connect().frames)
    depot = connect()
    depot.frames.look()
    for number in range(5):
        assert depot.frames.ask([digest_of(b"%d" % number)]) == [False]
    assert 5000 < depot.objects.index_bytes < 10_000
    assert len(depot.frames.unmerged()) == 1


def test_two_who_merge_at_once_are_both_right(store, other, connect, logged):
    """The same make the same object, and of others one is enough where it stands for all."""
    for number in range(10):
        send(store, connect(mirror="known"), [logged(number).commit])
    first, second, later = connect(), connect(), connect()
    for depot in (first, second):
        depot.frames.look()
    send(store, connect(mirror="known"), [logged(10).commit])
    later.frames.look()
    assert first.frames.unmerged() == second.frames.unmerged() != later.frames.unmerged()
    for depot in (first, second, later):
        units = merging._units(depot.frames)
        assert len(merging._merge(depot.frames, units)) >= 10
    assert len(merged_names(first)) == 2
    fresh = connect()
    copy = logged(10, other, "copy")
    assert plan_to_send(other, fresh, [copy.commit]).frames == 0
    assert len(fresh.frames.merged()) == 1
    assert fresh.frames.unmerged() == []


def test_a_push_under_way_while_others_merge_is_whole(store, other, connect, logged, small_limits):
    """It looked before; what it names and says is true all the same."""
    for number in range(12):
        send(store, connect(mirror="known"), [logged(number).commit])
    view = logged(12, other, "under-way")

    class Interrupted(Counted):
        def create(self, name, data):
            if not self.requests["PUT"]:
                merge_all(connect().frames)
            super().create(name, data)

    send(other, connect(Interrupted), [view.commit])
    assert merged_names(connect())
    receive(store, connect(), [view.commit])
    assert [one.commit for one in live_versions(store, "p", "under-way")] == [view.commit]
    assert verify_depot(connect()).problems == []


def test_one_that_is_removed_after_a_look_is_done_without(connect, small_limits):
    """What it stood for is read instead: a collector may remove one that others replace."""
    _, known = fill(connect(), random.Random(4), indexes=8, packs=2, rows=20)
    merge_all(connect().frames)
    depot = connect()
    depot.frames.look()
    for name in merged_names(depot):
        open_objects(depot.url).delete(name)
    assert depot.frames.ask([known, digest_of(b"nowhere")]) == [True, False]
    assert depot.problems == {}


def test_frames_are_found_if_the_indexes_themselves_are_gone(
    store, other, connect, logged, small_limits
):
    """Where somebody removed them, root lists name what is not there: merged ones tell it too."""
    views = [logged(number) for number in range(10)]
    for view in views:
        send(store, connect(mirror="known"), [view.commit])
    merge_all(connect().frames)
    depot = connect()
    for name in names_in(depot):
        if name.startswith("index/") and not merged_id(name):
            open_objects(depot.url).delete(name)
    receive(other, connect(), [view.commit for view in views])
    assert len(live_versions(other, "p", "net-7")) == 1
    copy = logged(7, other, "copy")
    sent = send(other, connect(), [copy.commit])
    assert sent.frames == 0
    receive(store, connect(), [copy.commit])
    assert [one.commit for one in live_versions(store, "p", "copy")] == [copy.commit]


def test_what_another_process_forgot_is_fetched_again(connect, small_limits):
    """A mirror that was emptied meanwhile answers nothing by itself."""
    _, known = fill(connect(), random.Random(5), indexes=8, packs=2, rows=20)
    merge_all(connect().frames)
    depot = connect()
    depot.frames.look()
    for _ in range(2):
        depot.mirror.forget_frames(())
        assert depot.frames.ask([known, digest_of(b"nowhere")]) == [True, False]


@pytest.mark.parametrize("part", ["head", "table", "rows"])
def test_a_damaged_one_is_passed_over_named_and_set_aside(
    store, other, connect, logged, tmp_path, part
):
    """Whatever byte of it is wrong: what it stood for is read instead."""
    for number in range(10):
        send(store, connect(mirror="known"), [logged(number).commit])
    merge_all(connect().frames)
    (name,) = merged_names(connect())
    path = tmp_path / "shared" / name
    data = bytearray(path.read_bytes())
    data[{"head": 12, "table": 300, "rows": len(data) - 20}[part]] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    copy = logged(3, other, "copy")
    depot = connect()
    digests = [row.digest for packs in depot.frames.indexed() for p in packs for row in p.rows]
    depot.frames.look()
    assert all(depot.frames.ask(digests))
    assert list(depot.problems) == [name]
    assert plan_to_send(other, depot, [copy.commit]).frames == 0
    problems = verify_depot(connect()).problems
    assert [one.kind for one in problems] == ["index"]
    assert name in problems[0].message
    repair_depot(store, connect())
    assert verify_depot(connect()).problems == []
    healed = connect()
    assert plan_to_send(other, healed, [copy.commit]).frames == 0
    assert healed.frames.merged() == []
    assert healed.problems == {}
    merge_all(connect().frames)
    merged_anew = connect()
    merged_anew.frames.look()
    assert len(merged_anew.frames.merged()) == 1
    assert merged_anew.frames.unmerged() == []


def test_one_that_was_cut_short_since_is_passed_over(connect, tmp_path):
    """Also by whoever has its table: its size is compared at each look."""
    _, known = fill(connect(), random.Random(7), indexes=8, packs=2, rows=20)
    merge_all(connect().frames)
    connect(mirror="known").frames.look()
    (name,) = merged_names(connect())
    path = tmp_path / "shared" / name
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1])
    for depot in (connect(mirror="known"), connect()):
        depot.frames.look()
        assert depot.frames.ask([known, digest_of(b"nowhere")]) == [True, False]
        assert list(depot.problems) == [name]
    assert merge_all(connect().frames).objects == 1
    depot = connect()
    depot.frames.look()
    assert len(depot.frames.merged()) == 1
    assert depot.frames.unmerged() == []
    assert depot.problems == {}


def test_one_that_says_other_things_than_the_packs_is_named(store, connect, logged):
    """Whoever wrote it: it is compared with indexes, and where these differ with footers."""
    send(store, connect(mirror="known"), [logged(1).commit])
    send(store, connect(mirror="known"), [logged(2).commit])
    depot = connect()
    packs = [pack for group in depot.frames.indexed() for pack in group]
    rows = [packs[0].rows[0]._replace(digest=digest_of(b"never sent")), *packs[0].rows[1:]]
    names = [IndexId(bytes.fromhex(n[6:])) for n in names_in(depot) if n.startswith("index/")]
    parts = [part_of_index(name, [packs[0]._replace(rows=rows), packs[1]]) for name in names]
    name, data = merge_parts(parts)
    depot.objects.create(f"index/merged/{name.hex()}", data)
    problems = verify_depot(connect()).problems
    assert [one.kind for one in problems] == ["index"]
    assert "than its footer" in problems[0].message


def test_frames_of_a_pack_that_is_set_aside_are_found_in_another(store, connect, logged):
    """A merged index has a row for each pack that holds a frame."""
    send(store, connect(mirror="known"), [logged(1).commit])
    depot = connect()
    (packs,) = depot.frames.indexed()
    data_pack = next(pack for pack in packs if pack.kind is PackKind.DATA)
    digests = [row.digest for row in data_pack.rows]
    depot.frames.refresh()
    frames = dict(depot.frames.read(digests))
    copy = _pack_of(frames)
    depot.frames.send_pack(copy[0].pack_id, copy[1])
    depot.frames.send_indexes([copy[0]])
    merge_all(connect().frames)
    marked = connect(mirror="marks")
    marked.frames.set_aside([data_pack.pack_id])
    for reader in (connect(), marked):
        reader.frames.look()
        assert all(reader.frames.ask(digests))
        assert dict(reader.frames.read(digests)) == frames
    open_objects(depot.url).delete(f"packs/{copy[0].pack_id.hex()[:2]}/{copy[0].pack_id.hex()}")
    for reader in (connect(), marked):
        reader.frames.look()
        assert not any(reader.frames.ask(digests))


def _pack_of(frames):
    """Return a pack of encoded frames, and its bytes."""
    buffer = PackBuffer(PackKind.DATA)
    for digest, frame in frames.items():
        buffer.append(digest, *frame)
    pack_id, data, rows = buffer.seal()
    return Indexed(pack_id, PackKind.DATA, len(data), rows), data


def test_a_push_to_many_indexes_merges_a_bounded_number(connect):
    """A request for each; the next pushes go on, until few are left."""
    fill(connect(), random.Random(8), indexes=120, packs=1, rows=10)
    left = [120]
    for _ in range(6):
        depot = connect()
        depot.frames.look()
        before = depot.objects.requests["GET"]
        done = merge_some(depot.frames)
        assert depot.objects.requests["GET"] - before == done.indexes <= merging.MOST_MERGED
        depot.frames.look()
        left.append(len(depot.frames.unmerged()) + len(depot.frames.merged()))
    assert left == sorted(left, reverse=True)
    assert left[-1] <= merging.MAX_UNMERGED


def test_what_names_more_packs_than_fit_is_merged_into_several(connect, monkeypatch):
    """None has more than its readers take."""
    monkeypatch.setattr(merging, "MAX_MERGED_PACKS", 8)
    monkeypatch.setattr(merged, "MAX_MERGED_PACKS", 8)
    fill(connect(), random.Random(9), indexes=20, packs=1, rows=10)
    done = merge_all(connect().frames)
    assert (done.indexes, done.objects) == (20, 3)
    depot = connect()
    depot.frames.look()
    assert [table.pack_count for table in depot.frames.merged()] == [8, 8, 4]
    assert depot.frames.unmerged() == []


def test_merging_rewrites_a_row_few_times(connect, monkeypatch):
    """Of many pushes of one size each row goes into about log2 merged indexes, not into all."""
    monkeypatch.setattr(merging, "MAX_MERGED_ROWS", 100_000)
    depot = connect()
    written = 0
    for number in range(200):
        fill(depot, random.Random(number), indexes=1, packs=1, rows=10)
        depot.frames.look(packs=False)
        merge_some(depot.frames)
    for listed in depot.objects.listing("index/merged/"):
        written += (listed.size_bytes // merged.MERGED_ROW_BYTES) // 10
    assert written < 200 * 8
    depot.frames.look(packs=False)
    assert len(depot.frames.unmerged()) + len(depot.frames.merged()) <= merging.MAX_UNMERGED + 1
