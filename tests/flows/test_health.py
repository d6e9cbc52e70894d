"""A store in numbers, and what ``doctor`` finds."""

import json
import shutil
import time
from types import SimpleNamespace

import pytest

from casstore.flows import health, lifecycle
from casstore.flows.health import examine, status
from casstore.journal.bodies import RunStartBody
from casstore.journal.subjects import RunSubject
from casstore.store import close_store, open_store


@pytest.fixture
def version(store, log, write, tmp_path):
    """Log ``x:v0``."""
    return log(store, write(tmp_path / "in", {"a": b"one"}), "x")


def found(root, text):
    """Return the only finding that contains a text."""
    findings = [finding for finding in examine(root) if text in finding.what]
    assert len(findings) == 1, findings
    return findings[0]


def test_status_of_an_empty_store_is_all_zeros(store):
    """Looking begins no session."""
    now = status(store)
    assert (now.root, now.store_id) == (store.root, store.identity.store_id)
    assert (now.projects, now.collections, now.versions, now.runs, now.packs) == ((), 0, 0, 0, 0)
    assert now.sessions == ()
    assert not now.read_only


def test_status_counts_what_is_there(store, version, log, write, tmp_path):
    """Removed versions are not; this process's session is."""
    log(store, write(tmp_path / "in", {"a": b"two"}), "x")
    log(store, tmp_path / "in", "y", project="q")
    store.events.append(RunSubject("p", "run1"), RunStartBody())
    lifecycle.remove(store, lifecycle.plan_removal(store, [version], with_aliases=False))
    now = status(store)
    assert (now.projects, now.collections, now.versions, now.runs) == (("p", "q"), 2, 2, 1)
    files = [path for path in (store.root / "packs").rglob("*") if path.is_file()]
    assert now.packs == len(files)
    assert now.stored_bytes == sum(path.stat().st_size for path in files)
    assert now.sessions == (store.session().folder.id,)


def test_a_sound_store_has_only_good_findings(store, version):
    """On a local disk with room, nothing has to be done, and probes leave nothing behind."""
    findings = examine(store.root)
    unexpected = [f for f in findings if f.level != "ok" and "direct I/O" not in f.what]
    assert [f for f in unexpected if "file system" not in f.what and "free" not in f.what] == []
    assert len(findings) >= 12
    assert list(store.staging().iterdir()) == []


def test_a_folder_that_is_no_store_is_one_error(tmp_path):
    """Nothing is made there."""
    findings = examine(tmp_path / "absent")
    assert [finding.level for finding in findings].count("error") == 1
    assert not (tmp_path / "absent").exists()


def test_a_store_of_a_newer_release_says_what_it_needs(store, version):
    """The hint is to upgrade."""
    path = store.root / "FORMAT"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "format": 99, "needs_casstore": ">=9"}))
    assert "upgrade" in found(store.root, "format 99").hint


def test_a_damaged_event_and_pack_are_errors(store, version):
    """What could not be taken into the index is named."""
    events = [path for path in (store.root / "journal").rglob("*") if path.is_file()]
    pack = next(path for path in (store.root / "packs").rglob("*") if path.is_file())
    for path in (events[0], pack):
        path.write_bytes(path.read_bytes()[:-1])
    close_store(store)
    shutil.rmtree(store.index_folder / "db")
    levels = [found(store.root, path.name).level for path in (events[0], pack)]
    close_store(open_store(store.root))
    assert levels == ["error", "error"]


def test_a_pack_that_is_gone_is_an_error(store, version):
    """The index names packs that the folder does not hold."""
    next(path for path in (store.root / "packs").rglob("*") if path.is_file()).unlink()
    assert found(store.root, "gone").level == "error"


def test_sessions_that_died_are_told(store, version):
    """A folder without a held lock belongs to nobody."""
    (store.root / "tmp" / "0123456789abcdef").mkdir()
    assert found(store.root, "died without closing").level == "warning"


def test_events_from_the_future_are_told(store, version):
    """Some clock was, or is, wrong."""
    year = time.gmtime().tm_year + 2
    (store.root / "journal" / f"{year}01").mkdir()
    assert found(store.root, "in the future").level == "warning"


def test_a_clock_before_the_first_release_is_an_error(store, monkeypatch):
    """Times in events would mislead people."""
    monkeypatch.setattr(health.time, "time", lambda: 1e9)
    assert health._clock().level == "error"


def test_little_free_space_is_told(store, monkeypatch):
    """Before logging fails."""
    usage = SimpleNamespace(total=10, used=9, free=1)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: usage)
    assert found(store.root, "are free").level == "warning"


def test_a_file_system_that_is_not_local_is_told(store, monkeypatch):
    """The index lies elsewhere then."""
    monkeypatch.setattr(health.durable, "filesystem_type", lambda _: "nfs4")
    monkeypatch.setattr(health.durable, "is_local_filesystem", lambda _: False)
    assert health._file_system(store.root).level == "warning"


def test_file_systems_without_links_locks_or_direct_io_are_told(tmp_path, monkeypatch):
    """Each probe can fail."""
    with monkeypatch.context() as patch:
        patch.setattr(health.durable, "link", lambda _, other: other.touch())
        assert health._hard_links(tmp_path / "links").level == "warning"
    with monkeypatch.context() as patch:
        patch.setattr(health.durable.FileLock, "try_acquire", lambda _: True)
        assert health._locks(tmp_path / "locks").level == "error"
    with monkeypatch.context() as patch:
        patch.setattr(health.os, "open", refuse)
        assert health._direct_io(tmp_path / "direct").level == "warning"
    with monkeypatch.context() as patch:
        patch.setattr(health.time, "time", lambda: 2e9)
        assert health._skew(tmp_path / "skew").level == "warning"


def refuse(*arguments):
    raise OSError(22, "Invalid argument")


@pytest.mark.usefixtures("heed_permissions")
def test_a_store_that_cannot_be_written_to_is_told(store, version):
    """It can still be examined."""
    folder = store.root / "packs"
    folder.chmod(0o555)
    try:
        assert found(store.root, "cannot be written to").level == "warning"
    finally:
        folder.chmod(0o755)
