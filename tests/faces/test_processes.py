"""The Python face across processes: pickles, forks, parallel writers, whole scripts."""

import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
from pathlib import Path

import pytest

import casstore
from casstore.errors import UsageError

MAIN_PATH = """
    import os
    import casstore as wandb

    os.makedirs("images", exist_ok=True)
    for n in range(3):
        open(f"images/{n}.png", "wb").write(bytes([n]) * 1000)
    open("ckpt.pt", "wb").write(os.urandom(300_000))

    with wandb.init(project="vision", job_type="data") as run:
        data = wandb.Artifact("imagenet", type="dataset")
        data.add_dir("images")
        run.log_artifact(data)

    with wandb.init(project="vision", job_type="train", config={"epochs": 2}) as run:
        folder = run.use_artifact("imagenet:latest", type="dataset").download()
        assert sorted(os.listdir(folder)) == ["0.png", "1.png", "2.png"]
        for epoch in range(run.config.epochs):
            wandb.log({"loss": 1 / (epoch + 1), "image": wandb.Image("images/0.png")})
        art = wandb.Artifact(
            "resnet", type="model", description="a model", metadata={"lr": 0.1}
        )
        art.add_file("ckpt.pt", name="weights/ckpt.pt")
        art.add_dir("images", name="images")
        with art.new_file("notes.txt") as f:
            f.write("...")
        run.log_artifact(art, aliases=["best"])
        print(art.wait().version)

    api = wandb.Api()
    model = api.artifact("vision/resnet:best")
    print(model.qualified_name, model.logged_by().job_type, model.metadata["lr"])
    print([a.name for a in model.logged_by().used_artifacts()])
    print(api.run(f"vision/{run.id}").summary["loss"])
"""


LARGE_BYTES = 12_000_000  # several of a pack's buffers


def in_child(function, *arguments, method="fork"):
    """Call a function in a child process; returns what it returned."""
    context = multiprocessing.get_context(method)
    with context.Pool(1) as pool:
        return pool.apply_async(function, arguments).get(timeout=60)


def read(artifact):
    folder = artifact.download(root=f"out-{os.getpid()}")
    with open(os.path.join(folder, "a.txt"), encoding="utf-8") as stream:
        return artifact.qualified_name, artifact.aliases, stream.read()


def log_anew(text):
    with open(f"file-{text}", "w", encoding="utf-8") as stream:
        stream.write(text)
    with casstore.init(project="p", reinit="create_new") as run:
        artifact = casstore.Artifact("data", "dataset")
        artifact.add_file(f"file-{text}", name="a.txt")
        return run.log_artifact(artifact).wait().version


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except casstore.Error as error:
        return type(error), str(error)


@pytest.fixture
def data(desk):
    """Log a version of one file; no run is active afterwards."""
    desk.write("a.txt", "hello")
    artifact = casstore.Artifact("data", "dataset")
    artifact.add_file("a.txt")
    with casstore.init(project="p") as run:
        run.log_artifact(artifact, aliases=["best"])
    return artifact.wait()


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


def test_the_main_path_of_a_wandb_script_runs_unchanged(desk):
    """Log, use, train, log, look up; nothing but this process ran."""
    out = desk.run(MAIN_PATH).splitlines()
    assert out == ["v0", "local/vision/resnet:v0 train 0.1", "['imagenet:v0']", "0.5"]


def test_the_main_path_runs_again_and_makes_the_next_version(desk):
    """The unchanged data set stays what it was."""
    desk.run(MAIN_PATH)
    out = desk.run(MAIN_PATH).splitlines()
    assert out[0] == "v1"
    assert out[2] == "['imagenet:v0']"


