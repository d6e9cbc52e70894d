"""What collections are called: names taken, left, shared after a merge; and links beside them."""

import threading
import time
from importlib import import_module

import pytest

from casstore.digest import random_commit_id
from casstore.errors import Busy, Conflict, Invalid, NotFound
from casstore.flows.lifecycle import (
    describe,
    link,
    plan_removal,
    remove,
    rename,
    restore,
    retype,
    unlink,
)
from casstore.journal import queries
from casstore.journal.bodies import DeleteBody
from casstore.journal.subjects import CommitSubject
from casstore.names import parse_reference
from casstore.store import find_version, held, numbering, reference_to, reserved, set_label

commit_module = import_module("casstore.store.commit")


@pytest.fixture
def put(store, tmp_path, write, log):
    """Log a version of one file: ``put(text, name)``."""

    def put_one(text, name="data", **given):
        return log(store, write(tmp_path / f"{name}-{text}", {"a": text.encode()}), name, **given)

    return put_one


def find(store, text, **given):
    return find_version(store, parse_reference(text), "p", **given)


def collection(store, key):
    with store.index.read() as reader:
        return queries.collection(reader, "p", key)


def test_a_new_collection_does_not_take_a_key_that_is_meant_for_another(store, put):
    """``data`` was renamed and begun anew as ``data.1``; what is called ``data.1`` is a third."""
    put("1")
    rename(store, collection(store, "data"), "points")
    again = put("2")
    assert (again.name, again.label) == ("data.1", "data")
    third = put("3", "data.1")
    assert (third.name, third.label) == ("data.1.1", "data.1")
    assert find(store, "data").commit == again.commit
    assert find(store, "data.1").commit == third.commit
    assert [find(store, name).number for name in ("points", "data", "data.1")] == [0, 0, 0]


def test_a_long_name_leaves_room_for_its_key(store, put):
    """Names have at most 128 characters, keys too."""
    name = "n" * 128
    put("1", name)
    rename(store, collection(store, name), "short")
    again = put("2", name)
    assert len(again.name) <= 128
    assert find(store, name).commit == again.commit


def test_two_collections_of_one_name_are_a_conflict_that_ids_get_past(store, put):
    """Two stores renamed apart and met: both are named, nothing is guessed, a rename settles it."""
    one, two = put("1", "one"), put("2", "two")
    for key in ("one", "two"):
        set_label(store, "p", key, "name", "same")
    with pytest.raises(Conflict, match="one and two"):
        find(store, "same")
    with pytest.raises(Conflict):
        put("3", "same")
    with store.index.read() as reader:
        assert [reader.intent("p", key) for key in ("one", "two", "same")] == [None] * 3
    for view in (one, two):
        assert find(store, f"same@{view.commit.hex()}").commit == view.commit
    rename(store, collection(store, "two"), "other")
    assert find(store, "same").commit == one.commit
    assert find(store, "other").commit == two.commit


def test_the_index_made_again_calls_them_the_same(store, put):
    """What a collection is called comes from the events alone."""
    put("1")
    rename(store, collection(store, "data"), "a")
    rename(store, collection(store, "data"), "b")
    put("2")
    store.index.rebuild()
    assert find(store, "b").name == "data"
    assert find(store, "data").name == "data.1"
    with pytest.raises(NotFound):
        find(store, "a")


def test_whoever_commits_to_a_name_keeps_it_from_being_given(store, put, monkeypatch):
    """A rename to a name that is being committed to waits, and says when it takes too long."""
    put("1")
    monkeypatch.setattr(numbering, "WAIT_SECONDS", 0.05)
    view = collection(store, "data")
    with reserved(store, "p", "wanted", random_commit_id()) as key:
        assert key == "wanted"
        with pytest.raises(Busy, match="'wanted'"):
            rename(store, view, "wanted")
    rename(store, collection(store, "data"), "wanted")
    assert find(store, "wanted").number == 0


def test_a_type_is_checked_again_when_nobody_else_commits_to_the_name(store, put, monkeypatch):
    """Another version came between the first look and the reservation."""
    module = import_module("casstore.store.commit")
    draw = module.random_commit_id

    def drawn_late():
        monkeypatch.setattr(module, "random_commit_id", draw)
        put("1", type="model")
        return draw()

    monkeypatch.setattr(module, "random_commit_id", drawn_late)
    with pytest.raises(Invalid, match="'model'"):
        put("2", type="dataset")
    assert find(store, "data").number == 0


