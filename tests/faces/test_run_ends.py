"""How a run is shown that nobody ended: by the process that ran it, dead or alive."""

import errno
import json
import os
import shutil
import signal

import pytest

import casstore
from casstore import durable
from casstore.artifacts import runrecord
from casstore.cli.main import main
from casstore.errors import NotFound

WAITS = """
    import sys
    import casstore

    run = casstore.init(project="p", id="left")
    print("begun", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def running(desk):
    """Start a process that is in a run; ended when the test has."""
    process = desk.start(WAITS, stdin=True)
    assert process.stdout.readline() == "begun\n"
    yield process
    process.kill()
    process.communicate()


def states(desk, capsys, root=None):
    """Return how both faces show the runs of a store: {id: state}, the same in each place."""
    store = str(root or desk.root)
    capsys.readouterr()
    assert main(["runs", "--json", "--project", "p", "--store", store]) == 0
    shown = {run["id"]: run["state"] for run in json.loads(capsys.readouterr().out)["runs"]}
    assert main(["runs", "--project", "p", "--store", store]) == 0
    table = capsys.readouterr().out
    assert all(state in table for state in shown.values())
    if root is None:
        found = casstore.Api().runs("p")
        assert {run.id: run.state for run in found} == shown
        for run_id, state in shown.items():
            assert casstore.Api().run(f"p/{run_id}").state == state
            assert run_id in [run.id for run in casstore.Api().runs("p", {"state": state})]
    return shown


def test_a_run_whose_process_was_killed_is_shown_as_crashed(desk, running, capsys):
    """While the process lives it runs; nothing is written to show either."""
    assert states(desk, capsys) == {"left": "running"}
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=30)
    journal = sorted(desk.root.glob("journal/*/*"))
    assert states(desk, capsys) == {"left": "crashed"}
    assert sorted(desk.root.glob("journal/*/*")) == journal
    desk.run("import casstore; casstore.Artifact('a', 'b').save()")  # clears what the dead one left
    assert states(desk, capsys)["left"] == "crashed"


def test_a_crashed_run_that_is_continued_runs(desk, running, capsys):
    """And ends as it then ends."""
    running.kill()
    running.wait(timeout=30)
    with casstore.init(project="p", id="left"):
        assert states(desk, capsys) == {"left": "running"}
    assert states(desk, capsys) == {"left": "finished"}


def test_a_run_in_a_copy_of_the_store_is_not_called_crashed(desk, running, capsys):
    """The copy has no leases that say anything of a process that works in the original."""
    copy = desk.root.with_name("copy")
    shutil.copytree(desk.root, copy)
    shutil.rmtree(copy / "db")
    shutil.rmtree(copy / "leases")
    assert states(desk, capsys, copy) == {"left": "running"}
    assert states(desk, capsys) == {"left": "running"}


def test_a_run_of_this_process_runs_and_so_does_one_whose_lease_nobody_knows(desk, capsys):
    """A record without a lease, as of another tool, is believed as it is."""
    run = casstore.init(project="p")
    assert states(desk, capsys) == {run.id: "running"}
    run.finish()
    assert states(desk, capsys) == {run.id: "finished"}


@pytest.mark.parametrize(
    ("call", "code", "state", "recorded"),
    [
        ("sys.exit(1)", 1, "failed", 1),
        ("sys.exit(7)", 7, "failed", 7),
        ("sys.exit('words')", 1, "failed", 1),
        ("sys.exit()", 0, "finished", 0),
        ("sys.exit(0)", 0, "finished", 0),
        ("sys.exit(None)", 0, "finished", 0),
        ("1 / 0", 1, "failed", 1),
        ("pass", 0, "finished", 0),
    ],
)
def test_a_script_that_leaves_outside_with_ends_its_run_as_it_exits(
    desk, call, code, state, recorded
):
    """What the shell sees, the run records."""
    desk.run(f"import sys, casstore; casstore.init(project='p', id='left'); {call}", code=code)
    run = casstore.Api().run("p/left")
    assert (run.state, run.exit_code) == (state, recorded)


def test_a_thread_that_leaves_ends_no_run(desk):
    """Its exit is its own."""
    desk.run("""
        import sys, threading
        import casstore

        casstore.init(project="p", id="left")
        thread = threading.Thread(target=lambda: sys.exit(1))
        thread.start()
        thread.join()
    """)
    assert casstore.Api().run("p/left").state == "finished"


WORKS = """
    import multiprocessing
    import sys

    import casstore


    def work(queue, end):
        run = casstore.init(project="p", id="left")
        queue.put("x" * 1_000_000)
        artifact = casstore.Artifact("data", "dataset")
        with artifact.new_file("a.txt") as stream:
            stream.write("1")
        run.log_artifact(artifact)
        if end == "background":
            run._record.submit(lambda: 1 / 0)
        elif end == "error":
            1 / 0
        elif end == "exit":
            sys.exit(7)


    if __name__ == "__main__":
        context = multiprocessing.get_context({method!r})
        queue = context.Queue()
        worker = context.Process(target=work, args=(queue, {end!r}))
        worker.start()
        assert len(queue.get()) == 1_000_000
        worker.join()
        sys.exit(worker.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize(
    ("end", "code", "state"),
    [
        ("well", 0, "finished"),
        ("background", 1, "failed"),
        ("error", 1, "failed"),
        ("exit", 7, "failed"),
    ],
)
def test_a_worker_that_leaves_a_run_ends_it(desk, method, end, code, state):
    """Children of multiprocessing pass atexit over; what was logged is there, and what failed."""
    desk.run(WORKS.format(method=method, end=end), code=code)
    run = casstore.Api().run("p/left")
    assert (run.state, run.exit_code) == (state, code)
    assert casstore.Api().artifact("p/data:v0").file_count == 1


def full(_step):
    """Stand for a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_run_whose_end_could_not_be_recorded_can_be_finished_again(desk, capsys):
    """It is finished when its last events are durable; a bad end stays one."""
    run = casstore.init(project="p", id="full")
    run.log({"loss": 1})
    with durable.observe(full), pytest.raises(OSError, match="No space"):
        run.finish(exit_code=1)
    assert casstore.run is run
    assert states(desk, capsys) == {"full": "running"}
    run.log_artifact(kept := casstore.Artifact("kept", "t"))
    run.finish()
    assert casstore.run is None
    assert kept.version == "v0"
    assert states(desk, capsys) == {"full": "failed"}
    assert casstore.Api().run("p/full").summary["loss"] == 1
    run.finish()


def test_a_run_whose_end_could_not_be_recorded_ends_with_its_process(desk, capsys):
    """As it was to end, once there is room."""
    desk.run("""
        import errno
        import casstore
        from casstore import durable

        def full(step):
            raise OSError(errno.ENOSPC, "No space left on device")

        run = casstore.init(project="p", id="full")
        try:
            with durable.observe(full):
                run.finish(exit_code=1)
        except OSError:
            pass
    """)
    assert states(desk, capsys) == {"full": "failed"}


def test_a_run_whose_store_was_removed_is_over(desk):
    """Nothing can be recorded of it any more, and the next run begins anew."""
    run = casstore.init(project="p")
    shutil.rmtree(desk.root)
    with pytest.raises(NotFound):
        run.finish()
    assert casstore.run is None


def test_what_could_not_be_saved_leaves_no_run_behind(desk):
    """The run that ``save`` begins is nobody's when it has failed."""
    draft = casstore.Artifact("a", "t")
    steps = []

    def full_at_end(step):
        steps.append(step)
        if len(list(desk.root.glob("journal/*/*"))) > 1:  # its start, and the version
            full(step)

    with durable.observe(full_at_end), pytest.raises(OSError, match="No space"):
        draft.save()
    assert casstore.run is None
    assert not runrecord._active
