"""Processes on many machines that push one name to one place at once, some killed and run again."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pusher
import pytest
import worker
from places import PLACES

import casstore
from casstore.exchange import connect, find_remote
from casstore.flows.transfer import choose_all, pull
from casstore.flows.verify import verify_depot, verify_store
from casstore.journal.numbers import Numbers
from casstore.remotes.configuration import add_remote, keep_probe
from casstore.remotes.probing import Probe
from casstore.store import close_store, create_store, live_versions

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")
VERSIONS_EACH = 2
LONGEST_LIFE_SECONDS = 1.5
DEADLINE_SECONDS = 120


@pytest.fixture(scope="module")
def moto_place(tmp_path_factory):
    """Give one S3 server for all rounds."""
    with PLACES["moto"](tmp_path_factory.mktemp("moto")) as made:
        yield made


@pytest.fixture(scope="module")
def ceph_place(tmp_path_factory):
    """Give one Ceph, where somebody may not list."""
    with PLACES["rgw"](tmp_path_factory.mktemp("rgw")) as made:
        yield made


def start(root, folder, name, environment=None):
    """Start a process that pushes; ``environment`` is what it has besides."""
    folder.mkdir(exist_ok=True)
    words = [str(root), str(folder), name, str(VERSIONS_EACH)]
    process = subprocess.Popen(
        [sys.executable, pusher.__file__, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(casstore.__file__).parents[1]),
            **(environment or {}),
        },
        text=True,
    )
    assert process.stdout.readline() == "ready\n", process.communicate()
    return process


def ended(process):
    """Wait for an end, of itself or by a kill, and return its exit code."""
    with process.stdout, process.stderr:
        said = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode in {0, -9}, said
    return process.returncode


def push_together(stores, tmp_path, seed, kills, environments):
    """Run a process for each store until each has ended well; kill some on the way."""

    def started(name):
        return start(names[name], tmp_path / f"files-{name}", name, environments.get(name))

    draw = random.Random(seed)
    names = {f"m{number}": store for number, store in enumerate(stores)}
    running = {name: started(name) for name in names}
    for _ in range(kills):
        time.sleep(draw.random() * LONGEST_LIFE_SECONDS)  # how long it lives is what is drawn
        name = draw.choice(sorted(running))
        running[name].kill()
        ended(running[name])
        running[name] = started(name)
    for name, process in running.items():
        assert ended(process) == 0, name


def sealed_numbers(store):
    """Return {number: seed} of every version, whole and by its own bytes."""
    found = {}
    with store.index.read() as reader:
        numbers = Numbers(reader, worker.PROJECT, worker.NAME, store.standpoint)
        views = [
            (numbers.sealed_number(view), view)
            for view in live_versions(store, worker.PROJECT, worker.NAME)
        ]
    for number, view in views:
        files = worker.contents(store, view)
        seed = files["seed"].decode()
        assert files == worker.files_of(seed)
        assert number is not None, seed
        assert number not in found
        found[number] = seed
    return found


def run_round(url, tmp_path, count, seed, environments=None):
    roots = [tmp_path / f"store{number}" for number in range(count)]
    for root in roots:
        close_store(create_store(root))
        add_remote(root, "hub", url, upstream=True)
        keep_probe(root, "hub", FOUND)
    push_together(roots, tmp_path, seed, count, environments or {})
    seen = []
    for root in roots:
        store = create_store(root)
        connection = connect(store, find_remote(store, None), create=False)
        connection.depot.refresh()
        pull(store, connection, choose_all(connection.depot, None))
        seen.append(sealed_numbers(store))
        assert verify_store(store, quick=True).problems == []
        if root == roots[-1]:
            with connection.anew() as depot:
                assert verify_depot(depot).problems == []
        connection.close()
        close_store(store)
    assert all(found == seen[0] for found in seen)
    expected = {f"m{who}-{number}" for who in range(count) for number in range(VERSIONS_EACH)}
    assert set(seen[0].values()) == expected
    for who in range(count):  # each machine's versions have rising numbers
        mine = [seed for _, seed in sorted(seen[0].items()) if seed.startswith(f"m{who}-")]
        assert mine == sorted(mine)


def test_two_machines_push_one_name_to_a_folder_at_once(tmp_path):
    """Every version is there, whole, under one number that all agree on."""
    run_round(str(tmp_path / "hub"), tmp_path, 2, seed=1)


def test_five_machines_push_one_name_to_a_bucket_at_once(tmp_path, moto_place, monkeypatch):
    """As two do to a folder."""
    for name, value in moto_place.environment.items():
        monkeypatch.setenv(name, value)
    run_round(f"{moto_place.url}/five", tmp_path, 5, seed=2)


@pytest.mark.parametrize(
    ("others_list", "lists"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_some_may_list_and_some_may_not(tmp_path, ceph_place, monkeypatch, others_list, lists):
    """Who looks in the end sees the same numbers for the same versions, whole; both were killed.

    One of two machines may list or may not, the other may not; so does who looks.
    """
    for name, value in (ceph_place.environment if lists else ceph_place.unlisted).items():
        monkeypatch.setenv(name, value)
    others = ceph_place.environment if others_list else ceph_place.unlisted
    environments = {"m0": others, "m1": ceph_place.unlisted}
    run_round(f"{ceph_place.url}/{tmp_path.name}", tmp_path, 2, 3, environments)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("kind", ["folder", "moto"])
def test_many_rounds_of_machines_that_push_one_name(
    tmp_path, moto_place, monkeypatch, kind, count, seed
):
    """More kills, at other moments."""
    for name, value in moto_place.environment.items():
        monkeypatch.setenv(name, value)
    url = str(tmp_path / "hub") if kind == "folder" else f"{moto_place.url}/{count}-{seed}"
    run_round(url, tmp_path, count, seed)
