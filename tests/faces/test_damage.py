"""Damage: flipped bits in packs are told and spread no further, a broken index is made again."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from hostile import PACKAGE_FOLDER, one_line, tree_of

import casstore
from casstore.cli.main import main
from casstore.errors import Corrupt

# Packs

FLIPS_A_PACK = 3


def flip(path, position, bit=0):
    """Turn one bit over; done twice, all is as it was."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.fixture
def twice(before):
    """Log two versions of ``data``, and of one file that is large enough to be written alone."""
    draw = random.Random(3)
    before.write("data/large.bin", draw.randbytes(17_000_000))
    before("put", "data")
    before.write("data/large.bin", draw.randbytes(17_000_000))
    before.write("data/a.txt", "other\n")
    before("put", "data")
    return before


def packs_of(cli):
    return sorted(path for path in (cli.folder / "s" / "packs").rglob("*") if path.is_file())


def what_suffers(cli, pack):
    """Return {reference: paths} that ``verify`` names, after checking that it names the pack."""
    found = cli("verify", "--json", code=4).json
    assert not found["ok"]
    assert {problem["pack"] for problem in found["problems"]} == {pack.name}
    suffering = {}
    for problem in found["problems"]:
        if problem["reference"]:
            suffering.setdefault(problem["reference"], set()).add(problem["path"])
    return suffering


def test_a_flipped_bit_is_named_with_version_path_and_pack_and_spreads_nowhere(twice):
    """At seeded places of every pack: ``verify`` tells, ``get`` writes right bytes or nothing."""
    said = {f"data:v{number}": expected_tree(twice, number) for number in (0, 1)}
    draw = random.Random(5)
    for pack in packs_of(twice):
        size = pack.stat().st_size
        for position in [draw.randrange(size) for _ in range(FLIPS_A_PACK)]:
            place = position, draw.randrange(8)
            flip(pack, *place)
            suffering = what_suffers(twice, pack)
            for reference, tree in said.items():
                check_get(twice, reference, tree, pack, suffering)
            flip(pack, *place)
    assert twice("verify", "--json").json["ok"]


def expected_tree(cli, number):
    cli("get", f"data:v{number}", "-o", f"whole{number}")
    return tree_of(cli.folder / f"whole{number}")


def check_get(cli, reference, tree, pack, suffering):
    old = dict.fromkeys(tree, b"old")
    shutil.rmtree(cli.folder / "there", ignore_errors=True)
    for path in old:
        cli.write("there/" + path.decode(), "old")
    codes = {
        "new": main(["get", reference, "-o", "new", "-q"]),
        "there": main(["get", reference, "-o", "there", "-q", "--force"]),
    }
    errors = cli._read()[1].decode().splitlines()
    for folder, code in codes.items():
        found = tree_of(cli.folder / folder)
        if code == 0:
            assert found == tree
        else:
            assert code == 4
            assert all(found[path] in {old[path], tree[path]} for path in found)
    for line in errors:
        assert pack.name in line or "list of files" in line
        assert reference in line
        named = {path for path in suffering.get(reference, ()) if path}
        assert any(path in line for path in named) or not named
    assert codes["new"] == 0 or not (cli.folder / "new").exists()
    shutil.rmtree(cli.folder / "new", ignore_errors=True)
    assert not [name for name in os.listdir(cli.folder) if name.startswith(".new")]
    assert set(tree_of(cli.folder / "there")) == set(tree)


