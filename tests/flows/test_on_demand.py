"""Bytes on demand: a version comes without its bytes, and they come when somebody reads them."""

import contextlib
import os
import random
import shutil
import threading
from pathlib import Path

import pytest
from elsewhere import (
    content,
    contents,
    depot_at,
    entries_of,
    files_of,
    here,
    nothing,
    pull,
    push,
    train,
)
from places import PLACES

from casstore.artifacts.opening import EntryStream
from casstore.errors import Absent, Corrupt, RemoteError
from casstore.exchange import Afar, on_demand, ondemand, open_depot
from casstore.flows.checkout import checkout
from casstore.journal import queries
from casstore.remotes import open_objects
from casstore.remotes.configuration import add_remote
from casstore.store import Session, close_store, create_store, partly_here, settle_whole

FILES = files_of(1)


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """Start one S3 server for this module."""
    with PLACES["moto"](tmp_path_factory.mktemp("s3")) as place:
        yield place


@pytest.fixture(params=["file", "memory", "s3"])
def url(request, tmp_path, monkeypatch):
    """Give an empty place of each of three kinds."""
    if request.param == "file":
        return f"file://{tmp_path}/elsewhere"
    if request.param == "memory":
        return f"memory://{tmp_path.name}"
    place = request.getfixturevalue("s3")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return f"{place.url}/{tmp_path.name}"


@pytest.fixture
def folder_url(tmp_path):
    """Give an empty folder as a place."""
    return f"file://{tmp_path}/elsewhere"


@pytest.fixture
def other(tmp_path):
    """Make a second store, whose reads fetch what is not in it."""
    made = on_demand(create_store(tmp_path / "other"))
    yield made
    close_store(made)


@pytest.fixture
def pushed(store, write, log, tmp_path):
    """Log files and bring them to a URL; returns the version."""

    def log_and_push(url, files=FILES, name="net"):
        view = log(store, write(tmp_path / "files" / name, files), name)
        push(store, url, view)
        return view

    return log_and_push


def gets(store):
    """Return how many reads a store has sent so far."""
    depots = store.frames.fetcher._depots.values()
    return sum(sum(depot.objects.requests.values()) for depot in depots)


def test_what_is_read_comes_is_right_and_stays(other, pushed, url):
    """One file first, then all; what came once is not asked for again."""
    view = pull(other, url, pushed(url), nothing)
    assert here(other, view) == set()
    assert partly_here(other, view)
    entries = entries_of(other, view)
    assert content(other, entries["train/3.bin"]) == FILES["train/3.bin"]
    other.frames.fetcher.seal()
    assert here(other, view) == {"train/3.bin"}
    assert contents(other, view) == FILES
    settle_whole(other, [view])
    assert not partly_here(other, view)
    asked = gets(other)
    assert contents(other, view) == FILES
    assert gets(other) == asked


def test_a_folder_of_a_hundred_files_takes_few_requests(other, pushed, url, tmp_path):
    """Laid out from nothing: spans of frames come together, not one request a chunk."""
    draw = random.Random(7)
    files = {f"d/{number:03}.bin": draw.randbytes(90_000) for number in range(100)}
    view = pull(other, url, pushed(url, files), nothing)
    checkout(other, view, tmp_path / "out")
    assert {f"d/{path.name}": path.read_bytes() for path in (tmp_path / "out/d").iterdir()} == files
    assert gets(other) < 15
    settle_whole(other, [view])
    assert not partly_here(other, view)


def test_who_reads_on_gets_more_at_once(other, pushed, url):
    """A stream of 20 MB in small reads is a few requests; one small read is a small one."""
    files = {"a.bin": random.Random(3).randbytes(20_000_000)}
    view = pull(other, url, pushed(url, files), nothing)
    stream = EntryStream(other, entries_of(other, view)["a.bin"])
    pieces = iter(lambda: stream.read(1_000_000), b"")
    assert next(pieces) == files["a.bin"][:1_000_000]
    assert other.frames.fetcher._arriving._held_bytes < 1_500_000
    assert b"".join(pieces) == files["a.bin"][1_000_000:]
    assert gets(other) < 15


def test_what_was_left_out_is_known_without_the_index(other, pushed, folder_url):
    """Also when ``db/`` is gone: it is read from files, and the rest still comes."""
    view = pull(other, folder_url, pushed(folder_url), train)
    chosen = {path for path in FILES if path.startswith("train/")}
    assert here(other, view) == chosen
    root = other.root
    close_store(other)
    shutil.rmtree(root / "db")
    shutil.rmtree(root / "mirrors")
    again = on_demand(create_store(root))
    assert partly_here(again, view)
    assert here(again, view) == chosen
    assert contents(again, view) == FILES
    close_store(again)


