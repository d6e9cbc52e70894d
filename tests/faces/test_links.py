"""Links: a version in another collection, under a number and aliases of its own."""

import pickle
from pathlib import Path

import pytest

import casstore
from casstore.errors import ArtifactNotLoggedError, Conflict, Invalid, NotFound
from casstore.flows.lifecycle import plan_removal, remove


@pytest.fixture
def run(desk):
    with casstore.init(project="p", id="maker") as run:
        yield run


@pytest.fixture
def log(run):
    """Log a version of one file: ``log(text, name, type)``."""

    def log_one(text, name="data", type_name="dataset", **given):
        artifact = casstore.Artifact(name, type_name)
        with artifact.new_file("a.txt") as stream:
            stream.write(text)
        return run.log_artifact(artifact, **given).wait()

    return log_one


def names(artifacts):
    return [artifact.name for artifact in artifacts]


def test_a_link_has_a_number_and_aliases_of_its_own(run, log):
    """Counted in the collection it goes to; ``latest`` is the newest there."""
    log("0")
    source = log("1", aliases=["best"])
    first = run.link_artifact(source, "wandb-registry-models/good", aliases=["prod"])
    assert (first.name, first.aliases) == ("good:v0", ["latest", "prod"])
    second = log("2").link("wandb-registry-models/good")
    assert (second.name, second.aliases) == ("good:v1", ["latest"])
    again = casstore.Api().artifact("wandb-registry-models/good:prod")
    assert (again.version, again.aliases) == ("v0", ["prod"])
    assert source.aliases == ["best"]


def test_a_link_says_where_it_is_and_where_it_is_from(run, log):
    """W&B's properties of a link, and of its source."""
    source = log("1")
    link = run.link_artifact(source, "e/registry/good")
    assert link.is_link
    assert link.qualified_name == "local/registry/good:v0"
    assert link.source_qualified_name == "local/p/data:v0"
    assert (link.source_name, link.source_version, link.source_project) == ("data:v0", "v0", "p")
    assert (link.collection.name, link.collection.project) == ("good", "registry")
    assert (link.source_collection.name, link.source_collection.project) == ("data", "p")
    assert link.source_artifact.qualified_name == "local/p/data:v0"
    assert link.linked_artifacts == []
    assert (link.digest, link.commit_hash) == (source.digest, source.commit_hash)
    assert link.logged_by().id == "maker"
    assert source.created_at <= link.linked_at <= link.updated_at
    assert source.linked_at is None
    assert names(source.linked_artifacts) == ["good:v0"]  # the object that was linked knows too
    source = casstore.Api().artifact("p/data")
    assert not source.is_link
    assert source.source_artifact is source
    assert [each.qualified_name for each in source.linked_artifacts] == ["local/registry/good:v0"]


@pytest.mark.parametrize("word", ["", ":v0", ":latest", ":prod", "@{commit}", "@{digest}"])
def test_every_reference_finds_the_link(run, log, word):
    """By number, alias, latest, commit id and digest; a run that uses it is recorded."""
    source = log("hello")
    run.link_artifact(source, "registry/good", aliases=["prod"])
    reference = "registry/good" + word.format(commit=source.commit_hash, digest=source.digest)
    used = run.use_artifact(reference, type="dataset")
    assert (used.qualified_name, used.is_link) == ("local/registry/good:v0", True)
    assert used.download() == str(Path("artifacts/good:v0").absolute())
    assert [user.id for user in source.used_by()] == ["maker"]


def test_linking_again_keeps_the_number_and_adds_the_aliases(run, log):
    """Once a member, a version does not become another one."""
    source = log("1")
    source.link("registry/good", ["a"])
    again = source.link("registry/good", ["b"])
    assert (again.version, again.aliases) == ("v0", ["latest", "a", "b"])


