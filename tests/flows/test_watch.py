"""Depots elsewhere that are damaged: what is wrong is named, never served, and healed both ways."""

import random
import re
import shutil

import pytest
from elsewhere import contents

from casstore.errors import Corrupt
from casstore.exchange import open_depot, write_index
from casstore.flows.transfer import receive, send
from casstore.flows.verify import (
    repair_depot,
    repair_store,
    verify_depot,
    verify_store,
    verify_version_elsewhere,
)
from casstore.journal import queries
from casstore.packs import PackKind, read_rows
from casstore.packs.format import RECORD
from casstore.remotes import open_objects
from casstore.store import close_store, gathering, live_versions, open_store


def files_of(seed):
    """Return files: one of many chunks, small ones, one that compresses."""
    draw = random.Random(seed)
    return {
        "large.bin": draw.randbytes(1_500_000),
        "text.txt": f"line {seed}\n".encode() * 20_000,
        **{f"d/{number}.bin": draw.randbytes(draw.randrange(1, 40_000)) for number in range(6)},
    }


@pytest.fixture
def place(tmp_path):
    """Give a folder that is a depot elsewhere."""
    return tmp_path / "shared"


@pytest.fixture
def opened(tmp_path, place):
    """Open the depot elsewhere: with what was known of it, or ``anew``."""
    known = []

    def open_it(mirror="known", *, anew=False, url=None):
        objects = open_objects(url or place)
        known.append(open_depot(objects, tmp_path / mirror, create=not anew, anew=anew))
        return known[-1]

    yield open_it
    for depot in known:
        depot.close()


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version of a name with content drawn from a seed."""

    def log_seed(name, seed, **fields):
        return log(
            store, write(tmp_path / "files" / f"{name}-{seed}", files_of(seed)), name, **fields
        )

    return log_seed


def flip(path, offset=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if offset is None else offset] ^= 4
    path.write_bytes(data)


def packs_in(root, kind=PackKind.DATA):
    paths = (path for path in (root / "packs").rglob("*") if path.is_file())
    return sorted(path for path in paths if read_rows(path)[1] is kind)


def damage_frames(path, count=3):
    """Flip a bit in the payload of some frames of a pack; returns how many frames it has."""
    rows = sorted(read_rows(path)[2], key=lambda row: row.offset)
    for row in rows[:count]:
        flip(path, row.offset + RECORD.size + row.stored_bytes // 2)
    return len(rows)


def paths_of(problems):
    return {(one.reference, one.path) for one in problems if one.path is not None}


# verify, elsewhere


@pytest.mark.parametrize("sample", [1.0, 0.01])
def test_a_sound_depot_has_no_problems(store, opened, logged, sample):
    """All of it or a sample; versions, files and packs are counted."""
    views = [logged("net", seed) for seed in (1, 2)]
    send(store, opened(), [view.commit for view in views])
    report = verify_depot(opened(anew=True), seen=opened().index, sample=sample)
    assert report.problems == []
    assert (report.versions, report.files, report.packs) == (2, 16, 2)
    for view in views:
        assert verify_version_elsewhere(opened(anew=True), view, sample=sample) == []


def test_damaged_frames_are_named_with_what_needs_them(store, opened, logged, place):
    """Pack, version and path; those of another version are not named."""
    send(store, opened(), [logged("net", 1).commit])
    before = set(packs_in(place))
    second = logged("other", 2)
    send(store, opened(), [second.commit])
    (pack,) = set(packs_in(place)) - before
    damage_frames(pack)
    problems = verify_depot(opened(anew=True)).problems
    assert {one.kind for one in problems} == {"pack", "file"}
    named = {one.reference for one in problems if one.kind == "file"}
    assert named == {f"other@{second.commit.hex()}"}  # nothing has sealed a number there
    assert paths_of(verify_version_elsewhere(opened(anew=True), second)) == paths_of(problems)
    with pytest.raises(Corrupt, match=pack.name):
        list(opened("fresh").frames.read([row.digest for row in read_rows(pack)[2]]))


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("packs/gone", "file", "is in no pack"),
        ("packs/short", "pack", "cut short|bytes, which no pack has"),
        ("nodes/flip", "manifest", "list of files"),
        ("index", "index", "not the one that was written"),
        ("roots", "index", "not the one that was written"),
        ("journal", "event", "damaged"),
        ("journal/gone", "event", "was there before"),
        ("footer", "pack", "footer is not the one"),
    ],
)
def test_whatever_is_wrong_in_a_depot_is_named(store, opened, logged, place, what, kind, said):
    """Objects that are gone, short or changed, of every kind."""
    send(store, opened(), [logged("net", 1).commit])
    pack = packs_in(place)[0]
    if what == "packs/gone":
        pack.unlink()
    elif what == "packs/short":
        pack.write_bytes(pack.read_bytes()[:-1000])
    elif what == "nodes/flip":
        damage_frames(packs_in(place, PackKind.METADATA)[0], 1)
    elif what == "footer":
        flip(pack, pack.stat().st_size - 100)
    else:
        folder, _, gone = what.partition("/")
        path = next(path for path in (place / folder).rglob("*") if path.is_file())
        path.unlink() if gone else flip(path)
    problems = verify_depot(opened(anew=True), seen=opened("known").index).problems
    assert [one for one in problems if one.kind == kind and re.search(said, one.message)], problems


def test_an_index_that_says_other_things_than_the_packs_is_named(store, opened, logged, place):
    """Whoever wrote it: what it says of a pack is compared with the pack's own footer."""
    send(store, opened(), [logged("net", 1).commit])
    depot = opened(anew=True)
    depot.frames.refresh()
    packs = next(depot.frames.indexed())
    rows = [packs[0].rows[0]._replace(offset=packs[0].rows[1].offset), *packs[0].rows[1:]]
    name, data = write_index([packs[0]._replace(rows=rows)])
    (place / "index" / name.hex()).write_bytes(data)
    problems = verify_depot(opened(anew=True)).problems
    assert any("different things" in one.message for one in problems)


