"""Two stores and an upstream: numbers sealed, told, in doubt, accepted; aliases moved twice.

Events travel here as files do when a folder is copied; claims are those of a folder.
"""

import shutil

import pytest

from casstore.depot import Claims, draw_authority, read_authority
from casstore.errors import Conflict, NotFound
from casstore.flows.health import status
from casstore.flows.lifecycle import plan_removal, remove, set_aliases, settle_aliases
from casstore.journal import queries
from casstore.journal.bodies import SealedBody
from casstore.journal.numbers import UNKNOWN_AUTHORITY, Numbers
from casstore.journal.sealing import perform, seal_steps
from casstore.journal.subjects import CommitSubject
from casstore.journal.wire import write_event
from casstore.names import parse_reference
from casstore.store import (
    accept_numbers,
    close_store,
    conflicts_of,
    create_store,
    find_version,
    label_of,
    live_versions,
    number_of,
    open_store,
    reference_to,
    renumbered,
    renumbering_notice,
    shown_as,
)

AUTHORITY = read_authority(draw_authority())


@pytest.fixture
def put(tmp_path, write, log):
    """Log a version of one file: ``put(store, text)``."""

    def put_one(store, text, **given):
        folder = write(tmp_path / f"files-{text}", {"a": text.encode()})
        return log(store, folder, "net", **given)

    return put_one


@pytest.fixture
def upstream(tmp_path):
    """Make the upstream's folder of claims."""
    (tmp_path / "up" / "claims").mkdir(parents=True)
    (tmp_path / "up" / "tmp").mkdir()
    return tmp_path / "up"


def exchange(one, two):
    """Give each store the files that the other has."""
    for source, target in ((one, two), (two, one)):
        for part in ("packs", "journal"):
            shutil.copytree(source.root / part, target.root / part, dirs_exist_ok=True)
        target.index.catch_up(thorough=True)


def push(store, upstream, commits=None):
    """Seal the versions of a store, with claims that lie in a folder."""
    claims = Claims(upstream)

    class OfNet:
        def take(self, number, commit):
            claims.take("p", "net", number, commit, upstream / "tmp")
            return claims.owner("p", "net", number)

    def find(commit):
        with store.index.read() as reader:
            view = queries.version(reader, commit)
        return view.manifest.digest if view is not None and view.complete else None

    with store.index.read() as reader:
        steps = seal_steps(Numbers(reader, "p", "net", store.standpoint), commits)
    return perform(steps, OfNet(), find, store.events.append)


def find(store, text, **given):
    return find_version(store, parse_reference(text), "p", **given)


def collection(store):
    with store.index.read() as reader:
        return queries.collection(reader, "p", "net")


def follow(*stores):
    for store in stores:
        store.follow_upstream(AUTHORITY)


def test_a_store_that_follows_nobody_shows_plain_numbers(store, put):
    """Until it follows somebody; a star says that the number may change."""
    view = put(store, "one")
    assert (shown_as(store, view), reference_to(store, view)) == ("net:v0", "net:v0")
    store.follow_upstream(UNKNOWN_AUTHORITY)
    assert (shown_as(store, view), reference_to(store, view)) == ("net:v0*", "net:v0")
    assert find(store, "net:v0*").commit == find(store, "net:v0").commit == view.commit
    store.follow_upstream(None)
    assert shown_as(store, view) == "net:v0"


def test_whom_a_store_follows_is_remembered_without_its_index(store, put):
    """It lies in files; following the same again writes nothing."""
    put(store, "one")
    follow(store, store)
    root = store.root
    close_store(store)
    shutil.rmtree(root / "db")
    again = open_store(root)
    assert again.authority == AUTHORITY
    assert [file.name for file in (root / "numbers" / "upstream").iterdir()] == ["0"]
    again.follow_upstream(bytes([9]) * 16)
    assert again.standpoint.former == (AUTHORITY,)
    close_store(again)


def test_numbers_of_two_stores_meet_and_nothing_is_silently_other_bytes(
    store, other, put, upstream
):
    """The first to push keeps its number; the second is told, and its script stops until agreed."""
    follow(store, other)
    ours, theirs = put(store, "ours"), put(other, "theirs")
    push(other, upstream)
    exchange(store, other)
    outcomes = push(store, upstream)
    assert [(each.number, each.provisional) for each in outcomes] == [(1, 0)]
    found = renumbered(store, collection(store), [ours.commit])
    assert renumbering_notice(collection(store), found) == (
        "the upstream numbered 'net': v0 is v1 now"
    )
    with pytest.raises(Conflict) as refused:
        find(store, "net:v0")
    assert refused.value.exit_code == 5
    for view in (ours, theirs):
        assert f"net@{view.commit.hex()}" in str(refused.value)
        assert find(store, f"net@{view.commit.hex()}").commit == view.commit
    assert "casstore numbers accept net" in refused.value.hint
    assert find(store, "net:v1").commit == ours.commit
    assert find(store, "net:v0*").commit == ours.commit, "what it called so itself"
    assert find(store, "net:latest").commit == ours.commit


