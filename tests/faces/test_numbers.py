"""Numbers of many writers as people see them: stars, conflicts of two, ``numbers accept``."""

import shutil

import pytest

import casstore
from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.journal.bodies import SealedBody
from casstore.journal.subjects import CommitSubject
from casstore.store import close_store, open_store

AUTHORITY = bytes([0xA1]) * 16


class World:
    """A store that follows an upstream, and events that come from elsewhere."""

    def __init__(self, cli):
        self.cli = cli
        self.root = cli.folder / "s"

    def follow(self, authority=AUTHORITY):
        store = open_store(self.root)
        store.follow_upstream(authority)
        close_store(store)

    def seal(self, commit, number):
        store = open_store(self.root)
        subject = CommitSubject("default", "before", CommitId(bytes.fromhex(commit)))
        store.events.append(subject, SealedBody(number, AUTHORITY))
        close_store(store)

    def receive(self, content, *arguments):
        """Let a version that somebody else logged arrive; returns its commit id."""
        self.cli.write("data/a.txt", content)
        other = self.cli.folder / "other"
        call = ("put", "data", "--name", "before", "--json", "--store", str(other), *arguments)
        commit = self.cli(*call).json["version"]["commit_id"]
        for part in ("packs", "journal"):
            shutil.copytree(other / part, self.root / part, dirs_exist_ok=True)
        return commit

    def commit(self, reference):
        return self.cli("show", reference, "--json").json["version"]["commit_id"]


@pytest.fixture
def world(before):
    """Give a store with ``before:v0`` that follows an upstream which has sealed nothing."""
    made = World(before)
    made.follow()
    return made


def test_a_provisional_number_has_a_star_where_people_read(world):
    """Not where programs do: they get what can be typed, and a key that says it."""
    assert world.cli("ls", "before").lines[1].startswith("before:v0* ")
    assert world.cli("show", "before").lines[0].startswith("before:v0* ")
    assert "provisional" in world.cli("show", "before").text
    assert world.cli("ls", "before", "-q").lines == ["before:v0"]
    record = world.cli("show", "before:v0", "--json").json["version"]
    assert (record["version"], record["provisional"]) == ("v0", True)
    world.cli.write("data/a.txt", "more")
    assert world.cli("put", "data", "--name", "before").text.startswith("before:v1* ")
    assert world.cli("put", "data", "--name", "before", "-q").text == "before:v1\n"


def test_a_sealed_number_has_none(world):
    """And a typed star still means what this store called so."""
    world.seal(world.commit("before"), 4)
    record = world.cli("show", "before:v4", "--json").json["version"]
    assert (record["version"], record["provisional"]) == ("v4", False)
    assert world.commit("before:v0*") == record["commit_id"]
    assert world.cli("ls", "before", "-q").lines == ["before:v4"]


def test_what_another_store_numbered_is_listed_by_its_id(world):
    """JSON says that it has no number here yet."""
    commit = world.receive("theirs")
    assert world.cli("ls", "before", "-q").lines == ["before:v0", f"before@{commit}"]
    records = world.cli("ls", "before", "--json").json["versions"]
    assert [(each["version"], each["provisional"]) for each in records] == [
        ("v0", True),
        (None, True),
    ]
    world.cli("cat", f"before@{commit[:12]}", "a.txt")


def test_a_number_that_meant_other_bytes_is_a_conflict_until_it_is_accepted(world):
    """Exit 5 with both named; then it is the upstream's, and what it was is found by id."""
    ours = world.commit("before")
    theirs = world.receive("theirs")
    world.seal(theirs, 0)
    for call in (("cat", "before:v0", "a.txt"), ("get", "before:v0"), ("show", "before:v0")):
        errors = world.cli(*call, code=5).errors
        assert f"before@{ours}" in errors
        assert f"before@{theirs}" in errors
        assert "casstore numbers accept before" in errors
    (told,) = world.cli("status", "--json").json["conflicts"]
    assert ours in told
    assert "in doubt  before:v0 is" in world.cli("status").text
    accepted = world.cli("numbers", "accept", "before", "--json").json["accepted"]
    assert accepted == [{"version": "v0", "commit_id": theirs, "before": [ours]}]
    assert world.commit("before:v0") == theirs
    assert world.commit(f"before@{ours}") == ours
    assert world.cli("status", "--json").json["conflicts"] == []
    world.cli("reindex")
    assert world.commit("before:v0") == theirs
    assert "means what it meant" in world.cli("numbers", "accept", "before").text


def test_what_is_accepted_is_told_line_by_line(world):
    """Both full references, once."""
    ours = world.commit("before")
    theirs = world.receive("theirs")
    world.seal(theirs, 0)
    (line,) = world.cli("numbers", "accept", "before").lines
    assert line == f"before:v0  is before@{theirs}, and was before@{ours}"
    world.cli("numbers", "accept", "unknown", code=10)
    world.cli("numbers", "accept", "before:v0", code=2)


def test_scripts_meet_the_same_conflict_and_can_accept(world):
    """``Api`` raises it, and the collection accepts."""
    ours = world.commit("before")
    theirs = world.receive("theirs")
    world.seal(theirs, 0)
    api = casstore.Api()
    with pytest.raises(Conflict, match=ours):
        api.artifact("before:v0")
    assert api.artifact(f"before@{ours}").commit_hash == ours
    assert api.artifact_collection("dataset", "before").accept_numbers() == ["v0"]
    assert api.artifact("before:v0").commit_hash == theirs
    assert [each.version for each in api.artifacts("dataset", "before")] == [ours, "v0"]


def test_an_alias_set_twice_at_once_exits_5_and_setting_it_settles_it(world):
    """``alias ls`` shows both; the one who sets it decides."""
    ours = world.commit("before")
    world.cli("alias", "set", "before:v0", "best")
    theirs = world.receive("theirs", "-a", "best")
    errors = world.cli("get", "before:best", code=5).errors
    assert f"before@{ours}" in errors
    assert f"before@{theirs}" in errors
    listed = world.cli("alias", "ls", "before", "--json").json["aliases"]
    assert {each["reference"] for each in listed if each["alias"] == "best"} == {
        f"before@{ours}",
        f"before@{theirs}",
    }
    assert world.cli("alias", "ls", "before", "-q").lines == ["best", "latest"]
    world.cli("alias", "set", f"before@{theirs}", "best")
    assert world.commit("before:best") == theirs


@pytest.mark.parametrize("alias", ["v7*", "a1b2c3d4:v7"])
def test_what_reads_as_a_number_cannot_be_an_alias(world, alias):
    """It would mean two things."""
    world.cli("alias", "set", "before:v0", alias, code=2)
