"""Files that cannot be logged as they are: one clear line, and nothing is lost.

Unreadable, changing, vanishing; sockets, pipes, devices; odd names; paths that leave the tree.
"""

import os
import random
import shutil
import socket
import threading

import pytest
from hostile import as_anybody, one_line

import casstore
from casstore import durable
from casstore.cli.main import main
from casstore.errors import Busy, FileMissing, Invalid

SMALL, LARGE = 5_000, 3_000_000  # read with others in one batch; read as a stream


def nothing_happened(cli):
    """Check that there is no version but the one from before, and that the store is whole."""
    assert cli("ls", "-q").lines == ["before"]
    assert cli("ls", "before", "-q").lines == ["before:v0"]
    assert cli("verify", "--json").json["ok"]
    cli("put", "data", "--name", "probe", "--ignore", "odd*")
    cli("get", "probe", "-o", "out")


# Unreadable


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_unreadable_file_is_named_and_nothing_is_logged(before, size):
    """Exit 1, one line; refused by the system, for root too."""
    before.write("data/odd", bytes(size)).chmod(0)
    as_anybody("-c", "import os, sys; sys.exit(os.access('data/odd', os.R_OK))")
    result = as_anybody("-m", "casstore", "put", "data", code=1)
    assert "data/odd cannot be read: Permission denied" in one_line(result.stderr)
    nothing_happened(before)


def test_an_unreadable_folder_is_named_and_nothing_is_logged(before):
    """It is not taken for an empty one."""
    before.write("data/odd/in", "x")
    (before.folder / "data" / "odd").chmod(0)
    result = as_anybody("-m", "casstore", "put", "data", code=1)
    (before.folder / "data" / "odd").chmod(0o755)
    assert "data/odd cannot be read: Permission denied" in one_line(result.stderr)
    nothing_happened(before)


def test_python_says_the_same_of_an_unreadable_file(desk):
    """``add_file`` and ``add_dir`` raise a casstore.Error, and the draft holds nothing of it."""
    desk.write("in/readable", "x")
    desk.write("in/odd", "x").chmod(0)
    script = desk.folder / "script.py"
    script.write_text(
        "import casstore\n"
        "artifact = casstore.Artifact('a', 'dataset')\n"
        "for add in (lambda: artifact.add_file('in/odd'), lambda: artifact.add_dir('in')):\n"
        "    try: add()\n"
        "    except casstore.Error as error: print(error.message)\n"
        "print(list(artifact.manifest.entries))\n"
    )
    lines = as_anybody(str(script)).stdout.splitlines()
    assert ["in/odd cannot be read" in line for line in lines] == [True, True, False]
    assert lines[2] == "[]"


# Changing and vanishing


@pytest.fixture
def while_reading(monkeypatch):
    """Give a way to do something each time that a file of some name has been read from."""

    def arrange(name, action):
        def acting(really_read):
            def read(descriptor, *arguments):
                got = really_read(descriptor, *arguments)
                if os.readlink(f"/proc/self/fd/{descriptor}").endswith(name):
                    action()
                return got

            return read

        for call in ("read_into", "read_into_at"):
            monkeypatch.setattr(durable, call, acting(getattr(durable, call)))

    return arrange


def once(action):
    """Return a function that does something when it is called first, and nothing later."""
    waiting = [action]

    def call():
        if waiting:
            waiting.pop()()

    return call


