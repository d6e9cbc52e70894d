"""A store in a temporary folder, and how a folder becomes a version of it."""

import os
import random

import pytest
from counted import Counted

from casstore.exchange import lookup, merged, merging, open_depot
from casstore.flows.log import log_files
from casstore.remotes import open_objects
from casstore.store import Commit, close_store, commit, create_store
from casstore.worktree import Walk


@pytest.fixture
def store(tmp_path):
    """Make a store that is empty, and close it."""
    made = create_store(tmp_path / "store")
    yield made
    close_store(made)


@pytest.fixture
def write():
    """Write files: ``write(folder, {path: bytes})``; returns the folder."""

    def write_files(folder, files):
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    return write_files


@pytest.fixture
def log():
    """Log a folder: ``log(store, folder, name, **fields of Commit)``; returns the version."""

    def log_folder(store, folder, name, **fields):
        draft = store.draft()
        try:
            log_files(store, draft, Walk(os.fsencode(folder)))
            request = {"project": "p", "type": "dataset", **fields}
            return commit(store, draft, Commit(name=name, **request)).version
        finally:
            draft.close()

    return log_folder


@pytest.fixture
def other(tmp_path):
    """Make a second store."""
    made = create_store(tmp_path / "other")
    yield made
    close_store(made)


@pytest.fixture
def connect(tmp_path):
    """Open the one depot elsewhere of a test, each time with a mirror that knows nothing yet."""
    opened = []

    def open_it(wrap=Counted, mirror=None):
        objects = wrap(open_objects(tmp_path / "shared"))
        folder = tmp_path / "mirrors" / (mirror or str(len(opened)))
        opened.append(open_depot(objects, folder, create=True))
        return opened[-1]

    yield open_it
    for depot in opened:
        depot.close()


@pytest.fixture
def small_limits(monkeypatch):
    """Let a few rows be many: some merged indexes of some buckets each."""
    monkeypatch.setattr(merged, "BUCKET_ROWS", 16)
    monkeypatch.setattr(merging, "MAX_MERGED_ROWS", 400)
    monkeypatch.setattr(lookup, "MAX_GAP_BYTES", 0)
    monkeypatch.setattr(lookup, "LEAST_READ_BYTES", 100)


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version with files that its number alone decides, some of them in every version."""

    def log_number(number, into=store, name=None):
        draw = random.Random(number)
        files = {f"{at}.bin": draw.randbytes(300) for at in range(20)}
        files["same.bin"] = b"in every version" * 20
        folder = write(tmp_path / f"files-{number}", files)
        return log(into, folder, name or f"net-{number}")

    return log_number
