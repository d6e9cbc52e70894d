"""Credentials that may read and create in a bucket, and neither list nor delete: all goes on.

Against Ceph, which answers 403 for what is not there, as AWS does, and moto, which answers 404.
"""

import re

import pytest
from places import PLACES
from policies import moto_with_policies

from casstore.errors import RemoteError
from casstore.remotes import Rolled, open_objects
from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")
SERVERS = {"rgw": PLACES["rgw"], "moto": moto_with_policies}


@pytest.fixture(scope="module", params=SERVERS)
def bucket(request, tmp_path_factory):
    """Give a bucket of each server."""
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made


class Machine:
    """A store whose upstream is ``hub``; who is at it may list, or not."""

    def __init__(self, cli, machines, name, *, lists):
        self._cli, self._machines = cli, machines
        self.name, self.lists = name, lists
        cli("remote", "add", "hub", machines.url, "--upstream", "--store", name)
        keep_probe(cli.folder / name, "hub", FOUND)

    def __call__(self, *words, code=0):
        self._machines.credentials(lists=self.lists)
        return self._cli(*words, "--store", self.name, code=code)

    def put(self, text, name="net"):
        self._cli.write(f"{self.name}-data/file.txt", text)
        return self("put", f"{self.name}-data", "--name", name, "-q").lines[0]

    def contents(self, ref, *more):
        out = self._cli.folder / f"out-{self.name}-{ref.replace(':', '-')}"
        self("get", ref, "-o", str(out), *more)
        return (out / "file.txt").read_text()

    def versions(self, name="net"):
        """Return what is there: the content of each version by number."""
        listed = self("ls", name, "--json").json["versions"]
        refs = [f"{name}:{one['version']}" for one in listed if one["version"]]
        return {ref: self("cat", ref, "file.txt").text for ref in refs}


class Machines:
    """Makes machines that share one place; ``credentials`` are those of the next call."""

    def __init__(self, cli, bucket, url, monkeypatch):
        self._cli, self._bucket, self._patch = cli, bucket, monkeypatch
        self.url = url

    def __call__(self, name, *, lists):
        return Machine(self._cli, self, name, lists=lists)

    def credentials(self, *, lists, **changed):
        chosen = self._bucket.environment if lists else self._bucket.unlisted
        for name, value in {**chosen, **changed}.items():
            self._patch.setenv(name, value)

    def objects(self):
        """Return what lies there, as somebody sees it who may do everything."""
        self.credentials(lists=True)
        return open_objects(self.url)


@pytest.fixture
def machines(cli, bucket, monkeypatch, tmp_path):
    """Give ``Machines`` for an empty place in the bucket."""
    return Machines(cli, bucket, f"{bucket.url}/{tmp_path.name}", monkeypatch)


def one_line(result):
    assert result.errors.count("\n") == 1, result.errors
    assert "Traceback" not in result.errors
    return result.errors


def requests_of(result):
    return int(re.search(r"([0-9]+) requests", result.errors)[1])


def test_an_empty_bucket_becomes_a_depot(machines):
    """Pushed to, pushed to again, and pulled by somebody else who may not list, and who may."""
    a = machines("a", lists=False)
    a.put("one")
    assert a("push").lines[0].startswith("push net:v0")
    assert a("push").text.startswith("nothing to push")
    a.put("two")
    a("push")
    for lists in (False, True):
        other = machines(f"other-{lists}", lists=lists)
        assert len(other("pull").lines) == 3
        assert other.versions() == {"net:v0": "one", "net:v1": "two"}


def test_what_some_list_and_some_do_not_is_one_depot(machines):
    """Who may list fills it; then both push and pull in turn: one row of numbers, all content."""
    blind, lister = machines("blind", lists=False), machines("lister", lists=True)
    lister.put("text 0")
    lister("push")
    expected = {"net:v0": "text 0"}
    for number in range(1, 6):
        who = (lister, blind)[number % 2]
        who("pull")
        who.put(f"text {number}")
        expected[f"net:v{number}"] = f"text {number}"
        who("push")
    for who in (blind, lister):
        who("pull")
        assert who.versions() == expected


