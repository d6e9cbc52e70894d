"""Which store the processes of one job use, wherever they work."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest

import casstore
from casstore.artifacts.place import current_place
from casstore.errors import Invalid
from casstore.settings import Job, is_ray_worker, read_job


def place_of(folder, **variables):
    """Return where a worker works that changes into a folder first."""
    os.environ.update(variables)
    os.chdir(folder)
    place = current_place()
    return str(place.root), place.project


def in_worker(method, *arguments, **variables):
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.apply_async(place_of, arguments, variables).get(timeout=60)


def in_script(folder, code="import casstore.artifacts.place as p; print(p.current_place().root)"):
    """Return what a script prints that this process starts in a folder."""
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()


@pytest.fixture
def folders(desk, monkeypatch):
    """Give two projects with a store each, and a folder with none; this process is in the first."""
    monkeypatch.delenv("CASSTORE_HOME")
    for name in ("one", "two"):
        (desk.folder / name / ".casstore").mkdir(parents=True)
    (desk.folder.parent / "scratch").mkdir()
    monkeypatch.chdir(desk.folder / "one")
    return desk.folder / "one", desk.folder / "two", desk.folder.parent / "scratch"


@pytest.mark.parametrize("where", [1, 2])
def test_a_worker_uses_the_store_and_project_of_its_job(folders, monkeypatch, where):
    """Once its parent had resolved them, in whatever folder it works."""
    monkeypatch.setenv("WANDB_PROJECT", "vision")
    casstore.init().finish()
    expected = str(folders[0] / ".casstore"), "vision"
    assert in_worker("spawn", folders[where]) == expected


def test_a_forked_worker_knows_what_its_parent_resolved(folders):
    """It is a copy of it."""
    place = current_place()
    assert in_worker("fork", folders[1]) == (str(place.root), "default")


def test_a_worker_of_a_process_that_resolved_nothing_asks_its_own_folder(folders):
    """As its parent would there."""
    assert in_worker("spawn", folders[1]) == (str(folders[1] / ".casstore"), "default")


def test_a_worker_that_is_told_otherwise_is_heard(folders, tmp_path):
    """Its own variables come first."""
    current_place()
    home = str(tmp_path / "elsewhere")
    assert in_worker("spawn", folders[2], CASSTORE_HOME=home) == (home, "default")
    assert in_worker("spawn", folders[2], CASSTORE_PROJECT="mine") == (
        str(folders[0] / ".casstore"),
        "mine",
    )


def test_a_relative_home_means_the_same_to_workers(folders, monkeypatch):
    """It is relative to where the job resolved it."""
    monkeypatch.setenv("CASSTORE_HOME", "here")
    current_place()
    assert in_worker("spawn", folders[2]) == (str(folders[0] / "here"), "default")


def test_a_script_in_another_project_uses_the_store_of_that_project(folders):
    """Whoever started it: only workers belong to a job."""
    current_place()
    assert in_script(folders[1]) == str(folders[1] / ".casstore")
    assert "one" not in in_script(folders[2])
    assert in_script(folders[0]) == str(folders[0] / ".casstore")


def test_the_workers_of_such_a_script_are_told_nothing_by_its_parent(folders):
    """What was told to their parent's parent is not for them."""
    current_place()
    script = """
import multiprocessing
from casstore.artifacts.place import current_place
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.apply(current_place).root)
"""
    assert in_script(folders[1], script) == str(folders[1] / ".casstore")


def test_who_changes_directory_keeps_the_store_that_was_resolved(folders, monkeypatch):
    """And so do the workers that are started then."""
    current_place()
    monkeypatch.chdir(folders[1])
    assert str(current_place().root) == str(folders[0] / ".casstore")
    assert in_worker("spawn", ".") == (str(folders[0] / ".casstore"), "default")


def test_a_ray_worker_is_one_that_its_raylet_started():
    """What a task starts inherits the variable and is none."""
    assert is_ray_worker({"RAY_RAYLET_PID": str(os.getppid())})
    assert not is_ray_worker({"RAY_RAYLET_PID": str(os.getpid())})
    assert not is_ray_worker({})


def test_what_children_are_told_is_read_again():
    """A value that casstore did not set is refused in one line."""
    told = {
        "process": 1,
        "store": "/s",
        "is_default": False,
        "project": "p",
        "home": "",
        "project_variable": "",
    }
    assert read_job({"CASSTORE_JOB": json.dumps(told)}) == Job(**told)
    assert read_job({}) is None
    for wrong in ("x", "{}", "[]"):
        with pytest.raises(Invalid, match="casstore did not set"):
            read_job({"CASSTORE_JOB": wrong})
