"""People on several machines, and a place that they share: push, pull, sync; from shell and Python.

Each machine is a store of its own; the place is a folder, as a stick or a mounted disk would be.
"""

import random
import shutil

import pytest
from machines import FOUND

import casstore
from casstore.errors import Conflict, Invalid, NotFound
from casstore.remotes.configuration import add_remote, keep_probe


def test_what_one_pushes_the_other_pulls(two, cli):
    """The same files, aliases and numbers; lineage of names stays."""
    a, b = two
    a.put("one", "net", "--alias", "best", "--description", "the first")
    told = a("push")
    assert told.lines[0].startswith("push net:v0  1 file")
    assert b("pull").lines[0].startswith("pull net:v0  1 file")
    b("get", "net:best", "-o", str(cli.folder / "out"))
    assert (cli.folder / "out" / "file.txt").read_text() == "one"
    assert b("show", "net:v0", "--json").json["version"]["description"] == "the first"


def test_nothing_travels_twice_and_little_is_asked(two):
    """An unchanged push takes fewer than ten requests."""
    a, _ = two
    a.put("one")
    a("push")
    again = a("push", "-v")
    (line,) = again.lines
    assert line.startswith("nothing to push: hub lists all of it (`casstore verify --remote hub`")
    count = int(again.errors.split("casstore: ")[1].split(" requests")[0])
    assert count < 10


def test_numbers_that_both_gave_are_the_upstreams_to_settle(two):
    """v1 here and v1 there: the one that was pushed first keeps it, the other is told."""
    a, b = two
    a.put("zero")
    a("push")
    b("pull")
    assert (a.put("from a"), b.put("from b")) == ("net:v1", "net:v1")
    assert set(a.listed()) == {"v0", "v1*"}
    b("push")
    told = a("push")
    assert "v1 is v2 now" in told.errors
    refused = a("pull", code=5)
    assert "net:v1 is net@" in refused.errors
    assert "casstore numbers accept net" in refused.errors
    assert a("get", "net:v1", "-o", "x", code=5).lines == []
    a("numbers", "accept", "net")
    b("pull")
    assert set(a.listed()) == set(b.listed()) == {"v0", "v1", "v2"}
    assert a.listed()["v2"]["commit_id"] == b.listed()["v2"]["commit_id"]


def test_sync_brings_both_sides_everything(two):
    """In one call each; accepting numbers along the way."""
    a, b = two
    a.put("from a")
    b.put("from b")
    a("sync")
    b("sync", "--accept-numbers")
    a("sync", "--accept-numbers")
    assert set(a.listed()) == set(b.listed()) == {"v0", "v1"}


def test_an_alias_that_was_moved_on_both_sides_is_named_and_not_dropped(two):
    """Exit 5 with both references, until one says which."""
    a, b = two
    a.put("zero", "net", "--alias", "best")
    a("push")
    b("pull")
    a.put("from a", "net", "--alias", "best")
    b.put("from b", "net", "--alias", "best")
    a("push")
    b("push", code=5)
    refused = a("pull", code=5)
    assert "alias 'best' of 'net' was set to net@" in refused.errors
    assert a("get", "net:best", "-o", "x", code=5).lines == []
    a("alias", "set", "net:v1", "best")
    a("push")
    b("pull", code=5)  # the numbers of both, as above
    b("numbers", "accept", "net")
    assert "best" in b.listed()["v1"]["aliases"]


@pytest.mark.parametrize(("keep", "kept"), [("theirs", "v1"), ("ours", "v2")])
def test_aliases_moved_on_both_sides_are_settled_by_side(two, keep, kept):
    """``--on-conflict``, in pull and sync; the other machine hears of it."""
    a, b = two
    a.put("zero", "net", "--alias", "best")
    a("push")
    b("pull")
    for machine in (a, b):
        machine.put(f"from {machine.name}", "net", "--alias", "best")
    a("push")
    told = b("sync", "--on-conflict", keep, "--accept-numbers")
    assert f"alias 'best' of 'net' is {keep} now" in told.errors
    a("sync", "--accept-numbers")
    for machine in (a, b):
        assert "best" in machine.listed()[kept]["aliases"]


@pytest.mark.parametrize(("keep", "kept"), [("theirs", "v0"), ("ours", "v1")])
def test_the_side_of_an_alias_is_told_also_when_both_have_pushed(two, keep, kept):
    """What this pull brings is theirs, whatever the depot has of this store's by then."""
    a, b = two
    a.put("from a", "net")
    b.put("from b", "net")
    a("push")
    b("push")
    a("alias", "set", "net:v0", "best")
    b("alias", "set", "net:v1", "best")
    a("push")
    b("push", code=5)
    told = b("pull", "--on-conflict", keep, code=5)  # of the number that is another's
    assert f"alias 'best' of 'net' is {keep} now" in told.errors
    assert "best" in b.listed()[kept]["aliases"]


