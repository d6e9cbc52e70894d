"""Standard streams that are closed, full, or whose reader has gone: quiet, and the right code."""

import subprocess
import sys

import pytest

CASSTORE = f"{sys.executable} -W error -m casstore"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """Run a line of the shell with a store that holds one version, ``d:v0``."""
    monkeypatch.setenv("CASSTORE_HOME", str(tmp_path / "store"))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"content " * 100_000)

    def run(line):
        line = line.replace("casstore", CASSTORE)
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert run("casstore put -q d").stdout == "d:v0\n"
    return run


def ended(done):
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("verb", ["ls", "ls --json", "cat d a", "put -q d", "--help", "--version"])
def test_a_closed_standard_output_is_no_failure(shell, verb):
    """Nobody wanted to read it."""
    assert ended(shell(f"casstore {verb} >&-")) == (0, "", "")


def test_closed_streams_change_nothing_that_a_verb_does(shell, tmp_path):
    """No file that is opened takes the place of a stream, and what is printed spoils none."""
    (tmp_path / "d" / "b").write_bytes(b"new")
    assert ended(shell("casstore put d <&- >&- 2>&-")) == (0, "", "")
    assert shell("casstore ls d:v1").stdout.count("\n") == 2
    assert ended(shell("casstore get d -o out <&- >&- 2>&-")) == (0, "", "")
    assert ended(shell("casstore verify -q")) == (0, "", "")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", ">&- 2>&-", "2> >(true)"])
def test_an_error_that_nobody_hears_has_its_code_all_the_same(shell, closed):
    """Not found is 10, told or not."""
    assert ended(shell(f"casstore ls nothing {closed}")) == (10, "", "")


def test_a_closed_standard_error_is_no_failure(shell):
    """Results are printed as ever."""
    done = shell("casstore put -q d 2>&-")
    assert ended(done) == (0, "d:v0\n", "")


def test_a_reader_that_has_gone_is_met_quietly(shell):
    """What was printed was not read to its end, which is the only thing that the code says."""
    assert ended(shell("casstore cat d a | head -c 7")) == (1, "content", "")


def test_output_that_does_not_fit_anywhere_is_told(shell):
    """A full disk is a failure, in one line."""
    code, output, errors = ended(shell("casstore ls > /dev/full"))
    assert (code, output, errors.count("\n")) == (1, "", 1)
    assert "No space left on device" in errors
