"""A finished ``Artifact``: laying out, editing, drafting anew, deleting."""

import datetime as dt
import os

import pytest

import casstore
from casstore.errors import Corrupt, EntryNotFound, FileMissing


def paths(artifact):
    return list(artifact.manifest.entries)


def test_download_lays_out_contents_and_executable_bits(desk, data):
    """Under ``artifacts/NAME:vN``, and again without harm."""
    assert data.download() == str(desk.folder / "artifacts/data:v0")
    folder = desk.folder / "artifacts/data:v0"
    assert (folder / "a.txt").read_text() == "hello"
    assert os.access(folder / "tool", os.X_OK)
    assert not os.access(folder / "a.txt", os.X_OK)
    assert data.download() == str(desk.folder / "artifacts/data:v0")


def test_the_only_file_is_laid_out_by_file(desk, run, data):
    """With more than one it is an error that says how many."""
    with pytest.raises(ValueError, match="3 files"):
        data.file()
    desk.write("one.txt", "1")
    artifact = casstore.Artifact("one", "dataset")
    artifact.add_file("one.txt")
    assert run.log_artifact(artifact).wait().file() == str(desk.folder / "artifacts/one:v0/one.txt")


def test_verify_names_what_differs(desk, data):
    """Changed and extra files are ValueErrors, missing ones FileNotFoundErrors."""
    folder = desk.folder / data.download()
    data.verify()
    (folder / "a.txt").write_text("hellO")
    with pytest.raises(Corrupt, match=r"a\.txt"):
        data.verify()
    (folder / "a.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.txt"):
        data.verify()
    (folder / "a.txt").write_text("hello")
    (folder / "extra").write_text("")
    with pytest.raises(ValueError, match="extra"):
        data.verify(str(folder))
    with pytest.raises(FileMissing):
        data.verify("nowhere")


# After logging


def test_edits_are_kept_by_save(desk, data):
    """Description, metadata, aliases, tags and time to live, also when edited in place."""
    data.description = "second"
    data.metadata["more"] = [1, 2]
    data.aliases.append("prod")
    data.aliases.remove("best")
    data.tags.append("checked")
    data.ttl = dt.timedelta(days=3)
    data.save()
    again = casstore.Api().artifact("data:prod")
    assert again.description == "second"
    assert again.metadata == {"lr": 0.1, "more": [1, 2]}
    assert again.aliases == ["latest", "prod"]
    assert again.tags == ["checked"]
    assert again.ttl == dt.timedelta(days=3)
    assert again.updated_at >= again.created_at
    again.aliases = ["gold"]
    again.ttl = None
    again.save()
    assert casstore.Api().artifact("data:v0").aliases == ["latest", "gold"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data.aliases.append("v7"), "'v7'"),
        (lambda data: data.aliases.append("a/b"), "'a/b'"),
        (lambda data: data.tags.append("a/b"), "'a/b'"),
        (lambda data: data.metadata.update(far=float("inf")), "far"),
        (lambda data: data.metadata.update(big="x" * 16_000_000), "over the limit"),
        (lambda data: setattr(data, "description", 5), "description is text"),
        (lambda data: setattr(data, "description", "\ud800"), "UTF-8"),
    ],
    ids=["number", "alias", "tag", "metadata", "size", "description", "surrogate"],
)
def test_an_edit_that_cannot_be_keeps_all_of_them_from_being_saved(data, spoil, message):
    """Nothing is half done, though lists are edited in place; not a number is kept as None."""
    data.description = "second"
    data.tags.append("good")
    data.metadata["nan"] = float("nan")
    spoil(data)
    with pytest.raises(ValueError, match=message):
        data.save()
    again = casstore.Api().artifact("data")
    assert (again.description, again.tags, again.metadata) == ("first", [], {"lr": 0.1})
    again.metadata["nan"] = float("nan")
    again.save()
    assert casstore.Api().artifact("data").metadata == {"lr": 0.1, "nan": None}


@pytest.mark.parametrize("words", [5, "\ud800", "x" * 16_000_000], ids=["5", "surrogate", "size"])
def test_words_that_cannot_be_kept_are_refused_at_once_and_cost_no_number(run, data, words):
    """Whichever way they are logged."""
    draft = casstore.Artifact("other", "dataset", description=words)
    for log in (
        run.log_artifact,
        lambda given: run.upsert_artifact(given, distributed_id="d"),
        lambda given: run.finish_artifact(given, distributed_id="d"),
    ):
        with pytest.raises(casstore.errors.Invalid):
            log(draft)
    draft.description = "words"
    assert run.log_artifact(draft).wait().version == "v0"


def test_a_single_text_is_one_alias_or_tag(data):
    """It is not its letters."""
    data.aliases, data.tags = "good", "seen"
    data.save()
    again = casstore.Api().artifact("data:good")
    assert (again.aliases, again.tags) == (["latest", "good"], ["seen"])
    collection = again.collection
    collection.tags = "all"
    collection.save()
    assert again.collection.tags == ["all"]


