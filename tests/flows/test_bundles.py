"""Versions travel in a file: whole, in parts, thin, in any order, and again."""

import random
import shutil
import stat
import subprocess
from contextlib import contextmanager

import pytest

from casstore.bundles import Base, BundleReader, Inventory
from casstore.digest import digest_of
from casstore.errors import Conflict
from casstore.exchange import open_depot
from casstore.flows.lifecycle import set_aliases
from casstore.flows.transfer import (
    apply_bundle,
    create_bundle,
    export_inventory,
    not_had,
    reached_by,
    sending,
)
from casstore.flows.verify import verify_bundle, verify_store
from casstore.journal import lineage, queries
from casstore.journal.bodies import RunStartBody, RunUseBody
from casstore.journal.subjects import RunSubject
from casstore.manifests import chunk_refs
from casstore.packs import rows_at, writer
from casstore.store import live_versions

EVERY_CODEC = {0, 1, 2, 3}


def files_of(seed):
    """Return files that need every codec, a tree of chunks, and names of every kind."""
    draw = random.Random(seed)
    floats = b"".join(draw.randbytes(3) + b"\x3f" for _ in range(100_000))
    halves = b"".join(draw.randbytes(1) + b"\x3f" for _ in range(150_000))
    return {
        "empty": b"",
        "text.txt": f"a line of {seed}\n".encode() * 30_000,
        "weights/float32.bin": floats,
        "weights/bf16.bin": halves,
        "random.bin": draw.randbytes(2_000_000),
        "deep/er/and/deeper.bin": draw.randbytes(100),
        "run.sh": b"#!/bin/sh\n",
        "caf\udce9.txt": b"a name in Latin-1",
        "a name with spaces": draw.randbytes(20_000),
    }


def contents(store, view):
    """Return every byte of a version, verified."""
    files = {}
    for entry in store.manifest(view.manifest):
        refs = chunk_refs(entry.layout, entry.content, entry.size_bytes, store.frames.metadata)
        digests = [ref.digest for _, ref in refs]
        files[entry.path] = b"".join(map(bytes, store.frames.read(digests)))
    return files


@pytest.fixture
def logged(store, write, log, tmp_path):
    """Log a version of a name with files of every kind, drawn from a seed."""

    def log_seed(name, seed, changes=(), **fields):
        folder = write(tmp_path / "files" / f"{name}-{seed}", {**files_of(seed), **dict(changes)})
        (folder / "run.sh").chmod(0o755)
        return log(store, folder, name, **fields)

    return log_seed


@contextmanager
def depot_in(paths, folder):
    """Open files of bundles as a depot, with a mirror that knows nothing yet."""
    with BundleReader(paths) as reader:
        mirror = folder / f"mirror-{random.randrange(10**9)}"
        depot = open_depot(reader, mirror)
        try:
            yield depot
        finally:
            depot.close()
            shutil.rmtree(mirror)


def apply(store, paths, folder):
    with depot_in(paths, folder) as depot:
        return apply_bundle(store, depot)


def versions(store, name):
    return live_versions(store, "p", name)


def test_a_version_comes_out_as_it_went_in(store, other, logged, tmp_path):
    """With its aliases and the executable bit; a second time nothing is new."""
    view = logged("data", 1)
    set_aliases(store, view, ["best"])
    made = create_bundle(store, tmp_path / "b.zip", [view.commit])
    assert made.paths == (tmp_path / "b.zip",)
    applied = apply(other, made.paths, tmp_path)
    assert (applied.waiting, applied.problems) == ((), ())
    (there,) = versions(other, "data")
    assert there.commit == view.commit
    assert contents(other, there) == contents(store, view)
    with other.index.read() as reader:
        assert queries.alias(reader, "p", "data", "best").commit == view.commit
    assert verify_store(other).problems == []
    again = apply(other, made.paths, tmp_path)
    assert (again.frames, again.stored_bytes, again.pulled.received.events) == (0, 0, 0)


