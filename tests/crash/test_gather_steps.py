"""Gathering the journal: a crash at any step, and two at once, leave the same set of events."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from replay import Outcome, Recording

import casstore
from casstore import durable
from casstore.flows.verify import verify_store
from casstore.journal.bodies import RunUpdateBody
from casstore.journal.subjects import RunSubject
from casstore.journal.wire import is_event_name
from casstore.store import close_store, create_store, gathering

EVENTS = 3
MONTH_FORM = "[0-9]" * 6

GATHER = """
import sys
from pathlib import Path
from casstore.store import create_store, gathering
store = create_store(Path(sys.argv[1]))
(month, _), = store.journal.months()
print("ready", flush=True)
sys.stdin.readline()
print(gathering.gather(store.index, store.journal, store.staging(), month), flush=True)
"""


def say(store, number):
    """Append one event about a run of its own."""
    return store.events.append(RunSubject("p", f"run{number}"), RunUpdateBody(name=str(number)))


def state(store):
    """Return the folded state and the names of the events that it is made of."""
    with store.index.read() as reader:
        return list(reader.scan(b"")), [name for name, _ in reader.events()]


def gather(store):
    """Gather every month now."""
    return sum(
        gathering.gather(store.index, store.journal, store.staging(), month)
        for month, _ in list(store.journal.months())
    )


def loose(root):
    return [path for path in (root / "journal").glob(f"{MONTH_FORM}/*") if is_event_name(path.name)]


def packs(root):
    return list((root / "journal").glob(f"{MONTH_FORM}/packs/*"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """All steps of: make a store, append events, gather them, append one more."""
    base = tmp_path_factory.mktemp("recorded")
    recording = Recording(base, base / "store" / "db")
    with durable.observe(recording):
        store = create_store(base / "store")
        for number in range(EVENTS):
            recording.promise(say(store, number).name)
        assert gather(store) == EVENTS
        recording.promise(say(store, EVENTS).name)
        close_store(store)
    return recording


def check_crash(recording, base, done, outcome, *, index=False):
    """Rebuild one crash: everything promised is there, all is well, and gathering goes on."""
    base.mkdir()
    recording.rebuild(base, done, outcome, index=index)
    store = create_store(base / "store")
    try:
        before = state(store)
        assert store.index.problems == {}
        assert set(recording.promised(done)) <= set(before[1])
        assert verify_store(store).problems == []
        gather(store)
        assert loose(store.root) == []
        assert verify_store(store).problems == []
        store.index.rebuild()
        assert state(store) == before
    finally:
        close_store(store)


def test_the_recording_gathers_and_goes_on(recording):
    """A pack gets its name, its folder is synced, and only then loose events go."""
    steps = [
        (step.kind, (step.target or step.path).parent.name)
        for step in recording.steps
        if "journal" in (step.target or step.path).parts
    ]
    renamed = steps.index(("rename", "packs"))
    kinds = [kind for kind, _ in steps[renamed : renamed + 2 + EVENTS]]
    assert kinds == ["rename", "syncdir", *["unlink"] * EVENTS]
    assert "unlink" not in [kind for kind, _ in steps[:renamed]]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_crash_at_any_step_of_gathering_loses_no_event(recording, tmp_path, outcome):
    """Every prefix from the first event on, with the index made again from the files."""
    first, _ = recording.promises[0]
    for done in range(first, len(recording.steps) + 1):
        check_crash(recording, tmp_path / str(done), done, outcome)


def test_a_process_killed_while_gathering_leaves_an_index_that_goes_on(recording, tmp_path):
    """Every prefix, with the index as it was."""
    first, _ = recording.promises[0]
    for done in range(first, len(recording.steps) + 1):
        check_crash(recording, tmp_path / str(done), done, Outcome.KILLED, index=True)


def test_two_that_gather_at_once_lose_nothing(tmp_path):
    """Their packs may hold the same events, which are one set; nothing loose is left."""
    root = tmp_path / "store"
    store = create_store(root)
    for number in range(200):
        say(store, number)
    before = state(store)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", GATHER, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])},
            text=True,
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate(timeout=60)[0]) for process in running]
    try:
        assert [process.returncode for process in running] == [0, 0]
        assert sum(counts) >= 200
        assert loose(root) == []
        assert 1 <= len(packs(root)) <= 2
        assert state(store) == before
        assert verify_store(store).problems == []
        store.index.rebuild()
        assert state(store) == before
    finally:
        close_store(store)
