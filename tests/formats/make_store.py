"""Makes the store of format 1 that is checked in, and says what must be read from it.

    python tests/formats/make_store.py

writes ``store-1/`` and ``store-1.json`` beside this file.  They were made once, by the release that
froze format 1, and stay as they are for ever: a later release reads them, it does not make them
anew.  Contents come from a seed, so another run gives a store that says the same; ids, times and
the names of packs and events differ, for they are drawn.

The JSON is made of the contents that went in (BLAKE3 of each file, taken here), not of what the
store gives back.  ``db/``, ``db.lock``, ``tmp/`` and ``leases/`` belong to a process at work and
are left out, as in a copy of a store at rest.
"""

import json
import os
import random
import shutil
import tempfile
from pathlib import Path

from blake3 import blake3

from casstore.encoding import canonical_json
from casstore.flows import lifecycle
from casstore.flows.log import log_files
from casstore.journal.bodies import RunFinishBody, RunStartBody, RunUpdateBody, RunUseBody
from casstore.journal.subjects import RunSubject
from casstore.store import Commit, close_store, commit, create_store
from casstore.worktree import Walk

PROJECT = "vision"
RUN = "k3x9q2ab"
OF_A_PROCESS = ("db", "db.lock", "tmp", "leases")

Tree = dict[bytes, tuple[bytes, bool]]


def _table(seed):
    """Return about 700 KB of JSON lines, several chunks that compress well."""
    draw = random.Random(seed)
    labels = [draw.choice(["cat", "dog", "newt"]) for _ in range(12_000)]
    rows = (
        f'{{"id": {row}, "label": "{label}", "split": "train"}}\n'
        for row, label in enumerate(labels)
    )
    return "".join(rows).encode()


TABLE = _table(1)
DATA: Tree = {b"table.jsonl": (TABLE, False), b"readme.md": (b"# Rows\n", False)}
FIRST: Tree = {
    b"weights/table.jsonl": (TABLE, False),
    b"weights/noise.bin": (random.Random(2).randbytes(3000), False),
    b"run.sh": (b"#!/bin/sh\necho ok\n", True),
    b"empty": (b"", False),
    b"caf\xe9": (b"a name that is not UTF-8\n", False),
    "été/n.txt".encode(): (b"a name that is\n", False),
}
SECOND: Tree = {
    **FIRST,
    b"weights/table.jsonl": (TABLE[:300_000] + b'{"edited": true}\n' + TABLE[300_000:], False),
    b"run.sh": (b"#!/bin/sh\necho ok\n", False),
}
THIRD: Tree = {b"only": (b"this version was removed\n", False)}


class _Maker:
    """A store being made, and what must be read from it."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.store = create_store(root)
        self.scratch = scratch
        self.versions: dict[str, dict[str, object]] = {}
        self.views = {}

    def log(self, name, tree, **said):
        folder = self.scratch / f"tree{len(self.versions)}"
        for path, (content, executable) in tree.items():
            target = os.path.join(os.fsencode(folder), path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            Path(os.fsdecode(target)).write_bytes(content)
            os.chmod(target, 0o755 if executable else 0o644)
        draft = self.store.draft()
        log_files(self.store, draft, Walk(os.fsencode(folder)))
        done = commit(self.store, draft, Commit(project=PROJECT, name=name, **said))
        draft.close()
        reference = f"{name}:v{done.version.number}"
        self.views[reference] = done.version
        self.versions[reference] = {
            "digest": done.version.manifest.digest.hex(),
            "type": said["type"],
            "aliases": sorted(said.get("aliases", ())),
            "tags": list(said.get("tags", ())),
            "description": said.get("description"),
            "metadata": json.loads(said.get("metadata", "{}")),
            "deleted": False,
            "run": said.get("run"),
            "files": [_file(path, *tree[path]) for path in sorted(tree)],
        }
        return done.version

    def run_event(self, body):
        self.store.events.append(RunSubject(PROJECT, RUN), body)


def _file(path, content, executable):
    return {
        "path": path.decode("utf-8", "surrogateescape"),
        "digest": blake3(content).hexdigest(),
        "size_bytes": len(content),
        "executable": executable,
    }


def make(root: Path) -> dict[str, object]:
    """Make the store at ``root``; returns what must be read from it."""
    with tempfile.TemporaryDirectory() as scratch:
        maker = _Maker(root, Path(scratch))
        try:
            runs = _fill(maker)
        finally:
            close_store(maker.store)
    for name in OF_A_PROCESS:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return {"versions": maker.versions, "runs": runs}


def _fill(maker):
    store, said = maker.store, maker.versions
    data = maker.log("data", DATA, type="dataset", aliases=("small",))
    first = maker.log(
        "net",
        FIRST,
        type="model",
        aliases=("best", "first"),
        tags=("raw",),
        description="before training",
        metadata=canonical_json({"lr": 0.1, "note": "é", "big": 2**70}),
    )
    maker.run_event(RunStartBody(name="amber-otter-1", job_type="train", config='{"epochs":3}'))
    maker.run_event(RunUseBody(data.commit, PROJECT, "data", "train"))
    second = maker.log("net", SECOND, type="model", run=RUN)
    maker.run_event(RunUpdateBody(summary='{"loss":0.25}'))
    maker.run_event(RunFinishBody("finished", 0))
    third = maker.log("net", THIRD, type="model", aliases=("oops",))

    lifecycle.set_aliases(store, second, ["best"])  # taken from the first
    lifecycle.add_tags(store, second, ["checked", "good one"])
    lifecycle.edit(store, first, description="before training, by hand")
    lifecycle.remove(store, lifecycle.plan_removal(store, [third], with_aliases=True))
    said["net:v0"] |= {"aliases": ["first"], "description": "before training, by hand"}
    said["net:v1"] |= {"aliases": ["best"], "tags": ["checked", "good one"]}
    said["net:v2"] |= {"aliases": [], "deleted": True}
    run = {
        "name": "amber-otter-1",
        "job_type": "train",
        "state": "finished",
        "exit_code": 0,
        "config": {"epochs": 3},
        "summary": {"loss": 0.25},
        "inputs": [["data:v0", "train"]],
        "outputs": ["net:v1"],
    }
    return {RUN: run}


def main():
    """Make the checked-in store."""
    here = Path(__file__).parent
    root = here / "store-1"
    if root.exists():
        raise SystemExit(f"{root} exists: the store of a released format is never made anew")
    text = json.dumps(make(root), indent=1, sort_keys=True)
    (here / "store-1.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
