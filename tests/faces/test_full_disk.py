"""A disk that is full in the middle of a put: the store stays whole, and the space comes back.

At every step that takes space, by an error put in its place; and on a disk that really is full.
"""

import errno
import json
import os
import random
import shutil

import pytest
from hostile import as_anybody, one_line, own_mounts

import casstore
from casstore.catalog import environment
from casstore.cli.main import main

TAKING_SPACE = ("fdatasync", "fsync", "ftruncate", "link", "mkdir", "open", "replace", "write")
REALLY = {name: getattr(os, name) for name in TAKING_SPACE}
MAX_STEPS = 200


class FullDisk:
    """Fails the ``at``-th step that takes space below ``root``, and if ``lasting`` all after it.

    Steps are those of Python's ``os`` module, and every write transaction of the index.
    """

    def __init__(self, root, at, *, lasting):
        self.root = os.fsencode(root)
        self.at = at
        self.lasting = lasting
        self.steps = 0

    def step(self):
        """Count a step; raise in place of it if the disk is full by then."""
        self.steps += 1
        if self.steps == self.at or (self.lasting and self.steps > self.at):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def arrange(self, patch):
        """Put the errors in place."""
        for name in TAKING_SPACE:
            patch.setattr(os, name, self._failing(name))
        really_write = environment.Environment.write

        def write(index, action, **how):
            self.step()
            return really_write(index, action, **how)

        patch.setattr(environment.Environment, "write", write)

    def _failing(self, name):
        def call(*arguments, **options):
            target = arguments[1] if name in {"link", "replace"} else arguments[0]
            makes = name not in {"open", "mkdir"} or not os.path.lexists(target)
            if makes and self._is_inside(target):
                self.step()
            return REALLY[name](*arguments, **options)

        return call

    def _is_inside(self, target):
        if isinstance(target, int):
            target = os.readlink(f"/proc/self/fd/{target}")
        return os.fsencode(target).startswith(self.root)


@pytest.fixture
def edited(before):
    """Give a store with ``data`` in it, and edit ``data``: small files, a large and a long one."""
    draw = random.Random(8)
    before("put", "data")
    before.write("data/large.bin", draw.randbytes(1_200_000))
    before.write("data/small.bin", draw.randbytes(5_000))
    before.write("data/text", "line\n" * 50_000)
    return before


def files_of(root):
    """Return the files of a store that take space, as (path, size)."""
    parts = ("packs", "journal", "tmp")
    files = [path for part in parts for path in (root / part).rglob("*") if path.is_file()]
    return {(str(path.relative_to(root)), path.stat().st_size) for path in files}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_wherever_the_disk_is_full_the_store_is_whole_and_the_space_comes_back(
    edited, monkeypatch, lasting
):
    """Every step in turn fails: the old versions or the new one, and nothing that nobody needs."""
    template = edited.folder / "s"
    failed = 0
    for at in range(1, MAX_STEPS):
        root = edited.folder / f"s{at}"
        shutil.copytree(template, root)
        kept = files_of(root)
        disk = FullDisk(root, at, lasting=lasting)
        with monkeypatch.context() as patch:
            disk.arrange(patch)
            code = main(["put", "data", "--store", str(root), "-q"])
        errors = edited._read()[1].decode()
        if disk.steps < at:
            break
        where = f"step {at}: {errors}"
        if code:
            assert code == 1, where
            assert "full" in one_line(errors) or "No space" in errors, where
            failed += 1
        check_after(edited, root, kept, where)
    assert disk.steps < at
    assert failed > 30


def check_after(edited, root, kept, where):
    """Check that the store is whole, holds nothing for nobody, and takes the version now."""
    store = ("--store", str(root))
    assert main(["verify", "-q", *store]) == 0, (where, edited._read())
    edited._read()
    versions = edited("ls", "data", "-q", *store).lines
    assert versions in (["data:v0"], ["data:v0", "data:v1"]), where
    if versions == ["data:v0"]:
        main(["alias", "set", "data:v0", "probe", *store])  # opens a session, which clears up
        left = {path for path, _ in files_of(root) - kept if not path.startswith("journal")}
        assert left == set(), where
    assert main(["put", "data", "-q", *store]) == 0, (where, edited._read())
    edited._read()
    assert main(["verify", "data", "-q", *store]) == 0, where
    shutil.rmtree(root)


