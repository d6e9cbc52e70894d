"""Laying a version out never leads through a link, and takes folders as deep as paths go."""

import os
import subprocess

import pytest

from casstore import durable
from casstore.digest import digest_of
from casstore.durable import inside as inside_module
from casstore.errors import Conflict, Error
from casstore.flows.changes import compare_folder
from casstore.flows.checkout import checkout
from casstore.flows.emptying import remove_extras
from casstore.flows.verify import verify_folder
from casstore.manifests import Entry, EntryKind
from casstore.store import Commit, commit

FILES = {"a/b/one": b"1", "a/two": b"22", "three": b"333"}
DEPTH = 1900


@pytest.fixture
def version(store, log, write, tmp_path):
    return log(store, write(tmp_path / "in", FILES), "x")


@pytest.fixture
def outside(tmp_path):
    """Make a folder that nobody told casstore to touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_bytes(b"mine")
    return folder


def below(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("place", ["a", "a/b"])
def test_a_link_in_a_folders_place_is_refused_and_named(store, version, outside, tmp_path, place):
    """Nothing is written, here or there."""
    link = tmp_path / "out" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(Conflict, match=f"^{place} in .* would be replaced"):
        checkout(store, version, tmp_path / "out")
    assert below(outside) == {"kept": b"mine"}
    assert link.is_symlink()
    assert not (tmp_path / "out" / "three").exists()


@pytest.mark.parametrize("place", ["a", "a/b"])
def test_a_link_in_a_folders_place_is_replaced_when_told_to(
    store, version, outside, tmp_path, place
):
    """By a real folder; what it led to stays as it was."""
    link = tmp_path / "out" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    checkout(store, version, tmp_path / "out", replace=True)
    assert below(outside) == {"kept": b"mine"}
    assert below(tmp_path / "out") == FILES
    assert not link.is_symlink()
    assert verify_folder(store, version, tmp_path / "out") == []


def test_a_link_to_the_same_files_is_still_a_link(store, version, tmp_path):
    """What lies behind it is not the folder that was asked for."""
    checkout(store, version, tmp_path / "elsewhere")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere" / "a")
    with pytest.raises(Conflict, match=r"\Aa in"):
        checkout(store, version, tmp_path / "out")


def test_a_file_in_a_folders_place_is_refused_and_replaced_like_a_link(store, version, tmp_path):
    """It is a path that differs."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"a file")
    with pytest.raises(Conflict, match=r"\Aa in"):
        checkout(store, version, tmp_path / "out")
    checkout(store, version, tmp_path / "out", replace=True)
    assert below(tmp_path / "out") == FILES


def test_the_root_itself_may_be_a_link(store, version, tmp_path):
    """Its place was named by the caller."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    checkout(store, version, tmp_path / "out")
    assert below(tmp_path / "real") == FILES


@pytest.mark.parametrize("replace", [True, False])
def test_a_link_put_there_meanwhile_leads_nowhere(
    store, version, outside, tmp_path, monkeypatch, replace
):
    """Between looking and naming, somebody puts a link in a folder's place."""
    (tmp_path / "out" / "other").mkdir(parents=True)
    place = durable.Inside.place

    def swapped(self, staged, path):
        if not (tmp_path / "out" / "a").exists():
            (tmp_path / "out" / "a").symlink_to(outside)
        place(self, staged, path)

    monkeypatch.setattr(durable.Inside, "place", swapped)
    if replace:
        checkout(store, version, tmp_path / "out", replace=True)
        assert below(tmp_path / "out") == FILES
    else:
        with pytest.raises(Error, match="could not be written"):
            checkout(store, version, tmp_path / "out")
    assert below(outside) == {"kept": b"mine"}


def test_removing_extras_never_follows_a_link(store, version, outside, tmp_path):
    """Links go, what they lead to stays; a link to a folder in a folder's place too."""
    checkout(store, version, tmp_path / "out")
    (tmp_path / "out" / "linked").symlink_to(outside)
    (tmp_path / "out" / "a" / "file").symlink_to(outside / "kept")
    (tmp_path / "out" / "empty" / "deeper").mkdir(parents=True)
    assert remove_extras(store, version, tmp_path / "out") == 2
    assert below(outside) == {"kept": b"mine"}
    assert sorted(os.listdir(tmp_path / "out")) == ["a", "three"]
    assert verify_folder(store, version, tmp_path / "out") == []


