"""What is recorded of where a run runs, and what is left out."""

import os
import subprocess
import sys
import time

import pytest

from casstore.artifacts import surroundings
from casstore.artifacts.surroundings import GIT_SECONDS as LIMIT
from casstore.artifacts.surroundings import Wanted, wanted_by
from casstore.artifacts.surroundings import surroundings as recorded

SLEEP_SECONDS = 30


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Let a busy machine's git answer; what is too slow is so by a stand-in."""
    monkeypatch.setattr(surroundings, "GIT_SECONDS", 5.0)


def git(*words):
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Make a repository with one commit on a branch, and stand in a folder of it."""
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    git("init", "--quiet", "--initial-branch=work", "..")
    (tmp_path / "src" / "a.py").write_text("one\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return tmp_path


def head():
    done = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_program_python_machine_and_packages_are_recorded(tmp_path, monkeypatch):
    """Under W&B's names; packages only where they are imported already."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr=0.1", "data"])
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    sys.modules["torch"].__version__ = "2.9.0"
    found = recorded(Wanted())
    assert (found["program"], found["args"]) == ("train.py", ["--lr=0.1", "data"])
    assert (found["root"], found["pid"]) == (str(tmp_path), os.getpid())
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["torch"] == "2.9.0"
    assert "jax" not in found["packages"]
    assert "git" not in found


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--api-key", "hunter2"], ["--api-key", "***"]),
        (["--token=hunter2"], ["--token=***"]),
        (["--db.password=hunter2"], ["--db.password=***"]),
        (["model.auth_token=hunter2"], ["model.auth_token=***"]),
        (["AWS_SECRET_ACCESS_KEY=hunter2"], ["AWS_SECRET_ACCESS_KEY=***"]),
        (["https://me:hunter2@host/x"], ["https://***@host/x"]),
        (["--password", "--lr", "0.1"], ["--password", "--lr", "0.1"]),
        (["--lr", "0.1", "--tokenizer=bpe"], ["--lr", "0.1", "--tokenizer=***"]),
    ],
)
def test_values_that_sound_like_secrets_are_not_recorded(monkeypatch, given, kept):
    """Rather one value too many is hidden than one too few."""
    monkeypatch.setattr(sys, "argv", ["train.py", *given])
    assert recorded(Wanted(git=False))["args"] == kept


def test_very_many_or_long_arguments_are_cut_and_say_so(monkeypatch):
    """An event has a limit, and so has what anybody reads."""
    monkeypatch.setattr(sys, "argv", ["train.py", "x" * 5000, *map(str, range(1000))])
    kept = recorded(Wanted(git=False))["args"]
    assert len(kept) == 201
    assert kept[0] == "x" * 1000 + "..."
    assert kept[-1] == "... 801 more"


def test_commit_and_branch_are_recorded_and_whether_tracked_files_differ(repository):
    """A file that git does not track is no difference."""
    clean = {"commit": head(), "branch": "work", "dirty": False}
    assert recorded(Wanted())["git"] == clean
    (repository / "new.txt").write_text("")
    assert recorded(Wanted())["git"] == clean
    (repository / "src" / "a.py").write_text("two\n")
    assert recorded(Wanted())["git"] == {**clean, "dirty": True}
    git("checkout", "--quiet", "--detach")
    assert recorded(Wanted())["git"]["branch"] is None


def test_a_remote_with_a_password_is_nowhere_in_it(repository):
    """Remotes are not asked for at all."""
    git("remote", "add", "origin", "https://me:hunter2@example.org/x.git")
    assert "hunter2" not in str(recorded(Wanted()))


def test_a_repository_without_a_commit_gives_no_git(tmp_path, monkeypatch):
    """There is nothing to name."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    assert "git" not in recorded(Wanted())


@pytest.fixture
def slow_git(repository, monkeypatch):
    """Put a git first on the path whose ``status`` sleeps, as in a huge work tree."""
    folder = repository / "bin"
    folder.mkdir()
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout
    slow = f'case "$*" in *--porcelain*) exec sleep {SLEEP_SECONDS};; esac'
    text = f'#!/bin/sh\n{slow}\nexec {real.strip()} "$@"\n'
    (folder / "git").write_text(text)
    (folder / "git").chmod(0o755)
    monkeypatch.setattr(surroundings, "GIT_SECONDS", 1.5)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("slow_git")
def test_a_work_tree_that_takes_too_long_is_of_unknown_state():
    """The commit is still there, and a run begins soon."""
    begun = time.monotonic()
    found = recorded(Wanted())["git"]
    assert found == {"commit": head(), "branch": None, "dirty": None}
    assert time.monotonic() - begun < SLEEP_SECONDS


def test_git_is_not_waited_for_longer_than_a_person_notices():
    """Twice, at the most."""
    assert LIMIT <= 0.2


def test_without_git_nothing_fails(repository, monkeypatch):
    """A program that is not there is no reason not to run."""
    monkeypatch.setenv("PATH", str(repository))
    assert "git" not in recorded(Wanted())


def test_a_working_directory_that_is_gone_is_no_reason_not_to_run(tmp_path, monkeypatch):
    """It is then not known."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert recorded(Wanted())["root"] == ""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        (Wanted(git=False), {"git"}),
        (Wanted(code=False), {"args", "git", "program", "root"}),
        (Wanted(anything=False), None),
    ],
)
def test_each_part_can_be_left_out(repository, wanted, missing):
    """The git commit, the program, everything."""
    everything = set(recorded(Wanted()))
    assert set(recorded(wanted)) == (everything - missing if missing else set())


@pytest.mark.parametrize("prefix", ["CASSTORE", "WANDB"])
@pytest.mark.parametrize(
    ("variable", "wanted"),
    [
        ("DISABLE_GIT", Wanted(git=False)),
        ("DISABLE_CODE", Wanted(code=False)),
        ("DISABLE_META", Wanted(anything=False)),
        ("_DISABLE_META", Wanted(anything=False)),
        ("X_DISABLE_META", Wanted(anything=False)),
    ],
)
def test_the_environment_says_what_is_left_out(monkeypatch, prefix, variable, wanted):
    """Under W&B's names and casstore's; settings that say otherwise win."""
    monkeypatch.setenv(f"{prefix}_{variable}", "true")
    assert wanted_by() == wanted

    class Chosen:
        disable_git = disable_code = x_disable_meta = False

    assert wanted_by(Chosen()) == Wanted()
