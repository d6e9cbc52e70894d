"""A store that several hosts share, seen from one of them: what is done there in another way."""

import os
import shutil
import time

import pytest
from hosts import Host

from casstore import durable
from casstore.digest import digest_of
from casstore.flows.health import status
from casstore.flows.verify import verify_store
from casstore.journal import parts
from casstore.journal.bodies import LabelBody
from casstore.journal.subjects import CollectionSubject, RoundSubject
from casstore.manifests import Entry, EntryKind
from casstore.store import (
    Commit,
    Settled,
    add_part,
    close_store,
    commit,
    create_store,
    finish_round,
    gathering,
    live_versions,
    open_store,
    opening,
    version_of_part,
)
from casstore.store.frames import FrameReader
from casstore.store.meeting import SharedFolder

AS_X = ("--name", "x", "--project", "p", "--type", "dataset")


@pytest.fixture
def far(tmp_path, monkeypatch):
    """Be a host that sees the folder ``shared`` on NFS; gives where a store is made there."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setenv("CASSTORE_TEST_FILESYSTEM", f"nfs4:{folder}")
    monkeypatch.setenv("CASSTORE_TEST_MACHINE", "me")
    yield folder / "store"
    for store in list(opening._open_stores.values()):
        close_store(store)


def test_the_first_to_open_it_says_that_it_is_shared_and_keeps_the_index_at_home(far, tmp_path):
    """Nothing of LMDB lies there, and no lock."""
    store = create_store(far)
    store.staging()
    assert (far / "SHARED").read_text().startswith("Several hosts")
    assert not list(far.rglob("data.mdb"))
    assert not list(far.rglob("*.lock"))
    assert store.index_folder.is_relative_to(os.environ["XDG_CACHE_HOME"])
    assert status(store).shared
    (lease,) = (far / "leases").iterdir()
    assert lease.name == f"{store.session_id()}@{durable.boot_id()}"
    assert lease.name.endswith("-me")


def test_where_homes_lie_on_a_network_too_the_index_lies_in_the_machines_own_folder(
    tmp_path, monkeypatch
):
    """LMDB must not lie on any of them."""
    far = tmp_path / "far"
    monkeypatch.setenv("CASSTORE_TEST_FILESYSTEM", f"nfs4:{far}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(far / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = create_store(far / "store")
    try:
        assert store.index_folder.parent == tmp_path / f"casstore-{os.getuid()}"
    finally:
        close_store(store)


def test_the_owner_of_the_disk_uses_no_index_inside_once_it_is_shared(tmp_path, log, write):
    """One that had the store open before sees that it is shared now, at its next step."""
    root = tmp_path / "store"
    store = create_store(root)
    log(store, write(tmp_path / "a", {"f": b"1"}), "x")
    assert not store.index.is_shared()
    there = Host(tmp_path, "there", root)
    there.casstore("put", tmp_path / "a", *AS_X)  # the same content
    assert store.index.is_shared()
    there.casstore("put", write(tmp_path / "b", {"f": b"2"}), *AS_X)
    assert log(store, write(tmp_path / "c", {"f": b"3"}), "x").number == 2
    index = store.index_folder
    close_store(store)
    again = open_store(root)
    try:
        assert index == root
        assert again.index_folder != root
        assert log(again, tmp_path / "c", "x").number == 2
    finally:
        close_store(again)


def test_content_that_another_host_has_just_logged_is_no_new_version(far, tmp_path, log, write):
    """What others have written is looked at before a commit."""
    store = create_store(far)
    first = log(store, write(tmp_path / "a", {"f": b"1"}), "x")
    other = Host(tmp_path, "other", far)
    other.casstore("put", write(tmp_path / "b", {"f": b"2"}), *AS_X)
    assert log(store, tmp_path / "b", "x").number == first.number + 1
    assert log(store, tmp_path / "b", "x").number == first.number + 1


RUNS = """
import casstore, os, sys
run = casstore.init(store=sys.argv[1], id=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
os._exit(9)
"""


def test_a_run_of_another_host_has_crashed_only_when_that_host_says_so(far, tmp_path):
    """Its lock cannot be seen; its lease stays until its own host removes it."""
    other = Host(tmp_path, "other", far)
    script = tmp_path / "run.py"
    script.write_text(RUNS)
    process = other.start(script, far, "r1")
    assert process.stdout.readline() == "ready\n"
    here = Host(tmp_path, "here", far)
    assert "running" in here.casstore("runs")
    process.communicate("go\n", timeout=60)
    assert "running" in here.casstore("runs")
    assert "crashed" in other.casstore("runs")
    other.casstore("put", script, "--name", "x")  # its next writer removes what the dead have left
    assert "crashed" in here.casstore("runs")


def test_nothing_is_taken_back_after_a_full_disk(far, tmp_path, log, write):
    """Another host may rely on a pack as soon as it has its name."""
    store = create_store(far)
    session = store.session()
    session.add([(digest_of(b"frame"), b"frame")])
    session.flush()
    session.fail(OSError("full"))
    (pack,) = [path for path in (far / "packs").rglob("*") if path.is_file()]
    assert not store.take_back(session, OSError("full"))
    assert pack.exists()


def test_a_local_store_that_became_shared_meanwhile_keeps_its_packs_too(tmp_path):
    """The owner of the disk looks before it deletes."""
    store = create_store(tmp_path / "store")
    try:
        session = store.session()
        session.add([(digest_of(b"frame"), b"frame")])
        session.flush()
        Host(tmp_path, "there", store.root).casstore("ls")
        assert not store.take_back(session, OSError("full"))
        assert [path for path in (store.root / "packs").rglob("*") if path.is_file()]
    finally:
        close_store(store)


def test_gathered_events_stay_loose_until_every_host_has_seen_their_pack(far):
    """Then the next gathering removes them; a host that reads meanwhile loses none."""
    store = create_store(far)
    subject = CollectionSubject("p", "x")
    for number in range(20):
        store.events.append(subject, LabelBody("description", str(number), ()))
    ((month, _),) = store.journal.months()
    assert gathering.gather(store.index, store.journal, store.staging(), month) == 20
    assert len(loose(far, month)) == 20
    assert gathering.gather(store.index, store.journal, store.staging(), month) == 0
    (pack,) = (far / "journal" / month / "packs").iterdir()
    long_ago = time.time() - gathering.SHARED_PACK_SECONDS - 5
    os.utime(pack, (long_ago, long_ago))
    store.events.append(subject, LabelBody("description", "last", ()))
    assert gathering.gather(store.index, store.journal, store.staging(), month) == 1
    assert len(loose(far, month)) == 1
    store.index.catch_up(thorough=True)
    assert store.index.lost_events == 0
    with store.index.read() as reader:
        assert sum(1 for _ in reader.events()) == 21


def loose(root, month):
    return [path for path in (root / "journal" / month).iterdir() if path.is_file()]


def test_a_half_written_event_is_read_again_when_it_is_whole(far, tmp_path, log, write):
    """As where a file system has no hard links, and another host is still writing."""
    store = create_store(far)
    log(store, write(tmp_path / "a", {"f": b"1"}), "x")
    ((month, _),) = store.journal.months()
    other = tmp_path / "other"
    shutil.copytree(far, other)
    twin = create_store(other)
    view = log(twin, write(tmp_path / "b", {"f": b"2"}), "x")
    shutil.copytree(other / "packs", far / "packs", dirs_exist_ok=True)
    before, after = ({path.name for path in loose(root, month)} for root in (far, other))
    (event,) = after - before
    place, data = far / "journal" / month / event, (other / "journal" / month / event).read_bytes()
    place.write_bytes(data[:20])
    for _ in range(2):
        store.index.catch_up()
    assert list(store.index.problems) == [f"journal/{month}/{event}"]
    before = os.stat(place.parent).st_mtime_ns
    place.write_bytes(data)
    assert os.stat(place.parent).st_mtime_ns == before
    store.index.catch_up(at_once=True)
    assert store.index.problems == {}
    with store.index.read() as reader:
        assert reader.has_event(event)
    assert view.number == 1


def _finds_nothing(_digests, *, thorough):
    del thorough
    return False


def test_a_frame_whose_pack_was_collected_is_found_in_the_pack_that_has_it_now(
    far, tmp_path, log, write
):
    """Here by hand: another host wrote its frames anew and removed the pack."""
    store = create_store(far)
    view = log(store, write(tmp_path / "a", {"f": b"bytes" * 100, "g": b"g"}), "x")
    other = Host(tmp_path, "other", far)
    script = tmp_path / "collect.py"
    script.write_text(COLLECTS)
    other.run(script, far)
    assert verify_store(store) is not None
    entries = {entry.path: entry for entry in store.manifest(view.manifest)}
    assert set(entries) == {b"f", b"g"}
    frames = FrameReader(store.packs, store.index, store.absences, _finds_nothing)
    assert bytes(frames.read([digest_of(b"bytes" * 100)])[0]) == b"bytes" * 100


COLLECTS = """
import sys
from pathlib import Path
from casstore.packs import PackWriter, read_rows
from casstore.store import open_store
store = open_store(Path(sys.argv[1]))
with store.index.read() as reader:
    packs = [pack for _, pack in reader.packs()]
for pack in packs:
    rows = read_rows(store.packs.path(pack.pack_id))[2]
    digests = [row.digest for row in rows]
    writer = PackWriter(store.staging() / "new.pack", pack.kind, direct=False)
    for digest, frame in zip(digests, store.frames.read_encoded(digests)):
        writer.append(digest, *frame)
    pack_id, _ = writer.seal()
    store.packs.sync([store.packs.install(writer.path, pack_id)])
    store.packs.remove(pack.pack_id)
"""


def test_a_store_that_can_only_be_read_is_read_from_an_index_at_home(
    far, tmp_path, heed_permissions
):
    """Nothing is written there, not even that it is shared."""
    owner = Host(tmp_path, "owner", far, owner=True)
    owner.casstore("put", tmp_path / "owner" / "home", "--name", "x")
    for path in [far, *far.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    store = open_store(far)
    try:
        assert store.read_only
        assert store.index.is_shared()
        assert not (far / "SHARED").exists()
        assert list(verify_store(store).problems) == []
    finally:
        close_store(store)
        for path in [far, *far.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_store_and_its_copy_are_two_where_inodes_are_made_up(far, tmp_path, monkeypatch):
    """On FUSE the path tells them apart, for a copy has the same id."""
    monkeypatch.setenv("CASSTORE_TEST_FILESYSTEM", f"fuse.sshfs:{far.parent}")
    store = create_store(far)
    shutil.copytree(far, far.with_name("copy"))
    copy = open_store(far.with_name("copy"))
    assert copy is not store
    assert copy.index_folder != store.index_folder
    assert open_store(far) is store


def draft_of(store, files):
    draft = store.draft()
    for path, data in files.items():
        digest = digest_of(data)
        entry = Entry(path.encode(), len(data), EntryKind.FILE, digest)
        draft.put(entry, draft.session.add([(digest, data)]))
    return draft


def test_a_finish_makes_what_another_host_has_settled_and_then_its_own(far):
    """Who was first may have seen fewer parts: what it did not see is in the next version."""
    store = create_store(far)
    request = Commit(project="p", name="x", type="dataset")
    seen, late = (
        add_part(store, draft_of(store, {name: name.encode()}), request, "job", writer=name)
        for name in ("seen", "late")
    )
    at = RoundSubject("p", "x", "job", 0)
    SharedFolder(store).settle(at, Settled((seen.event,), None))
    done = finish_round(store, draft_of(store, {"own": b"o"}), request, "job", writer="own")
    assert paths(store, done.committed.version) == [b"late", b"own"]
    first, second = live_versions(store, "p", "x")
    assert paths(store, first) == [b"seen"]
    assert first.commit == parts.commit_of_round(at, [seen.event])
    assert second.commit == done.committed.version.commit
    assert version_of_part(store, late).commit == second.commit
    again = finish_round(store, store.draft(), request, "job", writer="other")
    assert again.again
    assert again.committed.version.commit == second.commit


def test_a_finish_that_was_settled_on_a_version_is_laid_on_that_one(far):
    """Whatever became the newest since: the commit id would else mean two manifests."""
    store = create_store(far)
    request = Commit(project="p", name="x", type="dataset")
    base = commit(store, draft_of(store, {"base": b"b"}), request).version
    part = add_part(store, draft_of(store, {"part": b"p"}), request, "job", writer="w")
    at = RoundSubject("p", "x", "job", 0)
    SharedFolder(store).settle(at, Settled((part.event,), base.commit))
    commit(store, draft_of(store, {"newer": b"n"}), request)
    done = finish_round(store, store.draft(), request, "job", writer="f", incremental=True)
    assert paths(store, done.committed.version) == [b"base", b"part"]


def paths(store, view):
    return [entry.path for entry in store.manifest(view.manifest)]


def test_two_containers_of_one_machine_have_an_index_each(tmp_path, log, write):
    """Whoever has it open first has the one inside; alone again, anybody gets it."""
    root = tmp_path / "store"
    store = create_store(root)
    log(store, write(tmp_path / "a", {"f": b"1"}), "x")
    other = Host(tmp_path, "container", root, owner=True)
    other.casstore("put", write(tmp_path / "b", {"f": b"2"}), *AS_X)
    assert len(other.indexes) == 1
    assert log(store, tmp_path / "b", "x").number == 1
    assert not (root / "SHARED").exists()
    close_store(store)
    shutil.rmtree(other.indexes[0])
    other.casstore("put", write(tmp_path / "c", {"f": b"3"}), *AS_X)
    assert other.indexes == []
    again = open_store(root)
    assert again.index_folder == root
    assert log(again, tmp_path / "c", "x").number == 2
    close_store(again)
