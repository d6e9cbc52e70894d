"""A depot of which something is damaged: what is sound comes, and nothing of the rest is seen."""

import random

import pytest
from elsewhere import contents, train

from casstore.errors import Corrupt
from casstore.flows.transfer import damage_of, plan_to_receive, receive, send
from casstore.flows.transfer.receiving import receive_sound
from casstore.flows.verify import verify_store
from casstore.journal import queries
from casstore.journal.bodies import RunStartBody, RunUseBody
from casstore.journal.subjects import RunSubject
from casstore.packs import PackKind, read_rows
from casstore.packs.format import RECORD
from casstore.store import live_versions


def version_of(known, commit):
    with known.index.read() as reader:
        return queries.version(reader, commit)


def names_about(known, commit):
    with known.index.read() as reader:
        return reader.events_about(commit)


@pytest.fixture
def packs(tmp_path):
    """Return the packs that lie there now."""
    return lambda: {path for path in (tmp_path / "shared" / "packs").rglob("*") if path.is_file()}


@pytest.fixture
def sent(store, connect, write, log, tmp_path, packs):
    """Send a version of files; returns it and the packs of data that it made there."""

    def send_it(name, files):
        before = packs()
        view = log(store, write(tmp_path / f"files-{name}", files), name)
        send(store, connect(), [view.commit])
        new = packs() - before
        return view, {path for path in new if read_rows(path)[1] is PackKind.DATA}

    return send_it


def flip(paths, frames=slice(None)):
    """Change a bit in frames of packs."""
    for path in paths:
        data = bytearray(path.read_bytes())
        for row in sorted(read_rows(path)[2], key=lambda row: row.offset)[frames]:
            data[row.offset + RECORD.size] ^= 1
        path.write_bytes(data)


def noise(seed, size=50_000):
    return random.Random(seed).randbytes(size)


def test_every_sound_version_comes(store, other, connect, sent):
    """Of the one that is damaged there is no event, no version, no trace; verify finds nothing."""
    first, _ = sent("first", {"a": noise(1)})
    bad, packs_of_bad = sent("bad", {"a": noise(2), "large": noise(3, 2_000_000)})
    last, _ = sent("last", {"a": noise(4), "large": noise(5, 2_000_000)})
    flip(packs_of_bad, slice(3, 4))
    commits = [first.commit, bad.commit, last.commit]
    received = receive_sound(other, connect(), commits)
    assert [view.commit for view in received.versions] == [first.commit, last.commit]
    assert [one.view.commit for one in received.unsound] == [bad.commit]
    assert names_about(other, bad.commit) == []
    assert contents(other, version_of(other, last.commit)) == contents(store, last)
    assert not verify_store(other).problems
    told = str(damage_of(received.unsound, len(received.versions)))
    assert "bad@" in told
    assert next(iter(packs_of_bad)).name in told
    assert "all else that was asked for came" in told


def test_what_a_damaged_version_shares_with_a_sound_one_still_comes(store, other, connect, sent):
    """It had been walked for the one that was given up; its frames had not come."""
    files = {f"{number:04}": noise(number, 300) for number in range(1200)}
    bad, packs_of_bad = sent("bad", {**files, "0000": b"only here" * 500})
    good, _ = sent("good", files)
    flip(packs_of_bad, slice(0, 1))
    received = receive_sound(other, connect(), [bad.commit, good.commit])
    assert [view.commit for view in received.versions] == [good.commit]
    assert contents(other, version_of(other, good.commit)) == contents(store, good)
    assert not verify_store(other).problems