def append_to(path):
    with path.open("ab") as stream:
        stream.write(b"more")


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_that_keeps_changing_is_named_and_nothing_is_logged(
    before, while_reading, monkeypatch, size
):
    """Exit 11: wait and call again."""
    path = before.write("data/odd", bytes(size))
    with monkeypatch.context():
        while_reading("data/odd", lambda: append_to(path))
        result = before("put", "data", code=11)
    assert "data/odd kept changing while it was read" in one_line(result.errors)
    with pytest.raises(Busy, match="odd kept changing"):
        casstore.Artifact("a", "dataset").add_file(path)
    nothing_happened(before)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_that_changed_once_while_it_was_read_is_logged_whole(before, while_reading, size):
    """It is read again; what is logged is what it was at one moment."""
    content = random.Random(size).randbytes(size)
    path = before.write("data/odd", content)
    while_reading("data/odd", once(lambda: append_to(path)))
    before("put", "data")
    assert before("cat", "data", "odd").raw == content + b"more"
    assert before("verify", "data", "--json").json["ok"]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_that_shrinks_while_it_is_read_is_logged_whole_or_not(before, while_reading, size):
    """No version has bytes that the file never had."""
    path = before.write("data/odd", b"x" * size)
    while_reading("data/odd", once(lambda: os.truncate(path, size // 2)))
    before("put", "data")
    assert before("cat", "data", "odd").raw == b"x" * (size // 2)


def test_files_that_somebody_keeps_replacing_are_whole_in_every_version(before):
    """A thread swaps a file as fast as it can; each put logs one of its contents or says no."""
    contents = [bytes([letter]) * size for letter, size in ((65, SMALL), (66, SMALL), (67, LARGE))]
    target = before.write("data/odd", contents[0])
    done = threading.Event()

    def swap():
        while not done.is_set():
            for content in contents:
                staged = target.with_name("staged")
                staged.write_bytes(content)
                staged.replace(target)
                done.wait(0.001)

    swapping = threading.Thread(target=swap)
    swapping.start()
    logged = 0
    try:
        for _ in range(12):
            call = ["put", "data", "--ignore", "staged", "-q", "--no-cache"]
            code = main(call)
            assert code in {0, 10, 11}
            logged += code == 0
    finally:
        done.set()
        swapping.join()
    assert logged
    for version in before("ls", "data", "-q").lines:
        assert before("cat", version, "odd").raw in contents
    assert before("verify", "--json").json["ok"]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_that_vanishes_before_it_is_read_is_named(before, monkeypatch, size):
    """Exit 10, one line, nothing logged."""
    path = before.write("data/odd", bytes(size))
    really_open = os.open

    def vanish_first(name, *arguments, **options):
        if os.fsencode(name).endswith(b"data/odd"):
            path.unlink(missing_ok=True)
        return really_open(name, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", vanish_first)
        result = before("put", "data", code=10)
    assert "data/odd vanished while it was read" in one_line(result.errors)
    path.write_bytes(bytes(size))
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", vanish_first)
        with pytest.raises(FileMissing, match="odd vanished"):
            casstore.Artifact("a", "dataset").add_file(path)
    nothing_happened(before)


def test_a_folder_that_vanishes_while_it_is_walked_is_named(before, monkeypatch):
    """It is not taken for an empty one."""
    folder = before.write("data/odd/in", "x").parent
    really_scan = os.scandir

    def vanish_first(name):
        if isinstance(name, bytes) and name.endswith(b"data/odd") and folder.exists():
            folder.rename(folder.with_name("elsewhere"))
        return really_scan(name)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", vanish_first)
        result = before("put", "data", code=10)
    assert "data/odd vanished" in one_line(result.errors)
    shutil.rmtree(folder.with_name("elsewhere"))
    nothing_happened(before)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_pipe_that_takes_the_place_of_a_file_does_not_hang(before, monkeypatch, size):
    """What was a file when the folder was walked need not be one when it is opened."""
    path = before.write("data/odd", bytes(size))
    really_open = os.open

    def swap_first(name, *arguments, **options):
        if os.fsencode(name).endswith(b"data/odd") and path.is_file():
            path.unlink()
            os.mkfifo(path)
        return really_open(name, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", swap_first)
        result = before("put", "data", code=2)
    assert "data/odd is a socket, pipe or device" in one_line(result.errors)
    nothing_happened(before)


# What is no file


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(path.parent)  # a socket's path is short
        listener.bind(path.name)
        os.chdir(path.parent.parent)


def make_device_link(path):
    path.symlink_to(os.devnull)


@pytest.mark.parametrize("make", [make_pipe, make_socket, make_device_link])
def test_what_is_no_file_is_named_and_can_be_ignored(before, make):
    """Exit 2, in a folder and by itself, from Python too; nothing is opened, so nothing hangs."""
    make(before.folder / "data" / "odd")
    for call in (("data",), ("data/odd",), ("data/odd", "data", "--name", "x"), ("-n", "data")):
        result = before("put", *call, code=2)
        assert "odd is a socket, pipe or device" in one_line(result.errors)
    artifact = casstore.Artifact("a", "dataset")
    for add in (artifact.add_file, artifact.add_dir):
        with pytest.raises(Invalid, match="is a socket, pipe or device"):
            add("data/odd" if add == artifact.add_file else "data")
    assert list(artifact.manifest.entries) == []
    nothing_happened(before)