def test_a_person_without_casstore_gets_the_files_out(store, logged, tmp_path):
    """With unzip, sha256sum, zstd and python3: every codec, every kind of file, byte for byte."""
    for tool in ("unzip", "zstd", "sha256sum"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install unzip zstd coreutils")
    views = [logged("data", 1), logged("data", 2), logged("alone", 3)]
    made = create_bundle(store, tmp_path / "b.zip", [view.commit for view in views])
    with depot_in(made.paths, tmp_path) as depot:
        depot.frames.refresh()
        codecs = set(codecs_of(depot))
    assert codecs == EVERY_CODEC
    folder = tmp_path / "unpacked"
    run("unzip", "-q", "-d", str(folder), str(made.paths[0]))
    run("sha256sum", "-c", "--quiet", "SHA256SUMS", cwd=folder)
    # -I: no environment and no site of this project, only what Python itself has
    done = run("python3", "-I", str(folder / "extract.py"), "out", str(folder), cwd=tmp_path)
    assert done.stdout.split() == ["p/data-v0", "p/data-v1", "p/alone-v0"]
    for view, label, seed in zip(views, done.stdout.split(), (1, 2, 3), strict=True):
        written = {}
        for path in (tmp_path / "out" / label).rglob("*"):
            if path.is_file():
                written[str(path.relative_to(tmp_path / "out" / label))] = path.read_bytes()
        assert written == files_of(seed), view
        assert (tmp_path / "out" / label / "run.sh").stat().st_mode & stat.S_IXUSR
        assert not (tmp_path / "out" / label / "text.txt").stat().st_mode & stat.S_IXUSR


def run(*command, cwd=None, code=0):
    """Run a command and expect how it ends."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def codecs_of(depot):
    """Yield the codec of every frame of a depot's packs."""
    for listed in depot.objects.listing("packs/"):
        data = depot.objects.read(listed.name)

        def read(count, offset, data=data):
            return data[offset : offset + count]

        yield from (row.codec for row in rows_at(read, len(data), listed.name)[2])


def test_the_script_says_what_a_thin_bundle_does_not_have(store, logged, tmp_path):
    """Files that are whole are written, the others named; the call fails."""
    first = logged("data", 1)
    second = logged("data", 1, {"new.bin": b"new" * 100}.items())
    with reached_by(store, first, tmp_path / "had") as had:
        base = Base("since", first.commit.hex(), "p/data:v0")
        made = create_bundle(store, tmp_path / "thin.zip", [second.commit], base=base, had=had)
    folder = tmp_path / "unpacked"
    run("unzip", "-q", "-d", str(folder), str(made.paths[0]))
    done = run("python3", "-I", str(folder / "extract.py"), str(tmp_path / "out"), code=1)
    assert "random.bin" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out/p/data-v1").iterdir()) == [
        "empty",
        "new.bin",
    ]
    assert "p/data:v0" in (folder / "README").read_text()


def make_small_packs(monkeypatch):
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 200_000)
    monkeypatch.setattr(sending, "FRAMES_READ_AT_ONCE", 4)


def test_parts_come_in_any_order_and_one_by_one(store, other, logged, tmp_path, monkeypatch):
    """Each is a ZIP of its own below the size; the one that completes a version publishes it."""
    make_small_packs(monkeypatch)
    views = [logged("data", 1), logged("data", 2)]
    commits = [view.commit for view in views]
    made = create_bundle(store, tmp_path / "b.zip", commits, part_bytes=1_500_000)
    assert len(made.paths) > 3
    assert [path.name for path in made.paths][:2] == ["b.1.zip", "b.2.zip"]
    assert all(path.stat().st_size <= 1_500_000 for path in made.paths)
    order = list(made.paths)
    random.Random(5).shuffle(order)
    for path in order[:-1]:
        applied = apply(other, [path], tmp_path)
        assert applied.problems == ()
    assert len(applied.waiting) >= 1
    assert apply(other, [order[-1]], tmp_path).waiting == ()
    assert {view.commit for view in versions(other, "data")} == set(commits)
    for view in views:
        assert contents(other, view) == contents(store, view)
    report = verify_bundle(made.paths)
    assert (report.problems, report.missing_parts) == ([], {})
    assert {version.state for version in report.versions} == {"whole"}
    report = verify_bundle(order[1:])
    assert report.problems == []
    assert "thin" in {version.state for version in report.versions}
    assert list(report.missing_parts.values()) == [[made.paths.index(order[0]) + 1]]


