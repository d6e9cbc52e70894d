"""A version in a depot elsewhere, and what of it is here; for tests that pull parts of it."""

import contextlib
import random

from casstore.exchange import open_depot
from casstore.flows.reading import read_entry
from casstore.flows.transfer import receive, send
from casstore.journal import queries
from casstore.remotes import open_objects
from casstore.store import with_presence


def files_of(seed):
    """Return files: many small ones, one of many chunks, one that compresses."""
    draw = random.Random(seed)
    return {
        "large.bin": draw.randbytes(3_000_000),
        "train/text.txt": f"line {seed}\n".encode() * 30_000,
        **{f"train/{number}.bin": draw.randbytes(draw.randrange(1, 9000)) for number in range(20)},
        **{f"test/{number}.bin": draw.randbytes(draw.randrange(1, 9000)) for number in range(20)},
    }


@contextlib.contextmanager
def depot_at(store, url):
    """Open the depot at a URL as a store does."""
    depot = open_depot(open_objects(url), store.index_folder / "mirrors", create=True)
    try:
        yield depot
    finally:
        depot.close()


def push(store, url, view):
    with depot_at(store, url) as depot:
        return send(store, depot, [view.commit])


def nothing(_path):
    return False


def train(path):
    return path.startswith(b"train/")


def version(store, commit):
    with store.index.read() as reader:
        return queries.version(reader, commit)


def pull(store, url, view, keep=None):
    """Bring a version here, and return it as it is here."""
    with depot_at(store, url) as depot:
        receive(store, depot, [view.commit], keep=keep)
    return version(store, view.commit)


def entries_of(store, view):
    return {entry.path.decode(): entry for entry in store.manifest(view.manifest)}


def content(store, entry):
    return b"".join(map(bytes, read_entry(store, entry)))


def contents(store, view):
    return {path: content(store, entry) for path, entry in entries_of(store, view).items()}


def here(store, view):
    """Return the paths whose bytes are all here."""
    entries = store.manifest(view.manifest)
    return {entry.path.decode() for entry, is_here in with_presence(store, entries) if is_here}
