"""What ``Objects`` promises, kept by a bundle: a depot that is written once, into a file.

The reading side that it shares with every place is in ``test_depot_contract``.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import warnings

import pytest
from places import BUNDLE, KINDS

from casstore.bundles import BundleReader, BundleWriter, Contents
from casstore.errors import Conflict, Corrupt, FileMissing, Invalid, NotFound, Unsupported
from casstore.remotes import Listed

NAME = "packs/ab/abcd"
EVENT = "journal/202611/00ff-000000000001-0123456789abcdef"
CONTENTS = Contents((), "2026-01-01T00:00:00Z")
CHILD_SECONDS = 60
ROUNDS = 20

WRITE = """
import sys
from pathlib import Path
from casstore.bundles import BundleWriter, Contents
from casstore.errors import Conflict
for line in sys.stdin:
    path = Path(line.strip())
    try:
        with BundleWriter(path, Contents((), "2026-01-01T00:00:00Z")) as bundle:
            bundle.create("FORMAT", b"{}\\n")
            bundle.create("packs/ab/abcd", sys.argv[1].encode() * 1000)
            sys.stdout.write("ready\\n"); sys.stdout.flush()
            sys.stdin.readline()
            bundle.publish()
        print("made", flush=True)
    except Conflict:
        print("taken", flush=True)
"""


@pytest.fixture
def writing(tmp_path):
    """Begin a bundle."""
    with BundleWriter(tmp_path / "depot.zip", CONTENTS) as bundle:
        bundle.create("FORMAT", b"{}\n")
        yield bundle


@pytest.fixture
def made(writing):
    """Give a bundle's file with two objects, and the first one's bytes."""
    data = random.Random(3).randbytes(10_000)
    writing.create(NAME, data)
    writing.create(EVENT, b"event")
    (path,) = writing.publish()
    return path, data


def test_a_bundle_is_one_of_the_kinds():
    """So the test that every kind was tried knows it."""
    assert BUNDLE in KINDS


def test_while_it_is_made_it_is_a_depot_to_its_maker(writing):
    """What was made is there at once; the same again is success; others' bytes are refused."""
    for _ in range(2):
        writing.create(NAME, b"the same")
    assert (writing.read(NAME), writing.read(NAME, 4, 8)) == (b"the same", b"same")
    assert set(writing.listing("packs/")) == {Listed(NAME, 8)}
    with pytest.raises(Conflict):
        writing.create(NAME, b"another")
    assert writing.create_exclusively("claims/p/n/0", b"mine")
    assert writing.create_exclusively("claims/p/n/0", b"mine")
    assert not writing.create_exclusively("claims/p/n/0", b"theirs")
    with pytest.raises(NotFound):
        writing.read("packs/ab/none")
    (path,) = writing.publish()
    with BundleReader([path]) as reader:
        assert reader.read(NAME) == b"the same"
        assert reader.read("claims/p/n/0") == b"mine"


def test_once_made_nothing_is_added_or_removed(made, writing):
    """Neither by who made it nor by who reads it; the file stays as it is."""
    path, data = made
    before = path.read_bytes()
    with BundleReader([path]) as reader:
        for each in (reader, writing):
            for call in (each.create, each.create_exclusively):
                with pytest.raises(Unsupported, match="bundle"):
                    call("packs/ab/more", b"x")
            with pytest.raises(Unsupported, match="bundle"):
                each.delete(NAME)
        assert reader.read(NAME) == data
    assert path.read_bytes() == before


def test_a_second_bundle_of_the_name_is_refused(made):
    """Before anything is written, and also if the name was taken while it was written."""
    path, _ = made
    before = path.read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        BundleWriter(path, CONTENTS)
    other = path.with_name("other.zip")
    with BundleWriter(other, CONTENTS) as late:
        late.create("FORMAT", b"{}\n")
        other.write_bytes(b"somebody's")
        with pytest.raises(Conflict, match="is there already"):
            late.publish()
    assert (path.read_bytes(), other.read_bytes()) == (before, b"somebody's")
    assert {each.name for each in path.parent.iterdir()} == {path.name, other.name}


