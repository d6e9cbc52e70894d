"""Runs that share what they make through a depot elsewhere: ``init(store=URL)``, ``remote=``."""

from types import SimpleNamespace

import pytest

import casstore
from casstore.artifacts import waiting
from casstore.artifacts.place import place_for
from casstore.cli.main import main
from casstore.errors import Conflict, Invalid, NotFound, RemoteError
from casstore.exchange import RemoteDepot
from casstore.flows.verify import verify_store
from casstore.journal import parts
from casstore.remotes.configuration import add_remote


@pytest.fixture
def url(tmp_path):
    """Give the URL of a depot that only this process has."""
    return f"memory://depot/{tmp_path.name}"


@pytest.fixture
def other(desk, url):
    """Keywords of ``init`` for another store, whose upstream is the depot."""
    casstore.init(store=desk.root).finish()
    add_remote(desk.root, "job", url, upstream=True)
    return {"store": desk.root, "remote": "job"}


def artifact_of(files, name="data"):
    artifact = casstore.Artifact(name, "dataset")
    for path, text in files.items():
        with artifact.new_file(path) as stream:
            stream.write(text)
    return artifact


def test_what_a_run_logs_is_there_when_wait_returns(desk, url, other):
    """It is numbered there, and another store that names the depot uses it."""
    with casstore.init(store=url) as run:
        logged = run.log_artifact(artifact_of({"a": "1"})).wait()
        assert logged.version == "v0"
    with casstore.init(**other) as run:
        used = run.use_artifact("data:latest")
        assert used.id == logged.id
        assert (used.download(desk.folder / "out"), (desk.folder / "out" / "a").read_text())[
            1
        ] == "1"
        mine = run.log_artifact(artifact_of({"b": "2"}, "mine")).wait()
        assert run.use_artifact("mine:latest").id == mine.id
    with casstore.init(store=url) as run:
        assert run.use_artifact("mine").id == mine.id


def test_runs_that_share_only_a_depot_make_one_version(desk, url, other):
    """Part by part; what was upserted and not finished waits for the next finish."""
    with casstore.init(store=url, group="g", id="w0") as run:
        run.upsert_artifact(artifact_of({"p/0": "0"}))
    with casstore.init(**other, group="g", id="w1") as run:
        run.upsert_artifact(artifact_of({"p/1": "1"}))
    with casstore.init(store=url, group="g", id="f") as run:
        version = run.finish_artifact(artifact_of({"index": "i"})).wait()
    assert version.version == "v0"
    assert sorted(version.manifest.entries) == ["index", "p/0", "p/1"]
    with casstore.init(**other, group="g", id="f2") as run:
        assert run.finish_artifact(artifact_of({})).wait().id == version.id


def test_wait_learns_of_a_finish_that_another_store_made(desk, url, other):
    """It never waits for it; its lists of files come, and bytes when they are read."""
    artifact = artifact_of({"p/0": "0"})
    with casstore.init(store=url, group="g", id="w0") as run:
        run.upsert_artifact(artifact).wait()
    assert artifact.state == "PENDING"
    with casstore.init(**other, group="g", id="f") as run:
        version = run.finish_artifact(artifact_of({"index": "i"})).wait()
    assert artifact.wait().id == version.id
    assert (artifact.state, artifact.version) == ("COMMITTED", "v0")
    assert sorted(artifact.manifest.entries) == ["index", "p/0"]
    own = place_for(url, None, None).store()
    with own.index.read() as reader:
        assert not list(parts.all_waiting(reader))
    assert list(own.absences.read().urls)
    assert verify_store(own).problems == []
    with casstore.open("data:v0", "index", "r", store=own.root) as stream:
        assert stream.read() == "i"
    with casstore.init(store=url, group="g", id="w0") as run:
        run.upsert_artifact(artifact_of({"p/1": "1"}))
        later = run.finish_artifact(artifact_of({})).wait()
    assert (later.version, sorted(later.manifest.entries)) == ("v1", ["p/1"])


