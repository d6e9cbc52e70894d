"""Sessions: who lives, who died, and what the dead leave behind."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import casstore
from casstore.depot import (
    SessionFolder,
    dead_sessions,
    failed_notes,
    failed_sessions,
    forget_failed,
    is_dead,
    live_sessions,
)
from casstore.packs import PackId

LIVE = """
import sys, time
from pathlib import Path
from casstore.depot import SessionFolder
session = SessionFolder(Path(sys.argv[1]))
session.new_path("pack").write_bytes(b"half a pack")
print(session.id, flush=True)
time.sleep(60)
"""
COME_AND_GO = """
from casstore.depot import SessionFolder, dead_sessions
for _ in range(30):
    dead_sessions(root)
    session = SessionFolder(root)
    assert session.path.is_dir()
    dead_sessions(root)
    path = session.new_path("x")
    path.write_bytes(b"x")
    assert path.exists()
    session.close()
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "leases").mkdir()
    return tmp_path


@pytest.fixture
def other(root):
    """Start another process that has a session; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])},
    ) as process:
        process.session = process.stdout.readline().strip()
        yield process
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_session_has_a_folder_and_a_lease_of_one_name(root):
    """And takes both away when it is closed."""
    session = SessionFolder(root)
    assert names(root / "tmp") == names(root / "leases") == [session.id]
    assert live_sessions(root) == [session.id]
    session.new_path("pack").write_bytes(b"x")
    session.close()
    assert names(root / "tmp") == names(root / "leases") == []


def test_a_session_that_cannot_begin_is_not_alive(root):
    """As on a full disk: else nobody would be alone while this process lives."""
    (root / "tmp").rmdir()
    (root / "tmp").touch()
    with pytest.raises(NotADirectoryError):
        SessionFolder(root)
    assert live_sessions(root) == []
    assert list((root / "leases").iterdir()) == []


def test_names_for_new_files_are_never_the_same(root):
    """Whatever their suffix."""
    session = SessionFolder(root)
    paths = {session.new_path("pack") for _ in range(5)} | {session.new_path("new")}
    assert len(paths) == 6
    assert {path.parent for path in paths} == {session.path}
    session.close()


def test_a_living_session_is_left_alone(root, other):
    """In this process or another."""
    own = SessionFolder(root)
    assert dead_sessions(root) == []
    assert sorted(live_sessions(root)) == sorted([own.id, other.session])
    assert (root / "tmp" / other.session / "1.pack").exists()
    assert not own.is_alone()
    own.close()


def test_what_a_killed_session_left_is_reclaimed(root, other):
    """Its folder, its files and its lease."""
    other.kill()
    other.wait()
    assert live_sessions(root) == []
    assert dead_sessions(root) == [other.session]
    assert names(root / "tmp") == names(root / "leases") == []
    assert dead_sessions(root) == []


def test_a_folder_or_a_lease_alone_is_dead(root):
    """A process may have died between the two."""
    (root / "tmp" / "0123456789abcdef").mkdir()
    (root / "leases" / "fedcba9876543210").touch()
    assert sorted(dead_sessions(root)) == ["0123456789abcdef", "fedcba9876543210"]
    assert names(root / "tmp") == names(root / "leases") == []


def test_a_session_is_alone_until_another_begins(root):
    """Two sessions of one process count as two."""
    one = SessionFolder(root)
    assert one.is_alone()
    two = SessionFolder(root)
    assert not one.is_alone()
    two.close()
    assert one.is_alone()
    one.close()


def test_a_forked_child_does_not_end_its_parents_session(root):
    """It only lets go of its copy of the lock."""
    session = SessionFolder(root)
    child = os.fork()
    if child == 0:
        session.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert live_sessions(root) == [session.id]
    assert session.path.is_dir()
    session.close()


def test_sessions_that_come_and_go_while_others_reclaim_never_lose_their_folder(root, together):
    """A lease is never taken for dead between its creation and its lock."""
    together(COME_AND_GO, root, 3)
    dead_sessions(root)
    assert names(root / "tmp") == names(root / "leases") == []


def test_a_depot_whose_empty_folders_were_not_copied_still_has_sessions(tmp_path):
    """Many tools that copy files leave empty folders out."""
    session = SessionFolder(tmp_path)
    assert session.path.is_dir()
    session.close()
    assert dead_sessions(tmp_path) == []


def test_a_pack_that_is_noted_while_a_version_is_published_is_kept(root, monkeypatch):
    """A lane seals its pack whenever it is full; its frames are found by who runs again."""
    first, second = PackId(bytes([1]) * 32), PackId(bytes([2]) * 32)
    session = SessionFolder(root)
    attempt = session.new_attempt()
    attempt.note(first)
    other = threading.Thread(target=attempt.note, args=(second,))
    unlink = Path.unlink

    def note_first(path, **options):
        if path.suffix == ".kept":
            other.start()
            other.join(0.5)
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", note_first)
    attempt.published([first])
    other.join()
    assert failed_notes(session.path) == {}
    monkeypatch.undo()
    session.close()


def test_of_a_dead_sessions_notes_only_those_of_failed_attempts_stay(root):
    """What a killed attempt wrote is kept, beside what a failed one left."""
    session = SessionFolder(root)
    failed, killed = session.new_attempt(), session.new_attempt()
    packs = [PackId(bytes([number]) * 32) for number in range(4)]
    for attempt, pack_id in zip([failed, failed, killed, killed], packs, strict=True):
        attempt.note(pack_id)
    failed.published(packs[:1])
    failed.fail()
    assert list(failed_notes(session.path).values()) == [packs[1]]
    session.close()
    assert failed_sessions(root) == [session.path]
    assert [path.name for path in session.path.iterdir()] == list(failed_notes(session.path))
    forget_failed(session.path)
    dead_sessions(root)
    assert not session.path.exists()


@pytest.fixture
def hosts(root):
    """Where the locks of two hosts lie that share the depot."""
    return root.parent / f"{root.name}-one", root.parent / f"{root.name}-other"


def test_of_a_shared_depot_a_host_judges_only_its_own_sessions(root, hosts):
    """Those of others live while their lease is there."""
    one, other = (SessionFolder(root, host) for host in hosts)
    dead = SessionFolder(root, hosts[1])
    dead._lock.release()  # as the kernel does
    assert live_sessions(root, hosts[0]) == sorted([one.id, other.id, dead.id])
    assert live_sessions(root, hosts[1]) == sorted([one.id, other.id])
    assert not is_dead(root, dead.id, hosts[0])
    assert is_dead(root, dead.id, hosts[1])
    assert dead_sessions(root, hosts[0]) == []
    assert dead_sessions(root, hosts[1]) == [dead.id]
    assert is_dead(root, dead.id, hosts[0])
    assert names(root / "tmp") == sorted([one.id, other.id])
    for session in (one, other):
        session.close()
    assert names(root / "tmp") == names(root / "leases") == names(hosts[0]) == names(hosts[1]) == []


def test_a_lease_of_before_it_was_shared_is_a_lock_of_who_has_the_disk(root, hosts):
    """Held, it lives; free, it is removed."""
    before = SessionFolder(root)
    assert live_sessions(root, hosts[0]) == [before.id]
    assert dead_sessions(root, hosts[0]) == []
    before._lock.release()
    assert is_dead(root, before.id, hosts[0])
    assert dead_sessions(root, hosts[0]) == [before.id]
    assert names(root / "tmp") == names(root / "leases") == []


def test_a_lease_of_before_is_left_alone_by_a_host_that_is_far(root, hosts, monkeypatch):
    """A lock that it got there would mean nothing."""
    before = SessionFolder(root)
    before._lock.release()
    monkeypatch.setenv("CASSTORE_TEST_FILESYSTEM", f"nfs4:{root}")
    assert live_sessions(root, hosts[0]) == [before.id]
    assert dead_sessions(root, hosts[0]) == []
    assert (root / "tmp" / before.id).exists()
