"""Several runs contribute to one version: ``upsert_artifact`` and ``finish_artifact``."""

import contextlib
import json
import signal

import pytest

import casstore
from casstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, Conflict, Invalid
from casstore.flows.verify import verify_store
from casstore.journal import parts

GROUP = "writers-1"


def artifact_of(files, name="data", **fields):
    artifact = casstore.Artifact(name, "dataset", **fields)
    for path, text in files.items():
        with artifact.new_file(path) as stream:
            stream.write(text)
    return artifact


def upsert(files, *, group=GROUP, run=None, aliases=None, name="data", **fields):
    """Contribute files as one run; returns its id."""
    with casstore.init(group=group, id=run) as active:
        active.upsert_artifact(artifact_of(files, name, **fields), aliases=aliases)
        return active.id


def finish(files=(), *, group=GROUP, run=None, aliases=None, **fields):
    """Finish as one run; returns the version."""
    with casstore.init(group=group, id=run) as active:
        artifact = artifact_of(dict(files), **fields)
        assert active.finish_artifact(artifact, aliases=aliases) is artifact
        return artifact.wait()


def read(artifact):
    """Return {path: text} of a version, read from the store."""
    files = {}
    for path in artifact.manifest.entries:
        with casstore.open(artifact.name, path, "r") as stream:
            files[path] = stream.read()
    return files


def test_runs_of_a_group_make_one_version(desk):
    """The union of all parts, and of what the finish was given; every run is a producer."""
    writers = [upsert({f"parts/{number}": str(number)}) for number in range(3)]
    version = finish({"index": "parts"})
    assert version.version == "v0"
    assert read(version) == {"index": "parts", "parts/0": "0", "parts/1": "1", "parts/2": "2"}
    finisher = version.logged_by()
    assert finisher.group == GROUP
    for run in [*writers, finisher.id]:
        logged = casstore.Api().run(f"default/{run}").logged_artifacts()
        assert [made.id for made in logged] == [version.id]
    assert [made.version for made in casstore.Api().artifact_versions("dataset", "data")] == ["v0"]


def test_later_upserts_begin_the_next_version(desk):
    """Which holds only what was upserted since."""
    upsert({"a": "1"})
    finish()
    upsert({"b": "2"})
    version = finish({"c": "3"})
    assert (version.version, read(version)) == ("v1", {"b": "2", "c": "3"})


def test_groups_and_names_do_not_mix(desk):
    """A distributed id stands in for the group."""
    upsert({"a": "1"}, group="one")
    upsert({"b": "2"}, group="two")
    upsert({"c": "3"}, group="one", name="other")
    with casstore.init() as run:
        run.upsert_artifact(artifact_of({"d": "4"}), distributed_id="one")
        assert read(run.finish_artifact(artifact_of({}), distributed_id="one").wait()) == {
            "a": "1",
            "d": "4",
        }
    assert read(finish(group="two")) == {"b": "2"}


def test_what_one_run_upserts_adds_up_and_its_later_word_holds(desk):
    """W&B: "declare (or append to)"."""
    with casstore.init(group=GROUP) as run:
        for files in ({"a": "1", "b": "1"}, {"b": "2"}, {"c": "3"}):
            run.upsert_artifact(artifact_of(files))
        version = run.finish_artifact(artifact_of({})).wait()
    assert read(version) == {"a": "1", "b": "2", "c": "3"}


def test_a_run_that_goes_on_after_it_finished_adds_up_too(desk):
    """Its id is the same, and nothing went wrong."""
    upsert({"a": "1"}, run="w1")
    upsert({"b": "2"}, run="w1")
    assert read(finish()) == {"a": "1", "b": "2"}


def test_a_run_that_failed_and_begins_again_replaces_what_it_upserted(desk, capsys):
    """Its earlier attempt is not in the version, and one line says so."""
    with contextlib.suppress(ZeroDivisionError), casstore.init(group=GROUP, id="w1") as run:
        run.upsert_artifact(artifact_of({"a": "1", "old": "1"}))
        1 / 0  # noqa: B018
    with casstore.init(group=GROUP, id="w1") as run:
        run.upsert_artifact(artifact_of({"a": "2"}))
        run.upsert_artifact(artifact_of({"b": "2"}))
    assert "run w1 begins again" in capsys.readouterr().err
    assert read(finish()) == {"a": "2", "b": "2"}