def test_a_folder_swapped_for_a_link_while_extras_go_leads_nowhere(tmp_path, outside):
    """The walk has the folder open, and goes on in it or ends, never behind the link."""
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "kept").touch()
    with durable.Inside(os.fsencode(tmp_path / "out")) as inside:
        path, is_folder = next(inside.walk())
        assert (path, is_folder) == (b"a/kept", False)
        (tmp_path / "out" / "a").rename(tmp_path / "moved")
        (tmp_path / "out" / "a").symlink_to(outside)
        inside.remove(path)
        assert list(inside.walk()) == [(b"a", False)]  # a new walk does not enter the link either
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            inside.remove(b"a/kept")
    assert below(outside) == {"kept": b"mine"}
    assert below(tmp_path / "moved") == {}


def test_a_file_goes_where_another_file_system_is_mounted(tmp_path, monkeypatch):
    """It cannot be renamed across, so it is copied beside its place first."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "staged").write_bytes(b"content")
    (tmp_path / "staged").chmod(0o755)
    replace = os.replace

    def refusing(source, target, **folders):
        if folders["src_dir_fd"] != folders["dst_dir_fd"]:
            raise OSError(inside_module.errno.EXDEV, "Invalid cross-device link")
        replace(source, target, **folders)

    monkeypatch.setattr(inside_module.os, "replace", refusing)
    with durable.Inside(os.fsencode(tmp_path)) as inside:
        inside.place(b"staged", b"sub/file")
    assert below(tmp_path) == {"sub/file": b"content"}
    assert (tmp_path / "sub" / "file").stat().st_mode & 0o777 == 0o755


@pytest.fixture
def deep(store):
    """Log one file under as many folders as a path takes, without a working folder."""
    path = b"d/" * DEPTH + b"f"
    draft = store.draft()
    for name, data in ((path, b"deep"), (b"d/" * 900 + b"g", b"half"), (b"top", b"top")):
        (token,) = draft.session.add([(digest := digest_of(data), data)])
        draft.put(Entry(name, len(data), EntryKind.FILE, digest, b"", b""), [token])
    return commit(store, draft, Commit(project="p", name="deep", type="t")).version


@pytest.fixture
def out(tmp_path):
    """Give a place for deep folders, and remove them: pytest's own removal is recursive."""
    yield tmp_path / "out"
    subprocess.run(["rm", "-rf", tmp_path / "out"], check=True)


def test_nested_folders_are_laid_out_verified_compared_and_emptied(store, deep, out):
    """As deep as a path of the platform goes, and without a word about recursion."""
    for root in (out, out):  # a new folder, then one that is there
        checkout(store, deep, root)
    assert verify_folder(store, deep, out) == []
    assert list(compare_folder(store, deep, out)) == []
    os.unlink(out / "top")
    checkout(store, deep, out, replace=True)
    with durable.Inside(os.fsencode(out)) as inside:
        (out / "stray").write_bytes(b"x")
        inside.place(b"stray", b"d/" * (DEPTH - 1) + b"extra/deeper")
    assert remove_extras(store, deep, out) == 1
    assert verify_folder(store, deep, out) == []


def test_a_path_that_is_too_long_for_one_call_is_laid_out_too(store, deep, out):
    """From folder to folder; reading it by its path is one clear line."""
    out = out / ("long" * 50) / ("long" * 50)
    checkout(store, deep, out)
    assert (out / "top").read_bytes() == b"top"
    with durable.Inside(os.fsencode(out)) as inside:
        assert b"d/" * DEPTH + b"f" in {path for path, _ in inside.walk()}
    with pytest.raises(Error, match="File name too long"):
        verify_folder(store, deep, out)
    assert remove_extras(store, deep, out) == 0
