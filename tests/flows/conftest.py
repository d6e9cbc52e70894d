"""A store in a temporary folder, and how a folder becomes a version of it."""

import os

import pytest

from casstore.flows.log import log_files
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
