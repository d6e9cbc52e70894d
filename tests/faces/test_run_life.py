"""The life of a run: begun, continued, ended; what is recorded of how it ended."""

import argparse
import re
import signal
import time

import pytest

import casstore
from casstore.errors import Conflict, Invalid, NotFound, UsageError
from casstore.names import check_name


def state_of(run, project="default"):
    return casstore.Api().run(f"{project}/{run.id}").state


def an_artifact(desk, name="data"):
    desk.write("a.txt", "hello")
    artifact = casstore.Artifact(name, "dataset")
    artifact.add_file("a.txt")
    return artifact


def test_a_run_says_what_it_is(desk):
    """Id, name, project, entity, group, job type, URL: never None where W&B has text."""
    run = casstore.init(project="p", group="g", job_type="train", config={"lr": 1})
    assert re.fullmatch(r"[a-z0-9]{8}", run.id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-1", run.name)
    assert check_name(run.id)
    assert check_name(run.name)
    assert (run.project, run.entity, run.group, run.job_type) == ("p", "local", "g", "train")
    assert run.path == f"local/p/{run.id}"
    assert run.id in run.url
    assert run.start_time <= time.time()
    assert (run.step, run.resumed, run.offline, run.disabled) == (0, False, True, False)
    assert run.dir == run.dir
    run.finish()
    assert re.fullmatch(r"[a-z]+-[a-z]+-2", casstore.init(project="p").name)


def test_the_state_of_a_run_is_running_then_finished(desk):
    """``finish`` twice is a no-op; an exit code other than 0 is a failure."""
    run = casstore.init()
    assert state_of(run) == "running"
    run.finish()
    run.finish()
    assert state_of(run) == "finished"
    failing = casstore.init()
    failing.finish(exit_code=3)
    assert state_of(failing) == "failed"
    assert casstore.Api().run(failing.id).exit_code == 3


def test_init_while_a_run_is_active_returns_it_with_a_notice(desk, capsys):
    """Also with reinit=False and W&B's name for it."""
    run = casstore.init()
    assert casstore.init(project="ignored") is run
    assert run.id in capsys.readouterr().err
    assert casstore.init(reinit=False) is run
    assert casstore.init(reinit="return_previous") is run


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_reinit_finishes_the_active_run_first(desk, reinit):
    """And the new one is current."""
    first = casstore.init()
    second = casstore.init(reinit=reinit)
    assert second is not first
    assert state_of(first) == "finished"
    assert casstore.run is second


def test_create_new_makes_another_run_beside_the_current_one(desk):
    """The current run stays current, as in W&B; both can be used."""
    first = casstore.init(project="p")
    second = casstore.init(project="p", reinit="create_new")
    assert casstore.run is first
    second.log_artifact(an_artifact(desk)).wait()
    assert [each.name for each in second.logged_artifacts()] == ["data:v0"]
    assert list(first.logged_artifacts()) == []
    second.finish()
    assert state_of(first, "p") == "running"
    assert state_of(second, "p") == "finished"


def test_an_unknown_reinit_resume_or_mode_is_refused(desk):
    """The words that are known are listed."""
    with pytest.raises(Invalid, match="create_new"):
        casstore.init(reinit="sometimes")
    with pytest.raises(Invalid, match="must"):
        casstore.init(resume="perhaps")
    with pytest.raises(Invalid, match="disabled"):
        casstore.init(mode="telepathic")
    assert casstore.run is None


def test_the_id_of_a_known_run_continues_it(desk):
    """Its name, config, summary and tags are there again, and it runs again."""
    first = casstore.init(project="p", id="known", config={"a": 1, "b": 1}, tags=["t"], notes="n")
    first.log({"loss": 1.0})
    first.log_artifact(an_artifact(desk)).wait()
    first.finish()
    second = casstore.init(project="p", id="known", config={"b": 2})
    assert second.resumed
    assert (second.name, second.tags, second.notes) == (first.name, ("t",), "n")
    assert second.config.as_dict() == {"a": 1, "b": 2}
    assert second.summary["loss"] == 1.0
    assert state_of(second, "p") == "running"
    second.finish()
    info = casstore.Api().run("p/known")
    assert info.summary_metrics == {"loss": 1.0}
    assert info.name == first.name
    assert [each.name for each in info.logged_artifacts()] == ["data:v0"]


def test_resume_never_and_must_say_whether_the_run_may_be_known(desk):
    """A known one is a Conflict, an unknown one is not found, naming store and project."""
    with pytest.raises(NotFound) as caught:
        casstore.init(project="p", id="new", resume="must")
    assert str(desk.root) in str(caught.value)
    assert "'p'" in str(caught.value)
    casstore.init(project="p", id="new", resume="never").finish()
    with pytest.raises(Conflict, match="new"):
        casstore.init(project="p", id="new", resume="never")
    for word in ("must", "allow", "auto", True):
        run = casstore.init(project="p", id="new", resume=word)
        assert run.resumed
        run.finish()


@pytest.mark.parametrize("bad", ["a/b", "a:b", "x" * 129, "a\nb"])
def test_an_id_that_cannot_be_part_of_a_path_is_refused(desk, bad):
    """As W&B does."""
    with pytest.raises(Invalid, match="id"):
        casstore.init(id=bad)


@pytest.mark.parametrize("mode", ["online", "offline", "shared"])
def test_every_other_mode_is_local(desk, mode):
    """What W&B would send is simply stored."""
    with casstore.init(mode=mode) as run:
        assert run.log_artifact(an_artifact(desk)).wait().version == "v0"


def test_a_disabled_run_stores_nothing_and_every_artifact_call_is_a_no_op(desk):
    """A script runs to its end and no store is made."""
    with casstore.init(mode="disabled", config={"lr": 1}) as run:
        assert run.disabled
        assert run.config.lr == 1
        desk.write("in/a.txt", "1")
        artifact = casstore.Artifact("data", "dataset", metadata={"n": 1})
        artifact.add_dir("in")
        assert artifact.add_file("in/a.txt", name="b.txt").path == "b.txt"
        with artifact.new_file("c.txt") as stream:
            stream.write("x")
        artifact.remove("b.txt")
        assert run.log_artifact(artifact, aliases=["best"]) is artifact
        assert artifact.wait() is artifact
        assert (artifact.name, artifact.version) == ("data:v0", "v0")
        assert artifact.metadata == {"n": 1}
        assert run.log_artifact("in").wait().version == "v0"
        used = run.use_artifact("other/models:prod", type="model")
        assert used.type == "model"
        assert used.download(root="out") == "out"
        used.verify()
        used.description = "x"
        used.save()
        used.delete()
        assert (used.logged_by(), used.used_by(), list(used.files())) == (None, [], [])
        assert list(run.logged_artifacts()) == list(run.used_artifacts()) == []
        run.log({"loss": 1})
    assert not desk.root.exists()
    assert not (desk.folder / "out").exists()


def test_the_environment_can_disable_runs(desk, monkeypatch):
    """Also those that saving an artifact would begin."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    artifact = an_artifact(desk)
    artifact.save()
    assert casstore.init().disabled
    assert not desk.root.exists()


def test_what_a_disabled_run_did_not_take_is_not_logged_as_if_it_were_there(desk):
    """The artifact has to be made again where things are stored."""
    with casstore.init(mode="disabled"):
        artifact = an_artifact(desk)
    with casstore.init() as run, pytest.raises(UsageError, match="make the artifact again"):
        run.log_artifact(artifact)


def test_an_exception_in_the_block_commits_what_was_logged_and_goes_on(desk):
    """The run has failed; the exception is the one that was raised."""
    run = casstore.init()

    def fail():
        with run:
            run.log_artifact(an_artifact(desk))
            raise KeyError("boom")

    with pytest.raises(KeyError, match="boom"):
        fail()
    assert state_of(run) == "failed"
    assert casstore.Api().artifact("data:v0").file_count == 1


def test_an_exception_in_the_block_is_not_hidden_by_one_of_the_background(desk, capsys):
    """The second one is said."""
    run = casstore.init()
    run._record.submit(lambda: 1 / 0)
    with pytest.raises(KeyError, match="boom"), run:
        raise KeyError("boom")
    assert "division by zero" in capsys.readouterr().err


def test_interrupting_the_block_crashes_the_run(desk):
    """Ctrl-C is neither success nor failure of the script."""
    with pytest.raises(KeyboardInterrupt), casstore.init() as run:
        raise KeyboardInterrupt
    assert state_of(run) == "crashed"


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (None, "finished"), (2, "failed")])
def test_leaving_the_block_by_exit_ends_the_run_by_its_code(desk, code, state):
    """``sys.exit(0)`` is a good end."""
    with pytest.raises(SystemExit), casstore.init() as run:
        raise SystemExit(code)
    assert state_of(run) == state


def test_a_run_that_nobody_finished_ends_with_its_process(desk):
    """What was logged is committed first."""
    desk.run("""
        import casstore
        run = casstore.init(id="left")
        open("a.txt", "w").write("1")
        artifact = casstore.Artifact("data", "dataset")
        artifact.add_file("a.txt")
        run.log_artifact(artifact)
        run.summary["done"] = True
    """)
    info = casstore.Api().run("left")
    assert (info.state, info.summary_metrics) == ("finished", {"done": True})
    assert casstore.Api().artifact("data:v0").file_count == 1


def test_an_uncaught_exception_fails_the_run_of_its_process(desk):
    """Also without a ``with``."""
    desk.run("import casstore\ncasstore.init(id='left')\n1 / 0\n", code=1)
    assert casstore.Api().run("left").state == "failed"


def test_an_error_of_the_background_at_exit_is_said(desk):
    """Nobody is left to catch it; the exit status says so, and everything else ends as it would."""
    process = desk.start("""
        import atexit
        import casstore

        atexit.register(print, "others end too", flush=True)
        run = casstore.init(id="left")
        run._record.submit(lambda: 1 / 0)
        print("the script is through")
    """)
    output, errors = process.communicate(timeout=60)
    assert errors == "casstore: ERROR run left: division by zero\n"
    assert output == "the script is through\nothers end too\n"
    assert process.returncode == 120
    assert casstore.Api().run("left").state == "failed"


def test_what_could_not_be_logged_is_named(desk):
    """By ``wait`` and ``finish``, which raise the error itself, and at exit."""
    script = """
        import casstore
        from casstore.artifacts.drafting import Drafting

        run = casstore.init(id="left")
        Drafting.commit = lambda *_: 1 / 0
        artifact = casstore.Artifact("data", "dataset")
        with artifact.new_file("a.txt") as stream:
            stream.write("1")
        run.log_artifact(artifact)
    """
    told = "'data' was not logged; log it again when the cause is gone"
    process = desk.start(script)
    errors = process.communicate(timeout=60)[1]
    assert errors == f"casstore: ERROR run left: division by zero ({told})\n"
    for ending in ("artifact.wait()", "run.finish()"):
        process = desk.start(f"{script}    {ending}\n")
        assert f"\nZeroDivisionError: division by zero\n{told}\n" in process.communicate()[1]


@pytest.mark.parametrize("block", [True, False])
def test_a_terminated_process_leaves_a_crashed_run(desk, block):
    """SIGTERM is Ctrl-C, inside a ``with`` and outside of it; what was logged is whole."""
    process = desk.start(f"""
        import time
        import casstore
        run = casstore.init(id="left")
        open("a.txt", "w").write("1")
        artifact = casstore.Artifact("data", "dataset")
        artifact.add_file("a.txt")
        run.log_artifact(artifact)
        if {block}:
            with run:
                print("ready", flush=True)
                time.sleep(60)
        print("ready", flush=True)
        time.sleep(60)
    """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert casstore.Api().run("left").state == "crashed"
    assert casstore.Api().artifact("data:v0").file_count == 1


def test_an_interrupted_process_leaves_a_crashed_run(desk):
    """Ctrl-C outside of a ``with``."""
    process = desk.start("""
        import time
        import casstore
        casstore.init(id="left")
        print("ready", flush=True)
        time.sleep(60)
    """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert casstore.Api().run("left").state == "crashed"


def test_a_handler_for_termination_that_somebody_set_is_left_alone(desk):
    """Schedulers' scripts checkpoint in theirs."""
    out = desk.run("""
        import os, signal
        import casstore
        signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True))
        casstore.init()
        os.kill(os.getpid(), signal.SIGTERM)
    """)
    assert out == "mine\n"


def test_config_comes_from_a_mapping_a_namespace_or_a_file(desk):
    """And keys can be left out."""
    assert casstore.init(config=argparse.Namespace(lr=1)).config.lr == 1
    desk.write("config.json", '{"lr": 2, "seed": 3}')
    with casstore.init(config="config.json", reinit=True, config_exclude_keys=["seed"]) as run:
        assert run.config.as_dict() == {"lr": 2}


def test_init_takes_its_names_from_the_environment(desk, monkeypatch):
    """Casstore's variables before W&B's, and what is given before both."""
    for name, value in {
        "WANDB_PROJECT": "p",
        "WANDB_ENTITY": "team",
        "WANDB_NAME": "named",
        "WANDB_RUN_ID": "run1",
        "WANDB_RUN_GROUP": "g",
        "WANDB_JOB_TYPE": "eval",
        "CASSTORE_JOB_TYPE": "train",
    }.items():
        monkeypatch.setenv(name, value)
    run = casstore.init(group="mine")
    assert run.path == "team/p/run1"
    assert (run.name, run.group, run.job_type) == ("named", "mine", "train")


def test_store_and_project_are_resolved_once(desk, tmp_path, monkeypatch):
    """Going to another folder or setting another variable changes nothing for this process."""
    monkeypatch.delenv("CASSTORE_HOME")
    (desk.folder / ".casstore").mkdir()
    run = casstore.init()
    run.log_artifact(an_artifact(desk)).wait()
    run.finish()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASSTORE_HOME", str(tmp_path / "other"))
    assert casstore.Api().artifact_exists("data:v0")
    assert casstore.open_store().root == desk.folder / ".casstore"


def test_finish_that_has_nowhere_to_push_says_so_when_all_is_safe_here(desk):
    """The run has ended well and its version is there; a run without versions pushes nothing."""
    casstore.init().finish(push=True)
    run = casstore.init()
    with (artifact := casstore.Artifact("data", "dataset")).new_file("a.txt") as stream:
        stream.write("1")
    run.log_artifact(artifact)
    with pytest.raises(Invalid, match="remote"):
        run.finish(push=True)
    assert state_of(run) == "finished"
    assert casstore.Api().artifact("data:v0").file_count == 1
