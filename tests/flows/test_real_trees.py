"""Trees that nobody wrote for casstore: two releases of scipy, and the interpreter's own library.

Each is logged, checked out again, and compared byte for byte and executable bit by executable bit.
"""

import filecmp
import os
import shutil
import stat
import sysconfig
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from casstore.flows.changes import compare, compare_folder
from casstore.flows.checkout import checkout
from casstore.flows.verify import verify_version
from casstore.manifests import EntryKind

MAX_NEW_SHARE = 0.25
MANY_FILES = 1000


def packed_bytes(store):
    """Return what the packs take on disk."""
    return sum(path.stat().st_size for path in (store.root / "packs").rglob("*") if path.is_file())


def unpack(wheel, folder):
    """Unpack a wheel, executable bits included, as pip does."""
    with ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = archive.extract(member, folder)
            if member.external_attr >> 16 & stat.S_IXUSR:
                os.chmod(path, 0o755)
    return folder


def files_under(folder):
    """Return the paths, as bytes, of all files beneath a folder; links to folders are folders."""
    root = os.fsencode(folder)
    return {
        os.path.relpath(os.path.join(parent, name), root)
        for parent, _, names in os.walk(root, followlinks=True)
        for name in names
    }


def is_executable(path):
    return bool(os.stat(path).st_mode & stat.S_IXUSR)


def assert_same_tree(original, copy):
    """Compare files and executable bits; a link on the one side is what it points to."""
    names = files_under(original)
    assert files_under(copy) == names
    pairs = [
        (os.path.join(os.fsencode(original), name), os.path.join(os.fsencode(copy), name))
        for name in names
    ]
    assert [one for one, other in pairs if not filecmp.cmp(one, other, shallow=False)] == []
    assert [one for one, other in pairs if is_executable(one) != is_executable(other)] == []
    assert [other for _, other in pairs if os.path.islink(other)] == []


@pytest.fixture
def releases(wheels, tmp_path):
    """Unpack scipy 1.17.0 and 1.17.1."""
    return [
        unpack(next(wheels.glob(f"scipy-{release}-*.whl")), tmp_path / release)
        for release in ("1.17.0", "1.17.1")
    ]


@pytest.fixture
def library(tmp_path):
    """Copy the interpreter's library, and add what not every library has."""
    folder = tmp_path / "lib"
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        folder,
        ignore=shutil.ignore_patterns("site-packages", "dist-packages"),
        ignore_dangling_symlinks=True,
    )
    added = folder / "added"
    (added / "deep" / "er").mkdir(parents=True)
    (added / "empty").touch()
    (added / "deep" / "er" / "empty too").touch()
    (added / "a name\nof two lines").write_text("two\nlines\n")
    (added / " ").write_text("a space\n")
    (added / "-rf").write_text("not an option\n")
    (added / "naïve ✓.txt").write_text("é")
    (added / "script").write_text("#!/bin/sh\n")
    (added / "script").chmod(0o755)
    (added / "hidden").mkdir()
    (added / "hidden" / ".dot").write_text("taken too")
    Path(os.fsdecode(os.fsencode(added) + b"/\xff\xfe.bin")).write_bytes(bytes(range(256)))
    (added / "link to a file").symlink_to("../os.py")
    (added / "link to a script").symlink_to(added / "script")
    (added / "link to a folder").symlink_to("../json", target_is_directory=True)
    return folder


def test_the_second_release_of_a_package_stores_under_a_quarter_of_the_first(store, log, releases):
    """New bytes are what the packs grow by on disk, against what they took for the first."""
    empty = packed_bytes(store)
    log(store, releases[0], "scipy")
    first = packed_bytes(store) - empty
    version = log(store, releases[1], "scipy")
    second = packed_bytes(store) - empty - first
    assert version.number == 1
    assert 0 < second < MAX_NEW_SHARE * first


def test_two_releases_of_a_package_come_back_as_they_were(store, log, releases, tmp_path):
    """Both are still there when both are, and the store knows what differs between them."""
    versions = [log(store, folder, "scipy") for folder in releases]
    for version, folder in zip(versions, releases, strict=True):
        out = tmp_path / f"out-{version.number}"
        assert checkout(store, version, out).files == version.manifest.entries > MANY_FILES
        assert_same_tree(folder, out)
        assert list(compare_folder(store, version, folder)) == []
    before, after = map(files_under, releases)
    found = {change.path: change.kind for change in compare(store, *versions)}
    assert {path for path, kind in found.items() if kind == "added"} == after - before
    assert {path for path, kind in found.items() if kind == "removed"} == before - after
    assert found[b"scipy/version.py"] == "changed"
    assert b"scipy/constants/_codata.py" not in found


def test_the_interpreters_library_comes_back_as_it_was(store, log, library, tmp_path):
    """Thousands of small files, empty ones, scripts, links and odd names."""
    version = log(store, library, "lib")
    assert version.manifest.entries > MANY_FILES
    assert list(verify_version(store, version)) == []
    checkout(store, version, tmp_path / "out")
    assert_same_tree(library, tmp_path / "out")
    kinds = Counter(entry.kind for entry in store.manifest(version.manifest))
    assert kinds[EntryKind.EXECUTABLE] >= 2
    assert kinds.total() == version.manifest.entries
    assert log(store, library, "lib").commit == version.commit
