"""The benchmarks run, measure what they say, and refuse to time wrong results.

A stand-in with casstore's ``put`` and ``get`` keeps this about the harness, and quick.
"""

import filecmp
import importlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from casstore.flows.lineage import lineage
from casstore.names import parse_reference
from casstore.store import close_store, find_version, open_store

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
SCALE = "0.001"

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the benchmarks use cp, sync -f and /proc"
)

STAND_IN = """
import filecmp, pathlib, shutil, sys

def same(one, two):
    found = filecmp.dircmp(one, two)
    differ = filecmp.cmpfiles(one, two, found.common_files, shallow=False)[1]
    return not (differ or found.left_only or found.right_only) and all(
        same(f"{one}/{name}", f"{two}/{name}") for name in found.common_dirs)

store, verb, what = pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
if verb == "put":
    name = sys.argv[6]
    newest = len(list(store.glob(f"{name}-v*"))) - 1
    if newest < 0 or not same(store / f"{name}-v{newest}", what):
        newest += 1
        shutil.copytree(what, store / f"{name}-v{newest}")
    print(f"{name}:v{newest}")
else:
    out = pathlib.Path(sys.argv[6])
    shutil.copytree(store / what.replace(":", "-"), out)
"""

SPOIL = """
    first = next(path for path in sorted(out.rglob("*")) if path.is_file())
    first.write_bytes(b"spoiled")
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / script, *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def stand_in(folder, text=STAND_IN):
    path = folder / "stand_in.py"
    path.write_text(text)
    return shlex.join([sys.executable, str(path)])


def measured(folder, *arguments, sets="ckpt,small,text"):
    done = run(
        *("local.py", "--sets", sets, "--scale", SCALE, "--rounds", "1", "--dir", folder / "data"),
        *("--json", folder / "figures.json", "--command", stand_in(folder), *arguments),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "figures.json").read_text())


def test_every_verb_of_every_set_is_measured_and_judged(tmp_path):
    """The table and the JSON hold all cells; the sizes are those of the trees that were put."""
    text, figures = measured(tmp_path)
    assert [one["name"] for one in figures["sets"]] == ["ckpt", "small", "text"]
    for one in figures["sets"]:
        cells = {cell["verb"]: cell for cell in one["verbs"]}
        assert list(cells) == ["put", "unchanged", "edited", "get"]
        for cell in cells.values():
            assert cell["seconds"] == min(cell["rounds_seconds"]) > 0
            assert cell["times_cp"] == cell["seconds"] / min(one["cp_rounds_seconds"])
            assert 0 < cell["peak_anonymous_bytes"] <= cell["peak_resident_bytes"]
        # a sample can come late on a busy machine, but not all of them
        assert max(cell["peak_anonymous_bytes"] for cell in cells.values()) > 10**6
        assert cells["put"]["stored_bytes"] >= one["size_bytes"]
        assert cells["unchanged"]["stored_bytes"] == 0
        assert cells["edited"]["stored_bytes"] > 0
    assert text.count("put, nothing changed") == 3


def test_a_run_leaves_the_data_sets_and_nothing_else(tmp_path):
    """The sets are there for the next run, which takes them as they are."""
    measured(tmp_path, sets="small")
    marker = tmp_path / "data" / "sets" / f"small-{SCALE}" / "complete.json"
    made = marker.stat().st_mtime_ns
    measured(tmp_path, sets="small")
    assert marker.stat().st_mtime_ns == made
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [".gitignore", "sets"]


def test_editing_in_place_leaves_the_data_set_as_it_was(tmp_path):
    """The tree that is edited in place is cp's copy, never the set's own."""
    text, figures = measured(tmp_path, "--edit", "in-place", sets="small")
    root = tmp_path / "data" / "sets" / f"small-{SCALE}"
    changed = json.loads((root / "complete.json").read_text())["changed"]
    assert figures["edit"] == "in-place"
    assert "put, 1 % edited" in text
    assert not any(filecmp.cmp(root / "v1" / p, root / "v2" / p, shallow=False) for p in changed)


def test_a_get_with_wrong_bytes_is_not_timed(tmp_path):
    """A benchmark of a verb that gives wrong bytes ends with an error, and cleans up."""
    command = stand_in(tmp_path, STAND_IN + SPOIL)
    done = run(
        *("local.py", "--sets", "text", "--scale", SCALE, "--rounds", "1"),
        *("--dir", tmp_path / "data", "--command", command),
    )
    assert done.returncode == 1
    assert "get text:v0 gave other bytes than were put" in done.stderr
    assert not list((tmp_path / "data").glob("run-*"))


def test_a_command_that_fails_is_not_timed(tmp_path):
    """The failing command is named with its exit code."""
    command = stand_in(tmp_path, "raise SystemExit(7)")
    done = run(
        *("local.py", "--sets", "text", "--scale", SCALE, "--rounds", "1"),
        *("--dir", tmp_path / "data", "--command", command),
    )
    assert done.returncode == 1
    assert "put" in done.stderr
    assert "failed with exit code 7" in done.stderr


def test_the_same_seed_makes_the_same_bytes(tmp_path):
    """Two machines time the same data."""
    for place in ("here", "there"):
        done = run("data.py", "--scale", SCALE, "--dir", tmp_path / place)
        assert done.returncode == 0, done.stderr
    here, there = tmp_path / "here", tmp_path / "there"
    names = [path.relative_to(here) for path in here.rglob("*") if path.is_file()]
    assert len(names) == 2 * (4 + 50 + 1) + 3
    assert filecmp.cmpfiles(here, there, names, shallow=False) == (names, [], [])


def test_one_percent_of_each_set_is_edited(tmp_path):
    """Of floats one in a hundred differs, of files and lines too, give or take rounding."""
    run("data.py", "--scale", "0.004", "--dir", tmp_path)
    sets = tmp_path / "sets"
    for number in range(4):
        old, new = read(sets / "ckpt-0.004", f"shard-{number}.bin")
        floats = [old[n : n + 4] != new[n : n + 4] for n in range(0, len(old), 4)]
        assert len(old) == len(new)
        assert 0.0095 < sum(floats) / len(floats) < 0.0105
    small = sets / "small-0.004"
    names = [path.relative_to(small / "v1") for path in small.glob("v1/*/*")]
    differ = filecmp.cmpfiles(small / "v1", small / "v2", names, shallow=False)[1]
    assert (len(differ), len(names)) == (2, 200)
    lines = [text.splitlines() for text in read(sets / "text-0.004", "events.jsonl")]
    changed = [n for n, (old, new) in enumerate(zip(*lines, strict=True)) if old != new]
    assert changed == list(range(changed[0], changed[0] + round(len(lines[0]) / 100)))


def read(root, name):
    return [(root / version / name).read_bytes() for version in ("v1", "v2")]


def test_anonymous_memory_of_children_is_seen_and_mapped_files_are_not(tmp_path):
    """60 MB held by a grandchild count; 80 MB of a mapped file do not."""
    (tmp_path / "mapped").write_bytes(bytes(80 * 10**6))
    child = "import time; held = b'x' * 60_000_000; time.sleep(0.3)"
    parent = (
        "import mmap, subprocess, sys\n"
        f"with open({str(tmp_path / 'mapped')!r}, 'rb') as file:\n"
        "    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        "    sum(mapped[n] for n in range(0, len(mapped), 4096))\n"
        f"    sys.exit(subprocess.run([sys.executable, '-c', {child!r}]).returncode + 3)\n"
    )
    done = run("memory.py", "--", sys.executable, "-c", parent)
    words = done.stderr.split()
    assert done.returncode == 3
    assert 60 < float(words[2]) < 120
    assert float(words[6]) > 80


def test_startup_is_timed_against_bare_python(tmp_path):
    """Each command has its line, and the two with a target a verdict."""
    done = run("startup.py", "--rounds", "1", "--command", stand_in(tmp_path, ""))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line[:18].rstrip() for line in lines[1:]] == [
        "python -c pass",
        "import casstore",
        "casstore --help",
    ]
    assert "<= 0.1 s" in lines[2]
    assert "<= 0.15 s" in lines[3]


def test_lineage_and_listings_are_timed_on_stores_of_their_own(tmp_path):
    """Every call runs on a small store and has its line; what is judged has a verdict."""
    small = ("--edges", "300", "--artifacts", "20", "--rounds", "1", "--dir", tmp_path)
    done = run("lineage.py", *small)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[1:]
    assert [line[:20].rstrip() for line in lines] == [
        *("python -c pass", "casstore --help", "lineage --depth 0", "lineage", "lineage --all"),
        *("lineage --json", "lineage --mermaid", "lineage --dot"),
        *("ls", "ls --json", "ls NAME", "ls NAME --json"),
    ]
    assert all("<= 0.3 s" in line for line in lines[3:])
    assert list(tmp_path.iterdir()) == []


def test_a_benchmarked_lineage_has_the_edges_that_it_says(tmp_path, monkeypatch):
    """All of them are upstream of the one version that is asked for."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("lineage")
    reference = module.lineage_store(tmp_path / "store", 500)
    store = open_store(tmp_path / "store")
    view = find_version(store, parse_reference(reference), "default")
    found = lineage(store, view.commit)
    close_store(store)
    assert found.complete
    assert 500 <= found.edge_count <= 550
