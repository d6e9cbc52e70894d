"""Artifacts in a run: logged, used, numbered, and how they go through the background."""

import errno
import threading
import time

import pytest

import casstore
from casstore.artifacts import commits, runrecord
from casstore.errors import Invalid, NotFound, UsageError


def an_artifact(desk, name="data", text="hello", **given):
    desk.write(f"{name}.txt", text)
    artifact = casstore.Artifact(name, given.pop("type", "dataset"), **given)
    artifact.add_file(f"{name}.txt", name="a.txt")
    return artifact


@pytest.fixture
def slow_commits(monkeypatch):
    """Let commits wait until the event is set."""
    gate = threading.Event()
    commit = commits._commit

    def wait_and_commit(*arguments):
        assert gate.wait(20)
        return commit(*arguments)

    monkeypatch.setattr(commits, "_commit", wait_and_commit)
    yield gate
    gate.set()


def test_log_artifact_returns_at_once_the_object_that_was_given(desk, run, slow_commits):
    """Until the commit it is a draft that cannot be changed; then it is the version."""
    artifact = an_artifact(desk)
    started = time.monotonic()
    assert run.log_artifact(artifact) is artifact
    assert time.monotonic() - started < 5
    assert artifact.is_draft()
    assert (artifact.name, artifact.state) == ("data", "PENDING")
    with pytest.raises(casstore.ArtifactNotLoggedError):
        _ = artifact.version
    with pytest.raises(TimeoutError):
        artifact.wait(timeout=0.05)
    slow_commits.set()
    assert artifact.wait() is artifact
    assert (artifact.name, artifact.state, artifact.version) == ("data:v0", "COMMITTED", "v0")


def test_what_is_asked_of_a_draft_can_be_asked_while_it_is_committed(desk, run, slow_commits):
    """Digest, size and paths are the same before, between and after."""
    artifact = an_artifact(desk)
    before = (artifact.digest, artifact.size, artifact.file_count)
    manifest = artifact.manifest
    run.log_artifact(artifact)
    assert (artifact.digest, artifact.size, artifact.file_count) == before
    slow_commits.set()
    artifact.wait()
    assert (artifact.digest, artifact.size, artifact.file_count) == before
    assert list(manifest.entries) == ["a.txt"]


def test_a_path_is_logged_as_an_artifact_of_the_run(desk, run):
    """A file or a folder becomes ``run-<id>-<basename>`` of type ``unspecified``."""
    desk.write("some dir/a.txt", "1")
    folder = run.log_artifact("some dir").wait()
    assert folder.name == f"run-{run.id}-some_dir:v0"
    assert folder.type == "unspecified"
    assert list(folder.manifest.entries) == ["a.txt"]
    file = run.log_artifact(desk.folder / "some dir/a.txt", name="named", type="text").wait()
    assert (file.name, file.type) == ("named:v0", "text")
    desk.write("x" * 200, "1")
    assert len(run.log_artifact("x" * 200).wait().name) == 128 + len(":v0")
    with pytest.raises(FileNotFoundError):
        run.log_artifact("nowhere")


def test_versions_of_one_name_are_numbered_in_call_order(desk, run):
    """A loop of log_artifact without waiting gives v0, v1, v2 in that order."""
    logged = [run.log_artifact(an_artifact(desk, text=str(number))) for number in range(20)]
    assert [artifact.wait().version for artifact in logged] == [f"v{n}" for n in range(20)]


def test_a_full_queue_makes_log_artifact_wait_and_goes_on(desk, run, slow_commits, monkeypatch):
    """Memory is bounded: the caller waits for the background, which waits for nobody."""
    monkeypatch.setattr(runrecord, "MAX_WAITING_COMMITS", 3)
    threading.Timer(0.3, slow_commits.set).start()
    logged = [run.log_artifact(an_artifact(desk, text=str(number))) for number in range(12)]
    assert [artifact.wait().version for artifact in logged] == [f"v{n}" for n in range(12)]


def test_use_artifact_sees_what_this_process_has_logged(desk, run, slow_commits):
    """It waits for the background instead of saying that nothing is there."""
    run.log_artifact(an_artifact(desk))
    threading.Timer(0.2, slow_commits.set).start()
    assert run.use_artifact("data:latest").version == "v0"


def test_used_and_logged_artifacts_are_recorded_with_the_run(desk, run):
    """In order and each once; whoever made and read a version can be asked of it."""
    one = run.log_artifact(an_artifact(desk, "one")).wait()
    two = run.log_artifact(an_artifact(desk, "two")).wait()
    run.use_artifact("one:latest", type="dataset")
    run.use_artifact("p/one:v0")
    assert run.use_artifact(two) is two
    assert [artifact.name for artifact in run.logged_artifacts()] == ["one:v0", "two:v0"]
    assert [artifact.name for artifact in run.used_artifacts()] == ["one:v0", "two:v0"]
    assert one.logged_by().id == run.id
    assert [user.id for user in one.used_by()] == [run.id]


