"""Rounds at work: packs that vanish, finishes that overlap, other names in the way."""

import contextlib

import pytest

from casstore.digest import digest_of
from casstore.errors import Conflict, Error, Invalid
from casstore.flows.lifecycle import plan_removal, remove
from casstore.journal import parts
from casstore.manifests import Entry, EntryKind
from casstore.names import parse_reference
from casstore.packs import PackKind
from casstore.store import (
    Commit,
    add_part,
    commit,
    find_version,
    finish_round,
    finishing,
    live_versions,
    version_of_part,
)


def draft_of(store, files):
    draft = store.draft()
    for path, data in files.items():
        digest = digest_of(data)
        entry = Entry(path, len(data), EntryKind.FILE, digest)
        draft.put(entry, draft.session.add([(digest, data)]))
    return draft


def request(run, **said):
    return Commit(**{"project": "p", "name": "net", "type": "t", "run": run, **said})


def add(store, writer, files):
    return add_part(store, draft_of(store, files), request(writer), "job", writer=writer)


def finish(store, files=(), writer="finisher", **said):
    draft = draft_of(store, dict(files))
    return finish_round(store, draft, request(writer, **said), "job", writer=writer).committed


def waiting(store):
    with store.index.read() as reader:
        return [part.writer_name for part in parts.waiting(reader, "p", "net", "job")]


def test_a_finish_that_lacks_a_pack_makes_nothing_and_keeps_the_parts(store):
    """Whoever has the bytes adds them again, and the same finish works."""
    add(store, "one", {b"a": b"1" * 50_000})
    add(store, "two", {b"b": b"2"})
    with store.index.read() as reader:
        packs = [pack.pack_id for _, pack in reader.packs() if pack.kind is PackKind.DATA]
    for pack_id in packs:
        store.packs.remove(pack_id)
    with pytest.raises(Error, match="gone"):
        finish(store)
    assert live_versions(store, "p", "net") == []
    assert waiting(store) == ["one", "two"]
    draft_of(store, {b"a": b"1" * 50_000, b"b": b"2"}).finish()
    assert finish(store).version.manifest.entries == 2


def test_a_part_that_comes_while_others_finish_is_in_the_next_version(store, monkeypatch):
    """It is added after the union was made; nothing of it is lost."""
    add(store, "one", {b"a": b"1"})
    late = []
    publish = finishing.publish

    def publish_later(*arguments, **keywords):
        late.append(add(store, "late", {b"b": b"2"}))
        return publish(*arguments, **keywords)

    monkeypatch.setattr(finishing, "publish", publish_later)
    first = finish(store).version
    monkeypatch.undo()
    assert first.manifest.entries == 1
    assert waiting(store) == ["late"]
    assert version_of_part(store, late[0]) is None
    second = finish(store).version
    assert (second.number, second.manifest.entries) == (1, 1)
    assert version_of_part(store, late[0]).commit == second.commit


def test_two_finishes_with_files_of_their_own_make_two_versions(store):
    """The second finds nothing but what it was given, as in W&B."""
    add(store, "one", {b"a": b"1"})
    assert finish(store, {b"x": b"x"}, "f1").version.manifest.entries == 2
    again = finish(store, {b"y": b"y"}, "f2")
    assert (again.version.number, again.version.manifest.entries) == (1, 1)


def test_a_finish_that_was_killed_before_its_event_goes_on_after_others_logged(store, monkeypatch):
    """The version is the one that was made, whatever became the newest since."""
    add(store, "one", {b"a": b"1"})

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(finishing, "_name_producers", die)
    with pytest.raises(KeyboardInterrupt):
        finish(store, {b"x": b"x"})
    monkeypatch.undo()
    (made,) = live_versions(store, "p", "net")
    other = commit(store, draft_of(store, {b"z": b"z"}), request("other")).version
    done = finish(store, {b"x": b"x"}, "another", aliases=("best",)).version
    assert done.commit == made.commit
    assert {one.run for one in done.producers} == {"one", "another"}
    assert [one.commit for one in live_versions(store, "p", "net")] == [made.commit, other.commit]
    assert find_version(store, parse_reference("net:best"), "p").commit == made.commit
    assert waiting(store) == []


def test_a_version_that_was_removed_after_its_finish_is_not_returned_again(store):
    """What the finish is given then begins anew."""
    add(store, "one", {b"a": b"1"})
    first = finish(store, {b"x": b"x"}).version
    remove(store, plan_removal(store, [first], with_aliases=False))
    second = finish(store, {b"x": b"x"}).version
    assert (second.number, second.manifest.entries) == (1, 1)


def test_an_attempt_may_mend_a_wrong_type(store):
    """What it replaces counts no more."""
    wrong = request("one", type="other")
    add_part(store, draft_of(store, {b"a": b"1"}), wrong, "job", writer="one")
    for replaces in (False, True):
        draft = draft_of(store, {b"a": b"2"})
        told = contextlib.nullcontext() if replaces else pytest.raises(Invalid, match="'other'")
        with told:
            add_part(store, draft, request("one"), "job", writer="one", replaces=replaces)
    assert finish(store).version.type == "t"


def test_a_conflict_leaves_nothing_of_the_finish(store):
    """Its own share is not a part, so what it was given can be another the next time."""
    add(store, "one", {b"a": b"1"})
    with pytest.raises(Conflict, match="'a' differs between one and finisher"):
        finish(store, {b"a": b"2"})
    assert waiting(store) == ["one"]
    assert finish(store, {b"a": b"1", b"b": b"2"}, "another").version.manifest.entries == 2


def test_parts_are_merged_in_the_frames_that_there_are(store):
    """A union of two halves stores a list of files and no content."""
    halves = [{b"%d/%05d" % (half, n): b"x" for n in range(3000)} for half in range(2)]
    for number, files in enumerate(halves):
        add(store, f"w{number}", files)
    before = store.session().new_bytes
    version = finish(store).version
    assert version.manifest.entries == 6000
    assert store.session().new_bytes - before < 40_000
