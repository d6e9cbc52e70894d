"""``alias``, ``tag``, ``rm`` and ``restore``: what can be changed of versions."""

import io

import pytest


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self):
        return True


@pytest.fixture
def three(cli):
    """Put three versions of ``data``; the first is called ``best``."""
    for number in range(3):
        cli.write("data/a.txt", f"{number}\n")
        cli("put", "data", *(["-a", "best"] if not number else []))
    return cli


def test_an_alias_moves_to_the_version_that_it_is_set_on(three):
    """It names one version at a time."""
    assert three("alias", "set", "data:v1", "best", "prod").lines == ["data:v1  best, prod"]
    assert three("cat", "data:best", "a.txt").text == "1\n"
    listed = three("alias", "ls", "data", "--json").json["aliases"]
    assert listed == [
        {"alias": "best", "reference": "data:v1"},
        {"alias": "latest", "reference": "data:v2"},
        {"alias": "prod", "reference": "data:v1"},
    ]


def test_latest_is_not_moved_and_that_is_told(three):
    """It is the newest version's, whatever is asked; others are set all the same."""
    moved = three("alias", "set", "data:v0", "latest", "first")
    assert moved.lines == ["data:v0  best, first"]
    assert "'latest' is always the newest version" in moved.errors
    assert three("alias", "set", "data:v2", "latest").errors == ""


def test_a_removed_alias_names_nothing(three):
    """The version stays."""
    three("alias", "rm", "data", "best")
    three("show", "data:best", code=10)
    three("show", "data:v0")
    assert "best" in three("alias", "rm", "data", "best", code=10).errors


@pytest.mark.parametrize("alias", ["v7", "a/b", "a:b"])
def test_an_alias_that_cannot_be_is_refused(three, alias):
    """Exit 2, before anything is changed."""
    three("alias", "set", "data:v1", "good", alias, code=2)
    three("show", "data:good", code=10)


def test_aliases_are_taken_from_a_name_not_from_a_version(three):
    """The hint gives the name."""
    assert "give the name: data" in three("alias", "rm", "data:v0", "best", code=2).errors


def test_tags_are_added_listed_and_taken(three):
    """Adding keeps those that are there."""
    three("tag", "set", "data:v1", "gold", "eu")
    three("tag", "set", "data:v1", "new")
    assert three("tag", "ls", "data:v1").lines == ["gold", "eu", "new"]
    assert three("tag", "rm", "data:v1", "eu").lines == ["data:v1  gold, new"]
    assert three("tag", "ls", "data:v0").lines == []
    three("tag", "rm", "data:v1", "eu", code=10)
    three("tag", "set", "data:v1", "a:b", code=2)


def test_a_removed_version_is_gone_until_it_is_restored(three):
    """Its number is kept for it."""
    assert three("rm", "data:v1").lines == ["removed data:v1"]
    assert "casstore restore" in three("show", "data:v1", code=10).errors
    assert three("ls", "data", "-q").lines == ["data:v0", "data:v2"]
    assert three("ls", "data", "-q", "--deleted").lines == ["data:v0", "data:v1", "data:v2"]
    assert three("restore", "data:v1").lines == ["restored data:v1"]
    assert three("cat", "data:v1", "a.txt").text == "1\n"


def test_a_number_is_never_given_twice(three):
    """The next version after the newest was removed has the next number."""
    three("rm", "data:v2")
    three.write("data/a.txt", "other")
    assert three("put", "data", "-q").text == "data:v3\n"


def test_removed_versions_are_shown_when_asked_for(three):
    """``state`` tells."""
    three("rm", "data:v1")
    assert three("show", "data:v1", "--deleted", "--json").json["version"]["state"] == "DELETED"


@pytest.mark.parametrize("verb", ["rm", "restore"])
@pytest.mark.parametrize("reference", ["data", "data:latest", "data:best"])
def test_what_removes_or_restores_wants_an_explicit_version(three, verb, reference):
    """What a name or an alias means can change; the hint says what it means now."""
    errors = three(verb, reference, code=2).errors
    assert "it means data:v0 now: say that" in errors or "it means data:v2 now" in errors


def test_a_version_with_aliases_is_refused(three):
    """Nothing was removed; --aliases removes it with them."""
    assert "best" in three("rm", "data:v1", "data:v0", code=5).errors
    assert len(three("ls", "data", "-q").lines) == 3
    three("rm", "data:v0", "--aliases")
    three("show", "data:best", code=10)


def test_one_unknown_version_lets_nothing_be_removed(three):
    """All of those named, or none."""
    three("rm", "data:v1", "data:v9", code=10)
    three("show", "data:v1")


def test_keeping_the_last_shows_the_plan_and_wants_a_yes(three):
    """Without a terminal nobody can be asked."""
    three("alias", "rm", "data", "best")
    refused = three("rm", "data", "--keep-last", "1", code=2)
    assert [line.split("  ")[0] for line in refused.lines] == [
        "would remove data:v0",
        "would remove data:v1",
    ]
    assert "--yes" in refused.errors
    three("rm", "data", "--keep-last", "1", "--yes")
    assert three("ls", "data", "-q").lines == ["data:v2"]
    assert three("rm", "data", "--keep-last", "1", "--yes").lines == ["nothing to remove"]


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 3)])
def test_somebody_at_a_terminal_is_asked(three, monkeypatch, answer, code, left):
    """The default is to remove nothing."""
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    three("rm", "data", "--keep-last", "1", "--aliases", code=code)
    assert len(three("ls", "data", "-q").lines) == left


def test_all_versions_go_when_that_is_asked_for(three):
    """The name then has none, and they can all be restored."""
    result = three("rm", "data", "--all-versions", "--aliases", "--yes", "--json").json
    assert [version["version"] for version in result["versions"]] == ["v0", "v1", "v2"]
    assert three("ls", "--json").json["artifacts"] == []
    three("restore", "data:v0", "data:v2")
    assert three("ls", "data", "-q").lines == ["data:v0", "data:v2"]


def test_a_dry_run_removes_nothing(three):
    """It tells what would go."""
    assert three("rm", "data:v1", "-n").lines == ["would remove data:v1  4 files  256 kB"]
    assert three("rm", "data:v1", "-n", "--json").json["dry_run"] is True
    three("show", "data:v1")


def test_the_two_ways_to_remove_by_name_exclude_each_other(three):
    """Also, a version where a name is wanted is refused."""
    three("rm", "data", "--all-versions", "--keep-last", "2", code=2)
    three("rm", "data:v1", "--all-versions", code=2)
    three("rm", "data", "--keep-last", "0", code=2)
    three("rm", "unknown", "--all-versions", code=10)


def test_restoring_what_was_not_removed_says_so(three):
    """And changes nothing."""
    assert three("restore", "data:v1").lines == ["was not removed: data:v1"]
