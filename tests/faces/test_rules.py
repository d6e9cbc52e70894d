"""The rules that people trip over, as decided: what may be added, named and said of an artifact."""

import datetime as dt
import enum
import os
import pathlib

import numpy as np
import pytest

import casstore
from casstore.errors import Conflict, FileMissing, Invalid
from casstore.names import check_name, check_project


@pytest.fixture
def run(desk):
    with casstore.init(project="p") as run:
        yield run


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


BAD_PATHS = ["../x", "a/../x", "/etc/x", "C:/x", "a\0b", "", ".", "..", "a//b", "a/./b", "a/"]


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
    for name in ("..", "../up", "a/../..", "C:/x"):
        with pytest.raises(ValueError, match="cannot be a path"):
            draft.add_dir("in", name=name)


@pytest.mark.parametrize("path", [b"../outside", b"/outside", b"a/../../outside"])
def test_a_path_that_leaves_the_tree_is_refused_on_the_way_out(desk, run, draft, path):
    """A manifest that somebody else made lays nothing out beside its folder."""
    draft.add_file("one", name="x")
    inner = draft._drafting.draft()
    inner.table._entries[path] = inner.table.get(b"x")._replace(path=path)
    try:
        artifact = run.log_artifact(draft).wait()
        artifact.download(root="deep/out")
    except ValueError as error:
        refused = error
    assert "path" in str(refused)
    assert not [found for found in desk.folder.parent.rglob("outside*")]
    run._record._pending.clear()


