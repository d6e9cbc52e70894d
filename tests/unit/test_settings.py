"""Which store and project are chosen, and what the environment says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casstore.errors import Invalid, Unsupported
from casstore.settings import (
    DEFAULT_PROJECT,
    Environment,
    StoreChoice,
    find_project,
    find_store,
    read_environment,
    silent,
    user_data_dir,
)

BOTH_PREFIXES = (
    "project",
    "entity",
    "run_group",
    "job_type",
    "name",
    "run_id",
    "notes",
    "mode",
    "dir",
    "artifact_dir",
)
SET = st.booleans()


@pytest.fixture
def work(tmp_path):
    folder = tmp_path.resolve() / "home" / "project" / "src"
    folder.mkdir(parents=True)
    return folder


def choose(start, explicit=None, home=""):
    return find_store(
        start,
        explicit,
        environment=Environment(store=home),
        user_data_dir=lambda: start.parents[1] / "data",
    )


def pyproject(folder, text):
    (folder / "pyproject.toml").write_text(text)


@pytest.mark.parametrize("field", BOTH_PREFIXES)
def test_our_variable_comes_before_that_of_wandb(field):
    """CASSTORE_X wins, WANDB_X stands in, an empty one counts as not set."""
    ours, theirs = f"CASSTORE_{field.upper()}", f"WANDB_{field.upper()}"
    assert getattr(read_environment({}), field) == ""
    assert getattr(read_environment({theirs: "theirs"}), field) == "theirs"
    assert getattr(read_environment({ours: "ours", theirs: "theirs"}), field) == "ours"
    assert getattr(read_environment({ours: "", theirs: "theirs"}), field) == "theirs"


def test_the_store_has_only_a_variable_of_ours():
    """CASSTORE_HOME names the store; W&B's directory is not one."""
    assert read_environment({"CASSTORE_HOME": "/s", "WANDB_DIR": "/w"}).store == "/s"


def test_tags_are_separated_by_commas():
    """As in W&B; spaces around a tag and empty tags are dropped."""
    assert read_environment({"WANDB_TAGS": "base, best model,,"}).tags == ("base", "best model")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("1", True), ("YES", True), ("false", False), ("0", False)],
)
def test_silence_is_a_yes_or_no(text, expected, monkeypatch):
    """Words for no mean no, and ours overrules W&B's."""
    assert read_environment({"WANDB_SILENT": text}).silent is expected
    assert read_environment({"CASSTORE_SILENT": text, "WANDB_SILENT": "true"}).silent is expected
    monkeypatch.setenv("CASSTORE_SILENT", text)
    assert silent() is expected


def test_the_process_environment_is_read_when_asked(monkeypatch):
    """Nothing is remembered from import time."""
    monkeypatch.setenv("CASSTORE_ENTITY", "first")
    assert read_environment().entity == "first"
    monkeypatch.setenv("CASSTORE_ENTITY", "second")
    assert read_environment().entity == "second"


@given(argument=SET, variable=SET, folder=SET, toml=SET)
def test_the_first_of_the_places_that_name_a_store_wins(
    tmp_path_factory, argument, variable, folder, toml
):
    """Argument, variable, .casstore, pyproject.toml, data directory, in this order."""
    root = tmp_path_factory.mktemp("order").resolve()
    start = root / "a" / "b"
    start.mkdir(parents=True)
    if folder:
        (root / "a" / ".casstore").mkdir()
    if toml:
        pyproject(start, '[tool.casstore]\nstore = "../shared"\n')
    choice = choose(start, "arg" if argument else None, "var" if variable else "")
    candidates = [
        (argument, StoreChoice(start / "arg", "argument")),
        (variable, StoreChoice(start / "var", "CASSTORE_HOME")),
        (folder, StoreChoice(root / "a" / ".casstore", ".casstore")),
        (toml, StoreChoice(root / "a" / "shared", "pyproject.toml")),
        (True, StoreChoice(start.parents[1] / "data", "default")),
    ]
    assert choice == next(expected for given_, expected in candidates if given_)
    assert choice.path.is_absolute()
    assert choice.is_default is not (argument or variable or folder or toml)


