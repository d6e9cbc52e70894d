"""A version that is partly here: what the store says and does of it, and how it becomes whole."""

import pytest
from elsewhere import content, contents, entries_of, files_of, here, nothing, pull, push, train
from elsewhere import version as version_in

from casstore.bundles import BundleReader
from casstore.depot import AbsenceFiles
from casstore.errors import Absent
from casstore.exchange import connect, on_demand, open_depot
from casstore.flows import transfer
from casstore.flows.health import status
from casstore.flows.lifecycle import plan_removal, remove, restore
from casstore.flows.verify import verify_store, verify_version
from casstore.remotes.configuration import add_remote
from casstore.store import (
    close_store,
    create_store,
    is_whole,
    live_versions,
    packs_of,
    partly_here,
)

FILES = files_of(1)
TRAIN = {path for path in FILES if path.startswith("train/")}


@pytest.fixture
def url(tmp_path):
    """Give an empty folder as a place."""
    return f"file://{tmp_path}/elsewhere"


@pytest.fixture
def view(store, write, log, tmp_path, url):
    """Log files and bring them elsewhere; gives the version."""
    made = log(store, write(tmp_path / "files", FILES), "net")
    push(store, url, made)
    return made


def flip(store, pack_id):
    """Change one bit in the middle of a pack."""
    path = store.packs.path(pack_id)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.chmod(0o644)
    path.write_bytes(data)


def test_only_the_chosen_bytes_come_and_the_rest_with_the_next_pull(other, view, url):
    """Every list of files comes at once; nothing is asked for twice."""
    pull(other, url, view, train)
    assert partly_here(other, view)
    assert here(other, view) == TRAIN
    assert list(entries_of(other, view)) == sorted(FILES)
    assert status(other).partly_here == 1
    stored = status(other).stored_bytes
    assert stored < sum(map(len, FILES.values())) / 2
    pull(other, url, view, lambda path: path == b"large.bin")
    assert here(other, view) == {*TRAIN, "large.bin"}
    pull(other, url, view)
    assert not partly_here(other, view)
    assert status(other).partly_here == 0
    assert contents(other, view) == FILES
    assert status(other).stored_bytes < 1.02 * sum(map(len, FILES.values()))


def test_a_choice_of_everything_is_a_whole_version(other, view, url):
    """Nothing is noted then."""
    pull(other, url, view, lambda path: path.startswith((b"t", b"l")))
    assert not partly_here(other, view)
    assert is_whole(other, view)


def test_what_is_absent_is_no_damage_and_damage_is_none_the_less(other, view, url):
    """``verify`` tells them apart: of a version, of the store, and of its lists."""
    here_now = pull(other, url, view, train)
    assert verify_version(other, here_now) == []
    assert verify_version(other, here_now, quick=True) == []
    found = verify_store(other)
    assert (found.problems, found.versions, found.partly_here) == ([], 1, 1)
    entry = entries_of(other, here_now)["train/3.bin"]
    (pack,) = packs_of(other.frames, [entry])
    flip(other, pack)
    assert {problem.kind for problem in verify_store(other).problems} >= {"pack"}
    assert verify_version(other, here_now)


def test_a_list_that_is_missing_is_damage(other, view, url):
    """Lists of files and chunks come with every pull, so they may not be absent."""
    here_now = pull(other, url, view, train)
    place = other.frames.locate([here_now.manifest.root])[0]
    other.index.write(lambda writer: writer.forget_pack(place.pack_id, [here_now.manifest.root]))
    other.packs.path(place.pack_id).unlink()
    other.frames._cache.clear()
    assert [problem.kind for problem in verify_version(other, here_now)] == ["manifest"]


def test_a_whole_version_that_lost_a_chunk_is_damaged_beside_a_partial_one(
    store, other, view, url, write, log, tmp_path
):
    """What is absent of one version excuses nothing in another, though they share segments."""
    pull(other, url, view, train)
    mine = log(other, write(tmp_path / "mine", {**FILES, "more": b"more"}), "mine")
    assert verify_store(other).problems == []
    assert not partly_here(other, mine)
    entry = entries_of(other, mine)["test/3.bin"]
    (place,) = other.frames.locate([entry.content])
    other.index.write(lambda writer: writer.forget_packs([place.pack_id]))
    other.packs.path(place.pack_id).unlink()
    problems = verify_store(other).problems
    assert {problem.reference for problem in problems if problem.kind == "file"} == {"mine:v0"}


