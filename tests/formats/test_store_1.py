"""The store of format 1 that is checked in: every later release reads it, and logs on top of it.

``make_store.py`` says what is in it and how it was made.
"""

import json
import os
import shutil
from pathlib import Path

import make_store
import pytest
from blake3 import blake3

from casstore.flows import lifecycle
from casstore.flows.checkout import checkout
from casstore.flows.log import log_files
from casstore.flows.reading import read_entry
from casstore.flows.verify import verify_folder, verify_store, verify_version
from casstore.journal import lineage, queries
from casstore.journal.wire import is_event_name
from casstore.names import parse_reference
from casstore.store import Commit, close_store, commit, find_version, open_store
from casstore.store.gathering import gather
from casstore.worktree import Walk

HERE = Path(__file__).parent
CHECKED_IN = HERE / "store-1"
SAID = json.loads((HERE / "store-1.json").read_text())
MAX_BYTES = 300_000


@pytest.fixture
def store(tmp_path):
    """Open a copy: opening makes an index, and the original stays as it is."""
    shutil.copytree(CHECKED_IN, tmp_path / "store")
    opened = open_store(tmp_path / "store")
    yield opened
    close_store(opened)


def find(store, reference, **options):
    return find_version(store, parse_reference(reference), make_store.PROJECT, **options)


def described(store):
    """Return what a store says, in the shape of ``store-1.json``."""
    with store.index.read() as reader:
        views = [queries.version(reader, commit) for commit in queries.commits(reader)]
        aliases = {
            view.commit: queries.aliases_of(reader, view.project, view.name).get(view.commit, [])
            for view in views
        }
        runs = list(lineage.runs(reader, make_store.PROJECT))
    names = {view.commit: f"{view.name}:v{view.number}" for view in views}
    return {
        "versions": {
            names[view.commit]: _version(store, view, sorted(aliases[view.commit]))
            for view in views
        },
        "runs": {run.run: _run(run, names) for run in runs},
    }


def _version(store, view, aliases):
    return {
        "digest": view.manifest.digest.hex(),
        "type": view.type,
        "aliases": aliases,
        "tags": list(view.tags),
        "description": view.description,
        "metadata": json.loads(view.metadata),
        "deleted": view.deleted,
        "run": view.run,
        "files": [_file(store, entry) for entry in store.manifest(view.manifest)],
    }


def _file(store, entry):
    content = b"".join(map(bytes, read_entry(store, entry)))
    assert blake3(content).digest() == entry.content
    return {
        "path": entry.path.decode("utf-8", "surrogateescape"),
        "digest": blake3(content).hexdigest(),
        "size_bytes": len(content),
        "executable": entry.executable,
    }


def _run(run, names):
    return {
        "name": run.name,
        "job_type": run.job_type,
        "state": run.state,
        "exit_code": run.exit_code,
        "config": json.loads(run.config),
        "summary": json.loads(run.summary),
        "inputs": [[names[used.commit], used.use_as] for used in run.inputs],
        "outputs": [names[commit] for commit in run.outputs],
    }


def files_below(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mode & 0o100)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_checked_in_store_is_small_and_at_rest():
    """Without an index or anything of a process, and small enough to be kept for ever."""
    assert sum(path.stat().st_size for path in CHECKED_IN.rglob("*") if path.is_file()) < MAX_BYTES
    assert not {path.name for path in CHECKED_IN.iterdir()} & {"db", "db.lock", "tmp", "leases"}
    files = [file for version in SAID["versions"].values() for file in version["files"]]
    assert any(file["executable"] for file in files)
    assert any(file["size_bytes"] == 0 for file in files)
    assert any(file["size_bytes"] > 2 * 256 * 1024 for file in files)
    assert any("\udce9" in file["path"] for file in files)


def test_every_version_and_run_is_read_as_it_was_written(store):
    """Contents byte for byte, paths, executable bits, aliases, tags, edits, removal, lineage."""
    assert described(store) == SAID


def test_every_byte_of_it_verifies(store):
    """Packs, events, the closure of every version, and every file by itself."""
    report = verify_store(store)
    assert report.problems == []
    assert report.versions == sum(not said["deleted"] for said in SAID["versions"].values())
    for reference in SAID["versions"]:
        assert verify_version(store, find(store, reference, deleted=True)) == []


def test_references_to_it_mean_what_they_meant(store):
    """``latest`` passes over the removed version, aliases and id prefixes lead to theirs."""
    assert find(store, "net").number == 1
    assert find(store, "net:best").number == 1
    assert find(store, "net:first").number == 0
    assert find(store, "data:small").number == 0
    digest = SAID["versions"]["net:v0"]["digest"]
    assert find(store, f"net@{digest[:12]}").number == 0


def test_its_versions_are_laid_out_as_they_were(store, tmp_path):
    """With the name that is not UTF-8 and the executable bit."""
    view = find(store, "net:v0")
    checkout(store, view, tmp_path / "out")
    assert verify_folder(store, view, tmp_path / "out") == []
    assert os.access(tmp_path / "out" / "run.sh", os.X_OK)
    assert (os.fsencode(tmp_path / "out") + b"/caf\xe9") in [
        entry.path for entry in os.scandir(os.fsencode(tmp_path / "out"))
    ]


def log(store, folder):
    draft = store.draft()
    try:
        log_files(store, draft, Walk(os.fsencode(folder)))
        request = Commit(project=make_store.PROJECT, name="net", type="model")
        return draft.session.new_bytes, commit(store, draft, request)
    finally:
        draft.close()


def test_logging_goes_on_where_it_ended(store, tmp_path):
    """Equal content is known, other content gets a number that no removed version had."""
    view = find(store, "net:v1")
    checkout(store, view, tmp_path / "out")
    new_bytes, done = log(store, tmp_path / "out")
    assert (new_bytes, done.created, done.version.commit) == (0, False, view.commit)

    (tmp_path / "out" / "new").write_bytes(b"more")
    new_bytes, done = log(store, tmp_path / "out")
    assert (new_bytes, done.created, done.version.number) == (len(b"more"), True, 3)

    checkout(store, done.version, tmp_path / "again")
    assert files_below(tmp_path / "again") == files_below(tmp_path / "out")
    assert verify_store(store).problems == []
    assert {"net:v0", "net:v1", "net:v2", "net:v3"} <= set(described(store)["versions"])


def test_its_removed_version_can_be_restored(store):
    """Its bytes were not collected, and its number is its own."""
    lifecycle.restore(store, find(store, "net:v2", deleted=True))
    assert find(store, "net:latest").number == 2
    assert verify_store(store).problems == []


def test_an_index_of_it_can_be_made_again(store):
    """What the index says is what the files say."""
    store.index.rebuild()
    assert described(store) == SAID


def test_its_events_can_be_gathered(store):
    """They are what they were, also for an index that is made from the packs alone."""
    for month, _ in list(store.journal.months()):
        gather(store.index, store.journal, store.staging(), month)
        assert not any(map(is_event_name, store.journal.names(month)))
    assert described(store) == SAID
    store.index.rebuild()
    assert described(store) == SAID
    assert verify_store(store).problems == []


def test_the_script_that_made_it_makes_one_that_says_the_same(tmp_path):
    """What stands in the script is what the checked-in store was made from."""
    assert make_store.make(tmp_path / "made") == SAID
    opened = open_store(tmp_path / "made")
    try:
        assert described(opened) == SAID
    finally:
        close_store(opened)
