"""Lineage as people see it: ``casstore lineage``, W&B's calls, artifacts as config values."""

import json
from xml.etree import ElementTree as ET

import pytest

import casstore
from casstore.errors import Invalid


def logged(run, name, text="x", type_name="dataset"):
    artifact = casstore.Artifact(name, type_name)
    with artifact.new_file("file.txt") as stream:
        stream.write(text)
    return run.log_artifact(artifact).wait()


@pytest.fixture
def story(before):
    """Log raw in one run, read it in a second one that logs net."""
    with casstore.init(project="p", id="first", job_type="prepare") as run:
        raw = logged(run, "raw")
    with casstore.init(project="p", id="second", job_type="train", name="two") as run:
        run.use_artifact("raw:latest")
        net = logged(run, "net", type_name="model")
    return raw, net


@pytest.fixture
def lineage(story, cli):
    """Call ``casstore lineage`` on that store."""
    return lambda *arguments, **how: cli("--project", "p", "lineage", *arguments, **how)


def test_the_tree_is_readable(lineage):
    """What it came from stands below it, runs with their job type and state."""
    assert lineage("net").lines == [
        "net:v0  model  in project p",
        "made from",
        "└─ run second  two  train  finished",
        "   └─ raw:v0  dataset",
        "      └─ run first  prepare  finished".replace("first  ", f"first  {run_name('first')}  "),
        "used by: nothing that is known here",
    ]
    assert lineage("raw", "--downstream").lines[1:] == [
        "used by",
        "└─ run second  two  train  finished",
        "   └─ net:v0  model",
    ]
    assert lineage("raw", "--upstream", "--depth", "0").lines[1:] == [
        "made from: nothing that is known here"
    ]


def run_name(run_id):
    return casstore.Api().run(f"p/{run_id}").name


def test_its_json_holds_commit_ids(lineage, story):
    """The keys are pinned here."""
    raw, net = story
    found = lineage("net", "--json").json
    assert found["schema"] == 1
    assert found["commit_id"] == net.commit_hash
    assert found["complete"] is True
    assert found["nodes"][0] == {
        "node": net.commit_hash,
        "kind": "version",
        "project": "p",
        "name": "net",
        "version": "v0",
        "commit_id": net.commit_hash,
        "type": "model",
        "state": "COMMITTED",
    }
    (run,) = [node for node in found["nodes"] if node.get("id") == "second"]
    assert run == {
        "node": "p/second",
        "kind": "run",
        "project": "p",
        "id": "second",
        "name": "two",
        "job_type": "train",
        "state": "finished",
    }
    assert {tuple(edge.values()) for edge in found["edges"]} == {
        ("p/first", raw.commit_hash, "made"),
        (raw.commit_hash, "p/second", "read"),
        ("p/second", net.commit_hash, "made"),
    }


def test_the_other_forms_are_printed_whole(lineage):
    """Mermaid, DOT, SVG; one of them at a time, JSON wins."""
    assert lineage("net", "--mermaid").text.startswith("flowchart LR\n")
    assert lineage("net", "--dot").text.startswith("digraph lineage {\n")
    assert ET.fromstring(lineage("net", "--svg").text).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_removed_version_still_has_a_lineage(lineage, story):
    """Whoever asks where a result came from asks after it was removed, too."""
    story[0].delete()
    assert "raw:v0  dataset  (removed)" in lineage("raw:v0").lines[0]
    assert "(removed)" in lineage("net").text


def test_a_name_that_is_not_there_is_one_line(lineage):
    """Exit code 10."""
    assert lineage("nothing", code=10).errors.count("\n") <= 2


def test_an_artifact_shows_its_lineage_in_python(story):
    """Nodes and edges as records; printed a tree, in a notebook a picture."""
    raw, net = story
    found = net.lineage()
    assert [node.commit_hash for node in found.nodes if hasattr(node, "commit")] == [
        net.commit_hash,
        raw.commit_hash,
    ]
    assert {kind for _, _, kind in found.edges} == {"made", "read"}
    assert str(found).startswith("net:v0  model")
    assert found._repr_svg_().startswith("<svg")
    assert found.mermaid().startswith("flowchart")
    assert found.dot().startswith("digraph")
    assert len(net.lineage(depth=0).nodes) == 1


def test_a_version_that_nothing_stored_stands_alone(before):
    """In a disabled run."""
    with casstore.init(mode="disabled") as run:
        assert len(logged(run, "net").lineage().nodes) == 1


def test_the_first_run_that_logged_a_version_made_it(before, cli):
    """Also where it was put without a run before, and where several runs logged the same."""
    cli("--project", "p", "put", "data", "--name", "raw", "--quiet")
    assert casstore.Api().artifact("p/raw").logged_by() is None
    for run_id in ("first", "second"):
        with casstore.init(project="p", id=run_id) as run:
            again = casstore.Artifact("raw", "dataset")
            again.add_dir("data")
            assert run.log_artifact(again).wait().version == "v0"
            assert [each.name for each in run.logged_artifacts()] == ["raw:v0"]
    assert casstore.Api().artifact("p/raw").logged_by().id == "first"


def test_a_run_of_another_project_is_among_the_users(story):
    """With its own project."""
    with casstore.init(project="q", id="abroad") as run:
        run.use_artifact("p/net:v0")
        assert [each.qualified_name for each in run.used_artifacts()] == ["local/p/net:v0"]
    assert [(user.project, user.id) for user in story[1].used_by()] == [("q", "abroad")]