def test_the_source_of_a_link_is_linked(run, log, capsys):
    """A link of a link leads home (W&B says so too)."""
    link = log("1").link("registry/good")
    further = link.link("elsewhere/fine")
    assert "source is linked" in capsys.readouterr().err
    assert further.source_qualified_name == "local/p/data:v0"


def test_a_draft_is_logged_before_it_is_linked(run):
    """By the run, or by itself."""
    for number, link in enumerate(
        (
            lambda draft: run.link_artifact(draft, "registry/good"),
            lambda draft: draft.link("registry/good"),
            lambda draft: casstore.link_artifact(draft, "registry/good"),
        )
    ):
        draft = casstore.Artifact("data", "dataset", metadata={"n": number})
        with draft.new_file("a.txt") as stream:
            stream.write(str(number))
        assert link(draft).name == f"good:v{number}"
        assert draft.name == f"data:v{number}"


def test_the_project_is_the_runs_where_none_is_named(run, log):
    """As everywhere."""
    assert log("1").link("good").qualified_name == "local/p/good:v0"


def test_what_is_said_of_the_source_is_said_of_the_link(run, log):
    """Description, metadata and tags are one; a link's ttl is set at home."""
    source = log("1")
    link = source.link("registry/good")
    link.description = "shared"
    link.metadata["n"] = 1
    link.tags.append("t")
    link.aliases.append("prod")
    link.save()
    assert link.name == "good:v0"
    again = casstore.Api().artifact("p/data")
    assert (again.description, again.metadata, again.tags) == ("shared", {"n": 1}, ["t"])
    assert again.aliases == ["latest"]
    assert casstore.Api().artifact("registry/good").aliases == ["latest", "prod"]
    with pytest.raises(Invalid, match="source_artifact"):
        link.ttl = None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("p/data", "logged to p/data"),
        ("registry/good:v0", "names a version"),
        ("registry/good:prod", "names a version"),
        ("a/b/c/d", "not a reference"),
        ("registry/a b", "cannot name"),
        ("registry/models", "of type 'model'"),
    ],
)
def test_a_target_that_cannot_be_is_refused(run, log, target, message):
    """And nothing is recorded."""
    log("m", "m", "model").link("registry/models")
    source = log("1")
    with pytest.raises(ValueError, match=message):
        source.link(target, ["best"])
    with pytest.raises(ValueError, match="'v7'"):
        source.link("registry/good", ["v7"])
    assert source.linked_artifacts == []
    assert not casstore.Api().artifact_exists("registry/good")


def test_what_is_logged_into_a_collection_of_links_has_their_type(run, log):
    """The first link decided it; numbers go on."""
    log("1").link("good")
    with pytest.raises(Invalid, match="dataset"):
        log("2", "good", "model")
    assert log("1", "good").name == "good:v1"
    assert casstore.Api().artifact("good:v0").is_link


def test_an_unlinked_version_stays_at_home(run, log):
    """The link ends with its aliases; linked anew it gets a new number."""
    source = log("1")
    link = source.link("registry/good", ["prod"])
    link.aliases.append("gold")
    link.save()
    with pytest.raises(Invalid, match="no link"):
        source.unlink()
    link.unlink()
    assert link.state == "DELETED"
    assert source.state == "COMMITTED"
    api = casstore.Api()
    for reference in ("registry/good", "registry/good:v0", "registry/good:prod"):
        with pytest.raises(NotFound):
            api.artifact(reference)
    assert names(api.artifact("data:v0").linked_artifacts) == []
    assert source.link("registry/good").version == "v1"


def test_deleting_a_link_ends_only_the_link(run, log, capsys):
    """Whatever aliases it has (W&B), and it is said."""
    source = log("1")
    link = source.link("registry/good", ["prod"])
    link.delete()
    assert "its source stays" in capsys.readouterr().err
    assert casstore.Api().artifact("data:v0").commit_hash == source.commit_hash


