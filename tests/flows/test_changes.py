"""What differs between two versions, and between a version and a folder."""

import os
import random

import pytest

from casstore.errors import Error
from casstore.flows import changes
from casstore.flows.changes import Change, compare, compare_folder
from casstore.flows.log import result
from casstore.manifests import Entry, EntryKind
from casstore.store import Commit, commit


@pytest.fixture
def folder(write, tmp_path):
    """Make a folder whose walk and whose paths have different orders."""
    return write(tmp_path / "in", {"a/x": b"ax", "a.txt": b"a.txt", "b": b"b", "c/d/e": b"e"})


@pytest.fixture
def version(store, log, folder):
    """Log the folder as ``x:v0``."""
    return log(store, folder, "x")


def told(found):
    return [(change.path, change.kind) for change in found]


def test_a_version_does_not_differ_from_itself(store, version):
    """Equal trees are not even read."""
    assert list(compare(store, version, version)) == []


def test_every_kind_of_change_between_versions_is_told(store, version, log, write, folder):
    """Both entries are given, in path order."""
    write(folder, {"b": b"other", "new": b"new"})
    (folder / "a.txt").chmod(0o755)
    (folder / "a" / "x").unlink()
    newer = log(store, folder, "x")
    found = list(compare(store, version, newer))
    assert told(found) == [
        (b"a.txt", "mode"),
        (b"a/x", "removed"),
        (b"b", "changed"),
        (b"new", "added"),
    ]
    before, after = store.manifest(version.manifest), store.manifest(newer.manifest)
    for change in found:
        assert change == Change(
            change.path, change.kind, before.get(change.path), after.get(change.path)
        )
    assert told(compare(store, newer, version)) == [
        (b"a.txt", "mode"),
        (b"a/x", "added"),
        (b"b", "changed"),
        (b"new", "removed"),
    ]


def by_hand(store, entries):
    draft = store.draft()
    for entry in entries:
        draft.put(entry)
    view = commit(store, draft, Commit(project="p", name="hand", type="dataset")).version
    draft.close()
    return view


@pytest.mark.parametrize("seed", range(6))
def test_changes_of_large_versions_are_those_of_plain_dictionaries(store, seed):
    """Trees that share some nodes and not others tell exactly what differs."""
    seeded = random.Random(seed)
    first = {b"%05d" % number: seeded.randbytes(32) for number in range(0, 4000, 2)}
    second = dict(first)
    for path in seeded.sample(sorted(first), seeded.choice([1, 30, 1500])):
        del second[path]
    for _ in range(seeded.choice([1, 30, 1500])):
        second[b"%05d" % seeded.randrange(4000)] = seeded.randbytes(32)
    views = [
        by_hand(store, [Entry(path, 1, EntryKind.FILE, digest) for path, digest in files.items()])
        for files in (first, second)
    ]
    expected = []
    for path in sorted({*first, *second}):
        if first.get(path) != second.get(path):
            kind = "added" if path not in first else "removed" if path not in second else "changed"
            expected.append((path, kind))
    assert told(compare(store, *views)) == expected


def test_a_file_that_was_cut_otherwise_is_no_change(store):
    """Only content and the executable bit count, not how a file is stored."""
    entry = Entry(b"a", 3, EntryKind.FILE, bytes(32))
    one = by_hand(store, [entry, Entry(b"b", 1, EntryKind.FILE, bytes(32))])
    other = by_hand(store, [entry._replace(layout=bytes(72)), Entry(b"c", 1, 0, bytes(32))])
    assert told(compare(store, one, other)) == [(b"b", "removed"), (b"c", "added")]


def test_a_folder_that_was_logged_does_not_differ(store, version, folder):
    """Also if nothing is known by stat, and every file has to be read."""
    assert list(compare_folder(store, version, folder)) == []


def test_every_kind_of_change_to_a_folder_is_told_in_path_order(store, version, write, folder):
    """The folder is what comes after."""
    write(folder, {"a.txt": b"A.txt", "b": b"longer", "a-new": b"new"})
    (folder / "a" / "x").chmod(0o755)
    (folder / "c" / "d" / "e").unlink()
    assert told(compare_folder(store, version, folder)) == [
        (b"a-new", "added"),
        (b"a.txt", "changed"),
        (b"a/x", "mode"),
        (b"b", "changed"),
        (b"c/d/e", "removed"),
    ]


def test_the_entry_after_a_change_has_the_files_size_and_mode(store, version, write, folder):
    """Its content is known if it had to be read to tell."""
    write(folder, {"a.txt": b"A.txt", "b": b"longer"})
    by_path = {change.path: change for change in compare_folder(store, version, folder)}
    assert len(by_path[b"a.txt"].after.content) == 32
    assert by_path[b"b"].after == Entry(b"b", 6, EntryKind.FILE, b"")


def test_ignored_files_are_not_part_of_the_folder(store, version, write, folder):
    """Patterns are those of ``put --ignore``."""
    write(folder, {"noise.log": b"noise"})
    assert told(compare_folder(store, version, folder)) == [(b"noise.log", "added")]
    assert told(compare_folder(store, version, folder, ["*.log", "b"])) == [(b"b", "removed")]


def test_a_file_known_unchanged_by_stat_is_not_read(store, version, log, folder, monkeypatch):
    """The stat cache is asked, once the file was settled when it was read."""
    monkeypatch.setattr(changes, "digest_of_file", None)
    with pytest.raises(TypeError):
        list(compare_folder(store, version, folder))
    monkeypatch.setattr(result, "SETTLED_NS", 0)
    log(store, folder, "x")
    monkeypatch.setattr(changes.durable, "keeps_ctime", lambda _: True)
    assert list(compare_folder(store, version, folder)) == []


def test_a_file_written_anew_with_its_old_times_is_read(store, version, log, folder, monkeypatch):
    """A changed ctime is enough."""
    monkeypatch.setattr(result, "SETTLED_NS", 0)
    log(store, folder, "x")
    path = folder / "b"
    info = path.stat()
    path.write_bytes(b"B")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert told(compare_folder(store, version, folder)) == [(b"b", "changed")]


def test_paths_that_are_not_utf8_are_compared(store, version, folder):
    """Names are bytes."""
    (folder / os.fsdecode(b"\xff")).write_bytes(b"")
    assert told(compare_folder(store, version, folder)) == [(b"\xff", "added")]


def test_references_are_compared_by_size_where_they_are(store, tmp_path, write):
    """One that was not downloaded is no change."""
    view = by_hand(store, [Entry(b"ref", 3, EntryKind.REFERENCE, b"etag", b"", b"\x80")])
    out = tmp_path / "out"
    out.mkdir()
    assert list(compare_folder(store, view, out)) == []
    assert list(compare_folder(store, view, write(out, {"ref": b"abc"}))) == []
    assert told(compare_folder(store, view, write(out, {"ref": b"abcd"}))) == [(b"ref", "changed")]


def test_a_folder_that_is_not_there_is_an_error(store, version, tmp_path):
    """It is not taken for one without files."""
    with pytest.raises(FileNotFoundError):
        list(compare_folder(store, version, tmp_path / "absent"))


@pytest.mark.usefixtures("heed_permissions")
def test_a_file_that_cannot_be_read_is_an_error(store, version, folder):
    """What cannot be told is not passed over."""
    (folder / "b").chmod(0)
    with pytest.raises(Error, match="cannot be read"):
        list(compare_folder(store, version, folder))
