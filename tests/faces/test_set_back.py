"""An upstream that was set back to an older copy, while others went on with it."""

import shutil

import pytest


@pytest.fixture
def set_back(two, cli):
    """Give two machines whose hub gave v1 to ``a``, was set back, and gave v1 to ``b``.

    ``make(later)`` says whose seal comes later in the order of events, so that it does not hold.
    """

    def make(later):
        a, b = two
        a.put("zero")
        a("push")
        b("pull")
        hub, backup = cli.folder / "hub", cli.folder / "backup"
        shutil.copytree(hub, backup)
        for number in range(3 * (later == "a")):
            a("alias", "set", "net:v0", f"x{number}")
        a.put("from a")
        a("push")
        shutil.rmtree(hub)
        backup.rename(hub)
        for number in range(3 * (later == "b")):
            b("alias", "set", "net:v0", f"x{number}")
        b.put("from b")
        b("push")
        return a, b

    return make


def commits_of(machine):
    return {label: one["commit_id"] for label, one in machine.listed().items()}


@pytest.mark.parametrize("loser", ["a", "b"])
def test_a_push_tells_the_number_that_holds_now(set_back, loser):
    """The first push after it of whoever lost v1: one notice, both named, exit 5, once."""
    a, b = set_back(loser)
    mine = {"a": commits_of(a)["v1"], "b": commits_of(b)["v1"]}
    winner = "ab".replace(loser, "")
    machines = {"a": a, "b": b}
    first = a("push", code=5 * (loser == "a"))
    assert first.lines[0].startswith(f"push net:v{1 if winner == 'a' else 2} ")
    told = first if loser == "a" else b("push", code=5)
    notice, conflict = told.errors.splitlines()
    assert notice.startswith("casstore: the upstream numbered 'net': v1 is v2 now")
    assert f"net:v1 is net@{mine[winner]} now, and was net@{mine[loser]} here" in conflict
    assert machines[winner]("push").errors == ""
    assert machines[loser]("push").errors == ""
    assert commits_of(machines[winner])["v1"] == mine[winner]
    assert commits_of(machines[loser])["v2"] == mine[loser]
    assert commits_of(machines[loser])["v1"] == mine[winner]  # known here, its bytes are there
    machines[loser]("verify")
    a("sync", "--accept-numbers")
    b("sync", "--accept-numbers")
    for machine in (a, b):
        machine("numbers", "accept", "net")
    assert commits_of(a) == commits_of(b)
    assert commits_of(a)["v1"] == mine[winner]


def test_nobody_is_told_where_nothing_is_given_twice(two, cli):
    """A hub that was set back and that nobody else has pushed to gives what it gave."""
    a, _ = two
    a.put("zero")
    a("push")
    shutil.copytree(cli.folder / "hub", cli.folder / "backup")
    a.put("from a")
    a("push")
    shutil.rmtree(cli.folder / "hub")
    (cli.folder / "backup").rename(cli.folder / "hub")
    told = a("push")
    assert told.lines[0].startswith("push net:v1 ")
    assert told.errors == ""
