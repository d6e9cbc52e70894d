"""Pipes, sockets and devices in the place of a store's files: nobody waits, and it is told.

In a process of its own each, with an end to its time: a reader of a pipe would wait for ever.
"""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys

import pytest
from hostile import PACKAGE_FOLDER, one_line

from casstore.packs import PackKind, read_rows

READING = (("ls",), ("du",), ("status",))


def call(folder, *arguments, descriptors=None, kilobytes=None):
    """Run ``casstore`` in a process that must end soon; give its code, output and errors."""
    limits = f"ulimit -n {descriptors or 256} && ulimit -v {kilobytes or 'unlimited'}"
    limit = ["sh", "-c", f'{limits} && exec "$@"', "sh"]
    done = subprocess.run(
        [*limit, sys.executable, "-m", "casstore", *arguments],
        env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def pipe(path):
    os.mkfifo(path)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def endless(path):
    if os.geteuid() != 0:
        pytest.skip("only root makes devices")
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))


def event(root):
    return next(path for path in sorted((root / "journal").rglob("*")) if path.is_file())


def pack(root, kind):
    packs = [path for path in sorted((root / "packs").rglob("*")) if path.is_file()]
    return next(path for path in packs if read_rows(path)[1] is kind)


def data_pack(root):
    return pack(root, PackKind.DATA)


def metadata_pack(root):
    return pack(root, PackKind.METADATA)


@pytest.mark.parametrize("make", [pipe, a_socket, endless])
@pytest.mark.parametrize("place", [event, data_pack, metadata_pack])
def test_what_is_no_file_counts_as_a_damaged_one(before, place, make):
    """``verify`` names it, with an index and without one, and nothing waits for it."""
    root = before.folder / "s"
    path = place(root)
    path.unlink()
    make(path)
    for _ in range(2):
        for depth in ((), ("--quick",)):
            code, out, _ = call(before.folder, "verify", "--json", *depth)
            assert code == 4
            assert any(path.name in each["message"] for each in json.loads(out)["problems"])
        assert call(before.folder, "doctor")[0] in {0, 1}
        assert [call(before.folder, *verb)[0] for verb in READING] == [0, 0, 0]
        shutil.rmtree(root / "db")


@pytest.mark.parametrize("make", [pipe, a_socket])
def test_repair_puts_back_what_a_pipe_took_the_place_of(before, make):
    """The event lies there again as a file, the pack's frames in another."""
    root = before.folder / "s"
    before("push", "--to", str(before.folder / "hub"))
    for path in (event(root), data_pack(root), metadata_pack(root)):
        path.unlink()
        make(path)
    code, _, errors = call(before.folder, "repair", "--from", str(before.folder / "hub"))
    assert code == 0, errors
    assert before("verify", "--json").json["ok"]
    assert before("cat", "before", "a.txt").raw == b"hello\n"


def test_a_claim_that_is_a_pipe_is_a_number_that_is_taken(before):
    """As a torn one: nobody has it, and nobody gets it."""
    os.mkfifo(before.folder / "s" / "claims" / "default" / "before" / "1")
    before.write("data/a.txt", "other\n")
    assert call(before.folder, "put", "data", "--name", "before", "-q")[1] == "before:v2\n"


@pytest.mark.parametrize("name", ["FORMAT", "config.toml"])
def test_a_pipe_in_place_of_what_says_how_to_read_a_store_is_told(before, name):
    """One line that names the file."""
    path = before.folder / "s" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    code, out, errors = call(before.folder, "ls")
    assert (code, out) == (4 if name == "FORMAT" else 2, "")
    assert name in one_line(errors)


@pytest.mark.parametrize("descriptors", [5, 6, 7, 8, 9, 10, 12, 16, 32])
def test_too_few_descriptors_are_one_line_and_no_damage(before, descriptors):
    """Of each verb; nothing is half done, and the next call with enough of them clears up."""
    root = before.folder / "s"
    before.write("data/new", "new\n")
    calls = (
        ("put", "data", "--name", "before", "-q"),
        ("--store", "other", "put", "data", "-q"),
        ("get", "before:v0", "-o", "out", "-q"),
        ("ls", "before"),
        ("verify",),
        ("rm", "before:v0", "--aliases"),
        ("repair",),
    )
    for arguments in calls:
        code, _, errors = call(before.folder, *arguments, descriptors=descriptors)
        assert code in {0, 1}, (arguments, errors)
        if code:
            assert "Too many open files" in one_line(errors)
            assert "call again" in errors
        assert descriptors < 16 or not code, (arguments, errors)
        assert (before.folder / "out").exists() <= (arguments[0] != "get" or not code)
        assert before("verify", "--json").json["ok"]
        assert not (root / "index" / "damaged").exists()
    before("get", "before", "-o", "out", "--force")
    assert not list(before.folder.glob(".out*"))


@pytest.mark.parametrize("kilobytes", [200_000, 320_000])
def test_too_little_memory_is_one_line_and_no_damage(before, kilobytes):
    """Wherever it is missed: when something is loaded, mapped, or a thread is begun."""
    before.write("data/large", os.urandom(20_000_000))
    for arguments in (("put", "data", "-q"), ("get", "before", "-o", "out", "-q"), ("verify",)):
        code, _, errors = call(before.folder, *arguments, kilobytes=kilobytes)
        assert code in {0, 1}, (arguments, errors)
        if code:
            assert "a defect" not in one_line(errors)
            assert "memory" in errors, errors
        assert (before.folder / "out").exists() <= (arguments[0] != "get" or not code)
        assert before("verify", "--json").json["ok"]