class Flipping:
    """Objects that flip a bit in every part of a pack that is asked for."""

    def __init__(self, objects):
        self._objects = objects

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def read(self, name, *where, **limits):
        data = self._objects.read(name, *where, **limits)
        if not name.startswith("packs/"):
            return data
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


def test_a_flipped_bit_is_never_served_nor_kept(other, pushed, url, monkeypatch):
    """It is named, and over a sound line the right bytes come."""
    view = pull(other, url, pushed(url), nothing)
    entry = entries_of(other, view)["large.bin"]
    with monkeypatch.context() as patch:
        patch.setattr(ondemand, "open_objects", lambda url: Flipping(open_objects(url)))
        with pytest.raises(Corrupt, match=r"large\.bin.*packs/"):
            content(other, entry)
    other.frames.fetcher.close()
    assert "large.bin" not in here(other, view)
    assert content(other, entry) == FILES["large.bin"]


def test_a_remote_that_goes_away_is_named_and_what_came_stays(other, pushed, folder_url, tmp_path):
    """One line; when it is back, only the rest is asked for."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    entries = entries_of(other, view)
    assert content(other, entries["train/3.bin"]) == FILES["train/3.bin"]
    (tmp_path / "elsewhere").rename(tmp_path / "away")
    with pytest.raises((Absent, RemoteError)) as caught:
        checkout(other, view, tmp_path / "out")
    assert "elsewhere" in caught.value.message
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert content(other, entries["train/3.bin"]) == FILES["train/3.bin"]
    (tmp_path / "away").rename(tmp_path / "elsewhere")
    checkout(other, view, tmp_path / "out")
    assert (tmp_path / "out/large.bin").read_bytes() == FILES["large.bin"]


def test_a_chunk_that_a_stream_needs_twice_comes_once(other, pushed, folder_url):
    """Also where what is read now and what is read ahead hold the same chunk."""
    same = random.Random(5).randbytes(300_000)
    files = {"a.bin": same * 12}
    view = pull(other, folder_url, pushed(folder_url, files), nothing)
    stream = EntryStream(other, entries_of(other, view)["a.bin"])
    assert b"".join(iter(lambda: stream.read(200_000), b"")) == files["a.bin"]


class Slow:
    """Objects whose reads wait until two threads have begun to read; counts them."""

    def __init__(self, objects, begun, calls):
        self._objects, self._begun, self._calls = objects, begun, calls

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def read(self, name, *where, **limits):
        if name.startswith("packs/"):
            self._begun.wait(10)
            self._calls.append(1)
        return self._objects.read(name, *where, **limits)


def test_two_threads_that_need_one_chunk_send_for_it_once(other, pushed, url, monkeypatch):
    """The second waits for the first, and both get the bytes."""
    view = pull(other, url, pushed(url), nothing)
    entry = entries_of(other, view)["train/3.bin"]
    begun, calls, got = threading.Event(), [], []
    monkeypatch.setattr(ondemand, "open_objects", lambda url: Slow(open_objects(url), begun, calls))
    threads = [threading.Thread(target=lambda: got.append(content(other, entry))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while (fetcher := other.frames.fetcher) is None or not fetcher._arriving._under_way:
        threads[0].join(0.01)
    begun.set()
    for thread in threads:
        thread.join()
    assert got == [FILES["train/3.bin"]] * 2
    assert len(calls) == 1


def test_a_failure_is_not_waited_for_for_ever(other, pushed, folder_url, monkeypatch):
    """A thread that waited for one who failed tries itself."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    entry = entries_of(other, view)["train/3.bin"]
    monkeypatch.setattr(ondemand, "open_objects", lambda url: Flipping(open_objects(url)))
    problems = []

    def read():
        try:
            content(other, entry)
        except Corrupt as error:
            problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(problems) == 3


def test_a_forked_child_reads_and_keeps(other, pushed, folder_url):
    """Before and after its parent has read; what the child fetched is here for the parent."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    entries = entries_of(other, view)
    assert content(other, entries["train/3.bin"]) == FILES["train/3.bin"]
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            good = content(other, entries["large.bin"]) == FILES["large.bin"]
            os._exit(0 if good else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "large.bin" in here(other, view)
    asked = gets(other)
    assert content(other, entries["large.bin"]) == FILES["large.bin"]
    assert gets(other) == asked
    assert content(other, entries["test/3.bin"]) == FILES["test/3.bin"]


def test_who_has_it_is_asked_if_who_had_it_is_gone(other, pushed, folder_url, tmp_path):
    """First where it came from, then the upstream, then every other remote."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    (tmp_path / "elsewhere").rename(tmp_path / "copy")
    add_remote(other.root, "empty", f"file://{tmp_path}/nothing")
    add_remote(other.root, "copy", f"file://{tmp_path}/copy", upstream=True)
    assert contents(other, view) == FILES


