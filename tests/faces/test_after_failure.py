"""A commit that failed at any step holds up nobody: its process lives on and logs again at once."""

import contextlib
import errno
import os

import pytest

import casstore
from casstore import durable
from casstore.catalog import environment
from casstore.store import numbering

MAX_STEPS = 200


class Failing:
    """Raises ``error`` after the ``at``-th durable step or change of the index, or from it on."""

    def __init__(self, error, at, *, lasting):
        self.error, self.at, self.lasting = error, at, lasting
        self.steps = 0
        self.active = False

    def step(self, *_):
        if self.active:
            self.steps += 1
            if self.steps == self.at or (self.lasting and self.steps > self.at):
                raise self.error

    def arrange(self, patch):
        """Let changes of the index be steps, before they are done and after."""
        really_write = environment.Environment.write

        def write(index, action, **how):
            self.step()
            result = really_write(index, action, **how)
            self.step()
            return result

        patch.setattr(environment.Environment, "write", write)


def log(run, text):
    """Log a version of one file; its number."""
    artifact = casstore.Artifact("x", "t")
    with artifact.new_file("f") as stream:
        stream.write(text)
    return run.log_artifact(artifact).wait().version


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), False),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
        (MemoryError(), False),
        (KeyboardInterrupt(), False),
    ],
    ids=["full once", "full", "memory", "interrupted"],
)
def test_a_process_that_could_not_log_logs_again_at_once(desk, monkeypatch, error, lasting):
    """What it meant to do is not taken for something that is still under way."""
    monkeypatch.setattr(numbering, "WAIT_SECONDS", 1.0)
    run = casstore.init(project="p")
    log(run, "first")
    for at in range(1, MAX_STEPS):
        failing = Failing(error, at, lasting=lasting)
        with monkeypatch.context() as patch, durable.observe(failing.step):
            failing.arrange(patch)
            failing.active = True
            with contextlib.suppress(type(error), casstore.Error):
                log(run, f"{at}")
            failing.active = False
        if failing.steps < at:
            break
        log(run, f"again {at}")
    assert 20 < at < MAX_STEPS - 1
    with contextlib.suppress(type(error)):
        run.finish()
    numbers = [int(each.version[1:]) for each in casstore.Api().artifact_versions("t", "p/x")]
    assert numbers == sorted(set(numbers), reverse=True)


def test_other_processes_do_not_wait_for_one_that_could_not_log(desk, monkeypatch):
    """The process lives, and its intent is in the index, which could not be written."""
    run = casstore.init(project="p")
    log(run, "first")
    failing = Failing(OSError(errno.ENOSPC, "full"), 1, lasting=True)

    def fill_up(step):
        failing.active |= step.kind == "link" and "claims" in step.target.parts

    with monkeypatch.context() as patch, durable.observe(fill_up):
        failing.arrange(patch)
        with pytest.raises(OSError, match="full"):
            log(run, "second")
    failing.active = False
    with desk.store.index.read() as reader:
        assert reader.intent("p", "x") is not None
    out = desk.run("""
        import casstore
        from casstore.store import numbering

        numbering.WAIT_SECONDS = 1.0
        with casstore.init(project="p") as run:
            artifact = casstore.Artifact("x", "t")
            with artifact.new_file("f") as stream:
                stream.write("of another")
            print(run.log_artifact(artifact).wait().version)
    """)
    assert out == "v2\n"
    with pytest.raises(OSError, match="full"):
        run.finish()
