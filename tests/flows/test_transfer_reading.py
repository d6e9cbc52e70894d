"""How frames come: in the order in which they were asked for, in few requests, read once."""

import random

import pytest

from casstore.errors import Corrupt
from casstore.exchange import open_depot, remoteframes
from casstore.flows.reading import read_entry
from casstore.flows.transfer import plan_to_receive, receive, send
from casstore.packs import writer
from casstore.remotes import open_objects
from casstore.store import Closure
from casstore.store.frames import FrameReader


@pytest.fixture
def depot(tmp_path, request):
    """Open a depot elsewhere, empty."""
    objects = open_objects(f"memory://{request.node.name}-{tmp_path.name}")
    opened = open_depot(objects, tmp_path / "mirrors", create=True)
    yield opened
    opened.close()


@pytest.fixture
def pushed(store, depot, write, log, tmp_path, monkeypatch):
    """Push a version whose frames lie in several packs; returns its view and its data frames."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 1_000_000)
    files = {f"{n}.bin": random.Random(n).randbytes(6_000_000) for n in range(4)}
    view = log(store, write(tmp_path / "files", files), "net")
    assert send(store, depot, [view.commit]).packs >= 5
    closure = Closure(view.manifest, store.frames.metadata)
    return view, [digest for digest, kind in closure.kinds() if kind.name == "DATA"]


def test_frames_come_in_the_order_in_which_they_were_pushed(depot, pushed):
    """The names of packs are drawn at random, and say nothing of it."""
    _, digests = pushed
    assert [digest for digest, _ in depot.frames.read(digests)] == digests


def test_frames_before_a_damaged_one_come(depot, pushed, monkeypatch):
    """Those of the same request too: they are kept."""
    _, digests = pushed
    bad = digests[7]
    real = remoteframes.encoded_frame

    def damaged(data, offset, digest):
        if digest == bad:
            raise Corrupt("a flipped bit")
        return real(data, offset, digest)

    monkeypatch.setattr(remoteframes, "encoded_frame", damaged)
    frames = depot.frames.read(digests)
    came = [next(frames)[0] for _ in range(7)]
    with pytest.raises(Corrupt, match=bad.hex()):
        next(frames)
    assert came == digests[:7]


def test_files_that_came_are_not_read_again_to_be_judged(other, depot, pushed, monkeypatch):
    """They were hashed from the buffers in which they came."""
    view, _ = pushed
    read = []
    real = FrameReader.read
    monkeypatch.setattr(
        FrameReader, "read", lambda its, digests: read.extend(digests) or real(its, digests)
    )
    receive(other, depot, [view.commit])
    closure = Closure(view.manifest, other.frames.metadata)
    nodes = {digest for digest, kind in closure.kinds() if kind.name == "METADATA"}
    assert set(read) <= nodes


def test_a_pack_comes_in_one_request(other, depot, pushed):
    """One for each of data, as they are smaller than what one request may bring."""
    view, _ = pushed
    packs = sum(1 for _ in depot.objects.listing("packs/"))
    before = depot.objects.requests["GET"]
    receive(other, depot, [view.commit])
    assert depot.objects.requests["GET"] - before <= packs + 3


def test_groups_are_taken_while_frames_of_those_before_are_under_way(depot, pushed, monkeypatch):
    """The next group is looked up before the frames of the first have come."""
    _, digests = pushed
    taken = []

    def groups():
        for start in range(0, len(digests), 8):
            taken.append(start)
            yield digests[start : start + 8]

    frames = depot.frames.read_groups(groups())
    first, _ = next(frames)
    assert first == digests[0]
    assert len(taken) > 2
    assert [first, *(digest for digest, _ in frames)] == digests


def test_what_ends_the_groups_is_raised_after_the_frames_before_it(depot, pushed, monkeypatch):
    """It is not taken for damage of the depot, after which others would be read on."""
    _, digests = pushed
    monkeypatch.setattr(depot.frames, "_look_again", lambda: True)

    def groups():
        yield digests[:20]
        raise Corrupt("a list of chunks is damaged")

    frames = depot.frames.read_groups(groups())
    assert [next(frames)[0] for _ in range(20)] == digests[:20]
    with pytest.raises(Corrupt, match="a list of chunks"):
        next(frames)


def test_after_damage_that_was_set_aside_all_groups_come(depot, pushed, monkeypatch):
    """Those that were under way are asked for again, and those not yet taken follow."""
    _, digests = pushed
    bad = digests[9]
    real, damaged = remoteframes.encoded_frame, [True]

    def once_damaged(data, offset, digest):
        if digest == bad and damaged:
            damaged.clear()
            raise Corrupt("a flipped bit")
        return real(data, offset, digest)

    monkeypatch.setattr(remoteframes, "encoded_frame", once_damaged)
    monkeypatch.setattr(depot.frames, "_look_again", lambda: True)
    groups = (digests[start : start + 4] for start in range(0, len(digests), 4))
    assert sorted(digest for digest, _ in depot.frames.read_groups(groups)) == sorted(digests)


@pytest.mark.parametrize("keep", [None, lambda path: path != b"more.txt"])
def test_what_versions_share_comes_once(store, other, depot, write, log, tmp_path, keep):
    """In one pull of several: also what is not sealed here yet; a dry run says the same."""
    files = {f"{n}.bin": random.Random(n).randbytes(200_000) for n in range(4)}
    files["copy.bin"] = files["0.bin"]
    views = []
    for number in range(3):
        files["more.txt"] = f"version {number}".encode()
        views.append(log(store, write(tmp_path / "files", files), "net"))
    commits = [view.commit for view in views]
    send(store, depot, commits)
    needed = set()
    for view in views:
        needed.update(Closure(view.manifest, store.frames.metadata).kinds(keep=keep))
    planned = plan_to_receive(other, depot, commits, keep=keep)
    assert planned.frames == len(needed)
    done = receive(other, depot, commits, keep=keep)
    assert done.frames == len(needed)
    assert done.stored_bytes == planned.stored_bytes < 900_000
    for view in views:
        for entry in other.manifest(view.manifest):
            if keep is None or keep(entry.path):
                assert b"".join(map(bytes, read_entry(other, entry)))