def test_one_that_asks_for_all_is_told_when_the_others_have_come(other, connect, sent):
    """``receive`` raises; called again when it is mended, it brings the rest."""
    bad, packs_of_bad = sent("bad", {"a": noise(1)})
    good, _ = sent("good", {"a": noise(2)})
    flip(packs_of_bad)
    with pytest.raises(Corrupt, match=r"bad@[0-9a-f]{32} cannot come: frame"):
        receive(other, connect(), [bad.commit, good.commit])
    assert [view.commit for view in live_versions(other, "p", "good")] == [good.commit]
    flip(packs_of_bad)
    receive(other, connect(), [bad.commit, good.commit])
    assert [view.commit for view in live_versions(other, "p", "bad")] == [bad.commit]


def test_an_event_that_names_a_damaged_version_does_not_come(store, other, connect, sent):
    """A run that read it and made a sound one waits, as it does for what is not shared."""
    bad, packs_of_bad = sent("bad", {"a": noise(1)})
    good, _ = sent("good", {"a": noise(2)})
    run = RunSubject("p", "r1")
    store.events.append(run, RunStartBody())
    store.events.append(run, RunUseBody(bad.commit, "p", "bad"))
    store.events.append(run, RunUseBody(good.commit, "p", "good"))
    commits = [bad.commit, good.commit]
    send(store, connect(), commits)
    flip(packs_of_bad)
    received = receive_sound(other, connect(), commits)
    with other.index.read() as reader:
        names = [name for name, _ in reader.events()]
    assert len(names) == received.events == len(names_about(store, good.commit))
    flip(packs_of_bad)
    receive(other, connect(), commits)
    with other.index.read() as reader:
        assert len(list(reader.events())) == len(names) + 3 + len(names_about(store, bad.commit))


def test_a_frame_that_many_versions_need_is_asked_for_once(other, connect, sent):
    """Each version fails at once; the next call asks again, for it may have been mended."""
    shared = noise(1)
    first, packs_of_bad = sent("v0", {"shared": shared})
    views = [first, *(sent(f"v{n}", {"shared": shared, "own": noise(n)})[0] for n in range(2, 9))]
    flip(packs_of_bad)
    took = []
    for count in (2, len(views)):
        depot = connect()
        depot.refresh()
        before = depot.objects.requests.copy()
        got = receive_sound(other, depot, [view.commit for view in views[:count]])
        assert len(got.unsound) == count
        took.append(depot.objects.requests - before)
    more = len(views) - 2
    assert took[1]["GET"] - took[0]["GET"] <= 3 * more  # root lists, and nodes
    assert took[1]["LIST"] - took[0]["LIST"] <= more
    flip(packs_of_bad)
    assert len(receive(other, depot, [view.commit for view in views]).versions) == len(views)


def test_a_version_that_is_partly_here_stays_so_if_the_rest_is_damaged(other, connect, sent):
    """And the others come."""
    files = {"train/a": noise(1), "test/a": noise(2)}
    bad, packs_of_bad = sent("bad", files)
    good, _ = sent("good", {"a": noise(3)})
    receive(other, connect(), [bad.commit], keep=train)
    flip(packs_of_bad)
    received = receive_sound(other, connect(), [bad.commit, good.commit])
    assert [view.commit for view in received.versions] == [good.commit]
    assert bad.commit in other.absences.read()
    flip(packs_of_bad)
    receive(other, connect(), [bad.commit, good.commit])
    assert bad.commit not in other.absences.read()
    assert contents(other, version_of(other, bad.commit)) == files


def test_a_plan_leaves_out_what_cannot_come(other, connect, sent, packs):
    """Where the damage is in lists of files, which it reads."""
    before = packs()
    bad, _ = sent("bad", {"a": noise(1)})
    new = packs() - before
    good, _ = sent("good", {"a": noise(2)})
    flip(path for path in new if read_rows(path)[1] is PackKind.METADATA)
    plan = plan_to_receive(other, connect(), [bad.commit, good.commit])
    assert [view.commit for view in plan.versions] == [good.commit]
    assert [one.view.commit for one in plan.unsound] == [bad.commit]
    received = receive_sound(other, connect(), [bad.commit, good.commit])
    assert (plan.frames, plan.events) == (received.frames, received.events)