def test_a_partial_version_is_pushed_by_way_of_here(store, other, view, url, tmp_path):
    """Who may fetch does so, and what arrives is whole; else one line, and nothing arrives."""
    here_now = pull(other, url, view, train)
    further = f"file://{tmp_path}/further"
    with pytest.raises(Absent, match="absent here"):
        push(other, further, here_now)
    third = create_store(tmp_path / "third")
    assert pull(third, further, view) is None
    on_demand(other)
    push(other, further, here_now)
    assert contents(third, pull(third, further, view)) == FILES
    close_store(third)


def test_a_partial_version_goes_back_without_being_fetched(other, view, url):
    """The depot has it, so nothing of it has to be here."""
    here_now = pull(other, url, view, nothing)
    assert push(other, url, here_now).frames == 0


def test_logging_the_same_content_makes_it_whole(store, other, view, url, write, log, tmp_path):
    """No new version where an upstream sealed it: the bytes that were missing are here now."""
    for each, keep in ((store, None), (other, nothing)):
        connection = connect(each, add_remote(each.root, "up", url, upstream=True), create=True)
        if each is store:
            transfer.push(each, connection, [view.commit])
        else:
            connection.depot.refresh()
            transfer.pull(each, connection, [view.commit], keep=keep)
        connection.close()
    here_now = version_in(other, view.commit)
    assert here(other, here_now) == set()
    again = log(other, write(tmp_path / "again", FILES), "net")
    assert again.commit == here_now.commit
    assert not partly_here(other, view)
    assert contents(other, here_now) == FILES
    assert verify_store(other).problems == []


def test_a_new_version_beside_a_partial_one_is_whole(other, view, url, write, log, tmp_path):
    """What is logged relies on what is here, never on what was left out."""
    pull(other, url, view, nothing)
    made = log(other, write(tmp_path / "more", {**FILES, "more": b"more"}), "net")
    assert made.commit != view.commit
    assert is_whole(other, made)
    assert contents(other, made) == {**FILES, "more": b"more"}


def test_a_draft_cannot_take_over_what_is_not_here(other, view, url):
    """A version that is logged must be whole where it is logged; the line says what to do."""
    here_now = pull(other, url, view, train)
    entries = entries_of(other, here_now)
    assert packs_of(other.frames, [entries["train/3.bin"]])
    with pytest.raises(Absent, match="casstore pull"):
        packs_of(other.frames, [entries["test/3.bin"]])


def test_a_bundle_completes_what_it_can(store, other, view, url, tmp_path):
    """One that has every byte makes the version whole; one that is thin leaves it as it was."""
    here_now = pull(other, url, view, train)
    had = transfer.reached_by(store, view, tmp_path / "had")
    thin = transfer.create_bundle(store, tmp_path / "thin.zip", [view.commit], had=had)
    whole = transfer.create_bundle(store, tmp_path / "whole.zip", [view.commit])
    for made, is_partly in ((thin, True), (whole, False)):
        with BundleReader(made.paths) as bundle:
            depot = open_depot(bundle, tmp_path / "cache")
            transfer.apply_bundle(other, depot)
            depot.mirror.close()
        assert partly_here(other, view) is is_partly
    assert contents(other, here_now) == FILES


def test_a_removed_partial_version_is_restored_as_it_was(other, view, url):
    """What is here must be; what was not still comes when it is read."""
    here_now = pull(other, url, view, train)
    remove(other, plan_removal(other, [here_now], with_aliases=True))
    restore(other, here_now)
    assert [one.commit for one in live_versions(other, "p", "net")] == [view.commit]
    assert partly_here(other, view)
    assert contents(on_demand(other), here_now) == FILES