def test_parts_are_taken_together_in_any_order_and_twice(
    store, other, logged, tmp_path, monkeypatch
):
    """All of them in one call; the same file named twice is one."""
    make_small_packs(monkeypatch)
    view = logged("data", 1)
    made = create_bundle(store, tmp_path / "b.zip", [view.commit], part_bytes=1_500_000)
    paths = [*reversed(made.paths), made.paths[0]]
    assert apply(other, paths, tmp_path).waiting == ()
    assert contents(other, view) == contents(store, view)


def test_a_small_change_makes_a_small_bundle(store, other, write, log, tmp_path):
    """One percent of 20 MB edited in place: under two percent travel, against base or inventory."""
    draw = random.Random(3)
    data = bytearray(draw.randbytes(20_000_000))
    folder = write(tmp_path / "files", {"large.bin": data})
    first = log(store, folder, "large")
    apply(other, create_bundle(store, tmp_path / "0.zip", [first.commit]).paths, tmp_path)
    start = draw.randrange(19_000_000)
    data[start : start + 200_000] = draw.randbytes(200_000)
    second = log(store, write(tmp_path / "files", {"large.bin": data}), "large")
    with reached_by(store, first, tmp_path / "had") as had:
        base = Base("since", first.commit.hex(), "p/large:v0")
        since = create_bundle(store, tmp_path / "1.zip", [second.commit], base=base, had=had)
    export_inventory(other, tmp_path / "inventory")
    with Inventory(tmp_path / "inventory") as had:
        base = Base("inventory", had.checksum.hex(), had.store_id)
        commits = not_had(store, [first.commit, second.commit], had)
        assert commits == [second.commit]
        have = create_bundle(store, tmp_path / "2.zip", commits, base=base, had=had)
    assert since.size_bytes < 0.02 * len(data)
    assert have.size_bytes < 0.02 * len(data)
    apply(other, since.paths, tmp_path)
    assert contents(other, second)[b"large.bin"] == data
    assert apply(other, have.paths, tmp_path).frames == 0


def test_a_thin_bundle_waits_for_what_it_was_made_against(store, other, logged, tmp_path):
    """Its frames are taken; the version appears with the base and this bundle, applied again."""
    first = logged("data", 1)
    second = logged("data", 1, {"new.bin": b"new" * 100}.items())
    with reached_by(store, first, tmp_path / "had") as had:
        base = Base("since", first.commit.hex(), "p/data:v0")
        thin = create_bundle(store, tmp_path / "thin.zip", [second.commit], base=base, had=had)
    whole = create_bundle(store, tmp_path / "whole.zip", [first.commit])
    (waiting,) = apply(other, thin.paths, tmp_path).waiting
    assert waiting.view.commit == second.commit
    assert waiting.missing > 10
    assert waiting.damaged == ()
    assert versions(other, "data") == []
    apply(other, whole.paths, tmp_path)
    assert apply(other, thin.paths, tmp_path).waiting == ()
    assert contents(other, second) == contents(store, second)
    (version,) = verify_bundle(thin.paths).versions
    assert (version.state, version.lacking) == ("thin", waiting.missing)
    both = verify_bundle([*thin.paths, *whole.paths])
    assert {version.state for version in both.versions} == {"whole"}


