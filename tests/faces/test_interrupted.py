"""Puts that are killed, interrupted or raced: old or new state, and one line that says so."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hostile import PACKAGE_FOLDER, one_line, tree_of

ROUNDS = 5
LONGEST_PAUSE_SECONDS = 0.2
INTERRUPTED_EXIT_CODE = 130


def start(*call):
    """Start ``casstore`` in another process."""
    return subprocess.Popen(
        [sys.executable, "-m", "casstore", *call],
        env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_session(root, process):
    """Wait until the process has begun to write, or has ended."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if any((root / "tmp").glob("*/*")):
            return
        time.sleep(0.001)


@pytest.fixture
def much(before):
    """Make a folder whose put takes some tenths of a second."""
    draw = random.Random(6)
    for number in range(300):
        before.write(f"much/small/{number}", draw.randbytes(20_000))
    before.write("much/large", draw.randbytes(40_000_000))
    return before


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name
)
def test_a_put_that_is_ended_leaves_the_old_state_or_the_new(much, how):
    """At seeded moments; what it had written is cleared up by the next, and nothing is lost."""
    root = much.folder / "s"
    draw = random.Random(int(how))
    versions = 0
    for number in range(ROUNDS):
        much.write("much/round", draw.randbytes(5_000_000))
        process = start("put", "much", "--no-cache")
        wait_for_session(root, process)
        time.sleep(draw.random() * LONGEST_PAUSE_SECONDS)
        process.send_signal(how)
        out, errors = process.communicate(timeout=30)
        check_end(process.returncode, how, out, errors)
        expected = {versions + 1} if out else {versions, versions + 1}
        assert much("verify", "--json").json["ok"], number
        found = much("status", "--json").json["versions"] - 1  # the one from before
        assert found in expected, (number, out, errors)
        versions = found
        if how != signal.SIGKILL:
            assert not any((root / "tmp").iterdir()), errors
    much("put", "much", "-q")
    assert not any((root / "tmp").iterdir())
    assert not any((root / "leases").iterdir())
    much("get", "much", "-o", "out")
    assert tree_of(much.folder / "out") == tree_of(much.folder / "much")
    assert much("cat", "before", "a.txt").raw == b"hello\n"


def check_end(code, how, out, errors):
    """Check how a process ended: as killed, as interrupted, or after its work was told."""
    if out:
        assert (errors, code in {0, -how}) == ("", True)  # it may be ended while it goes
    elif how == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == INTERRUPTED_EXIT_CODE
        assert "interrupted" in one_line(errors.strip())


def test_a_get_that_is_interrupted_leaves_no_folder(much):
    """Nor anything beside it; the same call then goes through."""
    much("put", "much")
    draw = random.Random(9)
    for _ in range(ROUNDS):
        process = start("get", "much", "-o", "out")
        while process.poll() is None and not list(much.folder.glob(".out.casstore-*")):
            time.sleep(0.001)
        time.sleep(draw.random() * LONGEST_PAUSE_SECONDS / 2)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
        check_end(process.returncode, signal.SIGINT, out, errors)
        assert out or not (much.folder / "out").exists()
        assert not list(much.folder.glob(".out*"))
        shutil.rmtree(much.folder / "out", ignore_errors=True)
    much("get", "much", "-o", "out")
    assert tree_of(much.folder / "out") == tree_of(much.folder / "much")


def test_processes_that_put_one_name_at_once_get_distinct_numbers(before):
    """Each version is kept whole, under the number that its process was told."""
    trees = {}
    for number in range(4):
        draw = random.Random(number)
        trees[number] = {
            f"f{file}".encode(): draw.randbytes(30_000) if file < 5 else b"shared" * 5_000
            for file in range(10)
        }
        for path, content in trees[number].items():
            before.write(f"tree{number}/{path.decode()}", content)
    running = [start("put", f"tree{number}", "--name", "both", "--json") for number in trees]
    told = {}
    for number, process in enumerate(running):
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        told[json.loads(out)["version"]["version"]] = number
    assert sorted(told) == ["v0", "v1", "v2", "v3"]
    assert before("ls", "both", "-q").lines == [f"both:{version}" for version in sorted(told)]
    for version, number in told.items():
        before("get", f"both:{version}", "-o", f"out{number}")
        assert tree_of(before.folder / f"out{number}") == trees[number]
    assert before("verify", "--json").json["ok"]


def test_ctrl_c_before_anything_has_begun_shows_no_traceback(tmp_path):
    """A shell says nothing of a process that was ended by it, and sees 130."""
    slow = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(30)\n"
    (tmp_path / "click.py").write_text(slow)  # as if a slow disk were reading it
    ended = subprocess.run(
        [sys.executable, "-m", "casstore", "ls"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PACKAGE_FOLDER}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")
