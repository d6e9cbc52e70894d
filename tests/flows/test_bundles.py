"""Versions travel in a file: whole, in parts, thin, in any order, and again."""

import random
import shutil
import stat
import subprocess
from contextlib import contextmanager

import pytest

from casstore.bundles import Base, BundleReader, Inventory
from casstore.digest import digest_of
from casstore.errors import Conflict
from casstore.exchange import open_depot
from casstore.flows.lifecycle import set_aliases
from casstore.flows.transfer import (
    apply_bundle,
    create_bundle,
    export_inventory,
    not_had,
    reached_by,
)
from casstore.flows.verify import verify_store
from casstore.journal import queries
from casstore.manifests import chunk_refs
from casstore.store import close_store, create_store, live_versions

EVERY_CODEC = {0, 1, 2, 3}


def files_of(seed):
    """Return files that need every codec, a tree of chunks, and names of every kind."""
    draw = random.Random(seed)
    floats = b"".join(draw.randbytes(3) + b"\x3f" for _ in range(100_000))
    halves = b"".join(draw.randbytes(1) + b"\x3f" for _ in range(150_000))
    return {
        "empty": b"",
        "text.txt": f"a line of {seed}\n".encode() * 30_000,
        "weights/float32.bin": floats,
        "weights/bf16.bin": halves,
        "random.bin": draw.randbytes(2_000_000),
        "deep/er/and/deeper.bin": draw.randbytes(100),
        "run.sh": b"#!/bin/sh\n",
        "caf\udce9.txt": b"a name in Latin-1",
        "a name with spaces": draw.randbytes(20_000),
    }


def contents(store, view):
    """Return every byte of a version, verified."""
    files = {}
    for entry in store.manifest(view.manifest):
        refs = chunk_refs(entry.layout, entry.content, entry.size_bytes, store.frames.metadata)
        digests = [ref.digest for _, ref in refs]
        files[entry.path] = b"".join(map(bytes, store.frames.read(digests)))
    return files


@pytest.fixture
def other(tmp_path):
    """Make the store on the far side."""
    made = create_store(tmp_path / "other")
    yield made
    close_store(made)


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version of a name with files of every kind, drawn from a seed."""

    def log_seed(name, seed, changes=(), **fields):
        folder = write(tmp_path / "files" / f"{name}-{seed}", {**files_of(seed), **dict(changes)})
        (folder / "run.sh").chmod(0o755)
        return log(store, folder, name, **fields)

    return log_seed


@contextmanager
def depot_in(paths, folder):
    """Open files of bundles as a depot, with a mirror that knows nothing yet."""
    with BundleReader(paths) as reader:
        mirror = folder / f"mirror-{random.randrange(10**9)}"
        depot = open_depot(reader, mirror)
        try:
            yield depot
        finally:
            depot.close()
            shutil.rmtree(mirror)


def apply(store, paths, folder):
    with depot_in(paths, folder) as depot:
        return apply_bundle(store, depot)


def versions(store, name):
    return live_versions(store, "p", name)


def test_a_version_comes_out_as_it_went_in(store, other, logged, tmp_path):
    """With its aliases and the executable bit; a second time nothing is new."""
    view = logged("data", 1)
    set_aliases(store, view, ["best"])
    made = create_bundle(store, tmp_path / "b.zip", [view.commit])
    assert made.paths == (tmp_path / "b.zip",)
    applied = apply(other, made.paths, tmp_path)
    assert (applied.waiting, applied.problems) == ((), ())
    (there,) = versions(other, "data")
    assert there.commit == view.commit
    assert contents(other, there) == contents(store, view)
    with other.index.read() as reader:
        assert queries.alias(reader, "p", "data", "best").commit == view.commit
    assert verify_store(other).problems == []
    again = apply(other, made.paths, tmp_path)
    assert (again.frames, again.stored_bytes, again.received.events) == (0, 0, 0)
