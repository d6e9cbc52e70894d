"""The ZIP of a bundle: others read it, and what is none is refused in one line."""

import io
import shutil
import subprocess
import zipfile
import zlib

import pytest

from casstore.bundles import BundleReader, BundleWriter, Contents
from casstore.bundles.container import (
    Directory,
    Member,
    central_row,
    end_records,
    local_header,
    parse_directory,
    parse_end,
)
from casstore.errors import Corrupt, Error, FileMissing

OBJECTS = {"FORMAT": b"{}\n", "packs/ab/cd": b"\0" * 1000, "journal/202601/x": b""}


@pytest.fixture
def bundle(tmp_path):
    """Write a bundle of a few objects."""
    with BundleWriter(tmp_path / "b.zip", Contents((), "2026-01-01T00:00:00Z")) as writer:
        for name, data in OBJECTS.items():
            writer.create(name, data)
        (path,) = writer.publish()
    return path


def test_python_and_unzip_read_it(bundle):
    """It is an ordinary ZIP: every member is there, stored, with its CRC."""
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in OBJECTS} == OBJECTS
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {"README", "SHA256SUMS", "bundle.json", "extract.py"} < set(archive.namelist())
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed: apt-get install unzip")
    subprocess.run(["unzip", "-tq", str(bundle)], check=True, capture_output=True, timeout=60)


def test_members_beyond_four_gigabytes_are_read_by_others(tmp_path):
    """The offsets are ZIP64 there; the file has holes, so it takes no space."""
    path = tmp_path / "large.zip"
    hole = 128 * 1024 * 1024
    crc, members = 0, []
    with path.open("wb") as stream:
        for number in range(34):
            crc = crc or zlib.crc32(bytes(hole))
            members.append(Member(f"packs/{number:02}/x", crc, hole, stream.tell()))
            stream.write(local_header(*members[-1][:3]))
            stream.seek(hole, 1)
        members.append(Member("last", zlib.crc32(b"the end"), 7, stream.tell()))
        stream.write(local_header(*members[-1][:3]) + b"the end")
        offset = stream.tell()
        rows = b"".join(map(central_row, members))
        directory = Directory(len(members), offset, len(rows))
        stream.write(rows + end_records(directory))
        size = stream.tell()
    assert offset > 1 << 32
    assert parse_end(end_records(directory), size) == directory
    assert parse_directory(rows, directory) == members
    with zipfile.ZipFile(path) as archive:
        assert archive.read("last") == b"the end"
        assert len(archive.infolist()) == 35
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed: apt-get install unzip")
    command = ["unzip", "-p", str(path), "last"]
    assert subprocess.run(command, check=True, capture_output=True, timeout=60).stdout == b"the end"


def rewritten(bundle, change):
    """Write the bundle's members as another ZIP, with zipfile; ``change`` may add or replace."""
    made = io.BytesIO()
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(made, "w") as new:
        change(old, new)
    bundle.write_bytes(made.getvalue())


def copy_all(old, new, **options):
    for info in old.infolist():
        new.writestr(info.filename, old.read(info), **options)


def compressed(old, new):
    copy_all(old, new, compress_type=zipfile.ZIP_DEFLATED)


def escaping(old, new):
    copy_all(old, new)
    new.writestr("../../outside", b"x")


def absolute(old, new):
    copy_all(old, new)
    new.writestr("/etc/outside", b"x")


def foreign(_old, new):
    new.writestr("hello.txt", b"x")


@pytest.mark.parametrize("change", [compressed, escaping, absolute, foreign, copy_all])
def test_what_others_wrote_is_refused_in_one_line(bundle, change):
    """Compressed members, paths that escape, ZIPs that are no bundle; casstore's own form only."""
    rewritten(bundle, change)
    with pytest.raises(Corrupt) as caught:
        BundleReader([bundle])
    assert str(bundle) in str(caught.value)
    assert "\n" not in str(caught.value)


def forged(members, data=b""):
    """Return a directory of members that nobody would write, and its bytes."""
    rows = b"".join(map(central_row, members))
    return rows, Directory(len(members), len(data), len(rows))


def test_members_that_lie_are_refused():
    """Two of one name, gaps, sizes beyond the file or the limit, names that no member has."""
    end = Member("a", 0, 5, 0).end
    lies = {
        "two members": [Member("a", 0, 5, 0), Member("a", 0, 5, end)],
        "follow": [Member("a", 0, 5, 0), Member("b", 0, 5, end + 1)],
        "fill": [Member("a", 0, 500, 0)],
        "none has": [Member("a", 0, 1 << 31, 0)],
        "is called": [Member("a/../b", 0, 5, 0)],
        "which none": [Member(".hidden", 0, 5, 0)],
    }
    for message, members in lies.items():
        rows, directory = forged(members, bytes(end))
        with pytest.raises(Corrupt, match=message):
            parse_directory(rows, directory)


def test_a_directory_that_claims_too_much_is_not_read():
    """Ten million members are refused before anything is allocated for them."""
    directory = Directory(10_000_000, 0, 500_000_000)
    with pytest.raises(Corrupt, match="at most"):
        parse_end(end_records(directory), 500_000_000 + 98)


def test_no_file_and_a_short_file_are_told_apart(tmp_path):
    """The first is not there, the second damaged."""
    with pytest.raises(FileMissing, match="no such file"):
        BundleReader([tmp_path / "none.zip"])
    (tmp_path / "short.zip").write_bytes(b"PK")
    with pytest.raises(Corrupt, match="cut short"):
        BundleReader([tmp_path / "short.zip"])
    with pytest.raises((Error, OSError)):
        BundleReader([tmp_path])