def test_two_runs_may_add_the_same_bytes_and_not_different_ones(desk):
    """The conflict names path and runs, everything is kept, and it can be settled."""
    one = upsert({"same": "x", "a": "1"})
    two = upsert({"same": "x", "a": "2"})
    with pytest.raises(Conflict, match=f"'a' differs between {one} and {two}"):
        finish({"index": "i"})
    with pytest.raises(Conflict, match="'a' differs"):
        finish({"index": "i"})
    with pytest.raises(casstore.NotFound):
        casstore.Api().artifact("data:latest")
    upsert({"a": "1"}, run=two)
    assert read(finish({"index": "i"})) == {"a": "1", "index": "i", "same": "x"}


def test_a_file_of_one_run_is_no_folder_of_another(desk):
    """Such a version could not be laid out."""
    upsert({"a": "1"})
    upsert({"a-b": "1", "a/b": "2"})
    with pytest.raises(Conflict, match=r"'a' is a file of \w+ and a folder of \w+"):
        finish()


def test_a_finish_can_be_called_again(desk, capsys):
    """By the same run, by another, with the same object: the same commit."""
    upsert({"a": "1"})
    first = finish({"index": "i"}, run="finisher")
    assert finish({"index": "i"}, run="finisher").id == first.id
    assert finish({"index": "i"}).id == first.id
    assert finish(aliases=["again"]).id == first.id
    assert "since it was finished as data:v0" in capsys.readouterr().err
    with casstore.init(group=GROUP) as run:
        assert run.finish_artifact(first, aliases=["more"]) is first
    assert casstore.Api().artifact("data:latest").aliases == ["latest", "again", "more"]
    assert len(casstore.Api().artifact_versions("dataset", "data")) == 1


def test_a_finish_with_no_parts_is_said(desk, capsys):
    """The workers may have used another store; the version holds what there is."""
    version = finish({"index": "i"})
    assert read(version) == {"index": "i"}
    said = capsys.readouterr().err
    assert "nothing was upserted by 'writers-1'" in said
    assert str(desk.root) in said


def test_content_equal_to_the_newest_version_makes_no_new_one(desk):
    """The runs are producers of that one, and the round is closed."""
    upsert({"a": "1"})
    first = finish()
    again = upsert({"a": "1"})
    upsert({"a": "1"})
    assert finish(aliases=["same"]).id == first.id
    assert [made.id for made in casstore.Api().run(f"default/{again}").logged_artifacts()] == [
        first.id
    ]
    upsert({"b": "2"})
    assert read(finish()) == {"b": "2"}


def test_what_parts_say_counts_where_the_finish_says_nothing(desk):
    """Aliases and tags join, metadata joins key by key, the last description holds."""
    upsert({"a": "1"}, aliases=["from-a", "latest"], description="a", metadata={"x": 1, "y": 1})
    upsert({"b": "2"}, description="b", metadata={"y": 2, "z": [3]})
    version = finish(aliases=["whole"], metadata={"x": 9})
    assert version.aliases == ["latest", "from-a", "whole"]
    assert (version.description, version.metadata) == ("b", {"x": 9, "y": 2, "z": [3]})
    upsert({"a": "other"}, description="b")
    assert finish(description="mine").description == "mine"


def test_incremental_counts_at_the_finish(desk):
    """The newest version's files stay where nobody upserted their path."""
    upsert({"a": "1", "b": "1"})
    first = finish()
    upsert({"b": "2"}, incremental=True)
    upsert({"c": "2"})
    version = finish(incremental=True)
    assert read(version) == {"a": "1", "b": "2", "c": "2"}
    assert version._finished.view.bases == (first._finished.view.commit,)
    upsert({"d": "4"}, incremental=True)
    assert read(finish()) == {"d": "4"}


def test_an_upserted_artifact_is_no_version_until_the_round_is_finished(desk):
    """``wait`` waits for its part only, so a worker that waits cannot hold up the finish."""
    with casstore.init(group=GROUP) as run:
        artifact = artifact_of({"a": "1"})
        assert run.upsert_artifact(artifact) is artifact
        artifact.wait(timeout=60)
        assert (artifact.state, artifact.is_draft(), artifact.name) == ("PENDING", True, "data")
        for ask in ("version", "aliases", "qualified_name"):
            with pytest.raises(ArtifactNotLoggedError, match="finish_artifact"):
                getattr(artifact, ask)
        with pytest.raises(ArtifactFinalizedError):
            artifact.remove("a")
    version = finish({"index": "i"})
    assert artifact.wait().version == version.version
    assert artifact.state == "COMMITTED"
    assert set(artifact.manifest.entries) == {"a", "index"}