def test_sync_goes_both_ways(machines):
    """What was logged apart is on both sides, numbered once."""
    blind, lister = machines("blind", lists=False), machines("lister", lists=True)
    lister.put("theirs", "left")
    lister("sync")
    blind.put("mine", "right")
    blind("sync")
    lister("sync")
    for who in (blind, lister):
        assert who.contents("left:v0") == "theirs"
        assert who.contents("right:v0") == "mine"


def test_numbers_that_two_gave_are_settled_by_claims(machines):
    """Each number once, though nobody could list the claims."""
    blind, lister = machines("blind", lists=False), machines("lister", lists=True)
    lister.put("first")
    lister("push")
    blind.put("second")
    assert "v0 is v1 now" in blind("push").errors
    lister("pull")
    assert lister.versions() == {"net:v0": "first", "net:v1": "second"}


def test_a_version_is_read_straight_from_there(machines):
    """``get`` and ``cat`` with ``--from`` keep nothing; what was pulled in part comes when read."""
    lister, blind = machines("lister", lists=True), machines("blind", lists=False)
    lister.put("afar")
    lister("push")
    assert blind.contents("net:v0", "--from", "hub") == "afar"
    assert blind("cat", "net:v0", "file.txt", "--from", "hub").text == "afar"
    blind("pull", "--metadata-only")
    assert blind("cat", "net:v0", "file.txt").text == "afar"


def test_verify_says_that_it_went_by_the_roll(machines):
    """All that it names is checked, claims by their names; damage is found as ever."""
    lister, blind = machines("lister", lists=True), machines("blind", lists=False)
    for text in ("one", "two"):
        lister.put(text)
    lister("push")
    checked = blind("verify", "--remote", "hub")
    assert checked.lines[-1].endswith("ok")
    assert checked.lines == lister("verify", "--remote", "hub").lines
    assert "may not be listed: what its roll names was checked" in one_line(checked)
    objects = machines.objects()
    pack = next(iter(objects.listing("packs/")))
    objects.create(pack.name, bytes(pack.size_bytes))
    name = pack.name.rpartition("/")[2]
    assert f"pack {name}" in blind("verify", "--remote", "hub", code=4).text


def test_check_tells_that_listing_is_not_allowed_and_goes_on(machines):
    """The rest is tried as ever."""
    blind = machines("blind", lists=False)
    told = blind("remote", "check")
    assert "listing is not allowed" in told.text
    assert re.search("yes +exclusive create", told.text)
    found = blind("remote", "ls", "--json").json["remotes"][0]["checked"]
    assert (found["listing"], found["exclusive_create"]) == (False, True)
    blind.put("one")
    blind("push")


def test_repair_and_compact_go_by_the_roll(machines):
    """What was sent again is found by everybody, and what was damaged by nobody any more."""
    a, b = machines("a", lists=False), machines("b", lists=False)
    for text in ("one", "two", "three"):
        a.put(text)
        a("push")
    objects = machines.objects()
    pack = next(iter(objects.listing("packs/")))
    objects.create(pack.name, bytes(pack.size_bytes))
    a("repair", "--to", "hub")
    assert "merged into 1" in a("remote", "compact").text
    assert b("verify", "--remote", "hub").lines[-1].endswith("ok")
    b("pull")
    assert b.versions() == {"net:v0": "one", "net:v1": "two", "net:v2": "three"}


def test_what_was_lost_and_sent_again_is_found_by_who_may_not_list(machines):
    """The roll names the lost packs still; what came in others is read there."""
    lister, blind = machines("lister", lists=True), machines("blind", lists=False)
    lister.put("kept")
    lister("push")
    objects = machines.objects()
    for each in list(objects.listing("packs/")):
        objects.delete(each.name)
    blind("pull", code=4)
    lister("verify", "--remote", "hub", code=4)
    lister("push")
    blind("pull")
    assert blind.versions() == {"net:v0": "kept"}


def refuse_entries(monkeypatch):
    """Let pushes end before their entry, as killed ones do; returns what lets them again."""

    def killed(_self):
        raise RemoteError("killed")

    really = Rolled.tell
    monkeypatch.setattr(Rolled, "tell", killed)
    return lambda: monkeypatch.setattr(Rolled, "tell", really)


