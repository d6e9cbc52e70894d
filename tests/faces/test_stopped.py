"""A process that is stopped while it writes to the index: others read on, and are told when not."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hostile import PACKAGE_FOLDER, one_line

from casstore.catalog import environment
from casstore.cli.main import main
from casstore.store import index

STOPS = """
import os, signal, sys
from pathlib import Path
from casstore.store import create_store

store = create_store(Path(sys.argv[1]))

def stop(writer):
    print("holds", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)

store.index.write(stop)
print("went on", flush=True)
"""
WAIT_SECONDS = 0.3
SETTLED_SECONDS = 10


@pytest.fixture
def stopped(before, monkeypatch):
    """Give a process that holds the write locks of a store with a version in it, and is stopped."""
    for name, module in (("WRITE_WAIT_SECONDS", index), ("WRITE_WAIT_SECONDS", environment)):
        monkeypatch.setattr(module, name, WAIT_SECONDS)
    monkeypatch.setattr(index.Index.write, "__kwdefaults__", {"wait_seconds": WAIT_SECONDS})
    process = subprocess.Popen(
        [sys.executable, "-c", STOPS, str(before.folder / "s")],
        env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "holds\n"
    wait_until_stopped(process)
    yield process
    process.kill()
    process.communicate()


def wait_until_stopped(process):
    """Wait for the state that the kernel shows for a stopped process."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stream:
            if stream.read().rsplit(")", 1)[1].split()[0] == "T":
                return
        time.sleep(0.001)
    raise AssertionError("the process did not stop")


def go_on(process):
    process.send_signal(signal.SIGCONT)
    assert process.stdout.readline() == "went on\n"
    process.wait(timeout=30)


READING = [
    ("ls",),
    ("ls", "before"),
    ("show", "before:v0"),
    ("cat", "before:v0", "a.txt"),
    ("get", "before:v0", "-o", "out"),
    ("diff", "before:v0", "./data"),
    ("status",),
    ("du",),
    ("runs",),
    ("alias", "ls", "before"),
    ("verify",),
    ("verify", "before:v0"),
]


@pytest.mark.parametrize("call", READING, ids=" ".join)
def test_reading_verbs_answer_while_a_writer_is_stopped(before, stopped, call):
    """Also where there is something to write: folders that nobody has noted as seen."""
    long_ago = time.time() - SETTLED_SECONDS
    for folder in (before.folder / "s" / "journal").iterdir():
        os.utime(folder, (long_ago, long_ago))
    began = time.monotonic()
    before(*call)
    assert time.monotonic() - began < 5
    go_on(stopped)


@pytest.mark.parametrize(
    "call",
    [("put", "data", "--name", "new"), ("alias", "set", "before:v0", "best"), ("rm", "before:v0")],
    ids=" ".join,
)
def test_writing_verbs_end_as_busy_and_go_through_later(before, stopped, call):
    """One line that says what to do; nothing was changed."""
    failed = before(*call, code=11)
    assert "stopped" in one_line(failed.errors)
    assert before("ls", "--json").json == before("ls", "--json").json
    go_on(stopped)
    before(*call)
    before("verify")


def test_what_was_logged_elsewhere_is_left_out_until_it_can_be_written(before, stopped):
    """An event that arrives as a file: shown when the index can take it, and never lost."""
    store, other = before.folder / "s", before.folder / "other"
    shutil.copytree(store, other)
    shutil.rmtree(other / "db")
    assert main(["put", "data/sub", "--name", "elsewhere", "--store", str(other)]) == 0
    for part in ("packs", "journal"):
        shutil.copytree(other / part, store / part, dirs_exist_ok=True)
    assert before("ls", "-q").lines == ["before"]
    go_on(stopped)
    assert before("ls", "-q").lines == ["before", "elsewhere"]
    before("verify")


def test_a_missing_index_is_busy_for_readers_while_its_maker_is_stopped(before, monkeypatch):
    """Where nothing can be answered, that is said."""
    monkeypatch.setattr(environment, "WRITE_WAIT_SECONDS", WAIT_SECONDS)
    store = before.folder / "s"
    shutil.rmtree(store / "db")
    (store / "db").mkdir()
    lock = environment.durable.FileLock(store / "db" / "write.lock")
    assert lock.try_acquire()
    assert "writing to the index" in one_line(before("ls", code=11).errors)
    lock.release()
    assert before("ls", "-q").lines == ["before"]
