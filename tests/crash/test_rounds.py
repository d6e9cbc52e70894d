"""A crash while writers contribute or one finishes: called again, there is one version, whole."""

import shutil

import pytest
from replay import Outcome, Recording
from test_commit import turning_points
from worker import contents

from casstore import durable
from casstore.digest import digest_of
from casstore.journal import parts
from casstore.manifests import Entry, EntryKind
from casstore.store import (
    Commit,
    add_part,
    close_store,
    create_store,
    finish_round,
    live_versions,
)

PROJECT, NAME, JOB = "vision", "net", "job-7"
SHARES = {
    "one": {"parts/1": b"one", "shared": b"the same"},
    "two": {"parts/2": b"two", "shared": b"the same"},
}
OWN = {"index": b"parts"}
WHOLE = {**SHARES["one"], **SHARES["two"], **OWN}


def draft_of(store, files):
    draft = store.draft()
    for path, data in files.items():
        digest = digest_of(data)
        entry = Entry(path.encode(), len(data), EntryKind.FILE, digest)
        draft.put(entry, draft.session.add([(digest, data)]))
    return draft


def request_of(run):
    return Commit(project=PROJECT, name=NAME, type="model", run=run, aliases=("best",))


def contribute(store, writer, *, replaces=False):
    draft = draft_of(store, SHARES[writer])
    return add_part(store, draft, request_of(writer), JOB, writer=writer, replaces=replaces)


def finish(store, run="finisher"):
    draft = draft_of(store, OWN)
    return finish_round(store, draft, request_of(run), JOB, writer=run).committed.version


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """All steps of: make a store, two parts, a finish."""
    base = tmp_path_factory.mktemp("recorded")
    root = base / "store"
    recording = Recording(base, root / "db")
    with durable.observe(recording):
        store = create_store(root)
        for writer in SHARES:
            recording.promise(("part", contribute(store, writer).event))
        recording.promise(("finished", finish(store).commit))
        close_store(store)
    return recording


def check_crash(recording, folder, done, outcome, *, index=False):
    """Rebuild one crash, see that what was promised is there, and run the whole job again."""
    base = folder / f"{done}-{outcome.name}-{index}"
    base.mkdir()
    recording.rebuild(base, done, outcome, index=index)
    promised = recording.promised(done)
    store = create_store(base / "store")
    try:
        assert store.index.problems == {}
        check_promises(store, promised)
        assert all(contents(store, view) == WHOLE for view in live_versions(store, PROJECT, NAME))
        check_next_run(store, promised)
    finally:
        close_store(store)
    shutil.rmtree(base)


def check_promises(store, promised):
    with store.index.read() as reader:
        waiting = [part.event for part in parts.waiting(reader, PROJECT, NAME, JOB)]
        last = parts.last_finished(reader, PROJECT, NAME, JOB)
    settled = [] if last is None else last.finishes[0].parts
    for what, identity in promised:
        if what == "part":
            assert identity in [*waiting, *settled]
        else:
            assert last.finishes[0].commit == identity


def check_next_run(store, promised):
    """Whoever was killed begins again, and the finish is called again, by a run of another id."""
    before = {view.commit for view in live_versions(store, PROJECT, NAME)}
    with store.index.read() as reader:
        is_finished = parts.last_finished(reader, PROJECT, NAME, JOB) is not None
    if not is_finished:
        for writer in SHARES:
            contribute(store, writer)
    view = finish(store, "another")
    assert view.commit in before or not before
    assert (view.number, contents(store, view)) == (0, WHOLE)
    assert {view.run, *(producer.run for producer in view.producers)} >= {*SHARES, "another"}
    assert [one.commit for one in live_versions(store, PROJECT, NAME)] == [view.commit]
    assert finish(store, "another").commit == view.commit
    with store.index.read() as reader:
        assert parts.waiting(reader, PROJECT, NAME, JOB) == ()
    contribute(store, "one", replaces=True)
    assert finish(store).number == 1


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_job_that_is_run_again_after_a_crash_makes_one_version(recording, tmp_path, outcome):
    """At a sample of turning points, the finish itself at every one."""
    points = turning_points(recording)
    finishing = [at for at, (what, _) in recording.promises if what == "part"][-1]
    offset = list(Outcome).index(outcome)
    late = [done for done in points if done >= finishing]
    for done in sorted({*points[offset::8], *late[offset::2], points[-1]}):
        check_crash(recording, tmp_path, done, outcome)


def test_a_killed_finish_leaves_an_index_that_the_next_one_goes_on_with(recording, tmp_path):
    """At every second turning point of the finish the index is kept as it was."""
    finishing = [at for at, (what, _) in recording.promises if what == "part"][-1]
    for done in [done for done in turning_points(recording) if done >= finishing][::2]:
        check_crash(recording, tmp_path, done, Outcome.KILLED, index=True)


def test_what_was_promised_survives_power_loss_at_once(recording, tmp_path):
    """The step at which a call returned is the tightest moment."""
    for done, _ in recording.promises:
        check_crash(recording, tmp_path, done, Outcome.POWER)


def test_a_finish_that_was_killed_after_its_own_part_makes_the_commit_that_it_would_have(
    recording, tmp_path
):
    """The id follows from the parts, so a number that was claimed is used."""
    _, (_, commit) = recording.promises[-1]
    claim = next(
        done for done, step in enumerate(recording.steps, 1) if "claims" in str(step.target)
    )
    recording.rebuild(tmp_path, claim, Outcome.KILLED)
    store = create_store(tmp_path / "store")
    try:
        assert live_versions(store, PROJECT, NAME) == []
        assert store.claims.owner(PROJECT, NAME, 0) == commit
        view = finish(store, "another")
        assert (view.commit, view.number) == (commit, 0)
    finally:
        close_store(store)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_crash_at_every_single_step_makes_one_version(recording, tmp_path, outcome):
    """No prefix is left out."""
    for done in range(len(recording.steps) + 1):
        check_crash(recording, tmp_path, done, outcome)
