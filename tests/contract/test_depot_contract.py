"""What ``Objects`` promises, kept by every kind of place, on real servers."""

import contextlib
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from fault_proxy import Fault
from places import AZURE_KEY, KINDS, MUST_ALL_RUN, OVER_HTTP, PLACES, RAN, SECRET, azure_connection

from casstore.errors import (
    Corrupt,
    Invalid,
    NotFound,
    RemoteAuth,
    RemoteMissing,
    Unsupported,
)
from casstore.remotes import Listed, Range
from casstore.remotes.probing import probe
from casstore.remotes.racing import writers_of

NAME = "packs/ab/abcd"
EVENT = "journal/202611/00ff-000000000001-0123456789abcdef"
CLAIM = "claims/vision/%4eet/0"
LARGE_BYTES = 48 * 1024 * 1024
CHILD_SECONDS = 60


def test_what_is_made_comes_back_whole_and_in_parts(filled):
    """Of any size, empty too; parts that reach the end, and parts in one byte."""
    data = random.Random(1).randbytes(300_000)
    objects = filled({NAME: data, EVENT: memoryview(b"event"), "tags/empty": b""})
    assert objects.read(NAME) == data
    assert objects.read(EVENT) == b"event"
    assert objects.read("tags/empty") == b""
    assert objects.read(NAME, 299_990) == data[299_990:]
    assert objects.read(NAME, 1000, 1001) == data[1000:1001]
    assert objects.read(NAME, 5, 5) == b""


def test_ranges_come_in_the_order_they_are_asked_for(filled):
    """Of several objects, overlapping and repeated."""
    data = random.Random(2).randbytes(200_000)
    whole = {NAME: data, EVENT: data[::-1]}
    objects = filled(whole)
    asked = [Range(NAME, start, start + 1000) for start in range(0, 100_000, 5000)]
    asked += [Range(EVENT, 0, 200_000), Range(NAME, 7, 8), Range(NAME, 7, 8)]
    expected = [whole[each.name][each.start : each.end] for each in asked]
    assert list(objects.read_ranges(iter(asked))) == expected


def test_making_an_object_again_is_success(objects):
    """As a push that was killed does."""
    for _ in range(2):
        objects.create(NAME, b"the same")
    assert objects.read(NAME) == b"the same"


def test_what_is_not_there_is_not_found(filled):
    """Reading raises, a listing of nothing is empty."""
    objects = filled({NAME: b"x"})
    for name in ("packs/ab/none", "no/such/folder", "packs/ab"):
        with pytest.raises(NotFound):
            objects.read(name)
    assert list(objects.listing("no/")) == []
    with pytest.raises(NotFound):
        list(objects.read_ranges([Range("packs/ab/none", 0, 1)]))


def test_what_is_not_there_is_deleted_already(objects):
    """Where nothing was made yet, and beside what was."""
    assert list(objects.listing("packs/")) == []
    objects.create(NAME, b"x")
    objects.delete("packs/ab/none")
    objects.delete("no/such/folder")
    assert objects.read(NAME) == b"x"


def test_fewer_bytes_than_asked_for_are_an_error(filled):
    """An object that is shorter than its index says is not padded: it is damaged."""
    objects = filled({NAME: b"0123456789", "packs/ab/none": b""})
    for name, start in ((NAME, 5), (NAME, 15), ("packs/ab/none", 0)):
        with pytest.raises(Corrupt):
            objects.read(name, start, 20)
        with pytest.raises(Corrupt):
            list(objects.read_ranges([Range(name, start, 20)]))


def test_listings_tell_names_and_sizes_below_a_prefix(filled):
    """A prefix ends at ``/``: what only begins alike is not below it."""
    sizes = {NAME: 3, "packs/ab/ffff": 0, "packs/abc": 1, EVENT: 5, CLAIM: 2}
    objects = filled({name: b"x" * size for name, size in sizes.items()})
    everything = {Listed(name, size) for name, size in sizes.items()}
    listed = [each for each in objects.listing("") if each.name != "FORMAT"]  # bundles have one
    assert set(listed) == everything
    assert len(listed) == len(sizes)
    below = set(objects.listing("packs/ab/"))
    assert below == {each for each in everything if each.name.startswith("packs/ab/")}