def test_removed_versions_stay_inputs_and_outputs(story):
    """They say that they are removed."""
    story[0].delete()
    api = casstore.Api()
    assert [each.state for each in api.run("p/second").used_artifacts()] == ["DELETED"]
    assert [each.state for each in api.run("p/first").logged_artifacts()] == ["DELETED"]
    assert story[0].logged_by().id == "first"


# Artifacts as values of the config


def json_form(artifact, key):
    return {
        "_type": "artifactVersion",
        "id": artifact.commit_hash,
        "version": artifact.version,
        "sequenceName": artifact.name.partition(":")[0],
        "usedAs": key,
    }


def test_an_artifact_in_the_config_given_to_init_is_an_input(story):
    """Read, it is the artifact; recorded, its JSON form."""
    raw, _ = story
    with casstore.init(project="p", id="third", config={"data": raw, "lr": 0.1}) as run:
        assert run.config["data"] is run.config.data is raw
        assert dict(run.config.as_dict()) == {"data": json_form(raw, "data"), "lr": 0.1}
    found = casstore.Api().run("p/third")
    assert found.config == {"data": json_form(raw, "data"), "lr": 0.1}
    assert [each.name for each in found.used_artifacts()] == ["raw:v0"]


@pytest.mark.parametrize("how", ["update", "item", "attribute", "setdefault"])
def test_an_artifact_that_is_set_in_the_config_is_an_input(story, how):
    """However it is set, once."""
    raw, _ = story
    with casstore.init(project="p", id="third") as run:
        if how == "update":
            run.config.update({"data": raw})
        elif how == "item":
            run.config["data"] = raw
        elif how == "attribute":
            run.config.data = raw
        else:
            assert run.config.setdefault("data", raw) is raw
        assert run.config.data is raw
    found = casstore.Api().run("p/third")
    assert found.config == {"data": json_form(raw, "data")}
    assert [each.name for each in found.used_artifacts()] == ["raw:v0"]


def test_a_draft_in_the_config_is_logged_first(before):
    """As ``use_artifact`` does with one."""
    draft = casstore.Artifact("raw", "dataset")
    with draft.new_file("a") as stream:
        stream.write("1")
    with casstore.init(project="p", config={"data": draft}) as run:
        assert run.config.data.version == "v0"
        assert [each.name for each in run.used_artifacts()] == ["raw:v0"]


def test_an_artifact_deeper_in_the_config_is_refused(story):
    """As in W&B; the message names where it stands."""
    with casstore.init(project="p") as run, pytest.raises(TypeError, match=r"\['data'\]"):
        run.config.update({"inner": {"data": story[0]}})


def test_a_key_that_may_not_change_takes_no_other_artifact_and_records_no_use(story):
    """The config is as it was, and so are the inputs."""
    raw, net = story
    with casstore.init(project="p", id="third", config={"data": raw}) as run:
        with pytest.raises(Invalid, match="allow_val_change"):
            run.config["data"] = net
        assert run.config.data is raw
        run.config.update({"data": "none"}, allow_val_change=True)
        assert run.config.data == "none"
    used = casstore.Api().run("p/third").used_artifacts()
    assert [each.name for each in used] == ["raw:v0"]


def test_a_disabled_run_takes_artifacts_in_its_config(before):
    """Nothing is recorded."""
    with casstore.init(mode="disabled", config={"lr": 1}) as run:
        run.config["data"] = logged(run, "raw")
        assert run.config.data.name == "raw:v0"


# What is recorded of where a run ran


def test_a_run_says_where_it_ran(story, cli):
    """In Python, in JSON and for people."""
    found = casstore.Api().run("p/second").metadata
    assert {"python", "os", "host", "program", "args", "root", "executable"} <= found.keys()
    here = ("--project", "p", "runs")
    (listed,) = [run for run in cli(*here, "--json").json["runs"] if run["id"] == "second"]
    assert listed["metadata"] == found
    text = cli(*here, "second").text
    for part in ("run second  in project p", "train", "raw:v0", "net:v0", found["python"]):
        assert part in text
    assert cli(*here, "second", "--json").json["runs"] == [listed]
    assert "casstore runs" in cli(*here, "nobody", code=10).errors


def test_settings_leave_out_what_is_not_to_be_recorded(before, monkeypatch):
    """By object, by mapping, by variable; also of a run that ``save`` opens."""
    with casstore.init(project="p", settings=casstore.Settings(disable_code=True)) as run:
        pass
    assert "program" not in casstore.Api().run(f"p/{run.id}").metadata
    with casstore.init(project="p", settings={"x_disable_meta": True}) as run:
        pass
    assert casstore.Api().run(f"p/{run.id}").metadata == {}
    monkeypatch.setenv("WANDB__DISABLE_META", "true")
    artifact = casstore.Artifact("raw", "dataset")
    with artifact.new_file("a") as stream:
        stream.write("1")
    artifact.save()
    assert artifact.wait().logged_by().metadata == {}


def test_config_json_and_summary_stay_plain(story):
    """What is recorded can be read by anything."""
    with casstore.init(project="p", id="third", config={"data": story[0]}):
        pass
    assert json.loads(casstore.Api().run("p/third").json_config)["data"]["sequenceName"] == "raw"
