"""``Api``: artifacts, collections, types and runs, looked up under W&B's names."""

import pytest

import casstore
from casstore.errors import Invalid, NotFound


def log(desk, name, text="hello", type_name="dataset", *, project="p", **given):
    desk.write("a.txt", text)
    artifact = casstore.Artifact(name, type_name)
    artifact.add_file("a.txt")
    with casstore.init(project=project, reinit="create_new") as run:
        run.log_artifact(artifact, **given)
    return artifact.wait()


@pytest.fixture
def api(desk):
    """Two datasets of two and one versions and a model in ``p``, one dataset in ``q``."""
    log(desk, "mnist", "0", aliases=["old"], tags=["raw"])
    log(desk, "mnist", "1", aliases=["best"], tags=["raw", "clean"])
    log(desk, "cifar", "2")
    log(desk, "resnet", "3", "model")
    log(desk, "mnist", "4", project="q")
    return casstore.Api(overrides={"project": "p", "entity": "team"})


def names(listing):
    return [item.name for item in listing]


def test_a_version_is_found_by_every_form_of_its_name(api):
    """With and without entity and project; number, alias, latest, nothing."""
    for name in ("mnist", "mnist:latest", "mnist:v1", "mnist:best", "p/mnist:v1", "any/p/mnist:v1"):
        assert api.artifact(name).version == "v1"
    assert api.artifact("q/mnist").qualified_name == "local/q/mnist:v0"
    assert api.artifact("mnist:old", type="dataset").version == "v0"
    with pytest.raises(ValueError, match="'dataset', not 'model'"):
        api.artifact("mnist", type="model")


def test_what_is_missing_is_named_with_the_store_and_project(desk, api):
    """A ValueError that is a CommError, as W&B scripts catch it."""
    for look in (
        lambda: api.artifact("nope"),
        lambda: api.artifact("mnist:nope"),
        lambda: api.artifact_collection("dataset", "nope"),
        lambda: api.artifact_collection("model", "mnist"),
        lambda: api.artifact_type("nope"),
        lambda: api.artifact_type("model").collection("mnist"),
        lambda: api.artifacts("dataset", "nope"),
        lambda: api.artifact_collections("p", "nope"),
        lambda: api.run("nope"),
        lambda: api.runs("nope"),
    ):
        with pytest.raises(NotFound) as caught:
            look()
        assert str(desk.root) in str(caught.value)
        assert "'p'" in str(caught.value) or "'nope'" in str(caught.value)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, casstore.CommError)


def test_existence_is_asked_without_an_exception(api):
    """Of versions and of collections, with and without a type."""
    assert api.artifact_exists("mnist")
    assert api.artifact_exists("team/p/mnist:best", type="dataset")
    assert not api.artifact_exists("mnist:v7")
    assert not api.artifact_exists("nope:v0")
    assert not api.artifact_exists("mnist", type="model")
    assert api.artifact_collection_exists("mnist", "dataset")
    assert not api.artifact_collection_exists("mnist", "model")
    assert not api.artifact_collection_exists("nope", "dataset")
    with pytest.raises(Invalid):
        api.artifact_exists("a/b/c/d")


def test_versions_are_listed_newest_first(api):
    """Iterable, with length and slices; by tag and in the order asked for."""
    versions = api.artifacts("dataset", "mnist")
    assert names(versions) == ["mnist:v1", "mnist:v0"]
    assert len(versions) == 2
    assert versions[0].version == "v1"
    assert versions[-1].version == "v0"
    assert names(versions[1:]) == ["mnist:v0"]
    assert names(api.artifact_versions("dataset", "p/mnist")) == ["mnist:v1", "mnist:v0"]
    assert names(api.artifacts("dataset", "mnist", order="+created_at")) == ["mnist:v0", "mnist:v1"]
    assert names(api.artifacts("dataset", "mnist", tags=["raw", "clean"])) == ["mnist:v1"]
    with pytest.raises(IndexError):
        versions[2]
    with pytest.raises(Invalid, match="order"):
        api.artifacts("dataset", "mnist", order="size")


def test_deleted_versions_are_not_listed(api):
    """And a version that has the highest number then is latest."""
    api.artifact("mnist:v1").delete(delete_aliases=True)
    assert names(api.artifacts("dataset", "mnist")) == ["mnist:v0"]
    assert api.artifact("mnist").version == "v0"


