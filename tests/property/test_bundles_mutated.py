"""Whatever happens to the bytes of a bundle: damage is told, or the content is the same."""

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.bundles import BundleReader
from casstore.errors import Error
from casstore.exchange import open_depot
from casstore.flows.log import log_files
from casstore.flows.transfer import apply_bundle, create_bundle
from casstore.flows.verify import verify_bundle, verify_store
from casstore.journal import queries
from casstore.store import Commit, close_store, commit, create_store
from casstore.worktree import Walk

FILES = {
    "a.txt": b"some text, again and again\n" * 400,
    "b.bin": random.Random(1).randbytes(3000),
    "c.bin": random.Random(2).randbytes(40_000),
    "floats": b"".join(random.Random(3).randbytes(1) + b"\x3f" for _ in range(4000)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a bundle of two small versions; gives its bytes and their commit ids."""
    folder = tmp_path_factory.mktemp("made")
    store = create_store(folder / "store")
    commits = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        for path, data in FILES.items():
            (folder / name / path).write_bytes(data + name.encode())
        draft = store.draft()
        log_files(store, draft, Walk(os.fsencode(folder / name)))
        request = Commit(name=name, project="p", type="dataset")
        commits.append(commit(store, draft, request).version.commit)
        draft.close()
    bundle = create_bundle(store, folder / "b.zip", commits)
    close_store(store)
    return bundle.paths[0].read_bytes(), set(commits)


def mutations(size):
    """Draw (place, how many bytes go, what comes instead)."""
    return st.tuples(
        st.integers(0, size - 1),
        st.sampled_from([0, 1, 1, 1, 1, 4, 100, 10_000]),
        st.one_of(st.binary(min_size=1, max_size=1), st.binary(max_size=8)),
    )


def mutated(data, drawn):
    place, removed, added = drawn
    return data[:place] + added + data[place + removed :]


@given(st.data())
@settings(max_examples=60)
def test_verify_tells_damage_or_there_is_none(made, data):
    """Never another exception, and never "ok" for other bytes."""
    whole, commits = made
    changed = mutated(whole, data.draw(mutations(len(whole))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.zip"
        path.write_bytes(changed)
        try:
            report = verify_bundle([path])
        except Error:
            assert changed != whole
            return
    if changed == whole:
        assert report.problems == []
        assert {version.commit for version in report.versions} == commits
    else:
        assert report.problems


@given(st.data())
@settings(max_examples=25)
def test_apply_brings_whole_versions_or_none(made, data):
    """What arrives is verified to the last byte; the store stays sound."""
    whole, commits = made
    changed = mutated(whole, data.draw(mutations(len(whole))))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "b.zip").write_bytes(changed)
        store = create_store(folder / "store")
        try:
            apply_it(store, folder)
            with store.index.read() as reader:
                arrived = set(queries.commits(reader))
            assert arrived <= commits
            assert verify_store(store).problems == []
            if changed == whole:
                assert arrived == commits
        finally:
            close_store(store)


def apply_it(store, folder):
    try:
        with BundleReader([folder / "b.zip"]) as reader:
            depot = open_depot(reader, folder / "mirror")
            try:
                apply_bundle(store, depot)
            finally:
                depot.close()
    except Error:
        pass
    finally:
        shutil.rmtree(folder / "mirror", ignore_errors=True)
