"""``latest`` in a store that has only what it pulled, and no upstream whose numbers it follows."""

import casstore
from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")


def put(cli, text, store, name="data"):
    cli.write("made/file.txt", text)
    cli("put", "made", "--name", name, "--store", store)


def got(cli, ref, store, code=0):
    told = cli("get", ref, "-o", "out", "--force", "--store", store, code=code)
    return told.errors if code else (cli.folder / "out" / "file.txt").read_text()


def test_the_newest_that_was_pulled_is_latest(cli, monkeypatch):
    """From a stick that nobody numbers on: by number there, for ``get``, ``ls`` and scripts."""
    for text in ("one", "two", "three"):
        put(cli, text, "far")
    cli("push", "--to", str(cli.folder / "stick"), "--store", "far")
    assert got(cli, "data", "near", code=10)
    cli("pull", "data", "--from", str(cli.folder / "stick"), "--store", "near")
    assert got(cli, "data", "near") == "three"
    assert got(cli, "data:latest", "near") == "three"
    latest = cli("ls", "data", "--store", "near", "--json").json["versions"]
    assert [one["aliases"] for one in latest if one["aliases"]] == [["latest"]]
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "near"))
    with casstore.init(store=cli.folder / "near") as run:
        assert "latest" in run.use_artifact("data:latest").aliases
    cli("get", "data", "-o", "afar", "--from", str(cli.folder / "stick"), "--store", "near")
    assert (cli.folder / "afar" / "file.txt").read_text() == "three"


def test_a_number_of_somebody_else_is_never_taken_for_ones_own(cli):
    """What it is there is said, to be typed; a version that is logged here is latest then."""
    for text in ("one", "two"):
        put(cli, text, "far")
    cli("push", "--to", str(cli.folder / "stick"), "--store", "far")
    cli("pull", "data", "--from", str(cli.folder / "stick"), "--store", "near")
    told = got(cli, "data:v1", "near", code=10)
    assert "elsewhere v1 is data@" in told
    exact = told.partition("elsewhere v1 is ")[2].rstrip(")\n")
    assert got(cli, exact, "near") == "two"
    put(cli, "mine", "near")
    assert got(cli, "data", "near") == "mine"
    assert got(cli, "data:v0", "near") == "mine"


def test_two_who_numbered_are_both_named(cli):
    """Exit 5; lists mark none as latest; sealed numbers come before those of stores."""
    for store, text in (("a", "one"), ("b", "two")):
        put(cli, text, store)
        hub = str(cli.folder / f"hub-{store}")
        cli("remote", "add", "hub", hub, "--upstream", "--store", store)
        keep_probe(cli.folder / store, "hub", FOUND)
        cli("push", "--store", store)
    cli("pull", "--from", str(cli.folder / "hub-a"), "--store", "near")
    assert got(cli, "data", "near") == "one"
    named = cli("ls", "data", "--store", "near").lines[1].split()[0]
    assert named.endswith(":v0")
    assert f"elsewhere v0 is {named}" in got(cli, "data:v0", "near", code=10)
    cli("pull", "--from", str(cli.folder / "hub-b"), "--store", "near")
    told = got(cli, "data", "near", code=5)
    assert "several depots numbered 'data'" in told
    assert named in told
    assert told.count(":v0") >= 2
    versions = cli("ls", "data", "--store", "near", "--json").json["versions"]
    assert all(one["aliases"] == [] for one in versions)
    assert got(cli, named, "near") == "one"


def test_the_list_of_names_shows_what_latest_means(cli):
    """Its size, and how it is typed here: by the number there, else by its id."""
    far, near = ("--store", "far"), ("--store", "near")
    for text in ("one", "two and more", "three"):
        put(cli, text, "far")
    commit = cli("show", "data:v2", "--json", *far).json["version"]["commit_id"]
    cli("push", "--to", "./stick", *far)
    cli("pull", "--from", "./stick", *near)
    row = cli("ls", *near).lines[1].split()
    assert row[:6] == ["data", "dataset", f"@{commit[:8]}", "3", "5", "B"]
    assert got(cli, f"data{row[2]}", "near") == "three"
    (record,) = cli("ls", "--json", *near).json["artifacts"]
    assert (record["latest"], record["size_bytes"]) == (None, len("three"))

    cli("remote", "add", "hub", "./hub", "--upstream", *far)
    keep_probe(cli.folder / "far", "hub", FOUND)
    cli("push", *far)
    cli("pull", "--from", "./hub", "--store", "other")
    latest = cli("ls", "--store", "other").lines[1].split()[2]
    assert latest.endswith(":v2")
    assert got(cli, f"data:{latest}", "other") == "three"