def test_deleting_the_source_ends_its_links(run, log):
    """An alias that a link bears is an alias of the version: it is named, or goes too."""
    source = log("1")
    source.link("registry/good", ["prod"])
    with pytest.raises(Conflict, match="'prod'"):
        source.delete()
    source.delete(delete_aliases=True)
    with pytest.raises(NotFound, match="removed"):
        casstore.Api().artifact("registry/good:v0")
    with pytest.raises(NotFound, match="removed"):
        source.link("registry/other")


def test_a_link_that_a_removal_has_not_seen_keeps_the_version(desk, run, log):
    """What was planned before the link is refused, and nothing is gone."""
    source = log("1")
    view = source._need("test").view
    plan = plan_removal(desk.store, [view], with_aliases=True)
    source.link("registry/good")
    with pytest.raises(Conflict, match="link"):
        remove(desk.store, plan)
    assert casstore.Api().artifact("registry/good:v0").state == "COMMITTED"


def test_a_pickled_link_is_the_link_elsewhere(run, log):
    """Store, collection and commit."""
    link = log("1").link("registry/good")
    assert pickle.loads(pickle.dumps(link)).qualified_name == "local/registry/good:v0"


def test_a_draft_of_a_link_is_one_of_its_source(run, log):
    """It is logged under the name at home (W&B)."""
    draft = log("1").link("registry/good").new_draft()
    assert draft.name == "data"


@pytest.mark.parametrize("target", ["registry/good:v0", "a/b/c/d", "registry/a b"])
def test_a_draft_is_not_logged_for_a_link_that_cannot_be(run, target):
    """What is typed wrong is said first, by a run too; an alias as well."""
    draft = casstore.Artifact("data", "dataset")
    for link in (draft.link, lambda *given: run.link_artifact(draft, *given)):
        with pytest.raises(Invalid):
            link(target)
        with pytest.raises(Invalid):
            link("registry/good", ["v7"])
    assert draft.is_draft()
    assert not casstore.Api().artifact_exists("p/data")


def test_links_belong_to_versions(run):
    """A draft answers none of it."""
    draft = casstore.Artifact("data", "dataset")
    assert not draft.is_link
    for ask in (
        draft.unlink,
        lambda: draft.linked_artifacts,
        lambda: draft.source_artifact,
        lambda: draft.linked_at,
    ):
        with pytest.raises(ArtifactNotLoggedError):
            ask()


def test_links_are_nothing_in_a_run_that_stores_nothing(desk):
    """Every call is a no-op there."""
    with casstore.init(project="p", mode="disabled") as run:
        artifact = casstore.Artifact("data", "dataset")
        assert run.link_artifact(artifact, "registry/good").name == "data:v0"
        assert artifact.linked_artifacts == []
        artifact.link("registry/good").unlink()
    assert not desk.root.exists()


def test_the_command_line_knows_links(before):
    """``ls get show alias rm`` take the linked name; ``rm`` ends the link alone."""
    cli = before
    with casstore.init(project="default") as run:
        run.link_artifact(run.use_artifact("before:v0"), "registry/good", aliases=["prod"])
    assert cli("ls", "registry/good", "-q").lines == ["good:v0"]
    assert cli("get", "registry/good:prod", "-o", "out", "-q").code == 0
    shown = cli("show", "registry/good:v0").text
    assert "link to      default/before:v0" in shown
    assert "linked as    registry/good:v0" in cli("show", "before:v0").text
    record = cli("show", "registry/good", "--json").json
    assert record["source"] == "default/before:v0"
    assert (record["version"]["project"], record["version"]["name"]) == ("registry", "good")
    cli("alias", "set", "registry/good:v0", "gold")
    assert cli("alias", "ls", "registry/good", "-q").lines == ["gold", "latest", "prod"]
    cli("alias", "rm", "registry/good", "gold", "prod")
    assert cli("rm", "registry/good:v0").text == "unlinked good:v0\n"
    cli("show", "registry/good:v0", code=10)
    assert cli("ls", "before", "-q").lines == ["before:v0"]
