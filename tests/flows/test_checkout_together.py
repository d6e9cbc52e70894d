"""Several lay out one version in one folder at once, as the processes of one training job do."""

import os
import signal
from pathlib import Path

import pytest

from casstore import durable
from casstore.errors import Conflict
from casstore.flows.checkout import checkout
from casstore.flows.checkout.staging import staging
from casstore.flows.verify import verify_folder


@pytest.fixture
def version(store, log, write, tmp_path):
    """Log a version of two files."""
    return log(store, write(tmp_path / "files", {"a/one": b"1", "two": b"22"}), "x")


@pytest.fixture
def meanwhile(monkeypatch):
    """Give a function that has something done just before the next folder gets its name."""
    really_rename = durable.rename

    def before_renaming(action):
        def rename(source, target):
            monkeypatch.setattr(durable, "rename", really_rename)
            action()
            really_rename(source, target)

        monkeypatch.setattr(durable, "rename", rename)

    return before_renaming


def test_who_comes_second_finds_the_folder_whole(store, version, meanwhile, tmp_path):
    """And changes nothing in it; nothing is left beside it."""
    out = tmp_path / "out"
    meanwhile(lambda: checkout(store, version, out))
    result = checkout(store, version, out, replace=True)
    assert (result.files, result.size_bytes, result.written, result.unchanged) == (2, 3, 0, 2)
    assert list(verify_folder(store, version, out)) == []
    assert sorted(os.listdir(tmp_path)) == ["files", "out", "store"]


def test_two_parts_of_a_version_meet_in_one_new_folder(store, version, meanwhile, tmp_path):
    """Each lays out what it was asked for."""
    out = tmp_path / "out"
    meanwhile(lambda: checkout(store, version, out, keep=lambda path: path == b"two"))
    checkout(store, version, out, keep=lambda path: path == b"a/one")
    assert list(verify_folder(store, version, out)) == []


@pytest.mark.parametrize("is_file", [True, False])
def test_what_somebody_else_put_there_is_not_replaced(store, version, meanwhile, tmp_path, is_file):
    """It is a Conflict, as if it had been there before."""
    out = tmp_path / "out"
    theirs = out if is_file else out / "two"

    def put():
        Path(theirs.parent).mkdir(exist_ok=True)
        theirs.write_bytes(b"theirs")

    meanwhile(put)
    with pytest.raises(Conflict):
        checkout(store, version, out)
    assert theirs.read_bytes() == b"theirs"
    assert sorted(os.listdir(tmp_path)) == ["files", "out", "store"]


def killed(store, version, out, monkeypatch):
    """Lay out in a child process that is killed while a file of the version is staged."""
    child = os.fork()
    if child == 0:
        die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
        monkeypatch.setattr(durable.Inside, "place", die)
        monkeypatch.setattr(durable, "rename", die)
        try:
            checkout(store, version, out, replace=True)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("is_there", [False, True])
def test_what_a_killed_process_staged_is_removed_by_the_next(
    store, version, tmp_path, monkeypatch, is_there
):
    """Beside a new folder and in one that is there; what looks alike and is not theirs stays."""
    out = tmp_path / "out"
    here = out if is_there else tmp_path
    here.mkdir(exist_ok=True)
    (here / ".casstore-01234567-1").write_bytes(b"no lock beside it")
    before = sorted(os.listdir(here))
    killed(store, version, out, monkeypatch)
    assert len(os.listdir(here)) > len(before)
    checkout(store, version, out)
    assert sorted(os.listdir(here)) == sorted({*before, *(("a", "two") if is_there else ("out",))})
    assert [(out / "a" / "one").read_bytes(), (out / "two").read_bytes()] == [b"1", b"22"]


def test_what_another_process_stages_is_left_alone(store, version, tmp_path):
    """It is at work: its lock is held."""
    out, other = tmp_path / "out", tmp_path / "other"
    with staging(os.fsencode(tmp_path), b".out.casstore-") as staged:
        Path(os.fsdecode(staged)).mkdir()
        checkout(store, version, out)
        assert Path(os.fsdecode(staged)).exists()
        Path(os.fsdecode(staged)).rename(other)
    assert sorted(os.listdir(tmp_path)) == ["files", "other", "out", "store"]