def test_an_alias_stays_in_doubt_where_nobody_knows_whose_it_is(two):
    """Both came and went before: the call that was to settle it names both, exit 5."""
    a, b = two
    a.put("zero", "net", "--alias", "best")
    a("push")
    b("pull")
    for machine in (a, b):
        machine.put(f"from {machine.name}", "net", "--alias", "best")
        machine("push", code=5 * (machine is b))
    a("pull", code=5)
    for keep in ("ours", "theirs"):
        for verb in ("pull", "sync"):
            refused = a(verb, "--on-conflict", keep, code=5)
            assert "alias 'best' of 'net' was set to net@" in refused.errors
    a("alias", "set", "net:v1", "best")
    a("pull", "--on-conflict", "ours")


def test_another_number_is_told_once(two):
    """Not again with each event of that name which comes."""
    a, b = two
    a.put("from a", "net")
    b.put("from b", "net")
    a("push")
    assert "v0 is v1 now" in b("push").errors
    assert "v0 is v1 now" not in b("pull", code=5).errors
    a("alias", "set", "net:v0", "best")
    a("push")
    assert "v0 is v1 now" not in b("pull").errors


def test_a_dry_run_says_about_how_many_requests_it_takes(two):
    """As many as the push tells with -v, give or take the making of the depot."""
    a, _ = two
    for count in (1, 3, 20):
        for number in range(count):
            a.put(f"{count} {number}")
        planned = a("push", "--dry-run", "--json").json["requests"]
        took = int(a("push", "-v").errors.split(" requests to hub: ")[0].split()[-1])
        assert abs(planned - took) <= 4 + took // 10, count


def test_a_dry_run_of_a_pull_says_about_how_many_requests_it_takes(two):
    """Small versions and some of several packs, whose bytes come in several requests."""
    a, b = two
    for count in (1, 3, 20):
        for number in range(count):
            a.put(f"{count} {number}")
        if count == 3:
            a.put(random.Random(3).randbytes(50_000_000), "large")
        a("push")
        planned = b("pull", "--dry-run", "--json").json["requests"]
        took = int(b("pull", "-v").errors.split(" requests to hub: ")[0].split()[-1])
        assert abs(planned - took) <= 4 + took // 10, (count, planned, took)


def test_a_project_that_has_nothing_is_told_from_one_that_is_up_to_date(two):
    """Where there is something in others, as after a name that was misspelt."""
    a, b = two
    a.put("one")
    a("push")
    for verb, machine in (("push", a), ("pull", b)):
        told = machine(verb, "--project", "demo")
        assert "has nothing of project 'demo', but of others" in told.errors
        assert "project" not in machine(verb).errors


def test_what_is_said_of_versions_counts_as_something_that_travelled(two):
    """An alias is an event, and no version."""
    a, b = two
    a.put("one")
    a("push")
    b("pull")
    a("alias", "set", "net:v0", "best")
    assert a("push").lines == ["1 event  0 B sent  to hub"]
    assert b("pull").lines == ["1 event  0 B received  from hub"]


def test_numbers_have_a_star_from_the_moment_an_upstream_is_named(two):
    """Before anything was pushed."""
    a, _ = two
    a.put("one")
    assert set(a.listed()) == {"v0*"}
    assert "net:v0*" in a("ls", "net").lines[1]
    a("push")
    assert set(a.listed()) == {"v0"}


def test_a_dry_run_says_what_would_travel_and_makes_nothing(two, cli):
    """Also where nothing was ever pushed."""
    a, b = two
    a.put("one")
    planned = a("push", "--dry-run", "--json").json
    assert (planned["frames"], planned["events"], len(planned["versions"])) == (2, 1, 1)
    assert not (cli.folder / "hub" / "FORMAT").exists()
    a("push")
    assert len(b("pull", "-n", "--json").json["versions"]) == 1
    assert b("ls", "-q").lines == []


def test_only_what_is_named_travels(two):
    """A version, a name, the project, or all."""
    a, _ = two
    a.put("one")
    a.put("two")
    a.put("other", "other")
    a("put", "a-data", "--name", "far", "--project", "far", "-q")
    assert len(a("push", "net:v1", "--json").json["versions"]) == 1
    assert len(a("push", "net", "--json").json["versions"]) == 1
    assert len(a("push", "--json").json["versions"]) == 1
    assert len(a("push", "--all", "--json").json["versions"]) == 1


