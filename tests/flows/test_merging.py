"""Indexes are merged, so that a push to a large depot fetches little; nothing is lost by it."""

import random
from collections import Counter
from contextlib import suppress

import pytest
from counted import Counted, fill, merged_names, names_in

from casstore.digest import Digest, digest_of
from casstore.errors import RemoteFull
from casstore.exchange import (
    Connection,
    fetch_table,
    merge_all,
    merge_some,
    merged,
    merged_id,
    merging,
    read_roots,
)
from casstore.flows.transfer import plan_to_send, push, receive, send
from casstore.flows.verify import verify_depot
from casstore.remotes.configuration import Remote
from casstore.store import live_versions

MIB = 1024 * 1024


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
        push(store, Connection(store.root, store.index_folder, remote, depot), [views[-1].commit])
    fresh = connect()
    fresh.frames.look()
    assert len(fresh.frames.unmerged()) + len(fresh.frames.merged()) <= merging.MAX_UNMERGED + 1
    assert len(merged_names(depot)) <= 6
    assert fresh.objects.requests["GET"] <= 30
    unchanged = connect()
    push(
        store,
        Connection(store.root, store.index_folder, remote, unchanged),
        [view.commit for view in views],
    )
    assert unchanged.objects.requests["PUT"] == 0
    before = Counter(unchanged.objects.requests)
    push(
        store,
        Connection(store.root, store.index_folder, remote, unchanged),
        [view.commit for view in views],
    )
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
        pushed = push(
            store, Connection(store.root, store.index_folder, remote, connect(Full)), [view.commit]
        )
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
    monkeypatch.setattr(merging, "MAX_UNMERGED", 4)
    monkeypatch.setattr(merging, "LEAST_MERGED", 2)
    depot = connect()
    for number in range(100):
        fill(depot, random.Random(number), indexes=1, packs=1, rows=10)
        depot.frames.look(packs=False)
        merge_some(depot.frames)
    written = 0
    for listed in depot.objects.listing("index/merged/"):
        written += fetch_table(depot.objects, merged_id(listed.name), listed.size_bytes).rows
    assert 1000 < written < 1000 * 7
    depot.frames.look(packs=False)
    assert len(depot.frames.unmerged()) + len(depot.frames.merged()) <= 5