def test_an_object_of_somebody_else_is_seen_at_once(place, objects, opened):
    """By name and in listings, though it was looked for before; and so it is when it is gone."""
    other = opened(place.url)
    assert list(objects.listing("packs/")) == []
    with pytest.raises(NotFound):
        objects.read(NAME)
    other.create(NAME, b"foreign")
    assert objects.read(NAME) == b"foreign"
    assert list(objects.listing("packs/")) == [Listed(NAME, 7)]
    other.delete(NAME)
    assert list(objects.listing("packs/")) == []
    with pytest.raises(NotFound):
        objects.read(NAME)


def test_two_thousand_objects_are_all_listed(filled, opened):
    """Over several pages where the server has such."""
    if filled.place is not None and filled.place.many:
        listed = [each.name for each in opened(filled.place.many).listing("images/")]
        assert sorted(listed) == [f"images/{number:05}.png" for number in range(2500)]
        return
    names = {f"journal/202611/{number:06}" for number in range(2100)}
    objects = filled(dict.fromkeys(names, b"e"))
    listed = [each.name for each in objects.listing("journal/")]
    assert sorted(listed) == sorted(names)


def test_one_of_two_racing_processes_wins_each_round(place, objects):
    """And its bytes stay; a place where that is not so is found out by the probe."""
    found = probe(objects, rounds=1 if place.exclusive else 20)
    assert found.exclusive_create is place.exclusive
    assert (found.ranged_reads, found.list_after_write, found.delete) == (True, True, True)
    assert list(objects.listing("")) == []
    if place.exclusive:
        _race(objects, writers=2, rounds=20)


@pytest.mark.slow
def test_one_of_four_racing_processes_wins_each_round(place, objects):
    """So many rounds that what fails in one of twenty shows."""
    if place.exclusive:
        _race(objects, writers=4, rounds=150)
    else:
        assert not probe(objects, writers=4, rounds=150).exclusive_create


def _race(objects, *, writers, rounds):
    with writers_of(objects, writers) as racing:
        for number in range(rounds):
            name = f"claims/p/n/{number}"
            outcome = racing.race(name)
            assert [each.error for each in outcome] == [""] * writers
            (winner,) = [each.data for each in outcome if each.made]
            assert objects.read(name) == winner


def test_an_exclusive_object_is_its_makers(place, objects):
    """Told so again and again; others are told that it is not theirs; deleted, it can be made."""
    if not place.exclusive:
        return
    assert objects.create_exclusively(CLAIM, b"mine")
    assert objects.create_exclusively(CLAIM, b"mine")
    assert not objects.create_exclusively(CLAIM, b"theirs")
    assert objects.read(CLAIM) == b"mine"
    assert list(objects.listing("")) == [Listed(CLAIM, 4)]
    objects.delete(CLAIM)
    assert objects.create_exclusively(CLAIM, b"theirs")


UPLOAD = """
import sys
from casstore.remotes import open_objects
open_objects(sys.argv[1]).create("packs/ab/abcd", bytes(int(sys.argv[2])))
"""
UPLOAD_AND_DIE = """
import os, signal, sys
from casstore import durable
from casstore.remotes import open_objects
def die(step):
    if step.kind == "write":
        os.kill(os.getpid(), signal.SIGKILL)
with durable.observe(die):
    open_objects(sys.argv[1]).create("packs/ab/abcd", bytes(int(sys.argv[2])))
"""