def test_labels_that_are_equal_already_cost_no_event(store, put):
    """Calling twice changes nothing."""
    put("1")
    describe(store, collection(store, "data"), description="d", tags=("t",), ttl=60)
    rename(store, collection(store, "data"), "points")
    retype(store, collection(store, "data"), "other")
    month, _ = next(store.journal.months())
    before = list(store.journal.names(month))
    view = collection(store, "data")
    describe(store, view, description="d", tags=("t",), ttl=60)
    rename(store, view, "points")
    retype(store, view, "other")
    assert list(store.journal.names(month)) == before
    assert (view.description, view.tags, view.ttl) == ("d", ("t",), 60)


def test_a_delete_that_had_not_seen_a_link_leaves_the_version(store, put):
    """As when it comes from another store: the link keeps it, and ends with ``unlink``."""
    view = put("1")
    with store.index.read() as reader:
        seen = tuple(queries.deletion_seen(reader, view.commit))
    linked = link(store, view, "registry", "good")
    store.events.append(CommitSubject("p", "data", view.commit), DeleteBody(seen))
    assert not find(store, "data:v0").deleted
    assert reference_to(store, find(store, "registry/good")) == "good:v0"
    unlink(store, linked)
    assert find(store, "data:v0", deleted=True).deleted


def test_a_restored_version_has_its_links_again(store, put):
    """They ended with it, and nobody ended them by themselves."""
    view = put("1")
    link(store, view, "registry", "good")
    remove(store, plan_removal(store, [view], with_aliases=True))
    with pytest.raises(NotFound):
        find(store, "registry/good:v0")
    restore(store, find(store, "data:v0", deleted=True))
    assert find(store, "registry/good:v0").commit == view.commit


def test_numbers_of_links_are_claimed_as_those_of_versions(store, put):
    """One sequence for both; none is given twice, not even after the index is gone."""
    first, second = put("1"), put("2")
    assert link(store, first, "p", "mixed").number == 0
    unlink(store, find(store, "mixed:v0"))
    assert put("3", "mixed").number == 1
    store.index.rebuild()
    assert link(store, second, "p", "mixed").number == 2
    assert [store.claims.owner("p", "mixed", number) for number in (0, 2)] == [
        first.commit,
        second.commit,
    ]


def test_linking_checks_everything_before_it_claims(store, put):
    """A refused link leaves no number behind."""
    view = put("1")
    put("2", "models", type="model")
    for name, aliases in (("models", ()), ("good", ("v7",)), ("a/b", ()), ("data", ())):
        with pytest.raises(Invalid):
            link(store, view, "p", name, aliases)
    assert store.claims.highest("p", "models") == 0
    assert store.claims.highest("p", "good") == -1
    assert store.claims.highest("p", "data") == 0


def test_a_rename_waits_for_what_is_being_logged(store, put, monkeypatch):
    """The version is there before; logging it does not give the old name back."""
    put("1")
    waits_or_is_done = threading.Event()
    really_check, really_sleep = commit_module.check_packs, time.sleep
    before = collection(store, "data")

    def rename_it():
        rename(store, before, "points")
        waits_or_is_done.set()

    renaming = threading.Thread(target=rename_it)

    def sleep(seconds):
        if threading.current_thread() is renaming:
            waits_or_is_done.set()
        really_sleep(seconds)

    def check_packs(*arguments):
        monkeypatch.undo()
        monkeypatch.setattr(numbering.time, "sleep", sleep)
        renaming.start()
        assert waits_or_is_done.wait(30)
        really_check(*arguments)

    monkeypatch.setattr(commit_module, "check_packs", check_packs)
    put("2")
    renaming.join(30)
    assert (find(store, "points").number, find(store, "points").label) == (1, "points")
    with pytest.raises(NotFound):
        find(store, "data")


def test_two_who_swap_names_do_not_wait_for_each_other(store, put):
    """Both names are taken: neither holds one while it looks."""
    put("1", "data")
    put("2", "points")
    with (
        held(store, "p", "points", random_commit_id()),
        pytest.raises(Conflict, match="'points' is taken"),
    ):
        rename(store, collection(store, "data"), "points")
