"""What scripts written for W&B do by habit: spellings, settings, misuse answered as there."""

import os
import pathlib

import pytest

import casstore
from casstore.errors import Invalid, UsageError


@pytest.fixture
def draft(desk):
    desk.write("one", "1")
    desk.write("in/x", "x")
    desk.write("in/sub/y", "y")
    return casstore.Artifact("data", "dataset")


def paths(artifact):
    return list(artifact.manifest.entries)


# Paths


@pytest.mark.parametrize("name", ["./a/b", "a//b", "a/./b", "a/b/", pathlib.Path("a/b")])
def test_a_path_may_be_spelled_in_any_way(draft, name):
    """It is stored in one spelling, so that the same path is never there twice (W&B)."""
    draft.add_file("one", name=name)
    assert paths(draft) == ["a/b"]
    assert draft.get_entry(name).path == "a/b"
    draft.remove(name)
    with draft.new_file(name) as stream:
        stream.write("2")
    assert paths(draft) == ["a/b"]


def test_a_folder_goes_to_the_top_or_below_a_prefix_however_that_is_spelled(draft):
    """``.`` is the top; an absolute prefix is refused, as for files."""
    draft.add_dir("in", name=".")
    draft.add_dir("in", name="./p//q/")
    assert paths(draft) == ["p/q/sub/y", "p/q/x", "sub/y", "x"]
    draft.remove("p/")
    assert paths(draft) == ["sub/y", "x"]
    with pytest.raises(ValueError, match="cannot be a path"):
        draft.add_dir("in", name="/p")
    with pytest.raises(ValueError, match="cannot be a path"):
        draft.add_reference(pathlib.Path("one").resolve().as_uri(), name="/p")


def test_an_object_is_found_by_another_spelling(draft, run):
    """``add`` and ``get`` as ``add_file`` and ``get_entry``."""
    draft.add(casstore.Table(columns=["a"], data=[[1]]), "./t//scores")
    assert paths(draft) == ["t/scores.table.json"]
    run.log_artifact(draft).wait()
    assert draft.get("t/./scores").data == [[1]]


def test_what_cannot_be_added_is_told_with_what_to_do(desk, draft):
    """A folder as a file, a file as a folder, neither, and a policy that is none."""
    with pytest.raises(ValueError, match="add_dir"):
        draft.add_file("in")
    with pytest.raises(ValueError, match="add_file"):
        draft.add_dir("one")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        draft.add_dir("nothing")
    for add in (
        lambda: draft.add_file("one", policy="fast"),
        lambda: draft.add_dir("in", policy="fast"),
        lambda: draft.new_file("new", policy="fast"),
    ):
        with pytest.raises(ValueError, match="policy 'fast'"):
            add()
    assert paths(draft) == []


def test_a_link_that_is_ignored_stops_nothing(desk, draft):
    """To nothing, in a circle, up or out: it is left out before it is followed."""
    for name, target in (("gone", "nowhere"), ("loop", "loop"), ("up", "."), ("out", os.devnull)):
        os.symlink(target, f"in/{name}")
    with pytest.raises(ValueError, match="ignore"):
        draft.add_dir("in")
    draft.add_dir("in", ignore=["gone", "loop", "up", "out"], on_symlink="error")
    assert paths(draft) == ["sub/y", "x"]


def test_links_that_are_ignored_are_not_counted(cli):
    """``put`` tells of those only that it took something from."""
    (cli.folder / "data" / "out").symlink_to(cli.write("elsewhere", "1"))
    (cli.folder / "data" / "gone").symlink_to("nowhere")
    put = cli("put", "data", "--ignore", "out", "--ignore", "gone", "--json")
    assert put.json["outside_links"] == 0
    assert put.json["version"]["file_count"] == 4


def test_entries_answer_to_their_older_names(draft):
    """``name``, and the manifest's look-ups by path and by folder."""
    draft.add_dir("in")
    assert [entry.name for entry in draft.manifest] == ["sub/y", "x"]
    assert draft.manifest.get_entry_by_path("./x").size == 1
    assert draft.manifest.get_entry_by_path("nope") is None
    assert [each.path for each in draft.manifest.get_entries_in_directory("sub/")] == ["sub/y"]


# Runs


def test_a_config_that_is_replaced_is_refused_and_the_run_goes_on(run):
    """It cannot be taken for a plain dict: ``update`` is what records it."""
    for name in ("config", "summary"):
        with pytest.raises(AttributeError, match="update"):
            setattr(run, name, {"lr": 1})
    run.config.update({"lr": 1})
    run.finish()
    assert casstore.Api().run(f"p/{run.id}").config == {"lr": 1}


def test_what_is_said_of_a_run_after_its_end_is_refused(run):
    """Nothing would record it."""
    run.config.lr = 1
    run.finish()
    changes = [
        lambda: setattr(run.config, "new", 2),
        lambda: run.config.update({"new": 1}),
        lambda: run.summary.update({"new": 1}),
        lambda: setattr(run, "tags", ["a"]),
        lambda: setattr(run, "notes", "a"),
        lambda: setattr(run, "name", "a"),
    ]
    for change in changes:
        with pytest.raises(UsageError, match="is finished"):
            change()
    assert run.config.as_dict() == {"lr": 1}
    assert len(run.summary) == 0


def test_values_of_another_type_do_not_keep_a_run_from_ending(run):
    """Tags, notes and names become text; an exit code that is no number is refused at once."""
    run.tags, run.notes, run.name = "one", 5, None
    with pytest.raises(TypeError):
        run.finish(exit_code="1")
    run.finish()
    known = casstore.Api().run(f"p/{run.id}")
    assert (known.state, known.tags, known.notes, known.name) == ("finished", ["one"], "5", run.id)


def test_settings_say_what_no_keyword_says(desk):
    """Under W&B's names for it; a keyword is heard first."""
    settings = casstore.Settings(
        project="from-settings", run_id="known", run_name="n", run_group="g", run_tags=("t",)
    )
    with casstore.init(settings=settings, name="said") as run:
        assert (run.project, run.id, run.name) == ("from-settings", "known", "said")
        assert (run.group, run.tags) == ("g", ("t",))
    with casstore.init(settings={"mode": "disabled", "root_dir": str(desk.folder)}) as run:
        assert run.disabled
        assert run.dir.startswith(str(desk.folder))


@pytest.mark.parametrize("given", [{"id": ""}, {"id": 5}, {"name": 5}, {"job_type": 5}])
def test_what_is_no_text_is_refused_before_a_run_begins(desk, given):
    """By name, with what to give."""
    with pytest.raises(Invalid, match=r"cannot be a run|is no text"):
        casstore.init(**given)
    assert casstore.run is None


def test_a_step_that_is_given_is_the_step(run):
    """It is gone on from only when ``commit`` says so, and never goes back (W&B)."""
    run.log({"x": 1})
    assert run.step == 1
    run.log({"x": 1}, step=10)
    assert run.step == 10
    run.log({"x": 1}, step=3)
    assert run.step == 10
    run.log({"x": 1}, step=10, commit=True)
    assert run.step == 11
    with pytest.raises(TypeError):
        run.log({"x": 1}, step="12")


def test_a_run_is_part_of_no_sweep(run):
    """Scripts ask."""
    assert run.sweep_id is None
    assert run.sweep_url is None
    assert run.project_url == "casstore://p"


def test_what_cannot_be_logged_is_a_type_error(run):
    """That says what can be."""
    for thing in (5, None):
        with pytest.raises(TypeError, match="an Artifact or a path"):
            run.log_artifact(thing)
