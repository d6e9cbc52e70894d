"""The closure of a version: all that it needs, and nothing else."""

import os
import random

import pytest

from casstore.errors import Corrupt
from casstore.flows.log import log_files
from casstore.store import Closure, Commit, commit
from casstore.worktree import Walk


@pytest.fixture
def view(store, tmp_path):
    """Log a tree of several levels, one file with a long list of chunks, and an empty one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number:04}").write_bytes(b"%d" % number)
    (folder / "large").write_bytes(random.Random(7).randbytes(3_000_000))
    (folder / "empty").touch()
    draft = store.draft()
    log_files(store, draft, Walk(os.fsencode(folder)), use_cache=False)
    version = commit(store, draft, Commit(project="p", name="x", type="t")).version
    draft.close()
    return version


def indexed(store):
    """Return how many frames the packs of the store hold."""
    with store.index.read() as reader:
        return sum(pack.frames for _, pack in reader.packs())


def test_the_closure_is_every_frame_of_a_store_that_holds_one_version(store, view):
    """Nodes of the tree, nodes of chunk lists, chunks: each is found, and none is left over."""
    frames = set(Closure(view.manifest, store.frames.metadata).frames())
    assert len(frames) == indexed(store)
    assert len(store.frames.locate(sorted(frames))) == len(frames)


def test_a_closure_without_entries_is_empty(store, tmp_path):
    """A version of nothing needs nothing."""
    draft = store.draft()
    version = commit(store, draft, Commit(project="p", name="none", type="t")).version
    assert list(Closure(version.manifest, store.frames.metadata).frames()) == []


def test_a_walk_that_is_told_of_damage_goes_on_after_it(store, view):
    """Every other segment is still there; without a listener the walk ends."""
    closure = Closure(view.manifest, store.frames.metadata)
    whole = list(closure.segments())
    lost = whole[len(whole) // 2]

    def fetch(digest):
        if digest == lost.digest:
            raise Corrupt("gone")
        return store.frames.metadata(digest)

    told = []
    walk = Closure(view.manifest, fetch, lambda node, error: told.append((node, str(error))))
    entries = [entry for segment in walk.segments() for entry in walk.entries(segment)]
    assert len(entries) == len(list(store.manifest(view.manifest))) - lost.entries
    assert told == [(lost, "gone")]
    with pytest.raises(Corrupt, match="gone"):
        list(Closure(view.manifest, fetch).frames())
