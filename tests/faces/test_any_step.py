"""A script that logs, stopped at one step after the other: nothing hangs, nothing is lost."""

import shutil
import sys

import pytest

import casstore

STOPPED = """
    import os, signal, sys, time
    import casstore
    from casstore.artifacts import commits

    left = int(sys.argv[1])
    commit = commits._commit
    commits._commit = lambda *given: (time.sleep(0.2), commit(*given))[1]

    def count(frame, event, _):
        global left
        where = frame.f_code.co_filename
        if event in {"call", "c_return"} and "/casstore/" in where and "/parallel/" in where:
            left -= 1
            if left == 0:
                sys.setprofile(None)
                os.kill(os.getpid(), signal.SIGTERM)

    run = casstore.init(project="p", id="run")

    def log(index):
        artifact = casstore.Artifact("race", type="dataset", metadata={"index": index})
        with artifact.new_file("index.txt") as stream:
            stream.write(str(index))
        artifact.add_file("big.bin")
        run.log_artifact(artifact)

    sys.setprofile(count)
    log(0)
    print("logged", flush=True)
    log(1)
    print(-left, flush=True)
"""
STEPS_BETWEEN = 16


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "first",
    [1, *(pytest.param(first, marks=pytest.mark.slow) for first in range(2, STEPS_BETWEEN + 1))],
)
def test_a_script_that_is_stopped_at_any_step_ends_and_keeps_what_it_logged(desk, first):
    """At each step that threads and locks take, some of them in each case; 143 is SIGTERM."""
    desk.write("big.bin", bytes(range(256)) * 2000)
    steps = int(desk.run(STOPPED, "0").split()[-1])
    assert steps > STEPS_BETWEEN
    for step in range(first, steps + 1, STEPS_BETWEEN):
        shutil.rmtree(desk.root)
        process = desk.start(STOPPED, str(step))
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 143 or len(out.split()) == 2, errors  # it took fewer steps
        if "logged" in out:
            there = casstore.Api().artifacts("dataset", "p/race", order="+version")
            assert next(iter(there)).metadata == {"index": 0}, f"stopped at step {step}"