@pytest.mark.parametrize("at", [3, 9, 20])
def test_python_gives_the_space_back_too(edited, monkeypatch, at):
    """The error is an OSError that says the disk is full; another artifact can be logged then."""
    root = edited.folder / "s"
    kept = files_of(root)
    artifact = casstore.Artifact("late", "dataset")
    disk = FullDisk(root, at, lasting=False)
    with monkeypatch.context() as patch:
        disk.arrange(patch)
        with pytest.raises(OSError, match="No space"):  # noqa: PT012 - whichever call meets it
            artifact.add_dir("data")
            artifact.save()
            artifact.wait()
    left = {path for path, _ in files_of(root) - kept if path.startswith("packs")}
    assert left == set()
    another = casstore.Artifact("another", "dataset")
    another.add_file("data/a.txt")
    another.save()
    assert another.wait().version == "v0"
    edited("verify")


# A disk that is full

DISK_BYTES = 24 * 1024 * 1024

FILL = """
import contextlib, io, json, os, random, shutil, sys
from pathlib import Path
from casstore.cli.main import main

disk = Path(sys.argv[1])
store = str(disk / "s")
told = []

def call(*arguments):
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main([*arguments, "--store", store])
    told.append([" ".join(arguments[:2]), code, errors.getvalue()])
    return code, out.getvalue()

def packs():
    return sorted(str(path) for path in Path(store, "packs").rglob("*") if path.is_file())

draw = random.Random(1)
small, huge = Path("small"), Path("huge")
small.mkdir(); huge.mkdir()
for number in range(20):
    (small / str(number)).write_bytes(draw.randbytes(20_000))
(huge / "one").write_bytes(draw.randbytes(30_000_000))
for number in range(40):
    (huge / str(number)).write_bytes(draw.randbytes(20_000))

found = {}
assert call("put", "small", "--name", "kept")[0] == 0
kept = packs()
found["huge"] = call("put", "huge", "--name", "huge")[0]
found["taken back"] = packs() == kept
found["whole"] = call("verify")[0]

rounds = []
for free in (0, 8_192, 40_960, 102_400, 204_800, 307_200, 450_560, 614_400, 1_048_576):
    (small / "edited").write_bytes(draw.randbytes(200_000))
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(descriptor, bytes(4096)) == 4096:
            pass
    os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - free))
    os.close(descriptor)
    code = call("put", "small", "--name", "kept", "-q")[0]
    while_full = call("verify")[0]
    ballast.unlink()
    after = call("verify")[0]
    again, reference = call("put", "small", "--name", "kept", "-q")
    rounds.append([free, code, while_full, after, again, call("verify", reference.strip())[0]])
found["rounds"] = rounds
shutil.rmtree(huge)
found["versions"] = call("ls", "kept", "-q")[1].split()
found["told"] = [line for line in told if line[1]]
print(json.dumps(found))
"""


def test_a_disk_that_really_is_full_costs_nothing_but_the_attempt(cli, tmp_path):
    """A small file system, filled by what is put, and filled to the brim beforehand."""
    (tmp_path / "disk").mkdir()
    script = f'mount -t tmpfs -o size={DISK_BYTES} none {tmp_path}/disk && exec "$@"'
    result = own_mounts(script, "-c", FILL, str(tmp_path / "disk"))
    if result is None:
        pytest.skip("no file system can be mounted here")
    assert result.returncode == 0, result
    found = json.loads(result.stdout)
    for what, _, errors in found["told"]:
        assert len(errors.splitlines()) == 1, (what, errors)
        assert "full" in errors or "No space" in errors, (what, errors)
    assert (found["huge"], found["taken back"], found["whole"]) == (1, True, 0)
    for free, code, *_, after, again, verified in found["rounds"]:
        assert code in {0, 1}, free
        assert (after, again, verified) == (0, 0, 0), free
    assert {1, 0} <= {code for _, code, *_ in found["rounds"]}
    assert len(found["versions"]) == 1 + len(found["rounds"])


