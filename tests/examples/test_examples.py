"""Every example runs as it stands, with a store and a working directory of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def run(tmp_path):
    """Run an example as a process; returns its lines."""

    def run_example(name, **settings):
        done = subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / name],
            cwd=tmp_path,
            env={
                **os.environ,
                "CASSTORE_HOME": str(tmp_path / "store"),
                "PYTHONPATH": str(ROOT),
                "TMPDIR": str(tmp_path),
                **settings,
            },
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


def test_two_releases_and_a_library_come_back_as_they_were(run, wheels):
    """Pip takes the wheels that the tests have downloaded already."""
    lines = run("real_trees.py", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    assert [line.partition(":")[0] for line in lines] == [
        *("scipy", "scipy", "python-lib"),
        *("scipy", "scipy", "python-lib"),
    ]
    assert all(line.endswith("checked out again, all the same") for line in lines[3:])


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