# repair, here


def rebuilt(store):
    """Return the store, its index made from the files alone."""
    root = store.root
    close_store(store)
    shutil.rmtree(root / "db")
    return open_store(root)


@pytest.mark.parametrize("how", ["frames", "footer", "header", "version", "short", "gone", "nodes"])
def test_a_damaged_store_is_healed_from_a_depot(store, opened, logged, how):
    """Also after the index is made anew, it is the sound copy that is read."""
    view = logged("net", 1)
    send(store, opened(), [view.commit])
    (pack,) = packs_in(store.root)
    kept = logged("kept", 7)  # the depot has it not
    if how == "frames":
        damage_frames(pack)
    elif how == "nodes":
        for node in packs_in(store.root, PackKind.METADATA):
            rows = read_rows(node)[2]
            if any(row.digest == view.manifest.root for row in rows):
                damage_frames(node, len(rows))
    elif how == "footer":
        flip(pack, pack.stat().st_size - 100)
    elif how in {"header", "version"}:
        flip(pack, {"header": 3, "version": 8}[how])
    elif how == "short":
        pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])
    else:
        pack.unlink()
    before = {path: path.read_bytes() for path in store.root.glob("packs/*/*")}
    planned = repair_store(store, opened(), dry_run=True)
    assert {path: path.read_bytes() for path in store.root.glob("packs/*/*")} == before
    assert planned.problems
    done = repair_store(store, opened())
    assert (planned.frames, planned.kept, planned.set_aside) == (
        done.frames,
        done.kept,
        done.set_aside,
    )
    assert done.frames + done.kept > 0
    assert done.problems == []
    assert verify_store(store).problems == []
    again = rebuilt(store)
    assert verify_store(again).problems == []
    assert contents(again, view) == files_of(1)
    assert contents(again, kept) == files_of(7)
    twice = repair_store(again, opened())
    assert (twice.frames, twice.kept, twice.set_aside) == (0, 0, ())
    close_store(again)


def test_what_nobody_has_is_named(store, opened, logged):
    """Everything else is healed; a later depot that has it heals the rest."""
    view, lonely = logged("net", 1), logged("lonely", 2)
    send(store, opened(), [view.commit])
    for pack in packs_in(store.root):
        damage_frames(pack, 5)
    done = repair_store(store, opened())
    assert done.problems
    assert {one.reference for one in done.problems} <= {"net:v0", "lonely:v0"}
    broken = {one.reference for one in verify_store(store).problems if one.reference}
    assert broken == {one.reference for one in done.problems if one.reference}
    assert "net:v0" not in broken
    assert lonely.commit


def test_frames_that_another_pack_holds_need_no_depot(store, opened, logged, monkeypatch):
    """As after a repair that was killed before the mark: they are found where they are."""
    view = logged("net", 1)
    send(store, opened(), [view.commit])
    (pack,) = packs_in(store.root)
    damage_frames(pack)
    repair_store(store, opened())
    shutil.rmtree(store.root / "index" / "damaged")
    again = rebuilt(store)
    done = repair_store(again, opened())
    assert (done.frames, done.problems) == (0, [])
    assert contents(again, view) == files_of(1)
    close_store(again)


def test_a_store_in_a_folder_heals_another(store, other, opened, logged, tmp_path):
    """A depot is a depot: it has no indexes of packs, and its packs say what they hold."""
    view = logged("net", 1)
    send(store, opened(), [view.commit])
    receive(other, opened("others"), [view.commit])
    for pack in packs_in(store.root):
        damage_frames(pack)
    source = opened("of-other", anew=True, url=other.root)
    assert repair_store(store, source).problems == []
    assert contents(store, view) == files_of(1)