def test_a_run_travels_when_all_that_it_names_travels_or_is_had(store, other, logged, tmp_path):
    """A thin bundle keeps the lineage between what it carries and what the far side has."""
    data = logged("data", 1)
    store.events.append(RunSubject("p", "run1"), RunStartBody(name="training"))
    store.events.append(RunSubject("p", "run1"), RunUseBody(data.commit, "p", "data"))
    model = logged("model", 2, run="run1")
    apply(other, create_bundle(store, tmp_path / "0.zip", [data.commit]).paths, tmp_path)
    export_inventory(other, tmp_path / "inventory")
    alone = create_bundle(store, tmp_path / "1.zip", [model.commit])
    with Inventory(tmp_path / "inventory") as had:
        base = Base("inventory", had.checksum.hex(), had.store_id)
        thin = create_bundle(store, tmp_path / "2.zip", [model.commit], base=base, had=had)
    apply(other, alone.paths, tmp_path)
    with other.index.read() as reader:
        assert lineage.run(reader, "p", "run1") is None
    apply(other, thin.paths, tmp_path)
    with other.index.read() as reader:
        (used,) = lineage.run(reader, "p", "run1").inputs
    assert used.commit == data.commit


def test_a_flipped_bit_is_named_and_its_version_is_refused(store, other, logged, tmp_path):
    """The chunk, its file and version; the other version of the bundle arrives."""
    bad, good = logged("data", 1), logged("fine", 2)
    made = create_bundle(store, tmp_path / "b.zip", [bad.commit, good.commit])
    (entry,) = [one for one in store.manifest(bad.manifest) if one.path == b"random.bin"]
    refs = [
        ref
        for _, ref in chunk_refs(
            entry.layout, entry.content, entry.size_bytes, store.frames.metadata
        )
    ]
    chunk = refs[3].digest
    frame = bytes(store.frames.read([chunk])[0])
    data = bytearray(made.paths[0].read_bytes())
    data[data.index(frame) + 1000] ^= 4
    made.paths[0].write_bytes(data)
    report = verify_bundle(made.paths)
    said = [(problem.reference, problem.path) for problem in report.problems if problem.path]
    assert said == [("p/data:v0", b"random.bin")]
    assert any(chunk.hex() in problem.message for problem in report.problems)
    assert {one.label: one.state for one in report.versions} == {
        "p/data:v0": "damaged",
        "p/fine:v0": "whole",
    }
    applied = apply(other, made.paths, tmp_path)
    assert [one.view.commit for one in applied.waiting] == [bad.commit]
    assert applied.waiting[0].damaged == (chunk,)
    assert any(chunk.hex() in problem for problem in applied.problems)
    assert versions(other, "data") == []
    assert contents(other, good) == contents(store, good)
    assert verify_store(other).problems == []


def test_a_bundle_that_cannot_be_finished_leaves_nothing(store, logged, tmp_path, monkeypatch):
    """Neither under its name nor beside it; a file that is there is never replaced."""
    view = logged("data", 1)
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(store.frames, "read_encoded", fail)
    with pytest.raises(RuntimeError):
        create_bundle(store, folder / "b.zip", [view.commit])
    assert list(folder.iterdir()) == []
    (folder / "b.zip").write_text("somebody's")
    with pytest.raises(Conflict, match="is there already"):
        create_bundle(store, folder / "b.zip", [view.commit])
    assert [path.read_text() for path in folder.iterdir()] == ["somebody's"]


def fail(_digests):
    raise RuntimeError


def test_an_inventory_lists_what_a_store_has(store, logged, tmp_path):
    """Every frame and event of it, and nothing else."""
    view = logged("data", 1)
    frames, events = export_inventory(store, tmp_path / "inventory")
    with store.index.read() as reader:
        names = [name for name, _ in reader.events()]
        digests = [digest for digest, _ in reader.frames(b"", 10_000)]
    assert (frames, events) == (len(digests), len(names))
    with Inventory(tmp_path / "inventory") as listed:
        assert all(map(listed.has_frame, digests))
        assert all(map(listed.has_event, names))
        assert not listed.has_frame(digest_of(b"something else"))
        assert listed.store_id == store.identity.store_id
    assert view.manifest.root in digests
