"""Merged indexes that are damaged, gone or untrue: what they stood for is read instead."""

import random

import pytest
from counted import fill, merged_names, names_in

from casstore.digest import digest_of
from casstore.exchange import (
    Indexed,
    merge_all,
    merged_id,
)
from casstore.exchange.indexes import IndexId
from casstore.exchange.merged import merge_parts, part_of_index
from casstore.flows.transfer import plan_to_send, receive, send
from casstore.flows.verify import repair_depot, verify_depot
from casstore.packs import PackBuffer, PackKind
from casstore.remotes import open_objects
from casstore.store import live_versions

MIB = 1024 * 1024


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


def test_what_is_forgotten_between_fetching_and_answering_is_asked_again(
    connect, small_limits, monkeypatch
):
    """Another process that empties the mirror at that moment makes no "no"."""
    _, known = fill(connect(), random.Random(10), indexes=8, packs=2, rows=20)
    merge_all(connect().frames)
    fill(connect(), random.Random(11), indexes=2, packs=2, rows=20)
    depot = connect()
    learn, left = depot.frames.learn_about, [1, 1]

    def forgetting(digests):
        learn(digests)
        if left:
            left.pop()
            depot.mirror.forget_frames(())

    monkeypatch.setattr(depot.frames, "learn_about", forgetting)
    assert depot.frames.ask([known, digest_of(b"nowhere")]) == [True, False]
    assert left == []