def test_a_limit_on_the_size_of_files_is_told_as_a_full_disk(edited):
    """The kernel refuses a write here too, with no need to mount anything."""
    kept = files_of(edited.folder / "s")
    limit = (
        "import resource, sys; from casstore.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000));"
        "sys.exit(main(['put', 'data']))"
    )
    assert "full" in one_line(as_anybody("-c", limit, code=1).stderr)
    assert files_of(edited.folder / "s") == kept
    edited("verify")
    edited("put", "data")


def test_an_index_that_is_cut_short_by_a_limit_is_told_as_a_full_disk(edited):
    """Making it again goes no further for being begun again; with room all is there."""
    limit = (
        "import resource, sys; from casstore.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (70 * 1024, 70 * 1024));"
        "sys.exit(main(['reindex']))"
    )
    assert "full" in one_line(as_anybody("-c", limit, code=1).stderr)
    edited("verify")
    edited("put", "data")


NO_INDEX = """
import contextlib, json, os, shutil, subprocess, sys
from pathlib import Path

disk = Path(sys.argv[1])

def call(*arguments):
    command = [sys.executable, "-m", "casstore", *arguments, "--store", str(disk / "s")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr

Path("a.txt").write_text("hello")
assert call("put", "a.txt", "--name", "kept") == (0, "")
found = []
for gone in ("db", "db/lock.mdb"):
    path = disk / "s" / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)) == 4096:
            pass
    found += [call("ls"), call("reindex")]
    ballast.unlink()
    found.append(call("verify"))
print(json.dumps(found))
"""


def test_an_index_that_is_gone_from_a_full_disk_is_told_in_one_line(cli, tmp_path):
    """LMDB maps a file of locks: a hole in it that the disk cannot fill would end the process."""
    (tmp_path / "disk").mkdir()
    script = f'mount -t tmpfs -o size={DISK_BYTES} none {tmp_path}/disk && exec "$@"'
    result = own_mounts(script, "-c", NO_INDEX, str(tmp_path / "disk"))
    if result is None:
        pytest.skip("no file system can be mounted here")
    assert result.returncode == 0, result
    found = json.loads(result.stdout)
    assert [code for code, _ in found] == [1, 1, 0, 1, 1, 0]
    for code, errors in found:
        assert code == 0 or "full" in one_line(errors) or "No space" in errors


def aliases_of(cli, root):
    """Return {version: aliases} of what is listed, but for ``latest``."""
    listed = cli("ls", "many", "--json", "--store", str(root)).json["versions"]
    return {each["version"]: sorted({*each["aliases"]} - {"latest"}) for each in listed}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize(
    ("call", "done"),
    [
        (("rm", "many:v0", "many:v1", "--aliases"), {"v2": []}),
        (("alias", "rm", "many", "a", "b", "c"), {"v0": [], "v1": [], "v2": []}),
    ],
    ids=["rm", "alias rm"],
)
def test_what_is_removed_together_is_removed_or_not_wherever_the_disk_is_full(
    before, monkeypatch, call, done, lasting
):
    """Versions and their aliases: all of them or none, at every step; then it goes through."""
    for number, aliases in enumerate((("a", "b"), ("c",), ())):
        before.write("data/a.txt", f"{number}\n")
        given = [word for alias in aliases for word in ("-a", alias)]
        before("put", "data", "--name", "many", *given)
    template, kept = before.folder / "s", {"v0": ["a", "b"], "v1": ["c"], "v2": []}
    failed = 0
    for at in range(1, MAX_STEPS):
        root = before.folder / f"s{at}"
        shutil.copytree(template, root)
        disk = FullDisk(root, at, lasting=lasting)
        with monkeypatch.context() as patch:
            disk.arrange(patch)
            code = main([*call, "--store", str(root), "-q"])
        if disk.steps < at:
            break
        failed += code
        found = aliases_of(before, root)
        assert found == done or (code == 1 and found == kept), (at, before._read())
        assert main(["verify", "-q", "--store", str(root)]) == 0
        if found == kept:
            before(*call, "-q", "--store", str(root))
            assert aliases_of(before, root) == done
        shutil.rmtree(root)
    assert disk.steps < at
    assert failed > 5