def test_a_copy_serves_what_the_first_place_has_damaged(other, pushed, folder_url, tmp_path):
    """Damage in one depot is passed over where another one has the bytes."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "copy")
    for path in (tmp_path / "elsewhere/packs").glob("*/*"):
        path.chmod(0o644)
        path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
    with pytest.raises(Corrupt):
        contents(other, view)
    add_remote(other.root, "copy", f"file://{tmp_path}/copy")
    assert contents(other, view) == FILES


def test_a_depot_that_was_packed_anew_is_looked_at_again(
    store, other, pushed, folder_url, tmp_path
):
    """What is remembered of packs that are gone is forgotten, and their frames found elsewhere."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    push(store, f"file://{tmp_path}/anew", view)
    for folder in ("packs", "index", "roots"):
        shutil.rmtree(tmp_path / "elsewhere" / folder)
        shutil.move(tmp_path / "anew" / folder, tmp_path / "elsewhere" / folder)
    assert contents(other, view) == FILES


def test_reading_goes_on_when_the_disk_is_full(other, pushed, folder_url, monkeypatch):
    """Nothing more is kept, and nobody's logging ends by it."""
    view = pull(other, folder_url, pushed(folder_url), nothing)

    def full(self, *arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "add_encoded", full)
        assert contents(other, view) == FILES
    assert here(other, view) == set()
    assert not other.session().failed


def test_a_store_that_can_only_be_read_reads_too(other, pushed, folder_url, monkeypatch):
    """Nothing is kept in it."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    other.frames.fetcher = None
    other.read_only = True
    on_demand(other)
    packs = set(other.packs.listing())
    assert contents(other, view) == FILES
    assert set(other.packs.listing()) == packs


def test_what_was_fetched_is_kept_when_the_store_is_closed(other, pushed, folder_url):
    """Even what did not fill a pack."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    entries = entries_of(other, view)
    for path in ("train/1.bin", "train/2.bin", "train/3.bin"):
        content(other, entries[path])
    root = other.root
    close_store(other)
    again = create_store(root)
    assert {"train/1.bin", "train/2.bin", "train/3.bin"} <= here(again, view)
    close_store(again)


def test_without_a_fetcher_one_line_says_where_it_is(other, pushed, folder_url):
    """Who opened the store gave none: nothing is asked of anybody."""
    view = pull(other, folder_url, pushed(folder_url), nothing)
    other.frames.fetch_with(None)
    with pytest.raises(Absent, match="absent here") as caught:
        contents(other, view)
    assert folder_url in str(caught.value)


def test_a_version_is_read_straight_from_elsewhere(other, pushed, url, tmp_path):
    """Nothing of it becomes visible, nothing is kept, and only what is needed is read."""
    view = pushed(url)
    with depot_at(other, url) as depot:
        depot.refresh()
        afar = Afar(other, depot)
        with depot.index.read() as reader:
            there = queries.version(reader, view.commit)
        before = sum(depot.objects.requests.values())
        assert content(afar, entries_of(afar, there)["train/3.bin"]) == FILES["train/3.bin"]
        assert sum(depot.objects.requests.values()) - before <= 6
        done = checkout(afar, there, tmp_path / "out")
        assert done.files == len(FILES)
        assert sum(depot.objects.requests.values()) - before < 15
    assert (Path(tmp_path) / "out/large.bin").read_bytes() == FILES["large.bin"]
    with other.index.read() as reader:
        assert queries.version(reader, view.commit) is None
    assert list(other.packs.listing()) == []


def test_a_flipped_bit_from_afar_is_never_served(other, pushed, folder_url, tmp_path):
    """Nothing is laid out, and nothing was kept that could be served later."""
    view = pushed(folder_url)
    depot = open_depot(Flipping(open_objects(folder_url)), other.index_folder / "mirrors")
    depot.refresh()
    with pytest.raises(Corrupt, match="packs/"):
        checkout(Afar(other, depot), view, tmp_path / "out")
    depot.close()
    assert not (tmp_path / "out").exists()
    assert list(other.packs.listing()) == []
