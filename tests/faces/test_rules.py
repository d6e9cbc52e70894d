"""The rules that people trip over, as decided: what may be added, and how it may be named."""

import os
import pathlib

import pytest

import casstore
from casstore.errors import Invalid
from casstore.names import check_name, check_project


@pytest.fixture
def draft(desk):
    desk.write("one", "1")
    desk.write("two", "2")
    return casstore.Artifact("data", "dataset")


def artifact_of(desk, text="hello", name="data", type_name="dataset", **given):
    desk.write("a.txt", text)
    artifact = casstore.Artifact(name, type_name, **given)
    artifact.add_file("a.txt")
    return artifact


def paths(artifact):
    return list(artifact.manifest.entries)


# Paths


def test_the_same_path_with_the_same_content_is_a_no_op(draft):
    """Also from another file."""
    draft.add_file("one", name="x")
    digest = draft.digest
    pathlib.Path("copy").write_text("1")
    draft.add_file("copy", name="x")
    assert draft.digest == digest


def test_the_same_path_with_other_content_is_refused_unless_it_may_be_replaced(desk, draft):
    """``overwrite`` for files, ``merge`` for folders; the refused one changes nothing."""
    draft.add_file("one", name="x")
    digest = draft.digest
    desk.write("in/x", "2")
    with pytest.raises(ValueError, match="'x' was added already"):
        draft.add_file("two", name="x")
    with pytest.raises(ValueError, match="'x' was added already"):
        draft.add_dir("in")
    assert draft.digest == digest
    draft.add_file("two", name="x", overwrite=True)
    changed = draft.digest
    assert changed != digest
    draft.add_file("one", name="x", overwrite=True)
    draft.add_dir("in", merge=True)
    assert draft.digest == changed


def test_a_file_beside_a_folder_of_its_name_is_refused_when_added(draft):
    """Whichever came first, and also with overwrite: it could not be laid out."""
    draft.add_file("one", name="p/q")
    with pytest.raises(ValueError, match="'p' is a folder"):
        draft.add_file("two", name="p", overwrite=True)
    with pytest.raises(ValueError, match="'p/q' is a file"):
        draft.add_file("two", name="p/q/r", overwrite=True)
    assert paths(draft) == ["p/q"]


BAD_PATHS = ["../x", "a/../x", "/etc/x", "C:/x", "a\0b", "", ".", "..", "a//../b"]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_leaves_the_tree_is_refused_on_the_way_in(draft, path):
    """Parts ``..``, absolute, drive, NUL, empty: for files, folders and new files."""
    with pytest.raises(ValueError, match="cannot be a path"):
        draft.add_file("one", name=path)
    with pytest.raises(ValueError, match="cannot be a path"):
        draft.new_file(path)
    assert paths(draft) == []


def test_a_folder_is_not_added_under_a_path_that_leaves_the_tree(desk, draft):
    """The prefix is a path too."""
    desk.write("in/x", "1")
    for name in ("..", "../up", "a/../..", "C:/x", "/up"):
        with pytest.raises(ValueError, match="cannot be a path"):
            draft.add_dir("in", name=name)


@pytest.mark.parametrize("path", [b"../outside", b"/outside", b"a/../../outside"])
def test_a_path_that_leaves_the_tree_is_refused_on_the_way_out(desk, run, draft, path):
    """A manifest that somebody else made lays nothing out beside its folder."""
    draft.add_file("one", name="x")
    inner = draft._drafting.draft()
    inner.table._entries[path] = inner.table.get(b"x")._replace(path=path)
    artifact = run.log_artifact(draft).wait()
    with pytest.raises(ValueError, match="cannot be a path"):
        artifact.download(root="deep/out")
    assert not list(desk.folder.parent.rglob("outside*"))


def test_names_are_stored_as_given(desk, draft):
    """Case, spaces, unicode in either form, odd characters: nothing is made equal."""
    odd = ["A b", "\u00e9", "e\u0301", "ab:c", "a\\b", "~x", "#1", "%41", "con", "-x", "\udcff"]
    for name in odd:
        draft.add_file("one", name=name)
    assert sorted(paths(draft), key=os.fsencode) == sorted(odd, key=os.fsencode)


def test_adding_a_file_as_a_folder_is_refused(draft):
    """And a folder as a file; and what is not there."""
    with pytest.raises(ValueError, match="add_file"):
        draft.add_dir("one")
    with pytest.raises(ValueError, match="folder"):
        draft.add_file(".")
    with pytest.raises(ValueError, match="does not exist"):
        draft.add_dir("nowhere")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        draft.add_file("nowhere")


def test_empty_folders_are_not_kept_and_dotfiles_are(desk, draft):
    """Only the store in use and any ``.casstore`` are left out."""
    (desk.folder / "in/empty").mkdir(parents=True)
    for name in (".env", ".git/config", ".casstore/secret", "sub/.casstore/secret"):
        desk.write(f"in/{name}", name)
    draft.add_dir("in")
    assert paths(draft) == [".env", ".git/config"]


def test_the_store_in_use_is_left_out(desk, tmp_path):
    """Whatever its folder is called, and wherever it lies in the tree."""
    desk.write("a.txt", "1")
    with casstore.init(store=desk.folder / "my-store") as run:
        artifact = casstore.Artifact("data", "dataset")
        artifact.add_dir(".")
        assert run.log_artifact(artifact).wait().file_count == 1


