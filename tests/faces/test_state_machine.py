"""What may be done with an artifact before, between and after logging, and which error says no."""

import threading

import pytest

import casstore
from casstore.artifacts import commits
from casstore.errors import ArtifactFinalizedError, ArtifactNotLoggedError, Invalid

CHANGES = {
    "add_file": lambda artifact: artifact.add_file("b.txt"),
    "add_dir": lambda artifact: artifact.add_dir("in"),
    "new_file": lambda artifact: artifact.new_file("c.txt"),
    "remove": lambda artifact: artifact.remove("a.txt"),
}
NEEDS_A_VERSION = {
    "version": lambda artifact: artifact.version,
    "aliases": lambda artifact: artifact.aliases,
    "set aliases": lambda artifact: setattr(artifact, "aliases", ["x"]),
    "entity": lambda artifact: artifact.entity,
    "project": lambda artifact: artifact.project,
    "qualified_name": lambda artifact: artifact.qualified_name,
    "source_name": lambda artifact: artifact.source_name,
    "source_version": lambda artifact: artifact.source_version,
    "source_project": lambda artifact: artifact.source_project,
    "source_entity": lambda artifact: artifact.source_entity,
    "collection": lambda artifact: artifact.collection,
    "source_collection": lambda artifact: artifact.source_collection,
    "commit_hash": lambda artifact: artifact.commit_hash,
    "created_at": lambda artifact: artifact.created_at,
    "updated_at": lambda artifact: artifact.updated_at,
    "url": lambda artifact: artifact.url,
    "download": lambda artifact: artifact.download(),
    "checkout": lambda artifact: artifact.checkout(),
    "verify": lambda artifact: artifact.verify(),
    "file": lambda artifact: artifact.file(),
    "files": lambda artifact: artifact.files(),
    "new_draft": lambda artifact: artifact.new_draft(),
    "delete": lambda artifact: artifact.delete(),
    "linked_artifacts": lambda artifact: artifact.linked_artifacts,
    "linked_at": lambda artifact: artifact.linked_at,
    "source_artifact": lambda artifact: artifact.source_artifact,
    "unlink": lambda artifact: artifact.unlink(),
    "logged_by": lambda artifact: artifact.logged_by(),
    "used_by": lambda artifact: artifact.used_by(),
    "json_encode": lambda artifact: artifact.json_encode(),
    "pickle": lambda artifact: artifact.__reduce__(),
}


@pytest.fixture
def run(desk):
    desk.write("a.txt", "1")
    desk.write("b.txt", "2")
    desk.write("in/d.txt", "3")
    with casstore.init(project="p") as run:
        yield run


@pytest.fixture
def draft(run):
    artifact = casstore.Artifact("data", "dataset", metadata={"n": 1})
    artifact.add_file("a.txt")
    return artifact


@pytest.fixture
def logging_one(run, draft, monkeypatch):
    """Give an artifact that is on its way to being a version."""
    gate = threading.Event()
    commit = commits._commit
    monkeypatch.setattr(commits, "_commit", lambda *given: gate.wait(20) and commit(*given))
    run.log_artifact(draft)
    yield draft
    gate.set()


@pytest.mark.parametrize("call", NEEDS_A_VERSION.values(), ids=NEEDS_A_VERSION)
def test_a_draft_does_not_answer_what_only_a_version_can(draft, call):
    """The error is a ValueError and no AttributeError, so hasattr does not hide it."""
    with pytest.raises(ArtifactNotLoggedError) as caught:
        call(draft)
    assert isinstance(caught.value, ValueError)
    assert not isinstance(caught.value, AttributeError)
    assert "'data'" in str(caught.value)


@pytest.mark.parametrize("call", NEEDS_A_VERSION.values(), ids=NEEDS_A_VERSION)
def test_nor_does_one_that_is_being_logged(logging_one, call):
    """Until the commit is durable there is no version."""
    with pytest.raises(ArtifactNotLoggedError):
        call(logging_one)


def test_a_draft_answers_what_it_holds(draft):
    """Name, type, state, digest, size, entries, metadata."""
    assert (draft.name, draft.type, draft.state, draft.id) == ("data", "dataset", "PENDING", None)
    assert len(draft.digest) == 64
    assert (draft.size, draft.file_count) == (1, 1)
    assert draft.get_entry("a.txt").size == 1
    assert draft.metadata == {"n": 1}
    assert (draft.description, draft.tags, draft.is_link) == (None, [], False)
    with pytest.raises(ArtifactNotLoggedError, match="ttl"):
        _ = draft.ttl  # the collection's, and that is not known yet (W&B)
    draft.ttl = None
    assert draft.ttl is None
    draft.description = "text"
    draft.tags = ["t"]
    assert (draft.description, draft.tags) == ("text", ["t"])


def test_waiting_for_what_was_never_logged_is_an_error(draft):
    """It would wait for ever."""
    with pytest.raises(ArtifactNotLoggedError, match="log it"):
        draft.wait()


@pytest.mark.parametrize("call", CHANGES.values(), ids=CHANGES)
def test_a_finalized_draft_cannot_be_changed(draft, call):
    """``finalize`` ends adding; it can still be logged."""
    draft.finalize()
    with pytest.raises(ArtifactFinalizedError, match="finished"):
        call(draft)
    assert list(draft.manifest.entries) == ["a.txt"]


@pytest.mark.parametrize("call", CHANGES.values(), ids=CHANGES)
def test_what_is_being_logged_cannot_be_changed(logging_one, call):
    """Logging finalizes at once."""
    with pytest.raises(ArtifactFinalizedError):
        call(logging_one)


@pytest.mark.parametrize("call", CHANGES.values(), ids=CHANGES)
def test_a_version_cannot_be_changed(run, draft, call):
    """The hint is new_draft."""
    run.log_artifact(draft).wait()
    with pytest.raises(ArtifactFinalizedError, match="new_draft"):
        call(draft)


def test_a_finalized_draft_is_logged_as_it_is(run, draft):
    """As scripts do that call finalize themselves."""
    draft.finalize()
    assert run.log_artifact(draft).wait().version == "v0"


def test_a_refused_log_leaves_the_draft_as_it_was(run, draft):
    """A bad alias or type is said at once, and it can be logged after all."""
    with pytest.raises(Invalid):
        run.log_artifact(draft, aliases=["v7"])
    draft.add_file("b.txt")
    assert draft.is_draft()
    assert run.log_artifact(draft).wait().file_count == 2


def test_a_version_answers_everything(run, draft):
    """Also what only a version can."""
    run.log_artifact(draft).wait()
    for name in set(NEEDS_A_VERSION) - {"verify", "delete", "unlink"}:
        NEEDS_A_VERSION[name](draft)
    assert not draft.is_draft()
    draft.verify()
    draft.delete(delete_aliases=True)


def test_a_version_that_was_deleted_can_still_be_read_here(run, draft):
    """Its bytes are there until they are collected; it cannot be edited."""
    run.log_artifact(draft).wait()
    draft.delete()
    assert draft.state == "DELETED"
    assert draft.download()
    draft.description = "late"
    with pytest.raises(casstore.NotFound, match="removed"):
        draft.save()


def test_logging_what_failed_raises_its_error_again(run, draft, monkeypatch):
    """Nothing pretends that it was logged."""
    monkeypatch.setattr(commits, "_commit", lambda *_: 1 / 0)
    run.log_artifact(draft)
    with pytest.raises(ZeroDivisionError):
        draft.wait()
    assert draft.is_draft()
    with pytest.raises(ArtifactNotLoggedError):
        _ = draft.version
    with pytest.raises(ZeroDivisionError):
        run.finish()
