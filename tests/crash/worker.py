"""A process at work on a store, and what crash tests ask of a store; run, it logs versions.

    python worker.py STORE FOLDER SEED COUNT

Prints ``ready``, waits for a line on its input, then prints ``<number> <commit>`` for each version
that was returned to it.
"""

import os
import random
import sys
from pathlib import Path

from casstore.flows.log import log_files
from casstore.manifests import chunk_refs
from casstore.store import Commit, commit, create_store
from casstore.worktree import Walk

PROJECT, NAME = "vision", "net"
SHARED = b"the same in every version\n" * 4000


def files_of(seed):
    """Return the files of the version that a seed means."""
    draw = random.Random(seed)
    return {
        "seed": seed.encode(),
        "shared": SHARED,
        **{f"d/{number}": draw.randbytes(draw.randrange(60_000)) for number in range(4)},
    }


def log(store, folder, files, name=NAME):
    """Log files as one version, as ``put`` does."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    draft = store.draft()
    log_files(store, draft, Walk(os.fsencode(folder)), use_cache=False)
    done = commit(store, draft, Commit(project=PROJECT, name=name, type="model"))
    draft.close()
    return done.version


def contents(store, view):
    """Return every byte of a version, verified."""
    files = {}
    for entry in store.manifest(view.manifest):
        refs = chunk_refs(entry.layout, entry.content, entry.size_bytes, store.frames.metadata)
        digests = [ref.digest for _, ref in refs]
        files[entry.path.decode()] = b"".join(map(bytes, store.frames.read(digests)))
    return files


def main(root, folder, seed, count):
    """Log ``count`` versions, one after the other."""
    store = create_store(Path(root))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        view = log(store, Path(folder), files_of(f"{seed}-{number}"))
        print(view.number, view.commit.hex(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