def test_who_waits_for_the_finish_looks_after_pauses_that_grow(desk, url, other, monkeypatch):
    """One request a look, and no longer than was said."""
    artifact = artifact_of({"p/0": "0"})
    with casstore.init(store=url, group="g", id="w0") as run:
        run.upsert_artifact(artifact).wait()
    slept, asked = [], []
    refresh = RemoteDepot.refresh

    def counted(depot):
        asked.append(sum(depot.objects.requests.values()))
        refresh(depot)
        asked.append(sum(depot.objects.requests.values()))

    def finish_it(seconds):
        slept.append(seconds)
        clock[0] += seconds
        if len(slept) == 8:
            monkeypatch.setattr(RemoteDepot, "refresh", refresh)
            with casstore.init(**other, group="g", id="f") as run:
                made.append(run.finish_artifact(artifact_of({})).wait())

    made, clock = [], [0.0]
    monkeypatch.setattr(RemoteDepot, "refresh", counted)
    times = SimpleNamespace(sleep=finish_it, monotonic=lambda: clock[0])
    monkeypatch.setattr(waiting, "time", times)
    with pytest.raises(TimeoutError, match="nobody has finished 'data'"):
        artifact.wait(timeout=20, finished=True)
    assert slept == [1, 2, 4, 8, 5]
    assert asked[-1] - asked[0] == 6  # a listing each time
    slept.clear()
    artifact.wait(finished=True)
    assert slept == [1, 2, 4, 8, 16, 30, 30, 30]
    assert artifact.id == made[0].id


def test_incremental_lays_the_parts_on_the_newest_version_there(desk, url, other):
    """Whichever store made it."""
    with casstore.init(**other) as run:
        run.log_artifact(artifact_of({"a": "1", "b": "1"})).wait()
    with casstore.init(store=url, group="g", id="w0") as run:
        run.upsert_artifact(artifact_of({"b": "2"}))
        last = casstore.Artifact("data", "dataset", incremental=True)
        version = run.finish_artifact(last).wait()
    assert sorted(version.manifest.entries) == ["a", "b"]
    with casstore.open(version.name, "b", "r", store=run._record.place.root) as stream:
        assert stream.read() == "2"


def test_a_part_that_could_not_be_brought_there_is_brought_by_the_same_call_again(
    desk, url, other, monkeypatch
):
    """It is kept here, and not added twice."""
    with monkeypatch.context() as patch:
        patch.setattr(RemoteDepot, "publish", _unreachable)
        with pytest.raises(RemoteError), casstore.init(store=url, group="g", id="w0") as run:
            run.upsert_artifact(artifact_of({"a": "1"}))
    with casstore.init(store=url, group="g", id="w0") as run:
        run.upsert_artifact(artifact_of({"a": "1"}))
    with casstore.init(**other, group="g", id="f") as run:
        assert sorted(run.finish_artifact(artifact_of({})).wait().manifest.entries) == ["a"]


def _unreachable(*_):
    raise RemoteError("the depot cannot be reached")


def test_a_conflict_there_names_both_writers(desk, url, other):
    """And leaves the round open."""
    for run_id, root in (("w0", {"store": url}), ("w1", other)):
        with casstore.init(**root, group="g", id=run_id) as run:
            run.upsert_artifact(artifact_of({"a": run_id}))
    with (
        pytest.raises(Conflict, match=r"'a' differs between w(0 and w1|1 and w0)"),
        casstore.init(store=url, group="g", id="f") as run,
    ):
        run.finish_artifact(artifact_of({})).wait()


def test_a_push_takes_no_part_along_that_nobody_has_finished(desk, url, capsys):
    """What is upserted to a store of one's own is nobody else's until it is a version."""
    with casstore.init(group="g", id="w0") as run:
        run.upsert_artifact(artifact_of({"secret": "part"}))
        logged = run.log_artifact(artifact_of({"a": "1"}, "other")).wait()
    assert main(["--store", str(desk.root), "push", "--to", url]) == 0
    assert "other:v0" in capsys.readouterr().out
    with casstore.init(store=url, group="g", id="f") as run:
        assert run.use_artifact(f"other@{logged.id}").type == "dataset"
        version = run.finish_artifact(artifact_of({"x": "x"})).wait()
    assert sorted(version.manifest.entries) == ["x"]


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ({"store": "s3://key:secret@bucket/x"}, Invalid),
        ({"remote": "nobody"}, NotFound),
        ({"remote": ""}, Invalid),
    ],
)
def test_a_depot_that_cannot_be_meant_is_refused_by_init(desk, where, error):
    """Before anything is recorded."""
    with pytest.raises(error):
        casstore.init(**where)
    assert casstore.artifacts.running.current_run() is None


def test_a_disabled_run_asks_no_depot(desk, url, other):
    """Nothing is stored, here or there."""
    with casstore.init(store=url, mode="disabled") as run:
        run.log_artifact(artifact_of({"a": "1"})).wait()
        root = run._record.place.root
    assert not root.exists()
