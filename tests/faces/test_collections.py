"""Collections: renamed, retyped, described, deleted; and how long versions are wanted."""

import datetime as dt
from pathlib import Path

import pytest

import casstore
from casstore.errors import ArtifactNotLoggedError, Conflict, Invalid, NotFound


@pytest.fixture
def run(desk):
    with casstore.init(project="p", id="maker") as run:
        yield run


@pytest.fixture
def log(run):
    """Log a version of one file: ``log(text, name, type)``."""

    def log_one(text, name="data", type_name="dataset", ttl=casstore.ArtifactTTL.INHERIT, **given):
        artifact = casstore.Artifact(name, type_name)
        artifact.ttl = ttl
        with artifact.new_file("a.txt") as stream:
            stream.write(text)
        return run.log_artifact(artifact, **given).wait()

    return log_one


def collection(name="data", type_name="dataset"):
    return casstore.Api().artifact_collection(type_name, f"p/{name}")


def rename(old, new, type_name="dataset"):
    found = collection(old, type_name)
    found.name = new
    found.save()
    return found


# Names


def test_a_renamed_collection_is_found_by_its_new_name_only(run, log):
    """Numbers go on; the old name is NotFound, and says what it is now (W&B: it is gone)."""
    log("1", aliases=["best"])
    first = rename("data", "points")
    assert first.name == "points"
    api = casstore.Api()
    assert api.artifact("points:best").qualified_name == "local/p/points:v0"
    assert api.artifact("points").download() == str(Path("artifacts/points:v0").absolute())
    with pytest.raises(NotFound, match="it is 'points' now"):
        api.artifact("data")
    assert not api.artifact_collection_exists("p/data", "dataset")
    assert log("2", "points").name == "points:v1"
    assert [each.name for each in api.artifact_collections("p", "dataset")] == ["points"]
    assert [each.name for each in api.artifacts("dataset", "p/points")] == [
        "points:v1",
        "points:v0",
    ]


def test_commit_ids_and_lineage_outlive_a_rename(run, log):
    """Who made it, who used it, what was drafted from it."""
    source = log("1")
    link = source.link("registry/good")
    with casstore.init(project="p", id="reader", reinit="create_new") as reader:
        reader.use_artifact("data:v0")
    rename("data", "points")
    api = casstore.Api()
    found = api.artifact(f"points@{source.commit_hash}")
    assert found.digest == source.digest
    assert found.logged_by().id == "maker"
    assert [user.id for user in found.used_by()] == ["reader"]
    assert [each.name for each in api.run("p/reader").used_artifacts()] == ["points:v0"]
    assert [each.name for each in api.run("p/maker").logged_artifacts()] == ["points:v0"]
    assert api.artifact("registry/good").source_name == "points:v0"
    assert link.source_qualified_name == "local/p/points:v0"
    assert found.new_draft().name == "points"


def test_what_is_logged_under_the_old_name_begins_anew(run, log):
    """A script that goes on with the old name loses nothing, and may have another type."""
    log("1")
    rename("data", "points")
    fresh = log("1", "data", "other")
    assert (fresh.name, fresh.type) == ("data:v0", "other")
    assert log("2", "data", "other").name == "data:v1"
    assert casstore.Api().artifact("points").type == "dataset"


def test_a_name_that_is_taken_is_refused(run, log):
    """Nothing is recorded of the edit, not even what else was edited; removed versions count."""
    log("1")
    log("2", "other")
    for _ in range(2):
        edited = collection()
        edited.name, edited.description = "other", "new"
        with pytest.raises(Conflict, match="'other' is taken"):
            edited.save()
        assert collection().description is None
        if casstore.Api().artifact_exists("other"):
            casstore.Api().artifact("other").delete()
    with pytest.raises(Invalid, match="a b"):
        collection().name = "a b"


def test_a_name_comes_back(run, log):
    """Renamed there and back it is what it was."""
    log("1")
    rename("data", "points")
    rename("points", "data")
    assert casstore.Api().artifact("data").version == "v0"
    assert log("2").version == "v1"
    assert collection().id == "p/data"


def test_names_can_be_exchanged(run, log):
    """Each keeps its versions."""
    log("1", "a")
    log("2", "b")
    for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
        rename(old, new)
    contents = {}
    for name in ("a", "b"):
        with casstore.open(f"p/{name}", "a.txt", "r") as stream:
            contents[name] = stream.read()
    assert contents == {"a": "2", "b": "1"}


def test_the_command_line_shows_the_new_name(before):
    """``ls show alias put rm``: the name is what it is called now."""
    cli = before
    found = casstore.Api().artifact_collection("dataset", "default/before")
    found.name = "after"
    found.save()
    assert cli("ls", "-q").lines == ["after"]
    assert cli("ls", "after", "-q").lines == ["after:v0"]
    assert cli("show", "after", "--json").json["version"]["name"] == "after"
    assert "it is 'after' now" in cli("show", "before", code=10).errors
    assert "it is 'after' now" in cli("ls", "before", code=10).errors
    cli("alias", "set", "after", "x")
    assert cli("alias", "ls", "after", "-q").lines == ["latest", "x"]
    cli("alias", "rm", "after", "x")
    cli.write("data/more.txt", "more")
    assert cli("put", "data", "--name", "after", "-q").lines == ["after:v1"]
    assert cli("rm", "after", "--keep-last", "1", "--yes", "-q").lines == ["after:v0"]


# Types, words, the end


