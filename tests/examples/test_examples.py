"""Every example runs as it stands, with a store and a working directory of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from casstore.artifacts.artifact import Artifact
from casstore.journal import lineage
from casstore.names import parse_reference
from casstore.settings import user_data_dir
from casstore.store import close_store, create_store, find_version, open_store

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def run(tmp_path):
    """Run an example as a process; returns its lines."""

    def run_example(name, folder=tmp_path, **settings):
        variables = {
            **os.environ,
            "CASSTORE_HOME": str(tmp_path / "store"),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(tmp_path),
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / name],
            cwd=folder,
            env={key: value for key, value in variables.items() if value},
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run_example


def test_every_example_has_a_test():
    """A new one is added here."""
    text = Path(__file__).read_text()
    names = [path.name for path in EXAMPLES.glob("*.py")]
    assert names
    assert [name for name in names if f'run("{name}"' not in text] == []


def test_the_first_artifact_is_logged_used_and_laid_out(run):
    """Its second run reads what its first made."""
    logged, laid_out, runs = run("first_artifact.py")
    assert logged == "logged pictures:v0: 21 files, 1000026 bytes"
    assert laid_out.endswith(": the same bytes")
    assert runs.startswith("made by run ")


def test_a_training_loop_goes_on_from_its_newest_checkpoint(run):
    """Six epochs are six versions, though the loop was interrupted after three."""
    resumed, *versions, best = run("checkpoints.py")
    assert resumed == "resumed net:v2 after epoch 3"
    assert [line.split("  ")[:2] for line in versions] == [
        [f"net:v{number}", f"epoch {number + 1}"] for number in reversed(range(6))
    ]
    assert best == "best is net:v5"


def test_references_are_fetched_and_a_changed_one_is_refused(run):
    """A server of its own, a folder, another version."""
    *entries, fetched, refused = run("references.py")
    assert [line.partition(":")[0] for line in entries] == [
        *("images/cat.png", "images/dog.png"),
        "labels.csv",
    ]
    assert fetched == "fetched and checked: ['cat.png']"
    assert refused.startswith("refused: train:v0: cat.png: file://")


def test_models_are_trained_registered_served_and_taken_back(run):
    """The best one has the alias; what was trained stays."""
    *registered, serving, where, left = run("models.py")
    assert [line.rpartition(" ")[2] for line in registered] == [
        f"detector:v{number}" for number in range(len(registered))
    ]
    assert serving == "serving net:v2 from weights.bin, made by seed 2"
    assert where == "detector:v2 is net:v2 of detector"
    assert left == "['net:v2', 'net:v1', 'net:v0']"


def test_two_releases_and_a_library_come_back_as_they_were(run, wheels):
    """Pip takes the wheels that the tests have downloaded already."""
    lines = run("real_trees.py", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    assert [line.partition(":")[0] for line in lines] == [
        *("scipy", "scipy", "python-lib"),
        *("scipy", "scipy", "python-lib"),
    ]
    assert all(line.endswith("checked out again, all the same") for line in lines[3:])


def test_parts_of_a_table_with_pictures_are_read_as_one(run):
    """Six rows of three workers, a picture in each."""
    logged, rows, right, picture = run("tables.py")
    assert logged == "logged predictions:v0: 10 files"
    assert rows == "6 rows of picture, label, guess, sure"
    assert right.startswith("right: ")
    assert picture == "the first picture is a cat of (16, 16) pixels"


def test_processes_make_one_version_together(run):
    """Three writers, and the run that finishes."""
    assert run("parallel_multiprocessing.py") == [
        "counts:v0: 7 files of 3 writers",
        "words in chapter 6: 30",
        "made by every writer: True",
    ]


def test_dask_workers_make_one_version_together(run):
    """Six tasks in two processes, one file the same in all."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    made, thrown = run("parallel_dask.py")
    assert made == "throws:v0: 7 files of 6 runs"
    assert thrown == "6000 throws, mean 3.5"


@pytest.fixture
def ray(tmp_path):
    """Give the settings that keep Ray small and on this machine; see that all of it ends."""
    pytest.importorskip("ray", reason="Ray is not installed")
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")  # names of sockets are short
    yield {
        "CASSTORE_HOME": "",
        "RAY_AUTH_MODE": "disabled",
        "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": "80000000",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # so that it listens on loopback only
        "RAY_OVERRIDE_RESOURCES": '{"CPU": 2}',
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    deadline = time.monotonic() + 30
    while (left := processes_naming(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(folder)
    assert left == {}


def processes_naming(text):
    """Return {process id: command line} of the running processes that name a text."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if text in line:
            found[int(path.parent.name)] = line
    return found


@pytest.mark.parametrize("with_store", [True, False])
def test_the_script_of_the_page_runs_with_ray(run, ray, tmp_path, with_store):
    """Five tasks and the finish meet in one store: that of the folder, or the user's."""
    folder = tmp_path / "work"
    folder.mkdir()
    if with_store:
        close_store(create_store(folder / ".casstore"))
    assert run("partitioned_table_ray.py", folder, **ray) == []
    assert user_data_dir().exists() != with_store
    store = open_store(folder / ".casstore" if with_store else user_data_dir())
    try:
        view = find_version(store, parse_reference("parallel-artifact:latest"), "default")
        with store.index.read() as reader:
            groups = {one.run: one.group for one in lineage.runs(reader, "default")}
        artifact = Artifact._of_view(store, view)
        rows = [row for _, row in artifact.get("distributed_table").iterrows()]
    finally:
        close_store(store)
    assert sorted(rows) == [[i, i * 2, 2**i] for i in range(5)]
    assert (view.number, view.manifest.entries, len(set(groups.values()))) == (0, 6, 1)
    assert {view.run, *(producer.run for producer in view.producers)} == set(groups)
    assert len(groups) == 6


def test_a_report_is_followed_back_to_its_data(run):
    """Three runs, of which one names its input in the config."""
    made, read, *edges, picture = run("lineage.py")
    assert made == "made by a run of job type summarize"
    assert read == "raw was read by ['clean']"
    assert sorted(edges) == [
        "clean -> clean made",
        "clean -> summarize read",
        "collect -> raw made",
        "raw -> clean read",
        "summarize -> report made",
    ]
    assert picture == "the picture has 6 versions and runs"
