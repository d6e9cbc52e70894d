"""The rules that people trip over, as decided: metadata, equal content, digests, errors."""

import datetime as dt
import enum
import os
import pathlib

import numpy as np
import pytest

import casstore
from casstore.errors import Conflict, FileMissing


def artifact_of(desk, text="hello", name="data", type_name="dataset", **given):
    desk.write("a.txt", text)
    artifact = casstore.Artifact(name, type_name, **given)
    artifact.add_file("a.txt")
    return artifact


# Metadata


class Colour(enum.Enum):
    RED = "red"


def test_metadata_becomes_json_at_once(desk, run):
    """Tuples, sets, numpy, paths, times, enums; what is changed outside afterwards is not seen."""
    inner = [1]
    given = {
        "tuple": (1, 2),
        "set": {3},
        "scalar": np.float32(0.5),
        "array": np.arange(3),
        "path": pathlib.PurePosixPath("a/b"),
        "time": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "enum": Colour.RED,
        "nan": float("nan"),
        "inner": inner,
    }
    artifact = artifact_of(desk, metadata=given)
    inner.append(2)
    expected = {
        "tuple": [1, 2],
        "set": [3],
        "scalar": 0.5,
        "array": [0, 1, 2],
        "path": "a/b",
        "time": "2026-01-02T00:00:00+00:00",
        "enum": "RED",
        "nan": None,
        "inner": [1],
    }
    assert artifact.metadata == expected
    run.log_artifact(artifact).wait()
    assert casstore.Api().artifact("data").metadata == expected


def test_metadata_that_is_no_json_is_refused_and_its_key_named(desk, run):
    """Other objects are TypeErrors, infinity and too many keys ValueErrors; JSON text is read."""
    with pytest.raises(TypeError, match="deep"):
        casstore.Artifact("x", "y", metadata={"deep": {"down": object()}})
    with pytest.raises(ValueError, match="far"):
        casstore.Artifact("x", "y", metadata={"far": float("inf")})
    with pytest.raises(ValueError, match="100"):
        casstore.Artifact("x", "y", metadata={str(n): n for n in range(101)})
    assert casstore.Artifact("x", "y", metadata='{"a": 1}').metadata == {"a": 1}
    with pytest.raises(ValueError, match="JSON"):
        casstore.Artifact("x", "y", metadata="{")
    artifact = artifact_of(desk)
    artifact.metadata["late"] = float("inf")
    with pytest.raises(ValueError, match="late"):
        run.log_artifact(artifact)
    with pytest.raises(TypeError, match="config"):
        casstore.init(config={"bad": object()}, reinit=True)


# The same content again


def test_the_same_content_makes_no_new_version(desk, run, capsys):
    """The newest version is returned with the aliases and tags; one line says so."""
    run.log_artifact(artifact_of(desk, description="first"), aliases=["a"]).wait()
    again = artifact_of(desk, description="second", metadata={"n": 1})
    capsys.readouterr()
    run.log_artifact(again, aliases=["b"], tags=["t"]).wait()
    assert (again.name, again.description, again.metadata) == ("data:v0", "first", {})
    assert again.aliases == ["latest", "a", "b"]
    assert again.tags == ["t"]
    said = [line for line in capsys.readouterr().err.splitlines() if "data:v0" in line]
    assert len(said) == 1
    assert "kept with the run" in said[0]
    producer = again._need("x").view.producers[0]
    assert (producer.run, producer.description, producer.metadata) == (run.id, "second", '{"n":1}')


def test_a_run_that_logs_the_same_content_is_a_producer_of_it(desk):
    """It is among the run's outputs."""
    for run_id in ("first", "second"):
        with casstore.init(project="p", id=run_id) as run:
            run.log_artifact(artifact_of(desk))
    api = casstore.Api()
    assert [each.name for each in api.run("p/second").logged_artifacts()] == ["data:v0"]
    assert api.artifact("p/data").logged_by().id == "first"


def test_content_that_comes_back_later_is_a_new_version(desk, run):
    """Only the newest version is compared."""
    logged = [run.log_artifact(artifact_of(desk, text)) for text in ("1", "2", "1", "1")]
    assert [artifact.wait().version for artifact in logged] == ["v0", "v1", "v2", "v2"]


def test_a_number_is_never_given_twice(desk, run):
    """Not even when the newest version was deleted."""
    run.log_artifact(artifact_of(desk, "1")).wait()
    run.log_artifact(artifact_of(desk, "2")).wait().delete()
    assert casstore.Api().artifact("data").version == "v0"
    assert run.log_artifact(artifact_of(desk, "2")).wait().version == "v2"


def test_a_version_with_aliases_is_not_deleted_by_accident(desk, run):
    """``latest`` alone does not keep it."""
    artifact = run.log_artifact(artifact_of(desk), aliases=["prod"]).wait()
    with pytest.raises(Conflict, match="'prod'"):
        artifact.delete()
    artifact.aliases.remove("prod")
    artifact.save()
    artifact.delete()
    with pytest.raises(casstore.NotFound):
        run.use_artifact("data:v0")


# Digests


def test_the_digest_covers_paths_contents_and_executable_bits_only(desk):
    """Name, type, description, metadata and the order of adding change nothing."""
    desk.write("b", "2")
    first = artifact_of(desk, description="x", metadata={"a": 1})
    first.add_file("b")
    second = casstore.Artifact("other", "model")
    second.add_file("b")
    second.add_file("a.txt")
    assert len(first.digest) == 64
    assert first.digest == second.digest
    desk.write("b", "2", executable=True)
    second.add_file("b", overwrite=True)
    assert first.digest != second.digest
    third = casstore.Artifact("other", "model")
    third.add_file("a.txt")
    third.add_file("b", name="c")
    assert third.digest not in {first.digest, second.digest}


def test_missing_things_have_the_errors_that_handlers_expect(desk, run):
    """KeyError for an entry, FileNotFoundError for ``remove`` and ``verify``."""
    artifact = artifact_of(desk)
    with pytest.raises(FileNotFoundError, match="nope"):
        artifact.remove("nope")
    run.log_artifact(artifact).wait()
    with pytest.raises(KeyError, match="nope"):
        artifact.get_entry("nope")
    artifact.download()
    os.remove("artifacts/data:v0/a.txt")
    with pytest.raises(FileMissing, match=r"a\.txt"):
        artifact.verify()