def test_what_is_accepted_stays_accepted_in_this_store_alone(store, other, put, upstream):
    """It outlives the index, and another clash is another conflict."""
    follow(store, other)
    put(store, "ours")
    theirs = put(other, "theirs")
    push(other, upstream)
    exchange(store, other)
    assert [each.number for each in accept_numbers(store, collection(store))] == [0]
    assert accept_numbers(store, collection(store)) == []
    assert find(store, "net:v0").commit == theirs.commit
    root = store.root
    close_store(store)
    shutil.rmtree(root / "db")
    again = open_store(root)
    assert find(again, "net:v0").commit == theirs.commit
    close_store(again)
    assert find(other, "net:v0").commit == theirs.commit, "it was never anything else there"


def test_accepting_one_number_accepts_no_other_and_no_later_meaning(store, other, put, upstream):
    """A copied upstream sealed v0 once more, earlier by order: that is another conflict."""
    follow(store, other)
    put(store, "ours")
    theirs, third = put(other, "theirs"), put(other, "third")
    push(other, upstream, [theirs.commit])
    exchange(store, other)
    accept_numbers(store, collection(store))
    push(other, upstream, [third.commit])
    put(store, "after")
    exchange(store, other)
    with pytest.raises(Conflict):
        find(store, "net:v1")
    assert find(store, "net:v0").commit == theirs.commit
    subject = CommitSubject("p", "net", third.commit)
    written = write_event(
        subject, SealedBody(0, AUTHORITY), writer=bytes(16), seq=0, clock=0, time=0
    )
    store.journal.publish(written.name, written.data, store.staging(), 0)
    store.index.catch_up(thorough=True)
    with pytest.raises(Conflict, match=f"v0 is net@{third.commit.hex()} now"):
        find(store, "net:v0")


def test_two_stores_that_exchanged_everything_show_the_same(store, other, put, upstream):
    """State and sealed labels; what they accepted is their own."""
    follow(store, other)
    put(store, "one")
    put(other, "two")
    push(store, upstream)
    exchange(store, other)
    push(other, upstream)
    exchange(store, other)
    assert rows(store) == rows(other)
    for each in (store, other):
        shown = [shown_as(each, view) for view in live_versions(each, "p", "net")]
        assert shown == ["net:v0", "net:v1"]


def rows(store):
    with store.index.read() as reader:
        return list(reader.scan(b""))


def test_a_version_that_another_store_numbered_is_found_by_its_id(store, other, put):
    """Two provisional versions of one number: each store's is its own."""
    follow(store, other)
    ours, theirs = put(store, "ours"), put(other, "theirs")
    exchange(store, other)
    assert find(store, "net:v0").commit == ours.commit
    assert find(other, "net:v0").commit == theirs.commit
    assert reference_to(store, theirs) == f"net@{theirs.commit.hex()}"
    assert number_of(store, theirs) is None
    assert label_of(store, theirs).provisional


def test_the_next_number_is_one_that_the_upstream_may_give(store, other, put, upstream):
    """After three were sealed a new one is v3*, and it is sealed as v3."""
    follow(store, other)
    for text in ("a", "b", "c"):
        put(other, text)
    push(other, upstream)
    exchange(store, other)
    view = put(store, "d")
    assert shown_as(store, view) == "net:v3*"
    assert [each.number for each in push(store, upstream)] == [3]
    assert shown_as(store, find(store, "net:v3")) == "net:v3"
    assert find(store, "net:v3").commit == view.commit


def test_content_that_the_upstream_has_is_not_numbered_twice(store, other, put, upstream):
    """Both stores logged it; the second is the same as the first."""
    follow(store, other)
    ours, theirs = put(store, "same"), put(other, "same")
    push(other, upstream)
    exchange(store, other)
    (outcome,) = push(store, upstream)
    assert (outcome.number, outcome.same_as) == (0, theirs.commit)
    assert find(store, "net:v0").commit == theirs.commit
    assert label_of(store, find(store, f"net@{ours.commit.hex()}")).text == "v0"
    assert push(store, upstream) == ()


