"""Whatever happens to the bytes of a bundle: damage is told, or the content is the same."""

import contextlib
import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casstore.bundles import BundleReader, BundleWriter
from casstore.digest import digest_of
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


place = st.integers(0, 1 << 30)  # beyond the end it begins again
one_byte = st.tuples(place, st.just(1), st.binary(min_size=1, max_size=1))
some_bytes = st.tuples(place, st.sampled_from([0, 1, 4, 100, 10_000]), st.binary(max_size=8))
mutations = st.one_of(one_byte, one_byte, one_byte, some_bytes)


def mutated(data, mutation):
    """Take some bytes away at a place, and put others there."""
    place, removed, added = mutation
    place %= len(data) or 1
    return data[:place] + added + data[place + removed :]


def forged(folder, whole, number, mutation):
    """Write the bundle again with one object changed and every sum, CRC and name right for it."""
    (folder / "whole.zip").write_bytes(whole)
    with (
        BundleReader([folder / "whole.zip"]) as reader,
        BundleWriter(folder / "b.zip", reader.files[0].about.contents) as writer,
    ):
        names = sorted(listed.name for listed in reader.listing(""))
        chosen = names[number % len(names)]
        for name in names:
            data = reader.read(name)
            if name == chosen:
                data = mutated(data, mutation)
                name = renamed(name, data)  # noqa: PLW2901 - it is called so now
            writer.create(name, data)
        writer.publish()


def renamed(name, data):
    """Return what an object with these bytes is called."""
    folder, _, last = name.rpartition("/")
    if folder.startswith(("index", "roots/")):
        last = digest_of(data).hex()
    elif folder.startswith("journal/") and not folder.endswith("/packs"):
        last = last[:-16] + data[-32:-24].hex().ljust(16, "0")
    elif folder.startswith("packs/"):
        last = data[-40:-8].hex().ljust(64, "0")
        folder = f"packs/{last[:2]}"
    return f"{folder}/{last}" if folder else last


@given(st.integers(0, 99), mutations)
@settings(max_examples=60)
def test_a_forged_bundle_gives_nothing_that_is_wrong(made, number, mutation):
    """Where only casstore's own digests are left to tell: an error of ours, or sound versions."""
    whole, commits = made
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forged(folder, whole, number, mutation)
        with contextlib.suppress(Error):
            verify_bundle([folder / "b.zip"])
        store = create_store(folder / "store")
        try:
            apply_it(store, folder)
            with store.index.read() as reader:
                assert set(queries.commits(reader)) <= commits
            assert verify_store(store).problems == []
        finally:
            close_store(store)


@given(mutations)
@settings(max_examples=60)
def test_verify_tells_damage_or_there_is_none(made, mutation):
    """Never another exception, and never "ok" for other bytes."""
    whole, commits = made
    changed = mutated(whole, mutation)
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


@given(mutations)
@settings(max_examples=25)
def test_apply_brings_whole_versions_or_none(made, mutation):
    """What arrives is verified to the last byte; the store stays sound."""
    whole, commits = made
    changed = mutated(whole, mutation)
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


@pytest.mark.parametrize("kind", [0, 3, 9])
def test_an_index_that_names_a_pack_of_another_kind_is_damage(made, tmp_path, kind):
    """Whoever forges an index gives it its right name; the packs are found without it."""
    whole, commits = made
    (tmp_path / "whole.zip").write_bytes(whole)
    with (
        BundleReader([tmp_path / "whole.zip"]) as reader,
        BundleWriter(tmp_path / "b.zip", reader.files[0].about.contents) as writer,
    ):
        for listed in reader.listing(""):
            name, data = listed.name, reader.read(listed.name)
            if name.startswith("index/"):
                place = 16 + 32 + 8 + 4  # the head, then the first pack's id, bytes and frames
                data = data[:place] + bytes([kind]) + data[place + 1 :]
                name = f"index/{digest_of(data).hex()}"
            writer.create(name, data)
        writer.publish()
    report = verify_bundle([tmp_path / "b.zip"])
    assert any("index" in problem.message for problem in report.problems)
    store = create_store(tmp_path / "store")
    apply_it(store, tmp_path)
    with store.index.read() as reader:
        assert set(queries.commits(reader)) == commits
    assert verify_store(store).problems == []
    close_store(store)
