"""The README's table of the artifact part of W&B 0.31, compared with the code."""

import inspect
import re
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

import casstore
from casstore.artifacts import commits
from casstore.artifacts.collection import ArtifactCollection
from casstore.artifacts.collections import ArtifactType
from casstore.errors import ArtifactNotLoggedError

HEADING = "## The artifact part of W&B 0.31"
PAGE = (Path(__file__).parents[2] / "README.md").read_text().partition(HEADING)[2]
CLASSES = {
    "Api": casstore.Api,
    "Artifact": casstore.Artifact,
    "ArtifactCollection": ArtifactCollection,
    "ArtifactType": ArtifactType,
    "Run": casstore.Run,
    **{name: getattr(casstore, name) for name in ("Table", "PartitionedTable", "JoinedTable")},
    **{
        name: getattr(casstore, name)
        for name in (
            *("Image", "Audio", "Video", "Html", "Object3D", "Molecule", "Histogram", "Plotly"),
            "Classes",
        )
    },
}
MODULE_LEVEL = (
    *("link_artifact", "link_model", "log_artifact"),
    *("log_model", "use_artifact", "use_model"),
)
ATTRIBUTES = {"ArtifactCollection.description", "ArtifactType.name"}  # plain ones, of each object


class Row(NamedTuple):
    """One line of the table."""

    name: str
    parameters: str
    draft: str
    here: str
    note: str

    @property
    def is_property(self):
        return "property" in self.parameters.split()

    @property
    def member(self):
        """What the class has under the name; None if it has nothing."""
        owner, _, name = self.name.partition(".")
        name = "__init__" if name == owner else name
        return inspect.getattr_static(CLASSES[owner], name, None)


def rows():
    lines = re.findall(r"^\| `([^`]+)` \|(.*)\|$", PAGE, re.MULTILINE)
    return [Row(name, *(cell.strip() for cell in rest.split("|"))) for name, rest in lines]


ROWS = {row.name: row for row in rows()}
HERE = [row for row in ROWS.values() if row.here != "no" and row.name not in ATTRIBUTES]
OF_ARTIFACT = [row for row in HERE if row.name.startswith("Artifact.")]


def ids(row):
    return row.name


def positional(call):
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(call).parameters.values()
    return [each.name for each in parameters if each.kind in kinds and each.name != "self"]


def test_the_table_is_read_whole():
    """Every line has a verdict; whoever says no says why, whoever says better says what."""
    assert len(ROWS) > 100
    for row in ROWS.values():
        assert row.here in {"yes", "no", "better"}, row
        assert row.note or row.here == "yes", row


@pytest.mark.parametrize("row", HERE, ids=ids)
def test_what_is_here_has_the_parameters_of_wandb(row):
    """The same names in the same order; ours come after them, or by name."""
    assert row.member is not None
    if row.is_property:
        assert isinstance(row.member, property)
        assert row.parameters == "property" or row.member.fset is not None
        return
    wanted = [] if row.parameters == "nothing" else row.parameters.split()
    assert positional(row.member)[: len(wanted)] == wanted
    later = list(inspect.signature(row.member).parameters.values())[len(wanted) + 1 :]
    assert all(
        each.default is not inspect.Parameter.empty or each.kind is each.VAR_POSITIONAL
        for each in later
    )


def test_plain_attributes_are_there(artifact):
    """They need no property."""
    artifact.run.log_artifact(artifact).wait()
    found = artifact.collection
    found.description = "text"
    found.save()
    assert artifact.collection.description == "text"
    assert casstore.Api().artifact_type("dataset").name == "dataset"


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.here == "no"], ids=ids)
def test_what_is_absent_is_absent(row):
    """No stub pretends."""
    assert row.member is None


def test_module_level_calls_have_the_parameters_of_the_runs():
    """They act on the current run."""
    for name in MODULE_LEVEL:
        assert positional(getattr(casstore, name)) == positional(getattr(casstore.Run, name))


# The state machine


def ask(artifact, row):
    """Look at a property, or call a method, without arguments where it needs none."""
    answer = getattr(artifact, row.name.partition(".")[2])
    return answer if row.is_property else answer(*["a.txt"][: row.parameters == "name"])


@pytest.fixture
def artifact(desk):
    with casstore.init(project="p") as run:
        draft = casstore.Artifact("data", "dataset", metadata={"n": 1})
        with draft.new_file("a.txt") as stream:
            stream.write("1")
        draft.run = run
        yield draft


@pytest.fixture
def under_way(artifact, monkeypatch):
    """Give an artifact that is being logged."""
    commit, gate = commits._commit, threading.Event()
    monkeypatch.setattr(commits, "_commit", lambda *given: gate.wait(20) and commit(*given))
    artifact.run.log_artifact(artifact)
    yield artifact
    gate.set()


@pytest.mark.parametrize("state", ["artifact", "under_way"])
def test_a_draft_answers_as_the_table_says(request, state):
    """Before logging and between; ``wait`` is for what is under way."""
    artifact = request.getfixturevalue(state)
    for row in OF_ARTIFACT:
        waits = state == "under_way" and row.name == "Artifact.wait"
        if row.draft.endswith("no") and not waits:
            with pytest.raises(ArtifactNotLoggedError):
                ask(artifact, row)
        elif row.is_property:
            ask(artifact, row)


def test_calls_with_arguments_answer_as_the_table_says(artifact, desk):
    """A draft is asked what it holds; ``link`` and ``save``, which log it, come last."""
    desk.write("more/b.txt", "2")
    given = {
        "add": [casstore.Table(columns=["a"], data=[[1]]), "rows"],
        "add_dir": ["more"],
        "add_file": ["more/b.txt", "c.txt"],
        "add_reference": [f"file://{desk.folder}/more/b.txt", "elsewhere"],
        "get": ["rows"],
        "get_added_local_path_name": ["more/b.txt"],
        "get_entry": ["a.txt"],
        "get_path": ["a.txt"],
        "is_draft": [],
        "new_file": ["d.txt"],
        "remove": ["a.txt"],
        "finalize": [],
        "link": ["registry/data"],
        "save": [],
    }
    of_drafts = {row.name for row in OF_ARTIFACT if row.draft == "yes" and not row.is_property}
    assert of_drafts <= {f"Artifact.{name}" for name in given} | {"Artifact.Artifact"}
    for name, arguments in given.items():
        if f"Artifact.{name}" in of_drafts:
            getattr(artifact, name)(*arguments)
        else:
            with pytest.raises(ArtifactNotLoggedError):
                getattr(artifact, name)(*arguments)


def test_a_version_answers_everything(artifact):
    """Properties, and calls that need nothing but the version."""
    artifact.run.log_artifact(artifact).wait()
    ends = {"Artifact.delete", "Artifact.unlink", "Artifact.save"}
    for row in OF_ARTIFACT:
        needs_a_version = row.draft.endswith("no") and row.name not in ends
        if row.is_property or needs_a_version:
            ask(artifact, row)
    for name in ends - {"Artifact.unlink"}:
        ask(artifact, ROWS[name])