def test_a_finished_artifact_pickles_as_its_store_and_commit(data):
    """Small, and whole again elsewhere; a draft says why it does not."""
    text = pickle.dumps(data)
    assert len(text) < 1000
    again = pickle.loads(text)
    assert again.qualified_name == data.qualified_name
    assert again.get_entry("a.txt").digest == data.get_entry("a.txt").digest
    with pytest.raises(casstore.ArtifactNotLoggedError):
        pickle.dumps(casstore.Artifact("x", "y"))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_finished_artifact_works_in_a_child(desk, data, method, monkeypatch):
    """Forked or spawned, with what this process had open."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    assert in_child(read, data, method=method) == (
        "local/p/data:v0",
        ["latest", "best"],
        "hello",
    )
    assert data.download(root="here") == "here"


def test_a_forked_child_logs_with_a_run_of_its_own(data):
    """And its parent sees the version and logs the next one."""
    assert in_child(log_anew, "from the child") == "v1"
    assert casstore.Api().artifact("p/data").version == "v1"
    assert log_anew("from the parent") == "v2"


def test_a_run_raises_in_a_forked_child_and_goes_on_in_its_parent(desk, data):
    """Whatever is called on it; the end of the child does not end the run."""
    run = casstore.init(project="p")
    desk.write("b.txt", "more")
    for call in (
        lambda: run.log_artifact("b.txt"),
        lambda: run.use_artifact("data:best"),
        lambda: run.log({"a": 1}),
        run.finish,
    ):
        kind, message = _fork(lambda call=call: outcome(call))
        assert kind is UsageError
        assert "init" in message
    assert _fork(lambda: casstore.run) is None
    assert casstore.run is run
    assert run.log_artifact("b.txt").wait().version == "v0"
    run.finish()
    assert casstore.Api().run(f"p/{run.id}").state == "finished"


def test_a_draft_is_not_continued_in_a_forked_child(desk, data):
    """Two processes would write one pack."""
    draft = casstore.Artifact("other", "dataset")
    draft.add_file("a.txt")
    kind, message = _fork(lambda: outcome(draft.add_file, "a.txt", "b.txt"))
    assert kind is UsageError
    assert "'other'" in message
    draft.add_file("a.txt", "b.txt")
    assert draft.file_count == 2


def _fork(function):
    """Call a function in a plain fork of this process; returns what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with os.fdopen(writing, "wb") as stream:
                stream.write(pickle.dumps(function()))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return pickle.loads(answer)


def test_forking_while_the_background_commits_does_not_stop_the_child(desk, data):
    """Loaders fork whenever they like: a child reads what is finished."""
    with casstore.init(project="p") as run:
        for number in range(12):
            desk.write("b.txt", str(number))
            artifact = casstore.Artifact("busy", "dataset")
            artifact.add_file("b.txt")
            run.log_artifact(artifact)
            assert in_child(read, data)[2] == "hello"


def test_a_forked_child_that_logs_nothing_ends_when_it_is_told_to(desk):
    """The run's own handling of SIGTERM is not the child's, wherever the signal meets it."""
    with casstore.init(project="p"):
        child = os.fork()
        if child == 0:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(30)
            finally:
                os._exit(0)  # an exception would be lost in a finalizer too
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


def log_bytes(seed):
    path = Path(f"bytes-{seed}")
    path.write_bytes(random.Random(seed).randbytes(LARGE_BYTES))
    with casstore.init(project="p", reinit="create_new") as run:
        artifact = casstore.Artifact(f"bytes-{seed}", "dataset")
        artifact.add_file(path)
        return run.log_artifact(artifact).wait().version


def test_children_forked_after_a_large_log_log_at_once_and_every_byte_is_right(desk):
    """What a process keeps for its next pack is its own, not its siblings' too."""
    log_bytes(0)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map_async(log_bytes, (1, 2, 3), chunksize=1).get(timeout=60) == ["v0"] * 3
    for seed in range(4):
        with casstore.open(f"p/bytes-{seed}:v0", f"bytes-{seed}") as stream:
            assert stream.read() == random.Random(seed).randbytes(LARGE_BYTES)


def test_two_processes_that_log_one_name_get_distinct_numbers(desk):
    """Both versions are there, whole, each with its own content."""
    script = """
        import sys
        import casstore
        for n in range(8):
            with casstore.init(project="p") as run:
                artifact = casstore.Artifact("data", "dataset")
                with artifact.new_file("a.txt") as f:
                    f.write(f"{sys.argv[1]} {n}")
                print(run.log_artifact(artifact).wait().version)
    """
    processes = [desk.start(script, name) for name in ("one", "two")]
    outputs = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    numbers = [version for output in outputs for version in output]
    assert sorted(numbers, key=lambda text: int(text[1:])) == [f"v{n}" for n in range(16)]
    texts = set()
    for artifact in casstore.Api().artifacts("dataset", "p/data"):
        with casstore.open(f"p/{artifact.name}", "a.txt", "r") as stream:
            texts.add(stream.read())
    assert texts == {f"{name} {n}" for name in ("one", "two") for n in range(8)}


def test_what_another_process_logs_meanwhile_is_seen(desk):
    """Without opening anything again."""
    with casstore.init(project="p") as run:
        desk.run("""
            import casstore
            with casstore.init(project="p") as run:
                artifact = casstore.Artifact("theirs", "dataset")
                with artifact.new_file("a.txt") as f:
                    f.write("hello")
                run.log_artifact(artifact)
        """)
        assert run.use_artifact("theirs:latest").file_count == 1