def test_one_object_may_be_upserted_and_finished(desk):
    """A job of one process does so; upserting it twice adds nothing."""
    with casstore.init(group=GROUP) as run:
        artifact = artifact_of({"a": "1"})
        for _ in range(2):
            run.upsert_artifact(artifact).wait()
        with desk.store.index.read() as reader:
            assert len(parts.waiting(reader, "default", "data", GROUP)) == 1
        for _ in range(2):
            run.finish_artifact(artifact)
        artifact.wait()
        assert (artifact.version, artifact.file_count) == ("v0", 1)
        with pytest.raises(Invalid, match="new_draft"):
            run.upsert_artifact(artifact)


def test_a_conflict_is_told_by_wait_and_by_the_run(desk):
    """``finish_artifact`` returns at once, and the same object can be finished later."""
    one, two = upsert({"a": "1"}), upsert({"a": "2"})
    artifact = artifact_of({"index": "i"})
    run = casstore.init(group=GROUP)
    run.finish_artifact(artifact)
    for ask in (artifact.wait, run.finish):
        with pytest.raises(Conflict, match="'a' differs"):
            ask()
    upsert({"a": "1"}, run=two)
    assert one != two
    with casstore.init(group=GROUP) as run:
        assert read(run.finish_artifact(artifact).wait()) == {"a": "1", "index": "i"}


def test_a_type_is_checked_with_every_part(desk):
    """A name belongs to one type, among writers too."""
    upsert({"a": "1"})
    with pytest.raises(Invalid, match="as type 'dataset'"), casstore.init(group=GROUP) as run:
        run.upsert_artifact(casstore.Artifact("data", "model"))
    with pytest.raises(Conflict, match="type 'dataset'"), casstore.init(group=GROUP) as run:
        run.finish_artifact(casstore.Artifact("data", "model"))
    assert read(finish()) == {"a": "1"}
    with pytest.raises(Invalid, match="type 'dataset'"), casstore.init(group=GROUP) as run:
        run.upsert_artifact(casstore.Artifact("data", "model"))


def test_a_name_that_was_renamed_is_contributed_to_under_its_new_name(desk):
    """What waited goes with it, and the old name begins another collection."""
    upsert({"a": "1"})
    first = finish()
    upsert({"b": "2"})
    collection = first.collection
    collection.name = "points"
    collection.save()
    upsert({"c": "3"}, name="points")
    other = upsert({"d": "4"})
    with casstore.init(group=GROUP) as run:
        version = run.finish_artifact(casstore.Artifact("points", "dataset")).wait()
    assert (version.name, read(version)) == ("points:v1", {"b": "2", "c": "3"})
    version = finish()
    assert (version.name, read(version)) == ("data:v0", {"d": "4"})
    logged = casstore.Api().run(f"default/{other}").logged_artifacts()
    assert [made.id for made in logged] == [version.id]


@pytest.mark.parametrize("call", ["upsert_artifact", "finish_artifact"])
def test_without_a_group_and_an_id_it_is_a_type_error(desk, call):
    """As in W&B; the module-level twins act on the current run, and need one."""
    with pytest.raises(casstore.Error, match="needs a run"):
        getattr(casstore, call)(artifact_of({}))
    with casstore.init() as run:
        for owner in (run, casstore):
            with pytest.raises(TypeError, match=f"{call} needs to know who writes together"):
                getattr(owner, call)(artifact_of({}))
        with pytest.raises(Invalid, match="printable"):
            getattr(run, call)(artifact_of({}), distributed_id="a\nb")


def test_an_artifact_may_carry_the_id_itself(desk):
    """As W&B's does: set before, or known after."""
    with casstore.init() as run:
        artifact = artifact_of({"a": "1"})
        assert artifact.distributed_id is None
        artifact.distributed_id = "one"
        run.upsert_artifact(artifact)
        whole = run.finish_artifact(artifact_of({}), distributed_id="one").wait()
        assert read(whole) == {"a": "1"}
        assert whole.distributed_id == "one"


