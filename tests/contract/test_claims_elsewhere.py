"""Numbers in depots elsewhere: unique and increasing, whatever the place can do."""

import subprocess
import sys
import time

import pytest

from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.parallel import Pool
from casstore.remotes import create_once, once
from casstore.remotes.claims import Claims, Place, agreed_mode

NET = Place("vision", "Net")
WRITERS = 3
NUMBERS_EACH = 4

PUSH = """
import os, sys
from casstore.digest import CommitId
from casstore.remotes import open_objects
from casstore.remotes.claims import Claims, Place
url, mode, count = sys.argv[1:]
objects = open_objects(url)
claims, place = Claims(objects, mode), Place("vision", "Net")
claims.numbers(place)  # connects
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(count)):
    commit = CommitId(os.urandom(16))
    while not claims.take(place, number := max(claims.numbers(place), default=-1) + 1, commit):
        pass
    print(number, commit.hex(), flush=True)
"""


def commit(number):
    return CommitId(bytes([number]) * 16)


@pytest.fixture(params=["exclusive", "listed"])
def claims(request, objects, place):
    """Give the claims of every kind of place, in both ways where both are possible."""
    if request.param == "exclusive" and not place.exclusive:
        return Claims(objects, "listed")
    return Claims(objects, request.param)


def test_a_number_is_its_first_claimants(claims):
    """For ever: told again and again, and to nobody else."""
    assert claims.owner(NET, 0) is None
    assert claims.numbers(NET) == []
    assert claims.take(NET, 0, commit(1))
    assert claims.take(NET, 0, commit(1))
    assert not claims.take(NET, 0, commit(2))
    assert claims.take(NET, 10, commit(2))
    assert claims.owner(NET, 0) == commit(1)
    assert claims.numbers(NET) == [0, 10]
    assert claims.owners(NET) == {0: commit(1), 10: commit(2)}
    assert claims.owners(NET, 1) == {10: commit(2)}
    assert claims.owners(Place("vision", "net")) == {}


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("moto", "exclusive"), ("moto", "listed"), ("folder", "listed")),
        *(("nginx", "exclusive"), ("rclone-s3", "listed"), ("rclone-webdav", "listed")),
    ],
)
def test_processes_that_claim_at_once_get_numbers_of_their_own(kind, mode, place_of, opened):
    """Each says what it got; the depot says the same."""
    place = place_of(kind)
    command = [sys.executable, "-c", PUSH, place.url, mode, str(NUMBERS_EACH)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WRITERS)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    with Pool(WRITERS) as pool:
        waiting = [pool.submit(child.communicate, "go\n", 120) for child in children]
        said = [line.split() for each in waiting for line in each.result()[0].splitlines()]
    got = {int(number): CommitId(bytes.fromhex(owner)) for number, owner in said}
    assert len(said) == len(got) == WRITERS * NUMBERS_EACH
    assert Claims(opened(place.url), mode).owners(NET) == got


def test_a_claimant_that_died_between_its_steps_keeps_others_out(opened):
    """Only its own commit can have the number later; nobody is said to own it until then."""
    objects = opened("memory://claimant-that-died")
    claims = Claims(objects, "listed")
    objects.create(f"{NET.folder}0/{commit(1).hex()}-0011223344556677", b"")
    assert claims.owner(NET, 0) is None
    assert not claims.take(NET, 0, commit(2))
    assert claims.numbers(NET) == [0]
    assert claims.owners(NET) == {}
    assert claims.take(NET, 0, commit(1))
    assert claims.owner(NET, 0) == commit(1)


def test_a_name_that_was_taken_and_not_written_is_a_number_that_nobody_has(place_of, opened):
    """On WebDAV, where the two are two requests: it is listed, so that everybody goes on."""
    place = place_of("nginx")
    claims = Claims(opened(place.url), "exclusive")
    assert claims.take(NET, 0, commit(1))
    (place.files / f"{NET.folder}1~").mkdir()
    assert claims.numbers(NET) == [0, 1]
    assert (claims.owner(NET, 1), claims.owners(NET)) == (None, {0: commit(1)})
    assert not claims.take(NET, 1, commit(2))
    assert claims.take(NET, 2, commit(2))


def test_a_torn_claim_is_a_number_that_nobody_has(opened):
    """As on a folder without hard links whose writer died."""
    objects = opened("memory://torn-claim")
    objects.create(f"{NET.folder}0", b"0123")
    claims = Claims(objects, "exclusive")
    assert not claims.take(NET, 0, commit(1))
    assert (claims.owner(NET, 0), claims.owners(NET), claims.numbers(NET)) == (None, {}, [0])


def test_the_way_of_claiming_is_settled_once_for_everybody(opened):
    """Whoever finds another way later follows the first, or is told that it cannot."""
    listed = opened("memory://settled-listed")
    assert agreed_mode(listed, exclusive=False) == "listed"
    assert agreed_mode(listed, exclusive=True) == "listed"
    exclusive = opened("memory://settled-exclusive")
    for _ in range(2):
        assert agreed_mode(exclusive, exclusive=True) == "exclusive"
    with pytest.raises(Conflict, match="exclusive create"):
        agreed_mode(exclusive, exclusive=False)


def test_two_who_create_what_there_is_one_of_have_the_same(place_of, opened):
    """On WebDAV the loser waits until the winner has written; who died is waited for no longer."""
    url = place_of("nginx").url
    first, second = opened(url), opened(url)
    driver = first._driver.get()
    driver._in_folder("FORMAT", lambda: driver._make_taken("FORMAT"))

    def write_late():
        time.sleep(0.3)
        first.create("FORMAT", b"first")

    with Pool(1) as pool:
        late = pool.submit(write_late)
        assert create_once(second, "FORMAT", b"second") == b"first"
        late.result()


def test_a_name_whose_owner_died_is_written_by_the_next(place_of, opened, monkeypatch):
    """The identity of a depot, its authority, how its numbers go: a hole would be its end."""
    monkeypatch.setattr(once, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(once, "SETTLING_SECONDS", 0.1)
    objects = opened(place_of("nginx").url)
    dead = objects._driver.get()
    dead._in_folder("NUMBERING", lambda: dead._make_taken("NUMBERING"))
    assert agreed_mode(objects, exclusive=True) == "exclusive"
    dead._taken.add(("NUMBERING", b"other"))  # it was not dead, and tries once more
    assert not objects.create_exclusively("NUMBERING", b"other")
    assert objects.read("NUMBERING") == b"exclusive\n"
