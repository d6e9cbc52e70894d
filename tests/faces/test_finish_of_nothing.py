"""A finish to which nobody added anything: no version, and one line that says where it looked."""

import pytest

import casstore
from casstore.errors import Invalid

GROUP = "writers-1"


def test_a_finish_of_nothing_makes_no_version(desk):
    """When something was upserted the same artifact is finished."""
    whole, part = casstore.Artifact("data", "dataset"), casstore.Artifact("data", "dataset")
    run = casstore.init(group=GROUP)
    run.finish_artifact(whole)
    for ask in (whole.wait, run.finish):
        with pytest.raises(
            Invalid, match=r"upserted by 'writers-1' .* no version was made"
        ) as told:
            ask()
        assert str(desk.root) in str(told.value)
    assert not casstore.Api().artifact_collection_exists("data", "dataset")
    with part.new_file("a") as stream:
        stream.write("1")
    with casstore.init(group=GROUP) as run:
        run.upsert_artifact(part)
        run.finish_artifact(whole).wait()
    assert list(whole.manifest.entries) == ["a"]
    assert whole.version == "v0"


def test_an_empty_version_can_be_meant(desk):
    """``log_artifact`` makes one, as in W&B; so does a part that is empty."""
    with casstore.init() as run:
        assert run.log_artifact(casstore.Artifact("data", "dataset")).wait().version == "v0"
    with casstore.init(group=GROUP) as run:
        run.upsert_artifact(casstore.Artifact("other", "dataset"))
        assert run.finish_artifact(casstore.Artifact("other", "dataset")).wait().version == "v0"
