"""A large file that changed a little is cut as if nothing had been known of it, in less time."""

import os
import random

import pytest

from casstore.chunks import Cutter
from casstore.flows.log import earlier_cuts, log_files
from casstore.store import Commit, close_store, commit, create_store
from casstore.worktree import Walk

MIB = 1024 * 1024


@pytest.fixture
def folder(tmp_path):
    """Give a folder with files of 6, 7 and 20 MiB."""
    source = random.Random(7)
    made = tmp_path / "data"
    made.mkdir()
    for name, size in (("a.bin", 6 * MIB), ("b.bin", 7 * MIB), ("c.bin", 20 * MIB)):
        (made / name).write_bytes(source.randbytes(size))
    return made


@pytest.fixture
def log_by_name(monkeypatch):
    """Log a folder as the verbs do; returns the version, and how many bytes were searched."""
    searched = 0
    cut = Cutter.cut

    def counting(cutter, data, *, final):
        nonlocal searched
        searched += len(data)
        return cut(cutter, data, final=final)

    monkeypatch.setattr(Cutter, "cut", counting)

    def log(store, folder):
        nonlocal searched
        searched = 0
        draft = store.draft()
        try:
            known = earlier_cuts(store, "p", "data")
            log_files(store, draft, Walk(os.fsencode(folder)), use_cache=False, earlier=known)
            made = commit(store, draft, Commit(project="p", type="dataset", name="data"))
        finally:
            draft.close()
        return made.version, searched

    return log


def edit(folder):
    """Put bytes into each file and change others near its end."""
    for path in folder.iterdir():
        data = path.read_bytes()
        path.write_bytes(data[: 3 * MIB] + b"inserted" + data[3 * MIB : -9] + b"different")


@pytest.mark.parametrize("only", ["", "c.bin"])
def test_an_edited_file_has_the_chunks_that_a_new_store_gives_it(
    tmp_path, store, folder, log_by_name, only
):
    """Many files at once and one file in parts alike; only what changed is searched for cuts."""
    for path in folder.iterdir():
        if only and path.name != only:
            path.unlink()
    log_by_name(store, folder)
    edit(folder)
    edited, searched = log_by_name(store, folder)
    new = create_store(tmp_path / "new")
    try:
        assert log_by_name(new, folder)[0].manifest == edited.manifest
    finally:
        close_store(new)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert searched < size / 4


def test_a_damaged_list_of_chunks_is_no_obstacle(store, folder, log_by_name):
    """What cannot be read of the earlier version is passed over; the new one is whole."""
    log_by_name(store, folder)
    known = earlier_cuts(store, "p", "data")
    for pack in (store.root / "packs").rglob("*"):
        if pack.is_file():
            pack.chmod(0o644)
            pack.write_bytes(b"\0" * pack.stat().st_size)
    assert known(b"a.bin") is None
    assert known(b"not there") is None