def test_the_longest_ttl_comes_back(data):
    """Rounding its last second up would be more than a timedelta holds."""
    data.ttl = dt.timedelta.max
    data.save()
    assert casstore.Api().artifact("data").ttl == dt.timedelta(seconds=86_399_999_999_999)


def test_what_is_no_name_cannot_be_used(run):
    """It is said what was given."""
    with pytest.raises(TypeError, match="not a NoneType"):
        run.use_artifact(None)


def test_an_alias_that_has_moved_on_stays_where_it_is(desk, run, data):
    """Taking it from a version that no longer has it takes nothing from the one that has."""
    assert data.aliases == ["latest", "best"]
    desk.write("in/a.txt", "newer")
    newer = casstore.Artifact("data", "dataset")
    newer.add_dir("in")
    run.log_artifact(newer, aliases=["best"]).wait()
    data.aliases.remove("best")
    data.aliases.append("old")
    data.save()
    assert casstore.Api().artifact("data:best").version == "v1"
    assert data.aliases == ["old"]


def test_nothing_is_kept_without_save(data):
    """Another look shows what was recorded."""
    data.description = "never saved"
    assert casstore.Api().artifact("data:v0").description == "first"


def test_a_new_draft_begins_with_the_files_of_its_version(desk, run, data):
    """Changed and logged, it is the next version and shares what did not change."""
    draft = data.new_draft()
    assert draft.is_draft()
    assert draft.digest == data.digest
    assert (draft.description, draft.metadata) == ("first", {"lr": 0.1})
    draft.remove("a.txt")
    desk.write("new.txt", "new")
    draft.add_file("new.txt")
    run.log_artifact(draft)
    assert draft.wait().name == "data:v1"
    assert paths(draft) == ["new.txt", "sub/b.bin", "tool"]
    assert paths(data) == ["a.txt", "sub/b.bin", "tool"]
    assert (desk.folder / draft.download() / "sub/b.bin").stat().st_size == 256 * 5000


def test_an_incremental_artifact_adds_to_the_newest_version(desk, run, data):
    """Its own paths win, the others stay."""
    desk.write("a.txt", "replaced")
    desk.write("c.txt", "more")
    artifact = casstore.Artifact("data", "dataset", incremental=True)
    artifact.add_file("a.txt")
    artifact.add_file("c.txt")
    assert artifact.incremental
    run.log_artifact(artifact).wait()
    assert paths(artifact) == ["a.txt", "c.txt", "sub/b.bin", "tool"]
    assert artifact.get_entry("a.txt").size == len("replaced")
    assert artifact.version == "v1"


def test_an_incremental_artifact_may_be_the_first(desk, run):
    """With nothing to add to it is what it holds."""
    desk.write("a.txt", "1")
    artifact = casstore.Artifact("fresh", "dataset", incremental=True)
    artifact.add_file("a.txt")
    assert run.log_artifact(artifact).wait().version == "v0"


def test_a_version_is_deleted_with_its_aliases_or_not_at_all(data):
    """The aliases are named; the state says what became of it."""
    with pytest.raises(casstore.Conflict, match="best"):
        data.delete()
    data.delete(delete_aliases=True)
    assert data.state == "DELETED"
    with pytest.raises(casstore.NotFound):
        casstore.Api().artifact("data:v0")


def test_its_properties_say_where_it_is(desk, run, data):
    """Names with and without version, entity and project, ids, URL."""
    assert data.name == data.source_name == "data:v0"
    assert data.version == data.source_version == "v0"
    assert (data.entity, data.project) == ("local", "p")
    assert data.qualified_name == data.source_qualified_name == "local/p/data:v0"
    assert data.type == "dataset"
    assert data.id == data.commit_hash
    assert data.url == "casstore://p/data:v0"
    assert data.state == "COMMITTED"
    assert not data.is_link
    assert data.created_at.endswith("Z")
    assert data.json_encode()["version"] == "v0"
    assert data.collection.name == data.source_collection.name == "data"
    assert casstore.Api().artifact(f"data@{data.commit_hash[:10]}").name == "data:v0"
    assert casstore.Api().artifact(f"data@{data.digest[:12]}").name == "data:v0"


def test_the_digest_of_an_entry_is_what_b3sum_prints(desk):
    """BLAKE3 of the bytes, whatever the file was cut into."""
    desk.write("empty")
    artifact = casstore.Artifact("x", "dataset")
    empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert artifact.add_file("empty").digest == empty


def test_an_artifact_without_files_is_a_version_too(run):
    """W&B allows it."""
    artifact = run.log_artifact(casstore.Artifact("empty", "dataset")).wait()
    assert (artifact.file_count, artifact.size) == (0, 0)
    assert os.listdir(artifact.download()) == []


def test_an_absent_path_is_named_with_the_store_and_project(desk, data):
    """``get_entry`` raises a KeyError that says where was looked."""
    with pytest.raises(EntryNotFound) as caught:
        data.get_entry("nope")
    assert "nope" in str(caught.value)
    assert "'p'" in str(caught.value)
    assert str(desk.root) in str(caught.value)