def test_a_remote_that_cannot_be_meant_is_said_in_one_line(cli):
    """None, several, or one that is not known."""
    cli.write("data/x", "x")
    cli("put", "data", "--store", "s", "-q")
    assert "knows no remote" in cli("push", "--store", "s", code=2).errors
    assert "knows no remote 'hub'" in cli("push", "--to", "hub", "--store", "s", code=10).errors
    assert "knows no remote" in cli("pull", "--store", "none", code=2).errors
    assert not (cli.folder / "none").exists()
    cli("remote", "add", "one", str(cli.folder / "1"), "--store", "s")
    cli("remote", "add", "two", str(cli.folder / "2"), "--store", "s")
    assert "several remotes" in cli("push", "--store", "s", code=2).errors
    assert "no depot" in cli("pull", "--from", "one", "--store", "s", code=10).errors


def test_a_store_that_was_copied_goes_on_and_pushes(two, cli):
    """Both copies gave the same number; nothing is skipped or lost."""
    a, b = two
    a.put("zero")
    shutil.copytree(cli.folder / "a", cli.folder / "twin", ignore=shutil.ignore_patterns("db*"))
    cli.write("twin-data/file.txt", "from the twin")
    cli("put", "twin-data", "--name", "net", "-q", "--store", "twin")
    a.put("from a")
    a("push")
    cli("push", "--store", "twin")
    b("pull")
    assert len(b("ls", "net", "--json").json["versions"]) == 3
    assert set(b.listed()) == {"v0", "v1", "v2"}


# From Python


def test_python_pushes_and_pulls(desk):
    """``Artifact.push``, ``open_store().remote(...)``, by URL as well."""
    place = desk.folder / "place"
    with casstore.init() as run:
        artifact = casstore.Artifact("net", "model")
        with artifact.new_file("a") as stream:
            stream.write("text")
        run.log_artifact(artifact)
        assert artifact.wait().push(str(place)) is artifact
    other = desk.folder / "other"
    with casstore.init(store=other) as run:
        assert casstore.open_store(other).pull("net:v0", from_=str(place)) != []
        found = run.use_artifact(f"net@{artifact.id}")
        assert found.get_entry("a").size == 4
        assert found.pull(str(place)).id == artifact.id


def test_an_artifact_is_called_by_the_number_that_a_push_gave_it(desk):
    """Its upstream's number at once, the same object: not its id, nor the number of before."""
    hub = desk.folder / "hub"
    for root, text in ((desk.folder / "first", "other"), (desk.root, "mine")):
        casstore.init(store=root).finish()
        add_remote(root, "hub", str(hub), upstream=True)
        with casstore.init(store=root, project="p") as run:
            artifact = casstore.Artifact("net", "model")
            with artifact.new_file("a") as stream:
                stream.write(text)
            run.log_artifact(artifact).wait()
            assert artifact.name == "net:v0"
            run.finish(push=True)
    assert (artifact.version, artifact.name) == ("v1", "net:v1")
    assert artifact.qualified_name == "local/p/net:v1"
    assert artifact.download().endswith("artifacts/net:v1")


def test_a_run_that_finishes_pushes_what_it_made(desk):
    """To the upstream; without a remote it says so, and everything is safe."""
    with casstore.init() as run:
        artifact = casstore.Artifact("net", "model")
        with artifact.new_file("a") as stream:
            stream.write("text")
        run.log_artifact(artifact)
        with pytest.raises(Invalid, match="knows no remote"):
            run.finish(push=True)
    assert artifact.version == "v0"
    place = desk.folder / "place"
    store = casstore.open_store()
    assert store.push("net", to=str(place)) == ["net:v0"]
    assert store.push("net", to=str(place)) == []
    with pytest.raises(NotFound):
        store.remote("hub")


def test_python_is_told_of_conflicts(cli):
    """``pull`` raises, and what was asked for has come."""
    hub = cli.folder / "hub"
    stores = [cli.folder / name for name in "ab"]
    for root in stores:
        cli("init", str(root))
        cli("remote", "add", "hub", str(hub), "--upstream", "--store", str(root))
        keep_probe(root, "hub", FOUND)
        cli.write(f"{root.name}-data/x", root.name)
        cli("put", f"{root.name}-data", "--name", "net", "--store", str(root), "-q")
    first, second = (casstore.open_store(root) for root in stores)
    first.sync()
    second.push()
    with pytest.raises(Conflict, match="numbers accept"):
        second.pull()
    assert len(casstore.Api(store=stores[1]).artifact_versions("dataset", "net")) == 2