def test_using_a_draft_logs_it_first(desk, run):
    """Then it is an input and an output of the run."""
    artifact = run.use_artifact(an_artifact(desk), aliases=["given"])
    assert artifact.version == "v0"
    assert "given" in artifact.aliases
    assert [each.name for each in run.used_artifacts()] == ["data:v0"]


def test_using_an_artifact_of_another_type_is_refused_and_not_recorded(desk, run):
    """It is a ValueError that says both types."""
    run.log_artifact(an_artifact(desk))
    with pytest.raises(ValueError, match="'dataset', not 'model'"):
        run.use_artifact("data:latest", type="model")
    assert list(run.used_artifacts()) == []


def test_an_absent_artifact_is_named_with_the_store_and_project(desk, run):
    """Whatever is missing: the name, the version, the alias, the id."""
    run.log_artifact(an_artifact(desk))
    for name in ("nope", "data:v7", "data:nope", "data@0123456789"):
        with pytest.raises(NotFound) as caught:
            run.use_artifact(name)
        assert "'p'" in str(caught.value)
        assert str(desk.root) in str(caught.value)
        assert isinstance(caught.value, ValueError)


def test_logging_a_finished_artifact_again_adds_its_labels(desk, run):
    """No new version; another run becomes a producer of it."""
    artifact = run.log_artifact(an_artifact(desk)).wait()
    with casstore.init(project="p", reinit="create_new") as other:
        assert other.log_artifact(artifact, aliases=["prod"], tags=["ok"]) is artifact
        assert [each.name for each in other.logged_artifacts()] == ["data:v0"]
    assert artifact.aliases == ["latest", "prod"]
    assert casstore.Api().artifact("data:prod").tags == ["ok"]


def test_logging_one_object_twice_is_one_version(desk, run, slow_commits):
    """The second call waits in the background and adds its alias."""
    artifact = an_artifact(desk)
    run.log_artifact(artifact, aliases=["a"])
    run.log_artifact(artifact, aliases=["b"])
    slow_commits.set()
    assert len(run.logged_artifacts()) == 1
    assert casstore.Api().artifact("data").aliases == ["latest", "a", "b"]


def test_a_version_of_another_project_is_not_logged_by_accident(desk, run):
    """The hint says how to make a version here."""
    artifact = run.log_artifact(an_artifact(desk)).wait()
    with casstore.init(project="other", reinit="create_new") as other:
        with pytest.raises(Invalid, match="new_draft"):
            other.log_artifact(artifact)
        assert other.log_artifact(artifact.new_draft()).wait().qualified_name == (
            "local/other/data:v0"
        )


def test_an_error_in_the_background_is_raised_by_wait_and_by_finish(desk):
    """The original error, by both, and the run has failed."""
    run = casstore.init(project="p")
    first = an_artifact(desk)
    second = an_artifact(desk, type="model", text="other")
    run.log_artifact(first).wait()
    second._base_name = "data"
    gate = pytest.MonkeyPatch()
    gate.setattr(commits, "_commit", _no_space)
    try:
        third = run.log_artifact(an_artifact(desk, "third"))
        with pytest.raises(OSError, match="no space") as caught:
            third.wait()
        with pytest.raises(OSError, match="no space") as again:
            run.finish()
    finally:
        gate.undo()
    assert caught.value is again.value
    assert casstore.Api().run(f"p/{run.id}").state == "failed"
    assert casstore.Api().artifact("p/data:v0").file_count == 1
    run.finish()


def _no_space(*_arguments):
    raise OSError(errno.ENOSPC, "no space left on device")


def test_leaving_the_block_raises_what_went_wrong_in_the_background(desk, monkeypatch):
    """An error is never lost, also when nobody waits."""
    monkeypatch.setattr(commits, "_commit", _no_space)
    with pytest.raises(OSError, match="no space"), casstore.init() as run:
        run.log_artifact(an_artifact(desk))


def test_a_type_conflict_found_in_the_background_is_the_same_error(desk, run, slow_commits):
    """Two types for one new name: the second is a ValueError when it is waited for."""
    run.log_artifact(an_artifact(desk))
    other = run.log_artifact(an_artifact(desk, type="model"))
    slow_commits.set()
    with pytest.raises(ValueError, match="of type 'dataset'"):
        other.wait()
    with pytest.raises(ValueError, match="of type 'dataset'"):
        run.finish()


def test_log_keeps_the_last_scalars_in_the_summary(desk, capsys):
    """Other values are dropped with one notice; steps are counted."""
    with casstore.init(project="p") as run:
        run.log({"loss": 0.5, "image": casstore.Image([[1]])})
        run.log({"loss": 0.25, "image": casstore.Image([[1]])}, step=7)
        assert run.summary["loss"] == 0.25
        assert run.summary.loss == 0.25
        with pytest.raises(TypeError, match="dict"):
            run.log(3)
    assert capsys.readouterr().err.count("image") == 1
    assert casstore.Api().run(f"p/{run.id}").summary_metrics == {"loss": 0.25}