def test_types_and_collections_are_listed(api):
    """By name, in the project asked for."""
    types = api.artifact_types()
    assert names(types) == ["dataset", "model"]
    assert names(api.artifact_types("q")) == ["dataset"]
    kind = api.artifact_type("dataset", project="team/p")
    assert (kind.name, kind.project, kind.entity) == ("dataset", "p", "team")
    assert names(kind.collections()) == ["cifar", "mnist"]
    assert names(kind.collections(order="-name")) == ["mnist", "cifar"]
    assert names(kind.collections(order="+created_at")) == ["mnist", "cifar"]
    assert kind.collection("mnist").id == "p/mnist"
    assert names(api.artifact_collections("p", "model")) == ["resnet"]


def test_a_collection_says_what_it_holds(api):
    """Name, type, aliases, versions; that it is no collection of links."""
    collection = api.artifact_collection("dataset", "mnist")
    assert (collection.name, collection.type, collection.project) == ("mnist", "dataset", "p")
    assert collection.entity == "team"
    assert collection.aliases == ["best", "latest", "old"]
    assert collection.is_sequence()
    assert collection.created_at.endswith("Z")
    assert names(collection.artifacts()) == names(collection.versions()) == ["mnist:v1", "mnist:v0"]
    assert collection.artifacts()[0].collection.name == "mnist"


def test_description_and_tags_of_a_collection_are_kept_by_save(api):
    """Set and edited in place; nothing is kept before."""
    collection = api.artifact_collection("dataset", "mnist")
    collection.description = "digits"
    collection.tags.append("vision")
    assert api.artifact_collection("dataset", "mnist").description is None
    collection.save()
    again = api.artifact_collection("dataset", "mnist")
    assert (again.description, again.tags) == ("digits", ["vision"])
    again.tags = []
    again.description = None
    again.save()
    assert api.artifact_collection("dataset", "mnist").tags == []
    with pytest.raises(Invalid, match="tag"):
        again.tags = ["no/slash"]


def test_runs_are_listed_by_when_they_began(desk):
    """Forwards and backwards, with length and slices."""
    for name in ("one", "two", "three"):
        casstore.init(project="p", id=name, name=name).finish()
    api = casstore.Api()
    runs = api.runs("p")
    assert names(runs) == ["one", "two", "three"]
    assert len(runs) == 3
    assert runs[0].id == "one"
    assert names(runs[1:]) == ["two", "three"]
    assert names(api.runs("local/p", order="-created_at")) == ["three", "two", "one"]
    with pytest.raises(Invalid, match="ordered"):
        api.runs("p", order="+summary_metrics.loss")
    assert list(api.runs()) == []


@pytest.fixture
def runs(desk):
    """Three runs: a is finished, b failed, c is under way."""
    casstore.init(
        project="p",
        id="a",
        name="first",
        group="g",
        job_type="train",
        tags=["x", "y"],
        config={"lr": 0.1, "opt": {"name": "adam"}},
    ).finish()
    second = casstore.init(project="p", id="b", name="second", tags=["y"], config={"lr": 0.2})
    second.summary["loss"] = 3
    second.finish(exit_code=1)
    casstore.init(project="p", id="c", name="third", group="g", job_type="eval")
    return casstore.Api()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "abc"),
        ({"state": "finished"}, "a"),
        ({"config.lr": 0.1}, "a"),
        ({"config.lr.value": 0.2}, "b"),
        ({"config.opt.name": "adam"}, "a"),
        ({"displayName": "second"}, "b"),
        ({"display_name": "third"}, "c"),
        ({"jobType": "train"}, "a"),
        ({"group": "g", "state": "running"}, "c"),
        ({"tags": "y"}, "ab"),
        ({"tags": {"$in": ["x"]}}, "a"),
        ({"name": "b"}, "b"),
        ({"config.lr": {"$gt": 0.15}}, "b"),
        ({"config.lr": {"$gte": 0.1, "$lt": 0.2}}, "a"),
        ({"summary_metrics.loss": {"$lte": 3}}, "b"),
        ({"state": {"$ne": "running"}}, "ab"),
        ({"state": {"$nin": ["failed", "running"]}}, "a"),
        ({"$or": [{"state": "failed"}, {"jobType": "eval"}]}, "bc"),
        ({"$and": [{"tags": "y"}, {"state": "failed"}]}, "b"),
        ({"group": None}, "b"),
    ],
)
def test_runs_are_filtered_as_scripts_do_it_for_wandb(runs, filters, found):
    """Equality and a few operators on state, names, config, summary and tags."""
    assert [run.id for run in runs.runs("p", filters=filters)] == list(found)


