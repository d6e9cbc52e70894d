"""Files that are written through a shared mapping while their stat stands still."""

import mmap
import os
import subprocess
import sys
import time

import pytest

from casstore import durable
from casstore.flows.reading import read_entry

AGE_SECONDS = 30  # longer than the 2 s after which a stat is believed, shorter than write-back
OPEN_AND_CLOSE = """
import os, sys
for _ in range(3000):
    os.close(os.open(sys.argv[1], os.O_WRONLY))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data").write_bytes(b"a" * 8192)
    return tmp_path / "in"


def age(monkeypatch, seconds):
    """Let the clock be ahead: every file was changed so many seconds ago."""
    monkeypatch.setattr(durable, "keeps_ctime", lambda _: True)
    later = seconds * 1_000_000_000
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + later)


def mapped(path):
    with path.open("r+b") as stream:
        return mmap.mmap(stream.fileno(), 0)


def changed_unseen(pages, path, log):
    """Log a mapped file and change it so that its stat stays as it was; return what was logged.

    The kernel notes the first write to a page since that was written out, at a time of its choice.
    """
    for letter in b"bcdefghijk":
        pages[0] = letter
        view = log()
        before = path.stat().st_mtime_ns
        pages[1] = letter
        if path.stat().st_mtime_ns == before:
            return view
    raise AssertionError("the page is written out each time at once")


def content(store, view):
    (entry,) = store.manifest(view.manifest)
    return b"".join(map(bytes, read_entry(store, entry)))


@pytest.mark.skipif(sys.platform != "linux", reason="the lease that tells of writers is Linux's")
@pytest.mark.parametrize("size_bytes", [8192, 3_000_000])
def test_a_file_that_is_mapped_for_writing_is_read_again(
    store, log, folder, monkeypatch, size_bytes
):
    """Its stat is that of the first write to the page, and is not believed."""
    (folder / "data").write_bytes(b"a" * size_bytes)
    age(monkeypatch, AGE_SECONDS)
    with mapped(folder / "data") as pages:
        view = changed_unseen(pages, folder / "data", lambda: log(store, folder, "x"))
        again = log(store, folder, "x")
        assert content(store, again)[:3] == bytes(pages[:3])
    assert again.number == view.number + 1


def test_a_file_that_nobody_writes_is_known_by_its_stat(store, log, folder, monkeypatch):
    """It costs a stat, as ever."""
    age(monkeypatch, AGE_SECONDS)
    log(store, folder, "x")

    def refuse(*_):
        raise AssertionError("it was opened")

    monkeypatch.setattr("casstore.flows.log.small.open_source", refuse)
    assert log(store, folder, "x").number == 0


def test_a_mapped_file_of_another_user_is_believed_by_its_stat(store, log, folder, monkeypatch):
    """No lease is given on it: what the README says, and ``--no-cache`` reads everything."""

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    age(monkeypatch, AGE_SECONDS)
    monkeypatch.setattr(durable.locks.fcntl, "fcntl", refused)
    with mapped(folder / "data") as pages:
        view = changed_unseen(pages, folder / "data", lambda: log(store, folder, "x"))
        assert log(store, folder, "x").number == view.number


@pytest.mark.skipif(sys.platform != "linux", reason="the lease that tells of writers is Linux's")
def test_asking_who_writes_disturbs_neither_side(folder):
    """Who opens the file meanwhile waits a moment, and no signal ends who asked."""
    path = folder / "data"
    other = subprocess.Popen([sys.executable, "-c", OPEN_AND_CLOSE, str(path)])
    descriptor = os.open(path, os.O_RDONLY)
    answers = set()
    while other.poll() is None:
        answers.add(durable.is_open_for_writing(descriptor))
    assert other.returncode == 0
    assert not durable.is_open_for_writing(descriptor)
    os.close(descriptor)
    assert answers <= {True, False}
