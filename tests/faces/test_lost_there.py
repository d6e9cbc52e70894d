"""Packs of a remote are gone: what a push knows of it, what it claims, and what it sends again."""

import random

import pytest


def lose(cli):
    """Remove every pack of the hub."""
    for path in (cli.folder / "hub" / "packs").rglob("*"):
        if path.is_file():
            path.unlink()


@pytest.fixture
def lost(two, cli):
    """Give two machines that have ``net:v0``, whose bytes the hub has lost."""
    a, b = two
    a.put(random.Random(1).randbytes(50_000))
    a("push")
    b("pull")
    lose(cli)
    return a, b


def requests_of(told):
    return int(told.errors.split(" requests to hub: ")[0].split()[-1])


def whole_for(cli, name):
    """See that a machine that has nothing can pull everything."""
    cli("pull", "--from", str(cli.folder / "hub"), "--store", name)
    cli("verify", "--remote", str(cli.folder / "hub"), "--store", name)


def test_an_unchanged_push_claims_no_more_than_it_compared(lost):
    """It asks little, and says how the bytes are checked."""
    a, _ = lost
    told = a("push", "-v")
    assert requests_of(told) < 10
    (line,) = told.lines
    assert "up to date" not in line
    assert "`casstore verify --remote hub` reads the bytes there" in line


def test_what_verify_found_is_sent_again_by_the_next_push(lost, cli):
    """Once; then a push is as short as before."""
    a, _ = lost
    a("verify", "--remote", "hub", code=4)
    planned = a("push", "-n", "--json").json
    assert [one["version"] for one in planned["restored"]] == ["v0"]
    told = a("push")
    assert "hub had lost chunks of net:v0: they were sent again" in told.errors
    assert told.lines[0].startswith("3 chunks")
    assert planned["frames"] == 3
    again = a("push", "-v")
    assert again.lines[0].startswith("nothing to push")
    assert requests_of(again) == requests_of(a("push", "-v")) < 10
    whole_for(cli, "c")


def test_one_version_that_was_verified_is_enough(lost, cli):
    """``verify REF --remote``; and JSON names what was sent again."""
    a, _ = lost
    a("verify", "net:v0", "--remote", "hub", code=4)
    record = a("push", "--json").json
    assert [one["version"] for one in record["restored"]] == ["v0"]
    assert (record["frames"], record["versions"]) == (3, [])
    whole_for(cli, "c")


def test_a_push_that_lists_packs_anyway_sees_which_are_gone(lost, cli):
    """It sends something new, so it looks; on whichever machine."""
    _, b = lost
    b.put("new", "other")
    told = b("push")
    assert "lost chunks of net:v0" in told.errors
    whole_for(cli, "c")


def test_a_read_that_met_nothing_there_is_remembered(two, cli):
    """A machine without the bytes met it, and has them from elsewhere when it pushes."""
    a, b = two
    a.put(random.Random(1).randbytes(50_000))
    a("push")
    away = str(cli.folder / "away")
    a("push", "--to", away)
    b("pull", "--metadata-only")
    lose(cli)
    assert b("cat", "net:v0", "file.txt", code=4).raw == b""
    b("pull", "--from", away)
    assert "lost chunks of net:v0" in b("push").errors
    whole_for(cli, "c")


def test_who_has_it_no_more_is_told_and_the_rest_goes(lost, cli):
    """The machine has all but the bytes; others may have them."""
    a, b = lost
    a("sync")
    c = type(a)(cli, "c")
    a("verify", "--remote", "hub", code=4)
    a("push")
    c("pull", "--metadata-only")
    lose(cli)
    c.put("new", "other")
    told = c("push", code=4)
    assert told.lines[0].startswith("push other:v0")
    assert "hub has lost chunks of net:v0, which cannot be sent from here" in told.errors
    assert "sent again" not in told.errors
    b("verify", "--remote", "hub", code=4)
    assert "sent again" in b("push").errors
    c("push", code=0)
    whole_for(cli, "d")


def test_a_push_between_depots_sends_again_too(lost, cli):
    """From another copy, without a store."""
    a, _ = lost
    away = str(cli.folder / "away")
    a("push", "--to", away)
    a("verify", "--remote", "hub", code=4)
    told = cli("push", "--from", away, "--to", "hub", "--store", "a")
    assert "they were sent again" in told.errors
    whole_for(cli, "c")