def data_pack(cli):
    """Return the largest pack: it holds the large file's frames."""
    return max(packs_of(cli), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("call", [("get", "data", "-o", "new"), ("cat", "data", "large.bin")])
def test_reading_damage_names_version_path_and_pack(before, call):
    """Exit 4 and one line, from a new folder and to standard output."""
    before.write("data/large.bin", random.Random(1).randbytes(17_000_000))
    before("put", "data")
    pack = data_pack(before)
    flip(pack, pack.stat().st_size // 2)
    result = before(*call, code=4)
    line = one_line(result.errors)
    for name in ("data:v0", "large.bin", pack.name):
        assert name in line
    assert (before.folder / "data" / "large.bin").read_bytes().startswith(result.raw)
    assert not (before.folder / "new").exists()


def test_damage_of_a_small_file_is_traced_to_it(before):
    """Small files are read many at once; the one that suffers is named, others are not."""
    for number in range(50):
        before.write(f"many/{number}.bin", random.Random(number).randbytes(3000))
    before("put", "many")
    pack = next(p for p in packs_of(before) if b"CSfr" in p.read_bytes() and holds(p, 17))
    flip(pack, pack.read_bytes().index(random.Random(17).randbytes(3000)) + 1500)
    line = one_line(before("get", "many", "-o", "out", code=4).errors)
    assert "many:v0: 17.bin: " in line
    assert pack.name in line
    assert not (before.folder / "out").exists()


def holds(pack, number):
    return random.Random(number).randbytes(3000) in pack.read_bytes()


def test_python_raises_for_a_flipped_bit(before):
    """``Corrupt`` naming version, path and pack, and the folder is not made."""
    pack = data_pack(before)
    flip(pack, pack.stat().st_size // 2)
    artifact = casstore.Api().artifact("before:v0")
    with pytest.raises(Corrupt, match=rf"before:v0.*sub/numbers.bin.*{pack.name}"):
        artifact.download("new")
    assert not Path("new").exists()
    with pytest.raises(Corrupt, match=r"sub/numbers.bin"):
        casstore.open("before:v0", "sub/numbers.bin").read()


def test_a_pack_that_is_gone_is_named(before):
    """Exit 4; what does not need it is still read."""
    before.write("more/x", random.Random(1).randbytes(3000))
    known = set(packs_of(before))
    before("put", "more")
    gone = max(set(packs_of(before)) - known, key=lambda path: path.stat().st_size)
    gone.unlink()
    assert gone.name in before("verify", code=4).text
    assert gone.name in one_line(before("get", "more", "-o", "new", code=4).errors)
    before("get", "before", "-o", "out")


def test_a_pack_that_the_system_does_not_give_is_named_and_heals_as_any_other(before):
    """As on a bad sector; also when the index is made again beside it."""
    before.write("more/x", random.Random(1).randbytes(3000))
    known = set(packs_of(before))
    before("put", "more")
    unreadable = max(set(packs_of(before)) - known, key=lambda path: path.stat().st_size)
    unreadable.unlink()
    unreadable.mkdir()
    assert unreadable.name in one_line(before("get", "more", "-o", "new", code=4).errors)
    for _ in range(2):
        assert unreadable.name in before("verify", code=4).text
        before("get", "before", "-o", "out", "--force")
        one_line(before("get", "more", "-o", "new", code=4).errors)
        shutil.rmtree(before.folder / "s" / "db")
    before("repair", code=4)
    before("put", "more", "-q")
    before("get", "more", "-o", "new")
    before("verify")


# The index

PAGE_BYTES = 4096


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """Make a store of a few versions, and say what must be read from it whatever its index is."""
    base = tmp_path_factory.mktemp("indexed")
    draw = random.Random(2)
    for number in range(4):
        folder = base / "data"
        folder.mkdir(exist_ok=True)
        for file in range(30):
            if file % 4 == number or not number:
                (folder / f"f{file}").write_bytes(draw.randbytes(2000))
        put = ["put", "data", "--name", "net", "-a", f"a{number}", "-d", "some words"]
        run(base, base / "s", *put)
    shutil.copytree(base / "data", base / "more")
    (base / "more" / "new").write_bytes(b"more")
    return base, listing(base, base / "s")


def run(folder, store, *call):
    """Run ``casstore`` in another process: a broken index can take a process down."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER, "CASSTORE_HOME": str(store)}
    return subprocess.run(
        [sys.executable, "-m", "casstore", *call],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


IN_ONE = """
import contextlib, io, json, sys
from casstore.cli.main import main

for call in json.loads(sys.argv[1]):
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main(call)
    print(json.dumps([code, out.getvalue(), errors.getvalue()]), flush=True)
"""


def run_in_one(folder, store, *calls):
    """Run calls one after the other in another process; return (exit code, output, errors) of each.

    A process that dies of LMDB's own checks is followed by another for the rest of the calls.
    """
    result = subprocess.run(
        [sys.executable, "-c", IN_ONE, json.dumps(calls)],
        cwd=folder,
        env={**os.environ, "CASSTORE_HOME": str(store), "PYTHONPATH": PACKAGE_FOLDER},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode in {0, -signal.SIGABRT}, result
    done = [json.loads(line) for line in result.stdout.splitlines()]
    if result.returncode:
        rest = calls[len(done) + 1 :]
        died = [[-signal.SIGABRT, "", ""]]
        return done + died + (run_in_one(folder, store, *rest) if rest else [])
    return done


def listing(folder, store):
    """Return what a store says of its versions."""
    shown = run(folder, store, "ls", "net", "--json")
    assert shown.returncode == 0, shown
    return json.loads(shown.stdout)


def flipped(data, page, position, bit):
    """Flip one bit of the ``page``-th page that holds anything, counted as for a list."""
    used = [at for at in range(0, len(data), PAGE_BYTES) if any(data[at : at + PAGE_BYTES])]
    changed = bytearray(data)
    changed[used[page % len(used)] + position] ^= 1 << bit
    return bytes(changed)


def bit_flips():
    """Return ways to flip one bit each: anywhere, and where LMDB keeps the heads of its pages."""
    draw = random.Random(11)
    places = [(draw.randrange(99), draw.randrange(PAGE_BYTES), draw.randrange(8)) for _ in range(2)]
    places += [(draw.randrange(99), draw.randrange(24), draw.randrange(8)) for _ in range(2)]
    places += [(page, 10, 2) for page in range(-5, 0)]  # a page's kind
    places += [(page, 12, 3) for page in range(-3, 0)]  # how many rows it has
    return {
        f"page {page}, byte {position}, bit {bit}": partial(
            flipped, page=page, position=position, bit=bit
        )
        for page, position, bit in places
    }


DAMAGE = {
    "empty": lambda data: data[:0],
    "one byte": lambda data: data[:1],
    "one page": lambda data: data[:PAGE_BYTES],
    "two pages": lambda data: data[: 2 * PAGE_BYTES],
    "half": lambda data: data[: len(data) // 2],
    "last byte gone": lambda data: data[:-1],
    "garbage": lambda data: b"garbage\n" * (len(data) // 8),
    "noise": lambda data: random.Random(1).randbytes(len(data)),
    "noise after the head": lambda data: (
        data[: 2 * PAGE_BYTES] + random.Random(1).randbytes(len(data) - 2 * PAGE_BYTES)
    ),
    "zeros after the head": lambda data: data[: 2 * PAGE_BYTES] + bytes(len(data) - 2 * PAGE_BYTES),
    **bit_flips(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_broken_index_loses_nothing_and_reindex_heals_it(indexed, tmp_path, damage):
    """A call works, as the index is made again, or says so; after ``reindex`` all is as it was.

    LMDB's own checks may end the process when a page is broken; no other signal may.
    """
    base, expected = indexed
    store = tmp_path / "s"
    shutil.copytree(base / "s", store)
    index = store / "db" / "data.mdb"
    index.write_bytes(damage(index.read_bytes()))
    (store / "db" / "lock.mdb").unlink(missing_ok=True)
    get = ("get", "net:v1", "-o", str(tmp_path / "out"))
    for code, out, errors in run_in_one(base, store, ("ls", "net"), get, ("verify",)):
        assert "Traceback" not in errors
        assert "defect of casstore" not in errors
        if code == 4:
            assert "reindex" in out + errors
    healed = run_in_one(
        base,
        store,
        ("reindex",),
        ("ls", "net", "--json"),
        ("put", "more", "--name", "net", "-q"),
        ("verify", "-q"),
    )
    assert [code for code, *_ in healed] == [0, 0, 0, 0]
    assert json.loads(healed[1][1]) == expected
    assert healed[2][1] == "net:v4\n"


@pytest.mark.parametrize("damage", [b"", b"garbage\n" * 10_000], ids=["empty", "garbage"])
def test_an_index_that_is_no_index_is_made_again_without_a_word(indexed, tmp_path, damage):
    """Every version is there, as if nothing had been."""
    base, expected = indexed
    store = tmp_path / "s"
    shutil.copytree(base / "s", store)
    (store / "db" / "data.mdb").write_bytes(damage)
    result = run(base, store, "ls", "net", "--json")
    assert (json.loads(result.stdout), result.stderr) == (expected, "")


@pytest.mark.parametrize("part", ["db", "db/data.mdb"])
def test_another_stores_index_is_not_believed(indexed, tmp_path, part):
    """As after a restore into the wrong place: it would name versions that are not here."""
    base, expected = indexed
    store, other = tmp_path / "s", tmp_path / "other"
    shutil.copytree(base / "s", store)
    run(base, other, "put", "data", "--name", "foreign")
    shutil.rmtree(store / "db")
    shutil.copytree(other / "db", store / "db")
    if part != "db":
        (store / "db" / "lock.mdb").unlink()
    result = run(base, store, "ls", "net", "--json")
    assert (json.loads(result.stdout), result.stderr) == (expected, "")
    assert "foreign" not in run(base, store, "ls").stdout
    assert run(base, store, "verify", "-q").returncode == 0