@pytest.mark.parametrize(
    "filters", [{"heartbeat": 1}, {"config": 1}, {"state": {"$regex": "f"}}, ["state"]]
)
def test_a_filter_that_is_not_known_is_refused(runs, filters):
    """Instead of finding everything or nothing."""
    with pytest.raises(Invalid, match=r"filter"):
        runs.runs("p", filters=filters)


def test_a_run_is_found_by_every_form_of_its_path(runs):
    """As W&B prints it and as casstore prints it; without one, the current run."""
    for path in ("p/a", "local/p/a", "/local/p/runs/a"):
        assert runs.run(path).id == "a"
    assert runs.run().id == "c"
    assert runs.run("b").id == "b"
    with pytest.raises(Invalid):
        runs.run("too/many/parts/here")
    casstore.finish()
    with pytest.raises(Invalid, match="no run was named"):
        runs.run()


def test_a_run_shows_what_was_recorded_of_it(runs):
    """Under W&B's names."""
    run = runs.run("p/a")
    assert (run.name, run.display_name, run.state, run.exit_code) == (
        "first",
        "first",
        "finished",
        0,
    )
    assert (run.group, run.job_type, run.tags) == ("g", "train", ["x", "y"])
    assert (run.entity, run.username, run.project) == ("local", "local", "p")
    assert run.path == ["local", "p", "a"]
    assert run.config == {"lr": 0.1, "opt": {"name": "adam"}}
    assert run.rawconfig == run.config
    assert '"lr"' in run.json_config
    assert run.created_at.endswith("Z")
    assert run.url.endswith("/a")
    assert "python" in run.metadata
    assert runs.run("p/b").summary["loss"] == 3
    assert runs.run("p/c").state == "running"


def test_name_notes_tags_config_and_summary_of_a_run_are_kept_by_update(runs):
    """Also of a run that has ended long ago."""
    run = runs.run("p/a")
    run.name = "renamed"
    run.notes = "noted"
    run.tags.append("z")
    run.config["lr"] = 1
    run.summary["score"] = 5
    run.update()
    again = runs.run("p/a")
    assert (again.name, again.notes, again.tags) == ("renamed", "noted", ["x", "y", "z"])
    assert again.config["lr"] == 1
    assert again.summary_metrics == {"score": 5}
    assert again.state == "finished"


def test_a_run_lists_what_it_logged_and_used(desk, api):
    """With W&B's names, as artifacts."""
    with casstore.init(project="p", id="reader") as run:
        run.use_artifact("mnist:best")
        run.use_artifact("resnet")
    found = api.run("p/reader")
    assert names(found.used_artifacts()) == ["mnist:v1", "resnet:v0"]
    assert list(found.logged_artifacts()) == []
    made_by = api.artifact("cifar").logged_by()
    assert names(made_by.logged_artifacts()) == ["cifar:v0"]
    assert [user.id for user in api.artifact("mnist:best").used_by()] == ["reader"]


def test_the_store_and_project_of_the_current_run_are_looked_in(desk, tmp_path):
    """Without a project in the name; afterwards those of the process."""
    api = casstore.Api()
    with casstore.init(project="special", store=tmp_path / "s") as run:
        desk.write("a.txt", "1")
        run.log_artifact("a.txt", name="inside")
        assert api.artifact("inside").project == "special"
        assert casstore.open("inside", "a.txt").read() == b"1"
    assert not api.artifact_exists("inside")


def test_a_store_that_is_not_there_is_named(desk):
    """Looking makes no store."""
    with pytest.raises(NotFound, match=str(desk.root)):
        casstore.Api().artifact("x")
    assert not casstore.Api().artifact_exists("x")
    assert not desk.root.exists()


def test_the_entity_is_recorded_and_finds_nothing(desk):
    """Whoever is named in front of the project."""
    desk.write("a.txt", "1")
    with casstore.init(entity="team", project="p") as run:
        run.log_artifact("a.txt", name="x")
    assert casstore.Api().artifact("p/x").qualified_name == "team/p/x:v0"
    assert casstore.Api().artifact("anybody/p/x").entity == "team"
    assert casstore.Api().default_entity == "local"
    assert casstore.Api(overrides={"entity": "us"}).default_entity == "us"