def test_an_upload_that_is_killed_leaves_nothing_that_is_seen(request, place, behind_proxy, opened):
    """And the object can be made afterwards."""
    kind = request.node.callspec.params["place"]
    if kind == "memory":
        return  # its bytes die with the process
    objects = opened(place.url)
    objects.create("packs/ab/first", b"x")
    if kind == "folder":
        _upload(UPLOAD_AND_DIE, place.url).wait(CHILD_SECONDS)
    elif kind == "sshd":
        child = _upload(UPLOAD, place.url)
        while not any(path.stat().st_size for path in (place.files / "tmp").iterdir()):
            assert child.poll() is None
            time.sleep(0.001)  # until the server has some of it
        child.kill()
        child.wait()
    else:
        through, proxy = behind_proxy(place)
        proxy.faults.append(Fault("hold", "POST" if kind == "gcs" else "PUT"))
        child = _upload(UPLOAD, through.url)
        assert proxy.held.wait(CHILD_SECONDS)
        child.kill()
        child.wait()
    assert [each.name for each in objects.listing("")] == ["packs/ab/first"]
    with pytest.raises(NotFound):
        objects.read(NAME)
    objects.create(NAME, b"again")
    assert objects.read(NAME) == b"again"


def _upload(script, url):
    return subprocess.Popen([sys.executable, "-c", script, url, str(LARGE_BYTES)])


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_bit_that_flips_on_the_way_is_not_repaired_in_silence(
    kind, place_of, behind_proxy, opened
):
    """The bytes come as they were sent, for whoever checks them to notice."""
    through, proxy = behind_proxy(place_of(kind))
    objects = opened(through.url)
    data = random.Random(3).randbytes(10_000)
    objects.create(NAME, data)
    proxy.faults.append(Fault("flip", "GET", "abcd"))
    came = objects.read(NAME)
    assert came != data
    assert came == data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]
    assert objects.read(NAME) == data


@pytest.mark.parametrize("kind", ["rgw", "azurite", "sshd"])
def test_wrong_credentials_are_told_with_where_they_were_looked_for(
    kind, place_of, settle, opened, tmp_path
):
    """Exit code 12, and no secret in the message."""
    place = place_of(kind)
    wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmc="
    environment, home = dict(place.environment), dict(place.home)
    if kind == "rgw":
        environment["AWS_SECRET_ACCESS_KEY"] = wrong
    elif kind == "azurite":
        url = environment["AZURE_STORAGE_CONNECTION_STRING"].rpartition("BlobEndpoint=")[2]
        connection = azure_connection(url.rstrip(";"), wrong)
        environment["AZURE_STORAGE_CONNECTION_STRING"] = connection
    else:
        key = tmp_path / "other"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(make, check=True, timeout=60)
        home[".ssh/id_ed25519"] = key.read_text()
    settle(place._replace(environment=environment, home=home))
    objects = opened(place.url)
    for call in (
        lambda: objects.read(NAME),
        lambda: objects.create(NAME, b"x"),
        lambda: objects.create_exclusively(CLAIM, b"x"),
        lambda: list(objects.listing("")),
    ):
        with pytest.raises(RemoteAuth) as caught:
            call()
        assert caught.value.exit_code == 12
        assert "credentials were looked for in" in caught.value.hint
        assert wrong not in str(caught.value)
    assert sum(objects.requests.values()) <= 4  # nothing was tried again


@pytest.mark.parametrize(
    "name", [".ssh/id_ed25519.pub", ".ssh/id_rsa.pub", ".ssh/id_ecdsa", ".ssh/config"]
)
def test_a_file_of_ssh_that_cannot_be_used_is_told_as_credentials_are(
    name, place_of, settle, opened, tmp_path
):
    """A ``.pub`` of another key, no key at all, a setting that is none: exit code 12, one line."""
    place = place_of("sshd")
    for key in ("other", "rsa"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)]
        subprocess.run(make, check=True, timeout=60)
    other = (tmp_path / "other.pub").read_text()
    wrong = {".ssh/id_ecdsa": "no key\n", ".ssh/config": "Port none\n"}.get(name, other)
    home = {**place.home, ".ssh/id_rsa": (tmp_path / "rsa").read_text(), name: wrong}
    settle(place._replace(home=home))
    with pytest.raises(RemoteAuth, match=r"cannot read FORMAT: a file in ~/\.ssh") as caught:
        opened(place.url).read("FORMAT")
    assert caught.value.exit_code == 12
    assert "credentials were looked for in ~/.ssh/config, the agent" in caught.value.hint
    (Path(os.environ["HOME"]) / name).unlink()
    with pytest.raises(NotFound):
        opened(place.url).read("FORMAT")


