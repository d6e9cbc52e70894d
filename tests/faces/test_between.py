"""From one depot elsewhere to another: folders, places in memory, bundles; no store keeps anything.

The same between servers is in the contract's tests.
"""

import random

import pytest

import casstore
from casstore.packs import writer
from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")


@pytest.fixture
def hub(cli):
    """Give the URL of a depot with two versions of ``net`` and one of ``other``, of a far store."""
    place = str(cli.folder / "hub")
    for name, text in (("net", "one"), ("net", "two"), ("other", "secret")):
        cli.write("far-data/file.txt", text * 1000)
        cli("put", "far-data", "--name", name, "--store", "far")
    cli("alias", "set", "net:v0", "best", "--store", "far")
    cli("push", "--to", place, "--store", "far")
    return place


def files_below(folder):
    return {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*")}


def test_a_push_from_another_depot_makes_no_store(cli, hub):
    """Only what was asked for and is missing goes; the second time that is nothing."""
    away = str(cli.folder / "away")
    before = files_below(cli.folder / "hub")
    told = cli("push", "net:v1", "--from", hub, "--to", away).lines
    assert told[0].startswith("push net@")
    assert told[-1].endswith(f"to {away}")
    again = cli("push", "net:v1", "--from", hub, "--to", away).lines
    assert again[0].startswith(f"nothing to push: {away} lists all of it")
    assert not (cli.folder.parent / "home" / ".local").exists()
    assert not (cli.folder / ".casstore").exists()
    assert files_below(cli.folder / "hub") == before
    cli("pull", "--from", away, "--store", "near")
    names = cli("ls", "--store", "near", "--json").json["artifacts"]
    assert [one["name"] for one in names] == ["net"]
    digest = cli("show", "net:v1", "--store", "far", "--json").json["version"]["commit_id"]
    cli("get", f"net@{digest}", "-o", "out", "--store", "near")
    assert (cli.folder / "out" / "file.txt").read_text() == "two" * 1000
    everything = b"".join(p.read_bytes() for p in (cli.folder / "away").rglob("*") if p.is_file())
    assert b"other" not in everything
    assert b"best" not in everything  # the alias of the version that was not asked for


def test_requests_are_told_of_each_depot(cli, hub):
    """One line for where versions come from and one for where they go, each by its name."""
    away = str(cli.folder / "away")
    told = cli("push", "--from", hub, "--to", away, "-v").errors.splitlines()
    counted = [line.partition(" requests to ")[2].partition(": ")[0] for line in told]
    assert counted == [away, hub]


def test_aliases_and_the_rest_follow(cli, hub):
    """What was said of a version goes where its version goes, later too."""
    away = str(cli.folder / "away")
    cli("push", "net", "--from", hub, "--to", away)
    cli("alias", "set", "net:v1", "best", "--store", "far")
    cli("push", "--to", hub, "--store", "far")
    cli("push", "net", "--from", hub, "--to", away)
    cli("pull", "--from", away, "--store", "near")
    cli("get", "net:best", "-o", "out", "--store", "near")
    assert (cli.folder / "out" / "file.txt").read_text() == "two" * 1000


def test_a_plan_between_depots_makes_nothing(cli, hub):
    """It says what would travel, and the target is not made."""
    away = cli.folder / "away"
    plan = cli("push", "--from", hub, "--to", str(away), "-n", "--json").json
    assert sorted(one["name"] for one in plan["versions"]) == ["net", "net", "other"]
    assert plan["frames"] > 0 < plan["stored_bytes"]
    assert plan["from"] == f"file://{hub}"
    assert not away.exists()
    done = cli("push", "--from", hub, "--to", str(away), "--json").json
    assert (done["frames"], done["stored_bytes"]) == (plan["frames"], plan["stored_bytes"])


def test_an_upstream_numbers_what_comes_from_another_depot(cli, hub):
    """Where the store at hand knows it as such; the store keeps no event of it."""
    up = str(cli.folder / "up")
    cli("remote", "add", "up", up, "--upstream", "--store", "near")
    cli("remote", "add", "hub", hub, "--store", "near")
    keep_probe(cli.folder / "near", "up", FOUND)
    told = cli("push", "net:v1", "--from", "hub", "--to", "up", "--store", "near")
    assert " is net:v0 there" in told.errors
    cli("push", "net", "--from", "hub", "--store", "near")
    assert cli("ls", "--store", "near").lines == []
    assert not list((cli.folder / "near" / "journal").rglob("*-*"))
    cli("pull", "net", "--from", "up", "--store", "near")
    listed = cli("ls", "net", "--store", "near", "--json").json["versions"]
    assert [(one["version"], one["provisional"]) for one in listed] == [
        ("v0", False),
        ("v1", False),
    ]
    cli("get", "net:v0", "-o", "out", "--store", "near")
    assert (cli.folder / "out" / "file.txt").read_text() == "two" * 1000


@pytest.mark.parametrize("split", [(), ("--split", "500k")])
def test_a_bundle_is_pushed_and_pulled_from(cli, monkeypatch, split):
    """Of one in parts all must be there, whichever is named."""
    monkeypatch.setattr(writer, "TARGET_PACK_BYTES", 200_000)
    cli.write("big/a.bin", random.Random(1).randbytes(900_000))
    cli("put", "big", "--name", "big", "--store", "far")
    cli("bundle", "create", "b.zip", "big:v0", "--store", "far", *split)
    made = sorted(path.name for path in cli.folder.glob("b*.zip"))
    assert bool(split) == (len(made) > 1)
    named = made[-1]
    cli("push", "big:v0", "--from", named, "--to", str(cli.folder / "away"))
    cli("pull", "big", "--from", named, "--store", "near")
    commit = cli("show", "big:v0", "--store", "far", "--json").json["version"]["commit_id"]
    for store in ("--from", str(cli.folder / "away")), ("--from", named), ("--store", "near"):
        out = f"out-{len(list(cli.folder.glob('out-*')))}"
        cli("get", f"big@{commit}", "-o", out, *store)
        assert (cli.folder / out / "a.bin").read_bytes() == (cli.folder / "big/a.bin").read_bytes()
    if split:
        (cli.folder / made[0]).unlink()
        told = cli("push", "--from", named, "--to", str(cli.folder / "more"), code=10)
        assert "its parts 1 are not beside it" in told.errors
        assert not (cli.folder / "more" / "journal").exists()


def test_a_thin_bundle_goes_where_the_rest_is(cli):
    """Elsewhere it is refused, and nothing of the version is visible."""
    cli.write("d/a.bin", bytes(range(256)) * 3000)
    cli.write("d/b.txt", "one")
    cli("put", "d", "--name", "net", "--store", "far")
    cli("push", "--to", str(cli.folder / "away"), "--store", "far")
    cli.write("d/b.txt", "two")
    cli("put", "d", "--name", "net", "--store", "far")
    cli("bundle", "create", "thin.zip", "net:v1", "--since", "net:v0", "--store", "far")
    told = cli("push", "--from", "thin.zip", "--to", str(cli.folder / "empty"), code=4)
    assert "is in no pack of" in told.errors
    assert not (cli.folder / "empty" / "journal").exists()
    cli("push", "--from", "thin.zip", "--to", str(cli.folder / "away"))
    commit = cli("show", "net:v1", "--store", "far", "--json").json["version"]["commit_id"]
    cli("get", f"net@{commit}", "--from", str(cli.folder / "away"), "-o", "out")
    assert (cli.folder / "out" / "b.txt").read_text() == "two"
    assert (cli.folder / "out" / "a.bin").stat().st_size == 768_000


def test_a_bundle_is_made_from_a_depot_elsewhere(cli, hub):
    """Whole, and thin against a version that is there."""
    first, _ = cli("ls", "net", "--store", "far", "--json").json["versions"]
    cli("bundle", "create", "b.zip", "net:v0", "--from", hub)
    since = f"net@{first['commit_id']}"
    cli("bundle", "create", "thin.zip", "net", "--since", since, "--from", hub)
    cli("bundle", "apply", "b.zip", "--store", "near")
    cli("bundle", "apply", "thin.zip", "--store", "near")
    commits = {
        one["commit_id"] for one in cli("ls", "net", "--store", "far", "--json").json["versions"]
    }
    listed = cli("ls", "net", "--store", "near", "--json").json["versions"]
    assert {one["commit_id"] for one in listed} == commits


def test_what_cannot_be_meant_is_said_in_one_line(cli, hub):
    """Nothing is made."""
    cli("bundle", "create", "b.zip", "net:v0", "--store", "far")
    told = cli("push", "--from", hub, "--to", "b.zip", code=2).errors
    assert "a bundle is written once" in told
    told = cli("push", "--from", "nowhere", "--to", hub, code=10).errors
    assert "knows no remote 'nowhere'" in told
    told = cli("push", "--from", str(cli.folder / "none"), "--to", hub, code=10).errors
    assert "there is no depot at" in told
    told = cli("pull", "net", "--from", "b.zip", "--include", "*", "--store", "near", code=2).errors
    assert "is a bundle" in told
    cli("push", "--from", hub, code=2)


def test_python_pushes_between_depots(desk):
    """By names and URLs; the store has nothing of it."""
    one, two = str(desk.folder / "one"), f"memory://between/{desk.folder.name}"
    with casstore.init(store=desk.folder / "far") as run:
        artifact = casstore.Artifact("net", "model")
        with artifact.new_file("a") as stream:
            stream.write("text")
        run.log_artifact(artifact)
    casstore.open_store(desk.folder / "far").push("net", to=one)
    casstore.init().finish()
    store = casstore.open_store()
    assert store.push("net:v0", to=two, from_=one) == [f"net@{artifact.id}"]
    assert store.push("net", to=two, from_=one) == []
    assert len(casstore.Api().artifact_types()) == 0
    assert len(store.pull("net", from_=two)) == 1