def test_names_are_stored_as_given(desk, draft):
    """Case, spaces, unicode in either form, odd characters: nothing is made equal."""
    odd = ["A b", "é", "é", "a:b", "a\\b", "~x", "#1", "%41", "con", "-x", "\udcff"]
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
    """None of ``/ \\ # ? % : @``, as in W&B."""
    for bad in ("a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "a@b"):
        with pytest.raises(Invalid, match="project"):
            casstore.init(project=bad)
    assert check_project("with space")
    assert check_name("a-b_c.d")


# Metadata


class Colour(enum.Enum):
    RED = "red"


def test_metadata_becomes_json_at_once(desk, run):
    """Tuples, sets, numpy, paths, times, enums; what is changed outside afterwards is not seen."""
    inner = [1]
    given = {
        "tuple": (1, 2),
        "set": {3},
        "scalar": np.float32(0.5),
        "array": np.arange(3),
        "path": pathlib.PurePosixPath("a/b"),
        "time": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "enum": Colour.RED,
        "nan": float("nan"),
        "inner": inner,
    }
    artifact = artifact_of(desk, metadata=given)
    inner.append(2)
    expected = {
        "tuple": [1, 2],
        "set": [3],
        "scalar": 0.5,
        "array": [0, 1, 2],
        "path": "a/b",
        "time": "2026-01-02T00:00:00+00:00",
        "enum": "red",
        "nan": None,
        "inner": [1],
    }
    assert artifact.metadata == expected
    run.log_artifact(artifact).wait()
    assert casstore.Api().artifact("data").metadata == expected


def test_metadata_that_is_no_json_is_refused_and_its_key_named(desk, run):
    """Other objects are TypeErrors, infinity and too many keys ValueErrors; JSON text is read."""
    with pytest.raises(TypeError, match="deep"):
        casstore.Artifact("x", "y", metadata={"deep": {"down": object()}})
    with pytest.raises(ValueError, match="far"):
        casstore.Artifact("x", "y", metadata={"far": float("inf")})
    with pytest.raises(ValueError, match="100"):
        casstore.Artifact("x", "y", metadata={str(n): n for n in range(101)})
    assert casstore.Artifact("x", "y", metadata='{"a": 1}').metadata == {"a": 1}
    with pytest.raises(ValueError, match="JSON"):
        casstore.Artifact("x", "y", metadata="{")
    artifact = artifact_of(desk)
    artifact.metadata["late"] = float("inf")
    with pytest.raises(ValueError, match="late"):
        run.log_artifact(artifact)
    with pytest.raises(TypeError, match="config"):
        casstore.init(config={"bad": object()}, reinit=True)


# The same content again


def test_the_same_content_makes_no_new_version(desk, run, capsys):
    """The newest version is returned with the aliases and tags; one line says so."""
    run.log_artifact(artifact_of(desk, description="first"), aliases=["a"]).wait()
    again = artifact_of(desk, description="second", metadata={"n": 1})
    capsys.readouterr()
    run.log_artifact(again, aliases=["b"], tags=["t"]).wait()
    assert (again.name, again.description, again.metadata) == ("data:v0", "first", {})
    assert again.aliases == ["latest", "a", "b"]
    assert again.tags == ["t"]
    said = [line for line in capsys.readouterr().err.splitlines() if "data:v0" in line]
    assert len(said) == 1
    assert "kept with the run" in said[0]
    producer = again._need("x").view.producers[0]
    assert (producer.run, producer.description, producer.metadata) == (run.id, "second", '{"n":1}')


def test_a_run_that_logs_the_same_content_is_a_producer_of_it(desk):
    """It is among the run's outputs."""
    for run_id in ("first", "second"):
        with casstore.init(project="p", id=run_id) as run:
            run.log_artifact(artifact_of(desk))
    api = casstore.Api()
    assert [each.name for each in api.run("p/second").logged_artifacts()] == ["data:v0"]
    assert api.artifact("p/data").logged_by().id == "first"


def test_content_that_comes_back_later_is_a_new_version(desk, run):
    """Only the newest version is compared."""
    logged = [run.log_artifact(artifact_of(desk, text)) for text in ("1", "2", "1", "1")]
    assert [artifact.wait().version for artifact in logged] == ["v0", "v1", "v2", "v2"]


def test_a_number_is_never_given_twice(desk, run):
    """Not even when the newest version was deleted."""
    run.log_artifact(artifact_of(desk, "1")).wait()
    run.log_artifact(artifact_of(desk, "2")).wait().delete()
    assert casstore.Api().artifact("data").version == "v0"
    assert run.log_artifact(artifact_of(desk, "2")).wait().version == "v2"


def test_a_version_with_aliases_is_not_deleted_by_accident(desk, run):
    """``latest`` alone does not keep it."""
    artifact = run.log_artifact(artifact_of(desk), aliases=["prod"]).wait()
    with pytest.raises(Conflict, match="'prod'"):
        artifact.delete()
    artifact.aliases.remove("prod")
    artifact.save()
    artifact.delete()
    with pytest.raises(casstore.NotFound):
        run.use_artifact("data:v0")


# Digests


def test_the_digest_covers_paths_contents_and_executable_bits_only(desk):
    """Name, type, description, metadata and the order of adding change nothing."""
    desk.write("b", "2")
    first = artifact_of(desk, description="x", metadata={"a": 1})
    first.add_file("b")
    second = casstore.Artifact("other", "model")
    second.add_file("b")
    second.add_file("a.txt")
    assert len(first.digest) == 64
    assert first.digest == second.digest
    desk.write("b", "2", executable=True)
    second.add_file("b", overwrite=True)
    assert first.digest != second.digest
    third = casstore.Artifact("other", "model")
    third.add_file("a.txt")
    third.add_file("b", name="c")
    assert third.digest not in {first.digest, second.digest}


def test_missing_things_have_the_errors_that_handlers_expect(desk, run):
    """KeyError for an entry, FileNotFoundError for ``remove`` and ``verify``."""
    artifact = artifact_of(desk)
    with pytest.raises(FileNotFoundError, match="nope"):
        artifact.remove("nope")
    run.log_artifact(artifact).wait()
    with pytest.raises(KeyError, match="nope"):
        artifact.get_entry("nope")
    artifact.download()
    os.remove("artifacts/data:v0/a.txt")
    with pytest.raises(FileMissing, match=r"a\.txt"):
        artifact.verify()
