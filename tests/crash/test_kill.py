"""Processes that are killed or that race: the store stays whole, and no version is lost."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import worker
from replay import leftovers

import casstore
from casstore.digest import CommitId
from casstore.journal import queries
from casstore.store import close_store, create_store, live_versions

ROUNDS = 10
MAX_VERSIONS_BEFORE_KILL = 4
LONGEST_PAUSE_SECONDS = 0.05


def start(root, folder, seed, count):
    """Start a process that logs versions, and wait until it has the store open."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, worker.__file__, str(root), str(folder), seed, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])},
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


def told(line):
    """Read one line of a worker: a version's number and commit."""
    number, commit = line.split()
    return int(number), CommitId(bytes.fromhex(commit))


def returned_by(process):
    """Wait for the end; return {number: commit} of every version that is told of from here on."""
    with process.stdin, process.stdout:
        lines = [line for line in process.stdout if line.endswith("\n")]  # none cut short
    process.wait(timeout=60)
    return dict(map(told, lines))


def check_whole(store):
    """Check that each visible version is one that was logged; return {number: commit}."""
    found = {}
    for view in live_versions(store, worker.PROJECT, worker.NAME):
        files = worker.contents(store, view)
        assert files == worker.files_of(files["seed"].decode())
        assert view.number not in found
        found[view.number] = view.commit
    return found


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def test_a_killed_process_leaves_the_old_state_or_the_new(root, tmp_path):
    """Killed at ten random moments, one after the other, in one store."""
    draw = random.Random(4)
    promised = {}
    for number in range(ROUNDS):
        process = start(root, tmp_path / "files", f"round {number}", 1000)
        go(process)
        for _ in range(draw.randrange(MAX_VERSIONS_BEFORE_KILL)):
            version, commit = told(process.stdout.readline())
            promised[version] = commit
        time.sleep(draw.random() * LONGEST_PAUSE_SECONDS)
        process.kill()
        promised |= returned_by(process)
        store = create_store(root)
        try:
            assert store.index.problems == {}
            assert promised.items() <= check_whole(store).items()
            view = worker.log(store, tmp_path / "own", worker.files_of(f"own {number}"))
            assert view.number not in promised
            promised[view.number] = view.commit
            assert leftovers(root / "tmp") == leftovers(root / "leases")
            assert leftovers(root / "tmp") == [store.session().folder.id]
        finally:
            close_store(store)
    assert len(promised) > ROUNDS


def test_the_index_after_kills_is_the_index_of_the_files(root, tmp_path):
    """An index that lived through kills says what one made from the files says."""
    for number, seconds in enumerate((0.01, 0.02, 0.03)):
        process = start(root, tmp_path / "files", f"round {number}", 1000)
        go(process)
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        returned_by(process)
    store = create_store(root)
    try:
        with store.index.read() as reader:
            before = list(reader.scan(b"")), sorted(reader.events())
        store.index.rebuild()
        with store.index.read() as reader:
            assert (list(reader.scan(b"")), sorted(reader.events())) == before
    finally:
        close_store(store)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_that_log_one_name_at_once_lose_no_version(root, tmp_path, processes):
    """Each version gets a number of its own, and each is whole."""
    running = [
        start(root, tmp_path / f"files{number}", f"process {number}", 5)
        for number in range(processes)
    ]
    for process in running:
        go(process)
    returned = [returned_by(process) for process in running]
    store = create_store(root)
    try:
        found = check_whole(store)
        with store.index.read() as reader:
            assert queries.next_number(reader, worker.PROJECT, worker.NAME, store.numbering) == len(
                found
            )
    finally:
        close_store(store)
    assert [process.returncode for process in running] == [0] * processes
    assert sum(map(len, returned)) == 5 * processes
    assert found == {number: commit for numbers in returned for number, commit in numbers.items()}
    assert sorted(found) == list(range(5 * processes))