def test_the_nearest_store_folder_is_taken(work):
    """A project's store comes before one further up; a file of that name is none."""
    (work.parents[1] / ".casstore").mkdir()
    assert choose(work).path == work.parents[1] / ".casstore"
    (work.parent / ".casstore").mkdir()
    (work / ".casstore").write_text("a file")
    assert choose(work).path == work.parent / ".casstore"


def test_only_the_nearest_pyproject_counts(work):
    """One without a table of ours hides those above it."""
    pyproject(work.parents[1], '[tool.casstore]\nstore = "far"\nproject = "far"\n')
    assert choose(work).path == work.parents[1] / "far"
    pyproject(work.parent, "[project]\nname = 'x'\n")
    assert choose(work).is_default


@pytest.mark.parametrize(
    "text", ["[tool.casstore", "[tool.casstore]\nstore = 3\n", "[tool]\ncasstore = 1\n"]
)
def test_a_pyproject_that_cannot_be_used_is_named(work, text):
    """Choosing another store in silence would be worse than stopping."""
    pyproject(work, text)
    with pytest.raises(Invalid, match=r"pyproject\.toml"):
        choose(work)
    assert choose(work, "named").path == work / "named"


def test_a_store_may_be_under_the_home_or_a_file_url(work, monkeypatch):
    """~ and file:// are understood wherever a store is named."""
    monkeypatch.setenv("HOME", str(work.parent))
    assert choose(work, "~/s").path == work.parent / "s"
    assert choose(work, home="~/s").path == work.parent / "s"
    assert choose(work, f"file://{work}/with%20space").path == work / "with space"
    assert choose(work, Path("p")).path == work / "p"


def test_a_store_cannot_be_empty_text_or_a_url(work):
    """An unset shell variable or a bucket is refused in one line."""
    for text in ("", "a\0b"):
        with pytest.raises(Invalid):
            choose(work, text)
    with pytest.raises(Unsupported, match="s3://bucket"):
        choose(work, "s3://bucket/store")


def test_one_store_has_one_path(work):
    """Dots and symlinks are resolved, so that a store is never opened under two names."""
    (work / "real").mkdir()
    (work / "link").symlink_to(work / "real")
    assert choose(work, "link").path == choose(work, "../src/real").path == work / "real"


def test_the_default_store_is_the_users_own(monkeypatch, tmp_path):
    """The platform names the place, and it ends in the package's name."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_data_dir().name == "casstore"


@given(argument=SET, variable=SET, toml=SET, config=SET)
def test_the_first_of_the_places_that_name_a_project_wins(
    tmp_path_factory, argument, variable, toml, config
):
    """Argument, variable, pyproject.toml, the store's configuration, default, in this order."""
    start = tmp_path_factory.mktemp("order")
    if toml:
        pyproject(start, '[tool.casstore]\nproject = "toml"\n')
    project = find_project(
        "argument" if argument else None,
        Environment(project="variable" if variable else ""),
        start=start,
        store_config={"project": "config"} if config else {},
    )
    candidates = [
        (argument, "argument"),
        (variable, "variable"),
        (toml, "toml"),
        (config, "config"),
        (True, DEFAULT_PROJECT),
    ]
    assert project == next(name for given_, name in candidates if given_)


def test_what_cannot_be_a_project_is_refused_wherever_it_is_named(work):
    """The rule is the same for every source; empty text as an argument counts as not given."""
    nothing = Environment()
    assert find_project("", nothing, start=work, store_config={}) == DEFAULT_PROJECT
    with pytest.raises(Invalid):
        find_project("a/b", nothing, start=work, store_config={})
    with pytest.raises(Invalid):
        find_project(None, Environment(project="a:b"), start=work, store_config={})
    with pytest.raises(Invalid, match=r"config\.toml"):
        find_project(None, nothing, start=work, store_config={"project": 3})
