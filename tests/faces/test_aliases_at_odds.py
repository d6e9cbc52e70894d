"""An alias that means one version here and another there: what a push says, what settles it."""

import pytest

import casstore
from casstore.errors import Conflict


@pytest.fixture
def at_odds(two):
    """Give two machines that have both moved ``best``; the first one has pushed."""
    a, b = two
    a.put("zero", "net", "--alias", "best")
    a("push")
    b("pull")
    for machine in (a, b):
        machine.put(f"from {machine.name}", "net", "--alias", "best")
    a("push")
    return a, b


def test_a_push_names_both_versions_of_an_alias_that_is_another_there(at_odds):
    """Exit 5 until it is settled, on either machine; both versions are there."""
    a, b = at_odds
    ours, theirs = b.listed()["v1*"]["commit_id"], a.listed()["v1"]["commit_id"]
    for machine in (b, b, a):
        refused = machine("push", code=5)
        assert f"net@{ours}" in refused.errors
        assert f"net@{theirs}" in refused.errors
        assert "--on-conflict theirs|ours" in refused.errors
    a("pull", code=5)
    assert {ours, theirs} < {one["commit_id"] for one in a.listed().values()}
    assert a("push").errors == ""  # it was told by the pull, and nothing new was brought there
    a("alias", "set", f"net@{ours}", "best")
    a("push")
    b("pull", code=5)  # of the number
    assert "best" in b.listed()["v2"]["aliases"]


@pytest.mark.parametrize(("keep", "kept"), [("theirs", "v1"), ("ours", "v2")])
def test_a_push_settles_an_alias_for_both_sides(at_odds, keep, kept):
    """``--on-conflict``; also where the version that it means then is not here yet."""
    a, b = at_odds
    told = b("push", "--on-conflict", keep)
    assert f"alias 'best' of 'net' is {keep} now" in told.errors
    assert b("push").errors == ""
    b("verify")
    assert b("cat", "net:best", "file.txt").text == {"theirs": "from a", "ours": "from b"}[keep]
    for machine in (a, b):
        machine("sync", "--accept-numbers")
        assert "best" in machine.listed()[kept]["aliases"]


def test_a_push_can_still_settle_what_a_first_push_told(at_odds):
    """And what a pull had told before."""
    a, b = at_odds
    b("push", code=5)
    b("push", "--on-conflict", "ours")
    a("sync", "--accept-numbers")
    assert "best" in a.listed()["v2"]["aliases"]


def test_a_push_that_brings_a_conflict_which_a_pull_told_tells_it_too(at_odds):
    """There it is new, and the side of each version is known."""
    _, b = at_odds
    b("pull", code=5)
    b("push", "--on-conflict", "theirs")
    b("numbers", "accept", "net")
    assert "best" in b.listed()["v1"]["aliases"]


def test_a_sync_tells_a_conflict_of_its_push_once(at_odds):
    """The pull before it had found the same."""
    _, b = at_odds
    told = b("sync", "--accept-numbers", code=5)
    assert told.errors.count("alias 'best'") == 1


def test_a_push_between_depots_tells_conflicts_too(at_odds, cli):
    """No store takes part, so none can settle it."""
    _, b = at_odds
    away = str(cli.folder / "away")
    b("push", "--to", away)
    told = cli("push", "--from", away, "--to", str(cli.folder / "hub"), code=5)
    assert "alias 'best' of 'net' was set to net@" in told.errors
    settling = ("--from", away, "--to", "x", "--on-conflict", "ours")
    assert "none takes part" in cli("push", *settling, code=2).errors


def test_python_is_told_of_aliases_that_a_push_brings_into_conflict(at_odds, cli):
    """All has travelled by then."""
    _, b = at_odds
    store = casstore.open_store(cli.folder / "b")
    with pytest.raises(Conflict, match="alias 'best'"):
        store.push()
    assert len(b("ls", "net", "--json").json["versions"]) == 2
    assert b("push", "--json", code=5).json["versions"] == []
