"""A crash at any step leaves the old state or the new, never a version with missing bytes."""

import random
import shutil

import pytest
from replay import Outcome, Recording, leftovers
from worker import NAME, PROJECT, contents, log

from casstore import durable
from casstore.errors import Corrupt
from casstore.flows import log as log_flow
from casstore.flows.log import parts
from casstore.journal import queries
from casstore.journal.bodies import AliasBody, DeleteBody
from casstore.journal.subjects import CommitSubject
from casstore.packs import writer
from casstore.store import close_store, create_store, live_versions
from casstore.store import session as session_module

FILES_ONE = {
    "large.bin": random.Random(1).randbytes(1_300_000),
    "list.txt": b"one line\n" * 20_000,
    "small/a": b"a",
    "small/empty": b"",
}
FILES_TWO = {**FILES_ONE, "small/a": b"b", "new.bin": random.Random(2).randbytes(200_000)}
FILES_AFTER = {"after": b"the crash", "list.txt": FILES_ONE["list.txt"]}
CONTENTS = [FILES_ONE, FILES_TWO]


def point_alias(store, view):
    subject = CommitSubject(PROJECT, NAME, view.commit)
    store.events.append(subject, AliasBody("best", set=True))


def delete(store, view):
    with store.index.read() as reader:
        seen = tuple(queries.deletion_seen(reader, view.commit))
    store.events.append(CommitSubject(PROJECT, NAME, view.commit), DeleteBody(seen))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """All steps of: make a store, log two versions in several packs, alias one, delete one."""
    base = tmp_path_factory.mktemp("recorded")
    root = base / "store"
    recording = Recording(base, root / "db")
    with pytest.MonkeyPatch.context() as patch, durable.observe(recording):
        patch.setattr(writer, "TARGET_PACK_BYTES", 300_000)
        patch.setattr(session_module, "SEALED_PACKS_PER_TRANSACTION", 2)
        patch.setattr(log_flow, "default_workers", lambda: 1)
        patch.setattr(parts, "PART_BYTES", 400_000)
        store = create_store(root)
        one = log(store, tmp_path_factory.mktemp("one"), FILES_ONE)
        recording.promise(("version", one.commit, 0, FILES_ONE))
        two = log(store, tmp_path_factory.mktemp("two"), FILES_TWO)
        recording.promise(("version", two.commit, 1, FILES_TWO))
        point_alias(store, two)
        recording.promise(("alias", two.commit))
        delete(store, one)
        recording.promise(("deleted", one.commit))
        close_store(store)
    return recording


def check_promises(store, promises):
    with store.index.read() as reader:
        for what, commit_id, *rest in promises:
            if what == "version":
                assert queries.version(reader, commit_id).number == rest[0]
            elif what == "alias":
                assert queries.alias(reader, PROJECT, NAME, "best").commit == commit_id
            else:
                assert queries.version(reader, commit_id).deleted


def check_visible_versions(store, promises):
    """Whatever is visible is whole, promised or not."""
    with store.index.read() as reader:
        views = [queries.version(reader, commit_id) for commit_id in queries.commits(reader)]
    held = {view.commit: contents(store, view) for view in views}
    assert all(files in CONTENTS for files in held.values())
    for what, commit_id, *rest in promises:
        if what == "version":
            assert held[commit_id] == rest[1]


def check_next_commit(store, folder, promises):
    view = log(store, folder, FILES_AFTER)
    assert view.number not in {rest[0] for what, _, *rest in promises if what == "version"}
    assert contents(store, view) == FILES_AFTER
    assert view.commit in {live.commit for live in live_versions(store, PROJECT, NAME)}
    own = store.session().folder.id
    folders = [name for name in leftovers(store.root / "tmp") if not name.endswith(".new")]
    assert folders == [own]


def check_crash(recording, folder, done, outcome, *, index=False):
    """Rebuild one crash, open what is left, and go on working."""
    base = folder / f"{done}-{outcome.name}-{index}"
    base.mkdir()
    recording.rebuild(base, done, outcome, index=index)
    promises = recording.promised(done)
    store = create_store(base / "store")
    try:
        assert store.index.problems == {}
        check_promises(store, promises)
        check_visible_versions(store, promises)
        check_next_commit(store, base / "files", promises)
    finally:
        close_store(store)
    shutil.rmtree(base)


