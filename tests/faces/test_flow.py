"""Logging in the background, seen from outside: real processes, interrupted where it hurts."""

import contextlib
import random
import signal
import subprocess
import threading
import time

import pytest

import casstore
from casstore.artifacts import commits
from casstore.store import create_store

LOOP = """
    import sys
    import casstore as wandb

    run = wandb.init(project="p", id=sys.argv[1])
    first = int(sys.argv[2])
    for i in range(first, first + int(sys.argv[3])):
        a = wandb.Artifact("race", type="dataset", metadata={"index": i})
        with a.new_file("index.txt") as f:
            f.write(str(i))
        a.add_file("big.bin")
        run.log_artifact(a, aliases=[f"index-{i}"])
        print(i, flush=True)
"""
LONGEST_PAUSE_SECONDS = 0.1


@pytest.fixture
def big(desk):
    """Give a file that takes a moment to store."""
    desk.write("big.bin", random.Random(1).randbytes(3_000_000))


@pytest.fixture
def gate(monkeypatch):
    """Hold commits of this process back until it is set."""
    commit, gate = commits._commit, threading.Event()
    monkeypatch.setattr(commits, "_commit", lambda *given: gate.wait(20) and commit(*given))
    yield gate
    gate.set()


def logged(*, dense=True):
    """Check that every version is whole and is the one of its index; return how many there are.

    Unless numbers are ``dense``, one may be nobody's: that of a commit which died with its claim.
    """
    api = casstore.Api()
    if not api.artifact_collection_exists("p/race", "dataset"):
        return 0
    artifacts = list(api.artifacts("dataset", "p/race", order="+version"))
    numbers = [int(artifact.version.removeprefix("v")) for artifact in artifacts]
    assert numbers == (list(range(len(numbers))) if dense else sorted(set(numbers)))
    for index, artifact in enumerate(artifacts):
        assert artifact.metadata == {"index": index}
        assert f"index-{index}" in artifact.aliases
        with casstore.open(f"p/{artifact.name}", "index.txt", "r") as stream:
            assert stream.read() == str(index)
        assert artifact.get_entry("big.bin").size == 3_000_000
    return len(artifacts)


def test_the_loop_of_the_page_is_numbered_by_index(desk, big):
    """W&B promises no order here; the interpreter's exit waits for all ten."""
    desk.run(LOOP, "one", "0", "10")
    assert logged() == 10
    run = casstore.Api().run("p/one")
    assert run.state == "finished"
    assert [each.metadata["index"] for each in run.logged_artifacts()] == list(range(10))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_loop_that_is_stopped_leaves_whole_versions_in_order(desk, big, number):
    """Stopped at three random moments in one store; each run says that it crashed."""
    draw = random.Random(int(number))
    create_store(desk.root)
    for attempt in range(3):
        before = logged()
        process = desk.start(LOOP, f"run{attempt}", str(before), "1000")
        for _ in range(draw.randrange(1, 4)):
            process.stdout.readline()
        time.sleep(draw.random() * LONGEST_PAUSE_SECONDS)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert logged() > before
        assert casstore.Api().run(f"p/run{attempt}").state == "crashed"
    casstore.open_store().store.index.rebuild()
    assert logged() >= 3


def test_an_impatient_user_loses_nothing_that_was_there(desk, big):
    """Ctrl-C again while the queue is waited for: old or new, never torn, and the store goes on."""
    process = desk.start(LOOP, "hasty", "0", "1000")
    process.stdout.readline()
    ended = False
    while not ended:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=0.02)
            ended = True
    there = logged(dense=False)
    desk.run(LOOP, "after", str(there), "2")
    assert logged(dense=False) == there + 2


def test_every_error_of_the_background_is_said(desk, capsys):
    """The first is raised by ``finish``, the others are printed; none is lost."""
    run = casstore.init(project="p")
    for message in ("first", "second", "third"):
        run._record.submit(lambda message=message: (_ for _ in ()).throw(KeyError(message)))
    with pytest.raises(KeyError, match="first"):
        run.finish()
    said = capsys.readouterr().err
    assert "second" in said
    assert "third" in said
    assert casstore.Api().run(f"p/{run.id}").state == "failed"


def test_waiting_has_an_end(desk, gate):
    """``wait(timeout)`` raises ``TimeoutError`` and the artifact is still on its way."""
    with casstore.init(project="p") as run:
        draft = run.log_artifact(casstore.Artifact("data", "dataset"))
        with pytest.raises(TimeoutError):
            draft.wait(0.01)
        assert draft.state == "PENDING"
        gate.set()
        assert draft.wait(timeout=20).version == "v0"


def test_two_processes_cannot_give_one_name_two_types(desk):
    """Whoever comes second is told, however close the race."""
    script = """
        import sys
        import casstore
        with casstore.init(project="p") as run:
            artifact = casstore.Artifact("data", sys.argv[1])
            with artifact.new_file("a.txt") as f:
                f.write(sys.argv[1])
            run.log_artifact(artifact)
    """
    create_store(desk.root)
    processes = [desk.start(script, kind) for kind in ("dataset", "model")]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1]
    assert sum("is of type" in error for error in errors) == 1
    assert len(list(casstore.Api().artifact_types("p"))) == 1


def test_what_is_edited_while_it_is_logged_is_kept_for_save(desk, gate):
    """The edit was meant for the version; it is recorded when it is saved."""
    with casstore.init(project="p") as run:
        draft = casstore.Artifact("data", "dataset", description="first", metadata={"n": 1})
        run.log_artifact(draft)
        draft.description = "second"
        draft.metadata["late"] = True
        gate.set()
        draft.wait()
        assert (draft.description, draft.metadata) == ("second", {"n": 1, "late": True})
        assert casstore.Api().artifact("data").description == "first"
        draft.save()
    found = casstore.Api().artifact("p/data")
    assert (found.description, found.metadata) == ("second", {"n": 1, "late": True})