@pytest.mark.parametrize("how", ["flip", "gone", "packed", "packed-gone"])
def test_events_are_healed_too(store, opened, write, log, tmp_path, how):
    """Loose ones and gathered ones; what they said is known again."""
    commits = []
    for number in range(20):
        folder = write(tmp_path / "many" / str(number), {"a": str(number).encode()})
        commits.append(log(store, folder, "many").commit)
    send(store, opened(), commits)
    if how.startswith("packed"):
        month = next(iter(store.journal.months()))[0]
        staged = store.staging()
        gathering.gather(store.index, store.journal, staged, month)
        (pack_id,) = store.journal.packs(month)
        path = store.journal.pack_path(month, pack_id)
        if how == "packed":
            damage_frames(path, 4)
        else:
            path.unlink()
    else:
        month = next(iter(store.journal.months()))[0]
        for name in store.journal.names(month)[:3]:
            path = store.journal.event_path(month, name)
            flip(path) if how == "flip" else path.unlink()
    assert verify_store(store).problems
    done = repair_store(store, opened())
    assert done.events >= 3
    assert done.problems == []
    assert verify_store(store).problems == []
    again = rebuilt(store)
    assert len(live_versions(again, "p", "many")) == 20
    assert verify_store(again).problems == []
    close_store(again)


# repair, there


@pytest.mark.parametrize(
    "how",
    [
        *("frames", "footer", "short", "half", "empty", "gone", "nodes"),
        *("index", "cut index", "no index", "roots", "journal", "lost"),
    ],
)
def test_a_damaged_depot_is_healed_from_a_store(store, other, opened, logged, place, how):
    """By new objects; then it verifies, and whoever knew it before reads the sound copies."""
    view = logged("net", 1)
    send(store, opened(), [view.commit])
    reader = opened("reader")
    reader.refresh()
    reader.frames.refresh()
    pack = packs_in(place)[0]
    named = {"index": "index", "roots": "roots", "journal": "journal", "lost": "journal"}
    if how == "frames":
        damage_frames(pack)
    elif how == "nodes":
        damage_frames(packs_in(place, PackKind.METADATA)[0], 1)
    elif how == "footer":
        flip(pack, pack.stat().st_size - 100)
    elif how == "short":
        pack.write_bytes(pack.read_bytes()[:-1000])
    elif how == "half":
        pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])
    elif how == "empty":
        pack.write_bytes(b"")
    elif how == "gone":
        pack.unlink()
    elif how.endswith(" index"):
        for path in (place / "index").iterdir():
            path.write_bytes(path.read_bytes()[: 100 if how.startswith("cut") else 0])
    else:
        path = next(path for path in (place / named[how]).rglob("*") if path.is_file())
        path.unlink() if how == "lost" else flip(path)
    before = {path for path in place.rglob("*") if path.is_file()}
    planned = repair_depot(store, opened(anew=True), seen=opened(), dry_run=True)
    assert planned.problems
    assert {path for path in place.rglob("*") if path.is_file()} == before
    done = repair_depot(store, opened(anew=True), seen=opened())
    assert (planned.frames, planned.events) == (done.frames, done.events)
    assert (planned.lists, planned.named) == (done.lists, done.named)
    assert not done.is_nothing
    assert done.problems == []
    assert before <= {path for path in place.rglob("*") if path.is_file()}
    assert verify_depot(opened(anew=True), seen=opened().index).problems == []
    receive(other, reader, [view.commit])
    assert contents(other, live_versions(other, "p", "net")[0]) == files_of(1)


def test_other_peoples_versions_are_healed_with_what_is_left(
    store, other, opened, logged, write, log, tmp_path, place
):
    """Sound frames of a damaged pack that this store has not are copied there."""
    mine = logged("net", 1)
    theirs = log(other, write(tmp_path / "theirs", files_of(5)), "theirs")
    send(store, opened(), [mine.commit])
    send(other, opened("other-mirror"), [theirs.commit])
    with other.index.read() as reader:
        entry = other.manifest(theirs.manifest).get(b"d/1.bin")
        assert reader.chunk(entry.content)
    for pack in packs_in(place):
        for row in read_rows(pack)[2]:
            if row.digest == entry.content:
                flip(pack, row.offset + RECORD.size)
    done = repair_depot(store, opened(anew=True), seen=opened())
    assert done.kept > 10
    assert paths_of(done.problems) == {(f"theirs@{theirs.commit.hex()}", b"d/1.bin")}
    healed = repair_depot(other, opened(anew=True), seen=opened("other-mirror"))
    assert healed.problems == []
    assert verify_depot(opened(anew=True)).problems == []


def test_a_depot_that_was_set_back_is_pushed_to_again(
    store, other, opened, logged, place, tmp_path
):
    """What an older copy of a depot lacks is sent, though it was there once."""
    first = logged("net", 1)
    send(store, opened(), [first.commit])
    shutil.copytree(place, tmp_path / "backup")
    second = logged("net", 2)
    send(store, opened(), [second.commit])
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "backup", place)
    sent = send(store, opened(), [first.commit, second.commit])
    assert [view.commit for view in sent.versions] == [second.commit]
    receive(other, opened("fresh"), [first.commit, second.commit])
    assert len(live_versions(other, "p", "net")) == 2
    with other.index.read() as reader:
        assert queries.version(reader, second.commit).complete
