"""Stores of a newer format are refused; stores that cannot be written to are read."""

import json
import secrets
import shutil

import pytest
from hostile import as_anybody, one_line, own_mounts, tree_of

import casstore
from casstore.digest import digest_of
from casstore.encoding import encode
from casstore.packs.format import HEADER, PackKind

READING = [
    ("ls",),
    ("ls", "before"),
    ("ls", "before:v0"),
    ("show", "before"),
    ("cat", "before", "a.txt"),
    ("get", "before", "-o", "out"),
    ("diff", "before", "./data"),
    ("verify",),
    ("verify", "before"),
    ("verify", "before", "data"),
    ("status",),
    ("du",),
    ("runs",),
    ("alias", "ls", "before"),
    ("tag", "ls", "before"),
]
WRITING = [
    ("put", "data", "--name", "other"),
    ("alias", "set", "before:v0", "best"),
    ("alias", "rm", "before", "best"),
    ("tag", "set", "before:v0", "t"),
    ("rm", "before:v0"),
    ("restore", "before:v0"),
]


# Newer


@pytest.mark.parametrize(
    "call", [*READING, *WRITING, ("reindex",), ("init", "--store", "s")], ids=" ".join
)
def test_a_store_of_a_newer_format_is_refused_by_every_verb(before, call):
    """Exit 1 naming the release that it needs; nothing in it is touched."""
    path = before.folder / "s" / "FORMAT"
    fields = json.loads(path.read_text())
    path.chmod(0o644)
    path.write_text(json.dumps({**fields, "format": 2, "needs_casstore": ">=7.3"}))
    held = tree_of(before.folder / "s")
    line = one_line(before(*call, code=1).errors)
    assert "format 2" in line
    assert ">=7.3" in line
    assert tree_of(before.folder / "s") == held
    assert not (before.folder / "out").exists()


def test_python_refuses_a_store_of_a_newer_format(before):
    """``Unsupported``, by whichever call comes first."""
    path = before.folder / "s" / "FORMAT"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"format":1', '"format":2').replace(">=0.1", ">=7.3"))
    for call in (
        casstore.open_store,
        lambda: casstore.Api().artifact("before:v0"),
        lambda: casstore.Artifact("a", "dataset").add_file("data/a.txt"),
    ):
        with pytest.raises(casstore.Unsupported, match=r">=7\.3"):
            call()


def write_newer_event(root):
    """Put an event of format 2 into the journal, as a later release might; returns its name."""
    packed = encode({"v": 2, "kind": "alias", "news": True})
    digest = digest_of(packed)
    name = f"{secrets.token_hex(16)}-{0:012d}-{digest[:8].hex()}"
    (month,) = (root / "journal").iterdir()
    (month / name).write_bytes(packed + digest)
    return name


def write_newer_pack(root):
    """Put a pack of format 2 among the packs; returns its name."""
    name = secrets.token_hex(32)
    folder = root / "packs" / name[:2]
    folder.mkdir(exist_ok=True)
    header = HEADER.pack(b"CASPACK\n", 2, PackKind.DATA, 0, secrets.token_bytes(16))
    (folder / name).write_bytes(header + secrets.token_bytes(500))
    return name


@pytest.mark.parametrize("write", [write_newer_event, write_newer_pack])
def test_a_newer_event_or_pack_is_told_and_the_rest_is_read(before, write):
    """``verify`` and ``reindex`` exit 4 with the file and its format, ``doctor`` tells it too."""
    name = write(before.folder / "s")
    for call in (("verify",), ("reindex",)):
        result = before(*call, code=4)
        (told,) = [line for line in (result.text + result.errors).splitlines() if name in line]
        assert "format 2" in told
    assert name in before("doctor", code=1).text
    for call in READING:
        if call != ("verify",):
            before(*call)
    before("put", "data", "--name", "other")
    before("get", "other", "-o", "out2")


# Read only


@pytest.fixture
def read_only(before):
    """Take the right to write from everything in the store, until the test ends."""
    before("put", "data", "--name", "noise", "--alias", "x")
    root = before.folder / "s"
    everything = [root, *root.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~0o222)
    yield before
    for path in everything:
        if path.exists():
            path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.parametrize("has_index", [True, False])
def test_a_store_that_cannot_be_written_to_is_read(read_only, has_index):
    """Every verb that reads; its index lies in the user's cache, and the store is not touched."""
    root = read_only.folder / "s"
    if not has_index:
        root.chmod(0o755)
        shutil.rmtree(root / "db", ignore_errors=True)
        (root / "db.lock").unlink()
        root.chmod(0o555)
    held = tree_of(root)
    as_anybody("-c", f"import os, sys; sys.exit(os.access({str(root)!r}, os.W_OK))")
    for call in READING:
        as_anybody("-m", "casstore", *call)
    assert as_anybody("-m", "casstore", "cat", "before", "a.txt").stdout == "hello\n"
    assert tree_of(root) == held


@pytest.mark.parametrize("call", WRITING, ids=" ".join)
def test_writing_to_a_store_that_cannot_be_written_to_is_one_clear_line(read_only, call):
    """Exit 1 naming the store, and nothing is changed."""
    root = read_only.folder / "s"
    held = tree_of(root)
    line = one_line(as_anybody("-m", "casstore", *call, code=1).stderr)
    assert f"the store at {root} cannot be written to" in line
    assert tree_of(root) == held


def test_python_reads_a_store_that_cannot_be_written_to(read_only):
    """``Api``, ``download`` and ``open``; logging raises a casstore.Error."""
    script = read_only.folder / "script.py"
    script.write_text(
        "import casstore\n"
        "artifact = casstore.Api().artifact('before:v0')\n"
        "print(open(artifact.download('out') + '/a.txt').read().strip())\n"
        "print(casstore.open('before:v0', 'a.txt').read().decode().strip())\n"
        "try: casstore.Artifact('a', 'dataset').add_file('data/a.txt')\n"
        "except casstore.Error as error: print('cannot be written to' in error.message)\n"
    )
    assert as_anybody(str(script)).stdout.split() == ["hello", "hello", "True"]


def test_a_file_system_that_is_mounted_read_only_is_read(before):
    """As an archive or a snapshot; refused by the kernel, whoever asks."""
    root = before.folder / "s"
    script = f'mount --bind -o ro {root} {root} && exec "$@"'
    result = own_mounts(script, "-m", "casstore", "ls", "-q")
    if result is None:
        pytest.skip("no file system can be mounted here")
    assert (result.returncode, result.stdout) == (0, "before\n")
    assert own_mounts(script, "-m", "casstore", "cat", "before", "a.txt").stdout == "hello\n"
    refused = own_mounts(script, "-m", "casstore", "put", "data", "--name", "other")
    assert refused.returncode == 1
    assert "cannot be written to" in one_line(refused.stderr)