def test_config_is_recorded_as_it_is_when_the_run_ends(desk):
    """Given at the start, updated by attribute and by call."""
    with casstore.init(config={"lr": 0.1, "layers": (1, 2)}, project="p") as run:
        run.config.epochs = 3
        run.config.update({"lr": 0.2}, allow_val_change=True)
        run.config.setdefault("seed", 1)
        assert casstore.config is run.config
    info = casstore.Api().run(f"p/{run.id}")
    assert info.config == {"lr": 0.2, "layers": [1, 2], "epochs": 3, "seed": 1}


def test_name_notes_and_tags_can_be_changed(desk):
    """What they are when the run ends is what is recorded, also nothing."""
    with casstore.init(project="p", name="first", notes="n", tags=["a", "b"]) as run:
        run.name = "second"
        run.notes = "m"
        run.tags = ()
    info = casstore.Api().run(f"p/{run.id}")
    assert (info.name, info.notes, info.tags) == ("second", "m", [])


def test_an_artifact_is_saved_without_a_run(desk):
    """A run of job type ``auto`` begins and ends around it; the edits later need none."""
    artifact = an_artifact(desk)
    artifact.save(project="q")
    assert artifact.wait().qualified_name == "local/q/data:v0"
    (run,) = casstore.Api().runs("q")
    assert (run.job_type, run.state) == ("auto", "finished")
    assert [each.name for each in run.logged_artifacts()] == ["data:v0"]
    artifact.description = "later"
    artifact.save()
    assert casstore.Api().artifact("q/data:v0").description == "later"


def test_an_artifact_is_saved_in_the_current_run(desk, run):
    """No second run is begun for it."""
    artifact = an_artifact(desk)
    artifact.save()
    assert artifact.wait().logged_by().id == run.id
    assert len(casstore.Api().runs("p")) == 1


def test_a_draft_made_in_another_store_is_copied(desk, tmp_path):
    """Its bytes are whole where it is logged."""
    desk.write("big.bin", bytes(range(256)) * 4000)
    artifact = casstore.Artifact("data", "dataset")
    artifact.add_file("big.bin")
    with casstore.init(store=tmp_path / "elsewhere", project="p") as run:
        run.log_artifact(artifact)
        assert (desk.folder / artifact.wait().download() / "big.bin").stat().st_size == 1_024_000
    assert casstore.Api(store=tmp_path / "elsewhere").artifact_exists("p/data:v0")
    assert not casstore.Api().artifact_exists("p/data:v0")


def test_a_version_of_another_store_is_drafted_anew_in_this_one(desk, tmp_path):
    """``new_draft`` takes its files along."""
    with casstore.init(store=tmp_path / "elsewhere", project="p") as run:
        there = run.log_artifact(an_artifact(desk)).wait()
    with casstore.init(project="p") as run:
        here = run.log_artifact(there.new_draft()).wait()
        assert (desk.folder / here.download() / "a.txt").read_text() == "hello"
    assert here.digest == there.digest
    assert casstore.Api().artifact_exists("p/data:v0")


def test_module_level_calls_act_on_the_current_run(desk, run):
    """log_artifact, use_artifact, log, config, summary, run."""
    assert casstore.run is run
    casstore.log_artifact(an_artifact(desk))
    assert casstore.use_artifact("data:latest").version == "v0"
    casstore.log({"loss": 1})
    assert casstore.summary["loss"] == 1
    casstore.config.lr = 3
    assert run.config["lr"] == 3
    casstore.finish()
    assert casstore.run is None
    casstore.finish()


def test_module_level_calls_without_a_run_are_an_error(desk):
    """``run`` is None; ``config`` and ``summary`` say so when they are used."""
    assert casstore.run is None
    for call in (
        lambda: casstore.log({}),
        lambda: casstore.log_artifact("x"),
        lambda: casstore.use_artifact("x"),
        lambda: casstore.config.lr,
        lambda: casstore.config["lr"],
        lambda: casstore.summary.update({}),
    ):
        with pytest.raises(casstore.Error, match="init"):
            call()
    with pytest.raises(casstore.Error, match="init"):
        casstore.config.lr = 1
    with pytest.raises(casstore.Error, match="init"):
        casstore.summary["loss"] = 1


def test_a_uri_is_not_logged_as_a_path(run, desk):
    """It becomes references, named for its last part."""
    artifact = run.log_artifact(desk.write("some/x.bin", "abc").as_uri()).wait()
    assert artifact.name == f"run-{run.id}-x.bin:v0"
    assert artifact.get_entry("x.bin").ref == (desk.folder / "some/x.bin").as_uri()


def test_a_finished_run_cannot_be_used(desk):
    """The error says what to do."""
    run = casstore.init()
    run.finish()
    for call in (
        lambda: run.log_artifact("x"),
        lambda: run.use_artifact("x"),
        lambda: run.log({"a": 1}),
    ):
        with pytest.raises(UsageError, match="init"):
            call()