def test_another_upstreams_numbers_bear_its_name(store, other, put, upstream):
    """They can be typed, and its number alone means nothing here."""
    follow(other)
    view = put(other, "theirs")
    push(other, upstream)
    store.follow_upstream(bytes([9]) * 16)
    exchange(store, other)
    name = f"net:{AUTHORITY.hex()[:8]}:v0"
    found = find(store, name)
    assert found.commit == view.commit
    assert shown_as(store, found) == reference_to(store, found) == name
    with pytest.raises(NotFound):
        find(store, "net:v0")


def test_a_store_that_was_copied_and_went_on_apart_is_a_conflict_of_numbers(store, put, tmp_path):
    """Both gave v1; neither is guessed."""
    put(store, "before")
    shutil.copytree(store.root, tmp_path / "twin", ignore=shutil.ignore_patterns("db*"))
    twin = create_store(tmp_path / "twin")
    ours, theirs = put(store, "ours"), put(twin, "theirs")
    exchange(store, twin)
    for each in (store, twin):
        with pytest.raises(Conflict) as refused:
            find(each, "net:v1")
        assert all(view.commit.hex() in str(refused.value) for view in (ours, theirs))
        assert [number_of(each, view) for view in (ours, theirs)] == [None, None]
        assert find(each, "net:v0").number == 0
    assert put(store, "next").number == 2
    close_store(twin)


def test_an_alias_moved_on_both_sides_is_named_with_both_until_settled(store, other, put):
    """Nothing is dropped, ``status`` says it, and one event that names both settles it."""
    put(store, "base")
    exchange(store, other)
    ours, theirs = put(store, "ours"), put(other, "theirs")
    set_aliases(store, ours, ["best"])
    set_aliases(other, theirs, ["best"])
    exchange(store, other)
    for each in (store, other):
        with pytest.raises(Conflict) as refused:
            find(each, "net:best")
        assert all(f"net@{view.commit.hex()}" in str(refused.value) for view in (ours, theirs))
        (line,) = status(each).conflicts
        assert "'best'" in line
    set_aliases(store, theirs, ["best"])
    exchange(store, other)
    for each in (store, other):
        assert find(each, "net:best").commit == theirs.commit
        assert status(each).conflicts == ()


@pytest.mark.parametrize("keep", ["ours", "theirs"])
def test_a_side_can_be_kept_for_every_alias_in_conflict(store, other, put, keep):
    """What was received is theirs; a removal counts as a side too."""
    base = put(store, "base", aliases=("best", "gone"))
    exchange(store, other)
    ours, theirs = put(store, "ours", aliases=("best",)), put(other, "theirs", aliases=("best",))
    before = heads(store)
    exchange(store, other)
    received = [head for head in heads(store) if head not in before]
    settled = settle_aliases(store, "p", "net", keep, before=before, there=received)
    assert [alias for alias, _ in settled] == ["best"]
    assert find(store, "net:best").commit == (ours if keep == "ours" else theirs).commit
    assert find(store, "net:gone").commit == base.commit
    exchange(store, other)
    assert find(other, "net:best").commit == find(store, "net:best").commit


def heads(store):
    with store.index.read() as reader:
        return queries.alias_heads(reader, "p", "net", "best")


def test_a_version_that_one_removes_while_another_gives_it_an_alias_lives(store, other, put):
    """The removal had not seen the alias; both stores agree, and nothing is in doubt."""
    view = put(store, "base")
    exchange(store, other)
    remove(store, plan_removal(store, [view], with_aliases=True))
    set_aliases(other, view, ["best"])
    with pytest.raises(NotFound):
        find(store, "net:latest")
    exchange(store, other)
    for each in (store, other):
        assert find(each, "net:best").commit == view.commit
        assert status(each).conflicts == ()
    assert rows(store) == rows(other)


def test_everything_in_doubt_is_named(store, other, put, upstream):
    """Numbers and aliases, each with what settles it."""
    follow(store, other)
    put(store, "ours", aliases=("best",))
    put(other, "theirs", aliases=("best",))
    push(other, upstream)
    exchange(store, other)
    with store.index.read() as reader:
        hints = [conflict.hint for conflict in conflicts_of(store, reader)]
    assert ["numbers accept net" in hints[0], "alias set" in hints[1]] == [True, True]
    accept_numbers(store, collection(store))
    with store.index.read() as reader:
        assert len(conflicts_of(store, reader)) == 1