def test_links_are_followed_wherever_they_lead(desk, tmp_path, draft):
    """To files and folders, inside and outside; what they point to is stored."""
    desk.write("in/a", "1")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/b").write_text("22")
    os.symlink("a", "in/to-file")
    os.symlink(tmp_path / "outside", "in/to-folder")
    draft.add_dir("in")
    assert paths(draft) == ["a", "to-file", "to-folder/b"]
    assert draft.get_entry("to-file").digest == draft.get_entry("a").digest
    with pytest.raises(ValueError, match="to-folder"):
        draft.add_dir("in", name="again", on_symlink="error")
    os.remove("in/to-folder")
    draft.add_dir("in", name="inside", on_symlink="error")
    with pytest.raises(Invalid, match="on_symlink"):
        draft.add_dir("in", on_symlink="perhaps")


def test_a_link_to_nothing_or_in_a_circle_is_an_error_that_names_it(desk, draft):
    """Instead of a version without it, or one without end."""
    desk.write("in/a", "1")
    os.symlink("nothing", "in/dangling")
    with pytest.raises(FileNotFoundError, match="dangling"):
        draft.add_dir("in")
    os.remove("in/dangling")
    os.symlink("loop", "in/loop")
    with pytest.raises(ValueError, match="loop"):
        draft.add_dir("in")
    os.remove("in/loop")
    os.symlink("..", "in/up")
    with pytest.raises(ValueError, match="up"):
        draft.add_dir("in")
    assert paths(draft) == []


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        (["*.log"], ["a.txt", "b/keep.txt", "b/out/x.txt"]),
        (["out/"], ["a.txt", "b/c.log", "b/keep.txt"]),
        (["/b"], ["a.txt"]),
        (["b/*", "!b/keep.txt"], ["a.txt", "b/keep.txt"]),
        (["**/x.txt"], ["a.txt", "b/c.log", "b/keep.txt"]),
        (["*", "!*/", "!keep.txt"], ["b/keep.txt"]),
        (["*", "!*/", "!x.txt"], ["b/out/x.txt"]),
        (["b*", "!b/**"], ["a.txt"]),
        (["*", "!b", "!x.txt"], []),
        (["*", "!b", "!b/out", "!x.txt"], ["b/out/x.txt"]),
        (["# b", "", "b/out", "!b/out/x.txt"], ["a.txt", "b/c.log", "b/keep.txt"]),
    ],
)
def test_ignoring_is_gitignore_relative_to_the_folder(desk, draft, patterns, kept):
    """Anchors, folders, exceptions, any depth."""
    for name in ("a.txt", "b/c.log", "b/keep.txt", "b/out/x.txt"):
        desk.write(f"in/{name}", name)
    draft.add_dir("in", ignore=patterns)
    assert paths(draft) == kept


# Names, types, aliases


@pytest.mark.parametrize("name", ["a/b", "a b", "", ".", "..", "x" * 129, "a:v1", "é", "a\n"])
def test_a_name_that_no_artifact_may_have_is_refused(name):
    """When the artifact is made."""
    with pytest.raises(ValueError, match=r"name|artifact"):
        casstore.Artifact(name, "dataset")


def test_a_name_belongs_to_one_type(desk, run):
    """A ValueError at once, which says the type that it has."""
    run.log_artifact(artifact_of(desk)).wait()
    other = artifact_of(desk, type_name="model")
    with pytest.raises(ValueError, match="'dataset'"):
        run.log_artifact(other)
    assert other.is_draft()
    with pytest.raises(ValueError, match="type"):
        casstore.Artifact("data", "")
    with casstore.init(project="other", reinit="create_new") as elsewhere:
        assert elsewhere.log_artifact(other).wait().type == "model"


def test_latest_among_the_aliases_adds_nothing_and_a_version_is_no_alias(desk, run):
    """``latest`` is accepted; ``vN`` and what cannot be an alias are refused before logging."""
    artifact = run.log_artifact(artifact_of(desk), aliases=["latest", "best", "best"]).wait()
    assert artifact.aliases == ["latest", "best"]
    for bad in ("v7", "a/b", "a:b", "a@b", ""):
        with pytest.raises(Invalid, match="alias"):
            run.log_artifact(artifact_of(desk, "other"), aliases=[bad])
    with pytest.raises(Invalid, match="tag"):
        run.log_artifact(artifact_of(desk, "other"), tags=["a/b"])
    with pytest.raises(Invalid, match="alias"):
        artifact.aliases = ["v7"]
    assert len(casstore.Api().artifacts("dataset", "data")) == 1


def test_latest_is_the_newest_version_and_cannot_be_taken_away(desk, run):
    """An alias moves to the version that was given it last."""
    first = run.log_artifact(artifact_of(desk, "1"), aliases=["best"]).wait()
    second = run.log_artifact(artifact_of(desk, "2"), aliases=["best"]).wait()
    look = casstore.Api().artifact
    assert look("data:v0").aliases == []
    assert look("data:best").aliases == ["latest", "best"]
    second.aliases = []
    second.save()
    assert look("data:latest").aliases == ["latest"]
    assert first.name == "data:v0"


def test_a_projects_name_is_checked(desk):
    r"""None of ``/ \ # ? % : @``, as in W&B."""
    for bad in ("a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "a@b"):
        with pytest.raises(Invalid, match="project"):
            casstore.init(project=bad)
    assert check_project("with space")
    assert check_name("a-b_c.d")
