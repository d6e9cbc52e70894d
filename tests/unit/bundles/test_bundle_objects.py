"""Bundles as depots: what ``remotes.Objects`` promises, as far as a file written once can."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from casstore import durable
from casstore.bundles import BundleReader, BundleWriter, Contents, Listing
from casstore.bundles.about import About, read_about, readme, write_about
from casstore.errors import Conflict, Corrupt, Invalid, NotFound, RemoteError, Unsupported
from casstore.remotes import Listed, Range

CONTENTS = Contents((), "2026-01-01T00:00:00Z")


@pytest.fixture
def writer(tmp_path):
    """Begin a bundle."""
    with BundleWriter(tmp_path / "b.zip", CONTENTS) as bundle:
        yield bundle


def test_what_was_created_is_read_and_listed(writer):
    """While it is written and after."""
    writer.create("FORMAT", b"one")
    writer.create("packs/ab/x", memoryview(b"0123456789"))
    check(writer)
    (path,) = writer.publish()
    with BundleReader([path]) as reader:
        check(reader)
        assert reader.url == writer.url == str(path)
        assert dict(reader.requests) == dict(writer.requests) == {}


def check(objects):
    assert objects.read("packs/ab/x") == b"0123456789"
    assert objects.read("packs/ab/x", 2, 5) == b"234"
    ranges = [Range("packs/ab/x", 8, 10), Range("FORMAT", 0, 3), Range("packs/ab/x", 0, 1)]
    assert list(objects.read_ranges(ranges)) == [b"89", b"one", b"0"]
    assert list(objects.listing("packs/")) == [Listed("packs/ab/x", 10)]
    assert {listed.name for listed in objects.listing("")} == {"FORMAT", "packs/ab/x"}
    with pytest.raises(NotFound):
        objects.read("packs/ab/y")
    with pytest.raises(NotFound):
        objects.read("README")
    with pytest.raises((RemoteError, Corrupt), match="10 bytes"):
        objects.read("packs/ab/x", 5, 11)
    with pytest.raises(Unsupported):
        objects.delete("FORMAT")


def test_nothing_is_ever_overwritten(writer):
    """The same bytes again is success, others a conflict; exactly one of two wins a name."""
    writer.create("packs/ab/x", b"same")
    writer.create("packs/ab/x", b"same")
    with pytest.raises(Conflict):
        writer.create("packs/ab/x", b"other")
    assert writer.create_exclusively("claims/1", b"me")
    assert writer.create_exclusively("claims/1", b"me")
    assert not writer.create_exclusively("claims/1", b"you")
    assert writer.read("claims/1") == b"me"


@pytest.mark.parametrize("name", ["README", "extract.py", "../x", "/x", "a//b", "a/.b", "é", ""])
def test_names_that_no_object_has_are_refused(writer, name):
    """Those of the bundle itself, and what would escape when somebody unpacks it."""
    with pytest.raises(Invalid):
        writer.create(name, b"x")


def test_threads_may_create_at_once(writer):
    """Every object is whole."""

    def create(number):
        writer.create(f"packs/{number:02}/x", bytes([number]) * 10_000)

    writer.create("FORMAT", b"one")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(64)))
    (path,) = writer.publish()
    with BundleReader([path]) as reader:
        for number in range(64):
            assert reader.read(f"packs/{number:02}/x") == bytes([number]) * 10_000


def test_a_reader_cannot_be_written_to(writer):
    """It says so."""
    writer.create("FORMAT", b"one")
    (path,) = writer.publish()
    with BundleReader([path]) as reader:
        for call in (reader.create, reader.create_exclusively):
            with pytest.raises(Unsupported, match="bundle"):
                call("x", b"x")


def test_leaving_without_publishing_leaves_nothing(tmp_path):
    """All parts go."""
    with BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=60_000) as writer:
        for number in range(4):
            writer.create(f"packs/{number:02}/x", os.urandom(30_000))
        assert len(list(tmp_path.iterdir())) > 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space left"), KeyboardInterrupt()])
def test_parts_that_cannot_all_be_named_leave_nothing(tmp_path, monkeypatch, error):
    """Half of a bundle under its name would be taken for one whose other parts are elsewhere."""
    install = durable.install_new

    def full(staged, final):
        if any(path.name.startswith("b") for path in tmp_path.iterdir()):
            raise error
        install(staged, final)

    monkeypatch.setattr(durable, "install_new", full)
    with BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=60_000) as writer:
        writer.create("FORMAT", b"one")
        for number in range(4):
            writer.create(f"packs/{number:02}/x", os.urandom(30_000))
        with pytest.raises(type(error)):
            writer.publish()
    assert list(tmp_path.iterdir()) == []


def test_every_part_has_the_events_and_keeps_its_size(tmp_path):
    """FORMAT and events are in each, packs in one; none is larger than was asked for."""
    with BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=150_000) as writer:
        writer.create("FORMAT", b"one")
        writer.keep_room(5000)
        for number in range(9):
            writer.create(f"packs/{number:02}/x", os.urandom(20_000))
        writer.create("journal/202601/event", b"e" * 5000)
        paths = writer.publish()
    assert len(paths) > 2
    packs = []
    for number, path in enumerate(paths, 1):
        assert path.stat().st_size <= 150_000
        with BundleReader([path]) as reader:
            about = reader.files[0].about
            assert (about.bundle_id, about.part, about.parts) == (
                writer.bundle_id,
                number,
                len(paths),
            )
            assert reader.read("journal/202601/event") == b"e" * 5000
            packs += [listed.name for listed in reader.listing("packs/")]
            others = sorted(set(range(1, len(paths) + 1)) - {number})
            assert reader.missing_parts() == {writer.bundle_id: others}
    assert sorted(packs) == [f"packs/{number:02}/x" for number in range(9)]


def test_more_events_than_there_was_room_for_leave_no_bundle(tmp_path):
    """Nothing is published that is larger than was asked for."""
    with BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=150_000) as writer:
        for number in range(9):
            writer.create(f"packs/{number:02}/x", os.urandom(20_000))
        writer.create("journal/202601/event", b"e" * 130_000)
        with pytest.raises(Conflict, match="call again"):
            writer.publish()
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_fits_into_no_part_is_refused(tmp_path):
    """The message says what would do."""
    writer = BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=50_000)
    with writer, pytest.raises(Invalid, match="--split 100M"):
        writer.create("packs/00/x", bytes(60_000))


def test_the_copy_of_another_part_is_taken_where_one_is_damaged(tmp_path):
    """Objects that several files hold are read from the first that is whole."""
    with BundleWriter(tmp_path / "b.zip", CONTENTS, part_bytes=60_000) as writer:
        writer.create("FORMAT", b"the format of the depot")
        for number in range(4):
            writer.create(f"packs/{number:02}/x", os.urandom(30_000))
        first, *others = writer.publish()
    data = first.read_bytes().replace(b"the format of", b"the fXrmat of")
    first.write_bytes(data)
    with BundleReader([first, *others]) as reader:
        assert reader.read("FORMAT") == b"the format of the depot"
    with BundleReader([first]) as reader, pytest.raises(Corrupt, match="FORMAT is damaged"):
        reader.read("FORMAT")


LISTING = Listing("p", "data", "v3", "ab" * 16, "cd" * 32, "ef" * 32, 1, 12, 3456, "2026-01-01")


def test_what_a_bundle_says_of_itself_is_read_back():
    """And stands in the README for people."""
    about = About("01" * 16, 2, 3, Contents((LISTING,), "2026-01-01T00:00:00Z"))
    assert read_about(write_about(about)) == about
    text = readme(about).decode()
    assert "p/data:v3  3456  12" in text
    assert "2 of 3" in text
    assert "extract.py" in text


@pytest.mark.parametrize(
    "change",
    [
        (b'"part":2', b'"part":4'),
        (b'"part":2', b'"part":"2"'),
        (b'"part":2', b'"part":true'),
        (b'"parts":3', b'"parts":1000000'),
        (b'"level":1', b'"level":"1"'),
        (b"abab", b"ABAB"),
        (b'"versions":[', b'"versions":' + b"[" * 100_000),
        (b'"thin_against":null', b'"thin_against":7'),
        (b"}", b""),
    ],
)
def test_what_no_bundle_says_is_refused(change):
    """Each as damage, in one line."""
    about = About("01" * 16, 2, 3, Contents((LISTING,), "2026-01-01T00:00:00Z"))
    with pytest.raises(Corrupt) as caught:
        read_about(write_about(about).replace(*change))
    assert "\n" not in str(caught.value)


def test_a_bundle_of_a_later_format_says_what_it_needs():
    """It is no damage."""
    about = write_about(About("01" * 16, 1, 1, CONTENTS))
    with pytest.raises(Unsupported, match=r"casstore >=0\.1"):
        read_about(about.replace(b'"format":1', b'"format":2'))