def test_a_host_that_is_not_known_is_refused(place_of, settle, opened):
    """Its key must be in ``known_hosts`` before a byte goes there."""
    place = place_of("sshd")
    settle(place._replace(home={".ssh/known_hosts": ""}))
    with pytest.raises(RemoteAuth, match="known_hosts"):
        opened(place.url).create(NAME, b"x")


@pytest.mark.parametrize("kind", ["moto", "rgw", "gcs", "azurite", "sshd", "nginx", "folder"])
def test_no_bucket_and_no_folder_above_are_told_apart_from_no_object(kind, place_of, opened):
    """Exit code 10, and not ``NotFound``: an empty depot is something else."""
    place = place_of(kind)
    base = place.url.rpartition("/")[0]
    nowhere = base.replace("//depot", "//nowhere") if "//depot" in base else f"{base}/no/such"
    objects = opened(nowhere)
    with pytest.raises(RemoteMissing) as caught:
        objects.create(NAME, b"x")
    assert caught.value.exit_code == 10
    assert not isinstance(caught.value, NotFound)


def test_what_is_opened_works_in_a_forked_child_and_pickled(place, objects):
    """Nothing of it, and no message, holds a secret."""
    objects.create(NAME, b"parent's")
    frozen = pickle.dumps(objects)
    for secret in (SECRET, AZURE_KEY):
        assert secret.encode() not in frozen
    thawed = pickle.loads(frozen)
    assert thawed.read(NAME) == b"parent's"
    thawed.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is the test
        child = os.fork()
    if child == 0:
        signal.alarm(CHILD_SECONDS)
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if objects.read(NAME) == b"parent's" else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert objects.read(NAME) == b"parent's"


def test_names_that_could_lead_elsewhere_are_refused(objects):
    """Before anything is sent."""
    for name in ("", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "packs/./x", "a b", "ä", "a\n"):
        for call in (objects.read, objects.delete, lambda each: objects.create(each, b"x")):
            with pytest.raises(Invalid):
                call(name)
    with pytest.raises(Invalid, match="does not end"):
        list(objects.listing("packs"))
    with pytest.raises(Invalid, match="too large"):
        objects.create_exclusively(CLAIM, bytes(70_000))
    assert not sum(objects.requests.values())


def test_requests_are_counted_by_verb_and_none_is_made_after_closing(place, objects):
    """One to make and one to read where the place is a bucket."""
    objects.create(NAME, b"x")
    before = objects.requests
    objects.create("packs/ab/more", b"x")
    assert objects.read(NAME) == b"x"
    sent = {verb: count - before.get(verb, 0) for verb, count in objects.requests.items()}
    assert sent["PUT"] == sent["GET"] == 1
    assert sum(sent.values()) == (
        2 if place.url.startswith(("file", "mem", "s3", "gs", "az", "/")) else 3
    )
    objects.close()
    with pytest.raises(Invalid, match="was closed"):
        objects.read(NAME)


def test_any_other_scheme_of_fsspec_goes_without_exclusive_create(tmp_path, opened):
    """Its numbers go by listing; everything else is there."""
    objects = opened(f"local://{tmp_path}/depot")
    objects.create(NAME, b"0123456789")
    assert objects.read(NAME, 2, 4) == b"23"
    assert list(objects.listing("")) == [Listed(NAME, 10)]
    with pytest.raises(Unsupported):
        objects.create_exclusively(CLAIM, b"x")
    assert not probe(objects).exclusive_create
    objects.delete(NAME)
    assert list(objects.listing("")) == []


def test_every_kind_of_place_was_tried():
    """Where everything must run; elsewhere those whose servers are installed."""
    if MUST_ALL_RUN:
        assert set(KINDS) == RAN
    assert set(PLACES) == {
        *("folder", "memory", "moto", "rgw", "rclone-s3", "gcs", "azurite", "sshd"),
        *("nginx", "apache", "rclone-webdav"),
    }
    assert set(KINDS) == {*PLACES, "bundle"}