def turning_points(recording):
    """Return the prefixes after which something other than writing on in a file comes next."""
    kinds = [step.kind for step in recording.steps]
    return [
        done
        for done in range(len(kinds) + 1)
        if done == len(kinds) or kinds[done] not in {"create", "write", "truncate"}
    ]


def test_the_recording_holds_every_kind_of_step(recording):
    """Several packs, links, renames and syncs happen, or the other tests prove nothing."""
    kinds = " ".join(sorted({step.kind for step in recording.steps}))
    assert kinds == "create link mkdir rename sync syncdir truncate unlink write"
    packs = {step.target for step in recording.steps if step.kind == "rename"}
    assert len(packs) >= 6
    assert len(recording.promised(len(recording.steps))) == 4


def test_a_whole_recording_gives_the_store_that_was_recorded(recording, tmp_path):
    """The replay itself is right: after all steps every outcome is the finished store."""
    for outcome in Outcome:
        (tmp_path / outcome.name).mkdir()
        recording.rebuild(tmp_path / outcome.name, len(recording.steps), outcome)
        packs = sorted((tmp_path / outcome.name / "store" / "packs").glob("*/*"))
        assert len(packs) == len({s.target for s in recording.steps if s.kind == "rename"})


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_crash_leaves_the_old_state_or_the_new(recording, tmp_path, outcome):
    """At a sample of turning points the index is made again and everything promised is there."""
    points = turning_points(recording)
    offset = list(Outcome).index(outcome)
    for done in sorted({*points[offset::6], points[-1]}):  # a folder is rebuilt once only
        check_crash(recording, tmp_path, done, outcome)


def test_a_killed_process_leaves_an_index_that_the_next_one_goes_on_with(recording, tmp_path):
    """At a sample of turning points the index is kept as it was."""
    for done in turning_points(recording)[4::6]:
        check_crash(recording, tmp_path, done, Outcome.KILLED, index=True)


@pytest.mark.parametrize("around", ["version", "alias", "deleted"])
def test_what_was_promised_survives_power_loss_at_once(recording, tmp_path, around):
    """The step at which a call returned is the tightest moment."""
    for done, promised in recording.promises:
        if promised[0] == around:
            check_crash(recording, tmp_path, done, Outcome.POWER)


def is_lost(root, view, files):
    """Tell whether a version that was returned is not whole in the store at ``root``."""
    store = create_store(root)
    try:
        with store.index.read() as reader:
            known = queries.version(reader, view.commit) is not None
        return not known or contents(store, view) != files
    except Corrupt:
        return True
    finally:
        close_store(store)


@pytest.mark.parametrize("kind", ["mkdir", "rename", "link"])
def test_what_a_killed_process_left_is_made_durable_before_others_rely_on_it(
    recording, tmp_path, kind
):
    """One process dies before it synced a name; the next relies on it, returns, and power fails."""
    ends = [done for done, step in enumerate(recording.steps, 1) if step.kind == kind]
    lost = []
    for done in ends:
        first, second = tmp_path / f"{done}-killed", tmp_path / f"{done}-power"
        first.mkdir()
        second.mkdir()
        recording.rebuild(first, done, Outcome.KILLED)
        later = Recording(first, first / "store" / "db")
        with durable.observe(later):
            store = create_store(first / "store")
            view = log(store, tmp_path / "files", FILES_TWO)
            close_store(store)
        joined = recording.followed_by(later, done)
        joined.rebuild(second, len(joined.steps), Outcome.POWER)
        if is_lost(second / "store", view, FILES_TWO):
            lost.append(str(recording.steps[done - 1].target or recording.steps[done - 1].path))
    assert lost == []


@pytest.mark.slow
@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_crash_at_every_single_step_leaves_the_old_state_or_the_new(recording, tmp_path, outcome):
    """No prefix is left out."""
    for done in range(len(recording.steps) + 1):
        check_crash(recording, tmp_path, done, outcome)


@pytest.mark.slow
def test_a_process_killed_at_every_single_step_leaves_a_usable_index(recording, tmp_path):
    """No prefix is left out, with the index as it was."""
    for done in range(len(recording.steps) + 1):
        check_crash(recording, tmp_path, done, Outcome.KILLED, index=True)