@pytest.mark.parametrize("lists", [True, False])
def test_a_push_that_was_killed_before_its_entry_is_named_by_somebody_who_lists(
    machines, monkeypatch, lists
):
    """Until then it is as if it had not been; numbers are not given twice all the same."""
    dying, blind = machines("dying", lists=lists), machines("blind", lists=False)
    dying.put("zero")
    dying("push")
    again = refuse_entries(monkeypatch)
    dying.put("one")
    dying("push", code=1)
    again()
    blind("pull")
    assert blind.versions() == {"net:v0": "zero"}
    blind.put("another", "other")
    blind("push")
    lister = machines("lister", lists=True)
    lister("pull")
    lister.put("two")
    lister("push")
    blind("pull")
    assert blind.versions() == {"net:v0": "zero", "net:v1": "one", "net:v2": "two"}


@pytest.mark.parametrize("lists", [True, False])
def test_its_own_machine_names_it_too_though_it_sends_nothing(machines, monkeypatch, lists):
    """A push that is made again completes the first, and sends no byte twice."""
    dying, blind = machines("dying", lists=lists), machines("blind", lists=False)
    again = refuse_entries(monkeypatch)
    dying.put("zero")
    dying("push", code=1)
    again()
    before = {each.name for each in machines.objects().listing("packs/")}
    assert dying("push").text.startswith("nothing to push")
    assert {each.name for each in machines.objects().listing("packs/")} == before
    blind("pull")
    assert blind.versions() == {"net:v0": "zero"}


def test_a_number_whose_push_was_killed_is_not_given_again(machines, monkeypatch):
    """Who cannot see the version sees its claim by name."""
    dying, blind = machines("dying", lists=False), machines("blind", lists=False)
    again = refuse_entries(monkeypatch)
    dying.put("zero")
    dying("push", code=1)
    again()
    blind.put("mine")
    assert "v0 is v1 now" in blind("push").errors
    lister = machines("lister", lists=True)
    lister("pull")
    assert lister.versions() == {"net:v0": "zero", "net:v1": "mine"}


def test_wrong_credentials_end_with_twelve(machines):
    """Before there is a depot and after; the message says where they were looked for."""
    blind = machines("blind", lists=False)
    blind.put("one")
    wrong = {"AWS_SECRET_ACCESS_KEY": "W" * 40}
    real = machines.credentials
    for _ in range(2):
        machines.credentials = lambda **chosen: real(**chosen, **wrong)
        for words in (["push"], ["pull"], ["sync"], ["verify", "--remote", "hub"], ["push", "-n"]):
            told = one_line(blind(*words, code=12))
            assert "credentials were looked for in AWS_ACCESS_KEY_ID" in told
            assert "W" * 40 not in told
        machines.credentials = real
        blind("push")


def test_a_depot_without_a_roll_is_not_called_empty(machines):
    """One of before there were rolls: who pulls is told what is missing, whoever lists mends it."""
    lister, blind = machines("lister", lists=True), machines("blind", lists=False)
    lister.put("one")
    lister("push")
    objects = machines.objects()
    for each in list(objects.listing("roll/")):
        objects.delete(each.name)
    told = one_line(blind("pull", code=12))
    assert "no roll there says what it holds" in told
    blind.put("mine", "other")
    blind("push")  # it takes no number that was given
    lister.put("two")
    lister("push")
    blind("pull")
    assert blind.versions() == {"net:v0": "one", "net:v1": "two"}


def test_what_a_sending_push_costs_and_one_that_sends_nothing(machines):
    """The roll takes three requests or so of one who lists, and none where nothing is new."""
    lister = machines("lister", lists=True)
    costs = []
    for number in range(5):
        lister.put(f"text {number}")
        costs.append(requests_of(lister("push", "-v")))
        entries = list(machines.objects().listing("roll/"))
        assert len(entries) == number + 1
    assert costs[-1] <= 20
    assert requests_of(lister("push", "-v")) <= 4
    assert len(list(machines.objects().listing("roll/"))) == 5
