"""What a failed attempt wrote is given back by whoever comes next, and nothing else ever is."""

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import worker

import casstore
from casstore.digest import digest_of
from casstore.flows.verify import verify_store
from casstore.store import close_store, create_store, live_versions, takingback
from casstore.store.gathering import gather

FILES = {"large.bin": random.Random(1).randbytes(900_000), "small/a": b"a" * 40_000}
NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

FAILS = """
import errno, os, random, sys
from pathlib import Path
import worker
from casstore.depot import JournalFiles, PackFiles
from casstore.flows.log import log_files
from casstore.store import Commit, commit, create_store
from casstore.store.index import Index
from casstore.store import takingback
from casstore.packs import writer
from casstore.worktree import Walk

root, folder, event, dies_in, nth = sys.argv[1:]
writer.TARGET_PACK_BYTES = 200_000
really_publish = JournalFiles.publish

def publish(self, *arguments):
    if event == "linked":
        really_publish(self, *arguments)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

def dying(really):
    calls = []
    def call(*arguments, **options):
        calls.append(1)
        if len(calls) > int(nth):
            os._exit(9)
        return really(*arguments, **options)
    return call

JournalFiles.publish = publish
store = create_store(Path(root))
draft = store.draft()
log_files(store, draft, Walk(os.fsencode(folder)), use_cache=False)
try:
    commit(store, draft, Commit(project=worker.PROJECT, name="late", type="model"))
except OSError as error:
    if dies_in == "Index.write":
        Index.write = dying(Index.write)
    elif dies_in == "PackFiles.remove":
        PackFiles.remove = dying(PackFiles.remove)
    elif dies_in == "forget_failed":
        takingback.forget_failed = dying(takingback.forget_failed)
    elif dies_in == "before":
        draft.session.fail(error)
        os._exit(9)
    elif dies_in == "killed":
        os._exit(9)
    print(store.take_back(draft.session, error), flush=True)
os._exit(9)
"""