def test_the_group_may_come_from_the_environment(desk, monkeypatch):
    """``WANDB_RUN_GROUP``, as launchers set it."""
    monkeypatch.setenv("WANDB_RUN_GROUP", GROUP)
    upsert({"a": "1"}, group=None)
    assert read(finish(group=None)) == {"a": "1"}


def test_paths_are_upserted_under_the_name_that_is_given(desk):
    """Folders and files become artifacts, by the module-level twins too."""
    desk.write("out/a.txt", "a")
    desk.write("b.txt", "b")
    with casstore.init(group=GROUP):
        casstore.upsert_artifact("out", name="files", type="result", aliases=["x"])
        done = casstore.finish_artifact(desk.folder / "b.txt", "files", "result").wait()
    assert (done.type, done.aliases) == ("result", ["latest", "x"])
    assert read(done) == {"a.txt": "a", "b.txt": "b"}


def test_a_disabled_run_stores_nothing(desk):
    """Every call is a no-op."""
    with casstore.init(group=GROUP, mode="disabled") as run:
        assert run.upsert_artifact(artifact_of({"a": "1"})).version == "v0"
        assert run.finish_artifact(artifact_of({})).wait().version == "v0"
    assert not desk.root.exists()


WRITER = """
    import os, signal, sys
    import casstore

    number, end = sys.argv[1:]
    with casstore.init(group="writers-1", id=f"w{number}") as run:
        artifact = casstore.Artifact("data", "dataset")
        for place in range(20):
            with artifact.new_file(f"parts/{number}-{place}", "xb") as stream:
                stream.write(os.urandom(2000))
        with artifact.new_file("same") as stream:
            stream.write("same")
        if end == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        run.upsert_artifact(artifact)
"""


def test_a_part_of_a_writer_that_was_killed_is_not_in_it(desk):
    """It died between adding its files and upserting; begun again, it contributes."""
    desk.run(WRITER, "1", "killed", code=-signal.SIGKILL)
    desk.run(WRITER, "2", "")
    assert {path[:8] for path in finish().manifest.entries} == {"same", "parts/2-"}


def test_processes_that_upsert_and_finish_at_once_lose_no_part(desk):
    """Each part is in exactly one version, whole, whoever finished it when."""
    writers = [desk.start(WRITER, str(number), "") for number in range(4)]
    finishers = [desk.start(FINISHER) for _ in range(2)]
    for process in [*writers, *finishers]:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    finish(name="data")
    found = {}
    for version in casstore.Api().artifact_versions("dataset", "data"):
        version.verify(version.download(str(desk.folder / version.version)))
        for path in version.manifest.entries:
            found.setdefault(path, set()).add(version.version)
    written = {f"parts/{number}-{place}" for number in range(4) for place in range(20)}
    assert written <= set(found)
    assert all(len(found[path]) == 1 for path in written)
    with desk.store.index.read() as reader:
        assert parts.waiting(reader, "default", "data", GROUP) == ()


FINISHER = """
    import contextlib

    import casstore

    for number in range(6):
        with contextlib.suppress(ValueError):  # it came before the first part
            with casstore.init(group="writers-1", reinit=True) as run:
                run.finish_artifact(casstore.Artifact("data", "dataset")).wait()
"""


def test_a_store_made_from_its_files_knows_the_parts_that_wait(desk):
    """They are events and packs; the index only shows them."""
    upsert({"a": "1"})
    desk.store.index.rebuild()
    upsert({"b": "2"})
    version = finish()
    desk.store.index.rebuild()
    assert read(version) == {"a": "1", "b": "2"}
    assert finish().id == version.id


def problems(desk):
    return [problem.message for problem in verify_store(desk.store).problems]


def test_verify_checks_parts_that_wait(desk):
    """Damage in them is told before the finish finds it."""
    run = upsert({"a": "1" * 30_000})
    assert problems(desk) == []
    for path in desk.root.glob("packs/*/*"):
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 1
        path.write_bytes(data)
    told = problems(desk)
    assert any(f"of the part of {run} for 'data' in {GROUP!r}" in each for each in told), told


def test_metadata_of_parts_is_json(desk):
    """What a part says travels as text and comes back as values."""
    upsert({"a": "1"}, metadata={"list": [1, None], "text": "é"})
    assert json.loads(json.dumps(finish().metadata)) == {"list": [1, None], "text": "é"}