def test_a_type_changes_for_every_version(run, log):
    """By ``type`` and ``save``, or ``change_type``; other types are refused from then on."""
    log("1")
    found = collection()
    found.type = "points"
    found.save()
    assert casstore.Api().artifact("data").type == "points"
    with pytest.raises(Invalid, match="'points'"):
        log("2")
    log("2", type_name="points")
    collection(type_name="points").change_type("cloud")
    assert [each.type for each in casstore.Api().artifacts("cloud", "p/data")] == ["cloud", "cloud"]
    assert [each.name for each in casstore.Api().artifact_types("p")] == ["cloud"]
    run.use_artifact("data:v0", type="cloud")


def test_links_have_the_type_of_their_source(run, log):
    """A collection of links has no type to change (W&B)."""
    log("1").link("registry/good")
    links = casstore.Api().artifact_collection("dataset", "registry/good")
    assert not links.is_sequence()
    with pytest.raises(ValueError, match="links only"):
        links.type = "other"
    with pytest.raises(ValueError, match="links only"):
        links.change_type("other")


def test_words_about_a_collection_are_kept_by_save(run, log):
    """Description and tags, in place too; what cannot be a tag is refused before anything."""
    log("1")
    found = collection()
    found.description = "all points"
    found.tags.append("good")
    found.save()
    assert (collection().description, collection().tags) == ("all points", ["good"])
    assert found.updated_at >= found.created_at
    found.description = "never"
    found.tags.append("a/b")
    with pytest.raises(Invalid, match="a/b"):
        found.save()
    assert collection().description == "all points"


def test_a_deleted_collection_is_gone_with_its_aliases_and_links(run, log):
    """Its versions can be restored one by one; its numbers are never given again."""
    source = log("1", aliases=["best"])
    log("2").link("registry/good", ["prod"])
    found = collection()
    found.delete()
    api = casstore.Api()
    assert not api.artifact_collection_exists("p/data", "dataset")
    assert not api.artifact_collection_exists("registry/good", "dataset")
    assert not api.artifact_exists("data:v0")
    with pytest.raises(NotFound, match="holds nothing"):
        found.delete()
    assert log("3").version == "v2"
    assert source.state == "COMMITTED"  # as it was read; looked up again it is gone


def test_a_deleted_collection_of_links_leaves_the_sources(run, log):
    """Only the links end."""
    log("1").link("registry/good", ["prod"])
    casstore.Api().artifact_collection("dataset", "registry/good").delete()
    assert casstore.Api().artifact("data").linked_artifacts == []


# How long versions are wanted


def test_a_version_has_the_ttl_of_its_collection_unless_it_has_its_own(run, log):
    """``INHERIT``, ``None`` (for ever) and a timedelta are three things."""
    log("1")
    log("2", ttl=None)
    log("3", ttl=dt.timedelta(days=3))
    api = casstore.Api()
    assert [each.ttl for each in api.artifacts("dataset", "p/data")] == [
        dt.timedelta(days=3),
        None,
        None,
    ]
    default = collection()
    default.ttl = dt.timedelta(days=30)
    default.save()
    assert collection().ttl == dt.timedelta(days=30)
    assert [each.ttl for each in api.artifacts("dataset", "p/data")] == [
        dt.timedelta(days=3),
        None,
        dt.timedelta(days=30),
    ]
    default.ttl = None
    default.save()
    assert api.artifact("data:v0").ttl is None


def test_a_ttl_is_edited_and_saved(run, log):
    """Back to ``INHERIT`` too; what that is shows once it is saved (W&B)."""
    artifact = log("1", ttl=dt.timedelta(seconds=0.5))
    assert artifact.ttl == dt.timedelta(seconds=1)
    artifact.ttl = casstore.ArtifactTTL.INHERIT
    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl
    artifact.save()
    assert artifact.ttl is None
    artifact.ttl = dt.timedelta(days=1)
    artifact.save()
    assert casstore.Api().artifact("data").ttl == dt.timedelta(days=1)


def test_logging_the_same_content_with_another_ttl_changes_none(run, log, capsys):
    """A version that others rely on is not given an end by accident; it is said."""
    log("1", ttl=None)
    capsys.readouterr()
    again = log("1", ttl=dt.timedelta(days=1))
    assert (again.version, again.ttl) == ("v0", None)
    assert "ttl stays as it is" in capsys.readouterr().err


@pytest.mark.parametrize("value", [dt.timedelta(0), dt.timedelta(-1), 3600, "INHERIT"])
def test_a_ttl_that_cannot_be_is_refused(run, log, value):
    """On drafts, versions and collections."""
    with pytest.raises(ValueError, match="ttl"):
        casstore.Artifact("x", "y").ttl = value
    with pytest.raises(ValueError, match="ttl"):
        log("1").ttl = value
    with pytest.raises(ValueError, match="ttl"):
        collection().ttl = value


def test_show_tells_until_when_a_version_is_wanted(before):
    """And that nothing is deleted by itself."""
    cli = before

    def give(ttl):
        artifact = casstore.Api().artifact("default/before")
        artifact.ttl = ttl
        artifact.save()

    assert "wanted for" not in cli("show", "before").text
    give(dt.timedelta(days=2))
    assert "wanted for   2 days" in cli("show", "before").text
    assert "until a collector removes it" in cli("show", "before").text
    record = cli("show", "before", "--json").json
    assert (record["ttl_seconds"], record["ttl_inherited"]) == (172_800, False)
    created = dt.datetime.fromisoformat(record["version"]["created_at"])
    assert dt.datetime.fromisoformat(record["expires_at"]) - created == dt.timedelta(days=2)
    found = casstore.Api().artifact_collection("dataset", "default/before")
    found.ttl = dt.timedelta(hours=1)
    found.save()
    give(casstore.ArtifactTTL.INHERIT)
    assert "as its collection says" in cli("show", "before").text
    give(None)
    assert "wanted for   ever" in cli("show", "before").text
