"""Models: W&B's short cuts, ``log_model``, ``use_model`` and ``link_model``."""

import pytest

import casstore
from casstore.errors import Invalid, NotFound


@pytest.fixture
def run(desk):
    desk.write("model.pt", "weights")
    desk.write("ckpt/a.bin", "a")
    desk.write("ckpt/deep/b.bin", "b")
    with casstore.init(project="p", id="maker", entity="me") as run:
        yield run


def test_a_file_and_a_folder_are_logged_as_models(run):
    """Of type ``model``; without a name it is the run's and the path's."""
    assert run.log_model("model.pt") is None
    run.log_model("ckpt", "net", ["best"])
    casstore.log_model("model.pt", name="net")
    api = casstore.Api()
    assert api.artifact("run-maker-model.pt").type == "model"
    assert list(api.artifact("net:best").manifest.entries) == ["a.bin", "deep/b.bin"]
    assert api.artifact("net", type="model").version == "v1"


def test_using_a_model_gives_the_file_or_the_folder(desk, run):
    """Laid out; recorded as an input of the run."""
    run.log_model("model.pt", name="net")
    run.log_model("ckpt", name="big")
    assert run.use_model("net") == str(desk.folder / "artifacts/net:v0/model.pt")
    assert (desk.folder / "artifacts/net:v0/model.pt").read_text() == "weights"
    assert casstore.use_model("me/p/big:latest") == str(desk.folder / "artifacts/big:v0")
    assert [each.name for each in run.used_artifacts()] == ["net:v0", "big:v0"]


def test_the_only_file_is_found_wherever_it_lies(desk, run):
    """W&B gives its folder where it is not at the top; the file is what was asked for."""
    draft = casstore.Artifact("net", "my-Model")
    draft.add_file("model.pt", name="deep/model.pt")
    run.log_artifact(draft)
    desk.write("artifacts/net:v0/theirs.txt", "left alone, and not counted")
    assert run.use_model("net") == str(desk.folder / "artifacts/net:v0/deep/model.pt")


def test_what_is_no_model_is_not_used_as_one(run):
    """Its type has no ``model`` in it; nothing is recorded."""
    run.log_artifact("ckpt", name="data", type="dataset")
    with pytest.raises(Invalid, match="'dataset'"):
        run.use_model("data:latest")
    with pytest.raises(Invalid, match="'dataset'"):
        run.link_model("model.pt", "detector", name="data")
    with pytest.raises(NotFound, match="nope"):
        run.use_model("nope")
    assert not run.used_artifacts()
    assert casstore.Api().artifact("data").version == "v0"


def test_a_model_is_logged_and_linked_in_one_call(run):
    """Into ``model-registry``; the aliases are those of the link."""
    link = run.link_model("model.pt", "detector", name="net", aliases=["prod"])
    assert link.qualified_name == "me/model-registry/detector:v0"
    assert link.aliases == ["latest", "prod"]
    assert link.source_qualified_name == "me/p/net:v0"
    assert casstore.Api().artifact("p/net").aliases == ["latest"]
    assert run.use_model("model-registry/detector:prod").endswith("detector:v0/model.pt")
    assert casstore.link_model("ckpt", "detector").version == "v1"
    assert casstore.link_model("model.pt", "detector", "net").version == "v0"


def test_models_that_were_logged_before_keep_their_type(run):
    """Whatever it is, if it has ``model`` in it."""
    draft = casstore.Artifact("net", "big-model")
    draft.add_file("model.pt")
    run.log_artifact(draft)
    assert run.link_model("ckpt", "detector", name="net").source_version == "v1"


@pytest.mark.parametrize(
    ("registered", "aliases"), [("team/detector", None), ("a b", None), ("detector", ["v7"])]
)
def test_a_registered_name_or_alias_that_cannot_be_logs_nothing(run, registered, aliases):
    """W&B's AssertionError for a path is ``Invalid`` here, as for every bad value."""
    with pytest.raises(Invalid):
        run.link_model("model.pt", registered, name="net", aliases=aliases)
    assert not casstore.Api().artifact_exists("net")


def test_models_are_nothing_in_a_run_that_stores_nothing(desk):
    """Every call is a no-op there."""
    desk.write("model.pt", "weights")
    with casstore.init(project="p", mode="disabled") as run:
        run.log_model("model.pt", "net")
        run.link_model("model.pt", "detector", "net")
        assert run.use_model("net") == str(desk.folder / "artifacts/net:v0")
    assert not desk.root.exists()


def test_the_module_level_calls_need_a_run(desk):
    """And say so."""
    for call in (
        lambda: casstore.log_model("x"),
        lambda: casstore.use_model("x"),
        lambda: casstore.link_model("x", "y"),
        lambda: casstore.link_artifact(casstore.Artifact("x", "y"), "z"),
    ):
        with pytest.raises(casstore.Error, match="needs a run"):
            call()