def test_parts_are_named_all_or_none(tmp_path):
    """Where the second name is taken just then, the first is given back."""
    with BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=60_000) as late:
        late.create("FORMAT", b"{}\n")
        for number in range(4):
            late.create(f"packs/{number:02}/x", os.urandom(30_000))
        refuse, seen = late._share, []

        def take_meanwhile(number):
            if not seen:
                (tmp_path / "b.2.zip").write_bytes(b"somebody's")
            seen.append(number)
            refuse(number)

        late._share = take_meanwhile
        with pytest.raises(Conflict, match=r"b\.2\.zip is there already"):
            late.publish()
    assert {each.name for each in tmp_path.iterdir()} == {"b.2.zip"}
    assert (tmp_path / "b.2.zip").read_bytes() == b"somebody's"


def test_one_of_two_racing_processes_makes_the_bundle(tmp_path):
    """The other is told; the file is the winner's, whole."""
    command = [sys.executable, "-c", WRITE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    children = {word: subprocess.Popen([*command, word], **pipes) for word in ("one", "two")}
    try:
        for number in range(ROUNDS):
            path = tmp_path / f"{number}.zip"
            for child in children.values():
                child.stdin.write(f"{path}\n")
            assert {child.stdout.readline() for child in children.values()} == {"ready\n"}
            for child in children.values():
                child.stdin.write("go\n")
            said = {word: child.stdout.readline().strip() for word, child in children.items()}
            assert sorted(said.values()) == ["made", "taken"]
            (winner,) = [word for word, what in said.items() if what == "made"]
            with BundleReader([path]) as reader:
                assert reader.read(NAME) == winner.encode() * 1000
    finally:
        for child in children.values():
            child.stdin.close()
            child.wait(CHILD_SECONDS)
            child.stdout.close()
    assert len(list(tmp_path.iterdir())) == ROUNDS


def test_a_maker_that_is_killed_leaves_nothing_under_the_name(tmp_path):
    """And the bundle can be made afterwards."""
    path = tmp_path / "depot.zip"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    child = subprocess.Popen([sys.executable, "-c", WRITE, "x"], **pipes)
    child.stdin.write(f"{path}\n")
    child.stdin.flush()
    assert child.stdout.readline() == "ready\n"
    child.kill()
    child.wait(CHILD_SECONDS)
    child.stdin.close()
    child.stdout.close()
    assert not path.exists()
    with BundleWriter(path, CONTENTS) as bundle:
        bundle.create("FORMAT", b"again")
        bundle.publish()
    with BundleReader([path]) as reader:
        assert reader.read("FORMAT") == b"again"


def test_a_bit_that_flipped_in_the_file_is_not_repaired_in_silence(made):
    """A whole object is refused; a part of it comes as it lies there, for who checks it to see."""
    path, data = made
    content = bytearray(path.read_bytes())
    place = bytes(content).index(data) + 5000
    content[place] ^= 1
    path.write_bytes(content)
    with BundleReader([path]) as reader:
        with pytest.raises(Corrupt, match=f"member {NAME} is damaged"):
            reader.read(NAME)
        assert reader.read(NAME, 4990, 5010) == bytes(content[place - 10 : place + 10])
        assert reader.read(NAME, 0, 5000) == data[:5000]
        assert reader.read(EVENT) == b"event"


def test_a_file_that_was_cut_short_is_refused_when_it_is_opened(made):
    """By any number of bytes; one that is cut while it is open is told when it is read."""
    path, _ = made
    whole = path.read_bytes()
    for left in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:left])
        with pytest.raises(Corrupt, match=path.name):
            BundleReader([path])
    path.write_bytes(whole)
    with BundleReader([path]) as reader:
        os.truncate(path, 5000)
        with pytest.raises(Corrupt, match="it ends within"):
            reader.read(NAME)
    path.unlink()
    with pytest.raises(FileMissing):
        BundleReader([path])


def test_it_is_read_in_a_forked_child_and_by_nobody_after_closing(made):
    """Closing twice is fine; a file that takes the number of the closed one is never read."""
    path, data = made
    reader = BundleReader([path])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(CHILD_SECONDS)
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if reader.read(NAME) == data else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert reader.read(NAME) == data
    for _ in range(2):
        reader.close()
    with path.with_name("other").open("wb+"), pytest.raises(Invalid, match="was closed"):
        reader.read(NAME, 0, 5)
