"""A crash while linking or renaming leaves the old state or the new, and both can be done again."""

import shutil

import pytest
from replay import Outcome, Recording
from worker import NAME, PROJECT, contents, log

from casstore import durable
from casstore.errors import NotFound
from casstore.flows.lifecycle import link, rename, unlink
from casstore.journal import queries
from casstore.names import parse_reference
from casstore.store import close_store, create_store, find_version, reference_to

FILES = {"a": b"a", "list.txt": b"one line\n" * 1000}
LINKED = "registry/good:v0"
NEW_NAME = "renamed"


def collection(store):
    with store.index.read() as reader:
        return queries.collection(reader, PROJECT, NAME)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """All steps of: link a version with an alias, rename its collection, log under the old name."""
    base = tmp_path_factory.mktemp("recorded")
    root = base / "store"
    recording = Recording(base, root / "db")
    with durable.observe(recording):
        store = create_store(root)
        view = log(store, tmp_path_factory.mktemp("files"), FILES)
        recording.promise(("logged", view.commit))
        link(store, view, "registry", "good", ["prod"])
        recording.promise(("linked", view.commit))
        rename(store, collection(store), NEW_NAME)
        recording.promise(("renamed", view.commit))
        log(store, tmp_path_factory.mktemp("others"), {"other": b"content"})
        recording.promise(("begun anew", view.commit))
        close_store(store)
    return recording


def found(store, reference):
    try:
        return find_version(store, parse_reference(reference), PROJECT)
    except NotFound:
        return None


def check(store, promised, folder):
    """Check what was promised, that everything else is old or new, and go on."""
    linked, renamed = found(store, LINKED), found(store, f"{NEW_NAME}:v0")
    home = renamed or found(store, f"{NAME}:v0")
    assert contents(store, home) == FILES
    assert linked is not None or "linked" not in promised
    assert renamed is not None or "renamed" not in promised
    if linked is not None:
        assert found(store, "registry/good:prod").commit == linked.commit == home.commit
        assert contents(store, linked) == FILES
    again = link(store, home, "registry", "good", ["prod"])
    assert reference_to(store, found(store, "registry/good:prod")) == reference_to(store, again)
    if renamed is None:
        rename(store, collection(store), NEW_NAME)
    fresh = log(store, folder, {"fresh": b"x"})
    assert fresh.label == NAME
    assert fresh.number >= (1 if "begun anew" in promised else 0)
    assert found(store, f"{NEW_NAME}:v0").commit == home.commit
    unlink(store, again)
    assert found(store, "registry/good") is None


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_crash_while_linking_or_renaming_leaves_the_old_state_or_the_new(
    recording, tmp_path, outcome
):
    """After every third step from the end of the first commit on, the index made again."""
    first = recording.promises[0][0] + list(Outcome).index(outcome)
    for done in [*range(first, len(recording.steps), 3), len(recording.steps)]:
        base = tmp_path / str(done)
        base.mkdir()
        recording.rebuild(base, done, outcome)
        store = create_store(base / "store")
        try:
            assert store.index.problems == {}
            check(store, {what for what, _ in recording.promised(done)}, base / "files")
        finally:
            close_store(store)
        shutil.rmtree(base)


def test_the_recording_holds_what_it_should(recording):
    """Four promises, or the other test proves nothing."""
    assert [what for _, (what, _) in recording.promises] == [
        *("logged", "linked", "renamed", "begun anew"),
    ]