def fail(root, folder, event, dies_in, nth=0):
    """Let a process fail to log ``folder`` for a full disk, and die at some step of taking back."""
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    here = os.pathsep.join([str(Path(casstore.__file__).parents[1]), os.path.dirname(__file__)])
    result = subprocess.run(
        [sys.executable, "-c", FAILS, str(root), str(folder), event, dies_in, str(nth)],
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (9, "")
    return result.stdout.strip()


THEIRS = (
    "import sys; from pathlib import Path; import worker; from casstore.store import *;"
    "store = create_store(Path(sys.argv[1]));"
    "worker.log(store, Path(sys.argv[2]), {'a': b'shared' * 2_000}, name='theirs')"
)


def call_worker(script, *arguments):
    """Let another process begin, do its work and end."""
    here = os.pathsep.join([str(Path(casstore.__file__).parents[1]), os.path.dirname(__file__)])
    call = [sys.executable, "-c", script, *map(str, arguments)]
    subprocess.run(call, env={**os.environ, "PYTHONPATH": here}, timeout=60, check=True)


def packs(root):
    return {path.name for path in root.glob("packs/*/*")}


@pytest.fixture
def store(tmp_path):
    """Give a store with a version that shares nothing with what fails."""
    store = create_store(tmp_path / "store")
    worker.log(store, tmp_path / "old", worker.files_of("old"))
    close_store(store)
    return tmp_path / "store"


MOMENTS = [
    ("before", 0),
    *(("Index.write", nth) for nth in (0, 1, 3)),
    *(("PackFiles.remove", nth) for nth in (0, 1, 3)),
    ("forget_failed", 0),
    ("nowhere", 0),
]


@pytest.mark.parametrize("event", ["not linked", "linked"])
@pytest.mark.parametrize(("dies_in", "nth"), MOMENTS)
@pytest.mark.parametrize("without_index", [False, True])
def test_wherever_taking_back_dies_the_next_session_ends_it(
    store, tmp_path, event, dies_in, nth, without_index
):
    """Every pack that no event leads to goes; a version whose event is there keeps all of its."""
    before = packs(store)
    fail(store, tmp_path / "files", event, dies_in, nth)
    if without_index:
        for path in (store / "db").iterdir():
            path.unlink()
    opened = create_store(store)
    try:
        opened.session()
        assert verify_store(opened).problems == []
        late = live_versions(opened, worker.PROJECT, "late")
        if event == "linked":
            assert [worker.contents(opened, view) for view in late] == [FILES]
            assert before < packs(store)
        else:
            assert late == []
            assert packs(store) == before
        view = worker.log(opened, tmp_path / "files", FILES, name="after")
        assert worker.contents(opened, view) == FILES
        assert [path.name for path in (store / "tmp").iterdir()] == [opened.session_id()]
    finally:
        close_store(opened)


@pytest.mark.parametrize("without_index", [False, True])
def test_what_gathered_events_lead_to_is_needed_too(store, tmp_path, without_index):
    """The version's event was gathered into a journal pack before anybody could take back."""
    fail(store, tmp_path / "files", "linked", "before")
    left = packs(store)
    opened = create_store(store)
    (month, _), *_ = opened.journal.months()
    gather(opened.index, opened.journal, tmp_path, month)
    assert opened.journal.names(month) == ["packs"]
    close_store(opened)
    if without_index:
        for path in (store / "db").iterdir():
            path.unlink()
    opened = create_store(store)
    try:
        opened.session()
        assert packs(store) == left
        (late,) = live_versions(opened, worker.PROJECT, "late")
        assert worker.contents(opened, late) == FILES
    finally:
        close_store(opened)


def test_what_a_killed_process_wrote_stays_and_is_found(store, tmp_path):
    """It starts again and stores nothing twice."""
    fail(store, tmp_path / "files", "not linked", "killed")
    left = packs(store)
    opened = create_store(store)
    try:
        view = worker.log(opened, tmp_path / "files", FILES)
        assert packs(store) == left
        assert worker.contents(opened, view) == FILES
    finally:
        close_store(opened)


def test_what_others_rely_on_is_not_taken_back(store, tmp_path):
    """A version that another process logged meanwhile, out of the attempt's packs."""
    opened = create_store(store)
    try:
        draft = opened.draft()
        frames = [(digest_of(data), data) for data in (b"shared" * 2_000, b"mine" * 2_000)]
        draft.session.add(frames[:1])
        draft.session.flush()
        draft.session.add(frames[1:])
        draft.session.flush()
        shared, mine = opened.frames.locate([digest for digest, _ in frames])
        call_worker(THEIRS, store, tmp_path / "theirs")
        assert opened.take_back(draft.session, NO_SPACE)
        assert opened.packs.exists(shared.pack_id)
        assert not opened.packs.exists(mine.pack_id)
        opened.index.catch_up()
        assert verify_store(opened).problems == []
    finally:
        close_store(opened)


def test_a_session_beside_it_puts_taking_back_off(store, tmp_path):
    """It may rely on the packs; when it has ended, the next session takes them back."""
    before = packs(store)
    holds = (
        "import sys; from pathlib import Path; from casstore.store import create_store;"
        "create_store(Path(sys.argv[1])).session(); print('begun', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holds, str(store)],
        env={**os.environ, "PYTHONPATH": str(Path(casstore.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout.readline() == "begun\n"
    assert fail(store, tmp_path / "files", "not linked", "nowhere") == "False"
    left = packs(store)
    other.kill()
    other.communicate()
    opened = create_store(store)
    try:
        assert before < left == packs(store)
        opened.session()
        assert packs(store) == before
    finally:
        close_store(opened)


def test_a_session_that_came_and_went_meanwhile_keeps_its_packs(store, tmp_path, monkeypatch):
    """It began after it was asked who lives, found the frames, logged a version and ended."""
    opened = create_store(store)
    try:
        draft = opened.draft()
        data = b"shared" * 2_000
        draft.session.add([(digest_of(data), data)])
        draft.session.flush()
        really_needed = takingback.TakingBack._needed

        def slowly(self, *arguments):
            needed = really_needed(self, *arguments)
            call_worker(THEIRS, store, tmp_path / "theirs")
            return needed

        monkeypatch.setattr(takingback.TakingBack, "_needed", slowly)
        assert not opened.take_back(draft.session, NO_SPACE)
        monkeypatch.undo()
        opened.index.catch_up()
        assert verify_store(opened).problems == []
        (theirs,) = live_versions(opened, worker.PROJECT, "theirs")
        assert worker.contents(opened, theirs) == {"a": data}
    finally:
        close_store(opened)
    opened = create_store(store)
    try:
        opened.session()  # takes back what is left to take back: nothing
        assert verify_store(opened).problems == []
    finally:
        close_store(opened)