def test_a_full_disk_takes_back_what_no_version_needs(other, view, url, write, tmp_path):
    """With a partial version in the store too; what was fetched for that one stays."""
    here_now = pull(on_demand(other), url, view, nothing)
    assert content(other, entries_of(other, here_now)["test/3.bin"]) == FILES["test/3.bin"]
    other.frames.fetcher.seal()
    before = set(other.packs.listing())
    session = other.session()
    session.add([(b"\1" * 32, b"nobody needs this")])
    session.flush()
    assert len(set(other.packs.listing()) - before) == 1
    assert other.take_back(session, OSError(28, "No space left on device"))
    assert set(other.packs.listing()) == before
    assert "test/3.bin" in here(other, here_now)


class Ended(BaseException):
    """The process ends here."""


def test_a_pull_that_is_killed_leaves_no_version_that_is_silently_partial(
    other, view, url, monkeypatch
):
    """It is noted first what is left out: so there is the note, and no version yet."""

    def end(files):
        raise Ended

    with monkeypatch.context() as patch:
        patch.setattr(other.events, "receive", end)
        with pytest.raises(Ended):
            pull(other, url, view, train)
    assert version_in(other, view.commit) is None
    assert view.commit in other.absences.read()
    assert verify_store(other).problems == []
    pull(other, url, view)
    assert not partly_here(other, view)
    assert verify_store(other).problems == []


def test_notes_of_several_versions_are_settled_one_by_one(tmp_path):
    """A file is written anew for those that are left before it goes; what is cut short is none."""
    first, second = b"\1" * 16, b"\2" * 16
    files = AbsenceFiles(tmp_path)
    assert not files.read()
    files.note([first, second], "s3://a/b", tmp_path)
    files.note([first], "s3://c/d", tmp_path)
    files.note([first], "s3://c/d", tmp_path)
    assert sorted(files.read().urls[first]) == ["s3://a/b", "s3://c/d"]
    files.settle([first], tmp_path)
    assert AbsenceFiles(tmp_path).read().urls == {second: ["s3://a/b"]}
    (kept,) = (tmp_path / "absent").iterdir()
    kept.write_bytes(kept.read_bytes()[:-4])
    files = AbsenceFiles(tmp_path)
    assert not files.read()
    files.note([second], "s3://a/b", tmp_path)
    assert AbsenceFiles(tmp_path).read().urls == {second: ["s3://a/b"]}


def test_places_that_were_removed_are_noted_until_they_are_named_again(tmp_path):
    """A version that another place has is not told; a settled one stays settled."""
    first, second, third = (bytes([number]) * 16 for number in (1, 2, 3))
    files = AbsenceFiles(tmp_path)
    files.note([first, second, third], "s3://a/b", tmp_path)
    files.note([second], "s3://c/d", tmp_path)
    for _ in range(2):  # as after a kill
        assert files.forget("s3://a/b", tmp_path) == [first, third]
    files.settle([third], tmp_path)
    found = AbsenceFiles(tmp_path).read()
    assert found.urls == {first: [], second: ["s3://c/d"]}
    assert (found.places, found.removed_places) == (["s3://c/d"], ["s3://a/b"])
    files.recall("s3://a/b", tmp_path)
    found = AbsenceFiles(tmp_path).read()
    assert found.urls[first] == ["s3://a/b"]
    assert found.removed_places == []


def test_a_version_is_whole_only_if_its_packs_are_there(other, view, url):
    """Rows of the index do not tell: the note stays while a pack's file is gone."""
    here_now = pull(other, url, view, lambda path: path != b"large.bin")
    (pack,) = packs_of(other.frames, [entries_of(other, here_now)["train/3.bin"]])
    away = other.root / "away"
    other.packs.path(pack).rename(away)
    assert not is_whole(other, here_now)
    away.rename(other.packs.path(pack))
    assert not is_whole(other, here_now)
    on_demand(other)
    content(other, entries_of(other, here_now)["large.bin"])
    other.frames.fetcher.seal()
    assert is_whole(other, here_now)
    other.packs.path(pack).rename(away)
    assert not is_whole(other, here_now)
