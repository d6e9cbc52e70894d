"""What networks and servers do to anybody, done on purpose in front of S3 and GCS."""

import os
import random
import subprocess
import sys

import pytest
from fault_proxy import Fault

from casstore.backends.trying import Patience
from casstore.errors import Corrupt, NotFound, RemoteBusy, RemoteError
from casstore.remotes.probing import probe

NAME = "packs/ab/abcd"
CLAIM = "claims/vision/net/0"
QUICK = Patience(first_wait_seconds=0.01, max_wait_seconds=0.02)
CODES = {409: "ConditionalRequestConflict", 429: "TooManyRequests", 503: "SlowDown"}


@pytest.fixture(params=["moto", "gcs"])
def faulty(request, place_of, behind_proxy, opened):
    """Give objects behind a proxy, and a function that makes something happen there."""
    through, proxy = behind_proxy(place_of(request.param))
    put = "POST" if request.param == "gcs" else "PUT"

    def happen(kind, method, *, times=1, status=0):
        code = CODES.get(status, "InternalError")
        body = f"<Error><Code>{code}</Code></Error>".encode()
        where = "abcd" if method == "GET" else ""
        verb = {"PUT": put, "LIST": "GET"}.get(method, method)
        proxy.faults += [Fault(kind, verb, where, status, body)] * times

    return opened(through.url, patience=QUICK), happen


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_what_a_server_asks_to_repeat_is_repeated(faulty, status):
    """Each request on its own, and counted."""
    objects, happen = faulty
    happen("status", "PUT", times=2, status=status)
    objects.create(NAME, b"x")
    assert objects.requests["PUT"] == 3
    happen("status", "GET", times=2, status=status)
    assert objects.read(NAME) == b"x"
    happen("status", "LIST", times=2, status=status)
    assert [each.name for each in objects.listing("")] == [NAME]
    happen("status", "DELETE", times=2, status=status)
    objects.delete(NAME)
    assert list(objects.listing("")) == []


@pytest.mark.parametrize("kind", ["drop", "lose"])
def test_connections_that_end_are_made_again(faulty, kind):
    """Before the server heard of it, or after it did what was asked."""
    objects, happen = faulty
    for method, call in (
        ("PUT", lambda: objects.create(NAME, b"x")),
        ("GET", lambda: objects.read(NAME)),
        ("LIST", lambda: list(objects.listing(""))),
        ("DELETE", lambda: objects.delete(NAME)),
    ):
        happen(kind, method, times=2)
        call()
    with pytest.raises(NotFound):
        objects.read(NAME)


@pytest.mark.parametrize("faulty", ["moto", "rgw", "gcs"], indirect=True)
def test_a_lost_answer_is_told_from_a_lost_race(faulty):
    """Who made it is told so though the server says that it is there; who did not is not."""
    objects, happen = faulty
    happen("lose", "PUT")
    assert objects.create_exclusively(CLAIM, b"mine")
    happen("lose", "PUT")
    assert not objects.create_exclusively(CLAIM, b"theirs")
    assert objects.read(CLAIM) == b"mine"


@pytest.mark.parametrize("faulty", ["moto", "rgw", "gcs"], indirect=True)
@pytest.mark.parametrize("status", [409, 500, 503])
def test_an_exclusive_create_that_must_wait_is_tried_again(faulty, status):
    """409 says that another is under way, not who wins."""
    objects, happen = faulty
    happen("status", "PUT", times=2, status=status)
    assert objects.create_exclusively(CLAIM, b"mine")
    happen("status", "PUT", status=status)
    assert not objects.create_exclusively(CLAIM, b"theirs")


def test_bodies_that_are_cut_short_are_read_again(faulty):
    """Whole and in parts."""
    objects, happen = faulty
    data = random.Random(5).randbytes(200_000)
    objects.create(NAME, data)
    happen("truncate", "GET")
    assert objects.read(NAME) == data
    happen("truncate", "GET", times=2)
    assert objects.read(NAME, 1000, 150_000) == data[1000:150_000]


def test_slow_answers_are_waited_for(faulty):
    """As long as something comes."""
    objects, happen = faulty
    objects.create(NAME, b"0123456789")
    happen("slow", "GET")
    assert objects.read(NAME) == b"0123456789"


def test_what_never_passes_ends_at_the_deadline(faulty, opened):
    """With the error that says whether to wait, and the number of attempts bounded."""
    objects, happen = faulty
    happen("status", "PUT", times=QUICK.attempts, status=503)
    with pytest.raises(RemoteBusy) as caught:
        objects.create(NAME, b"x")
    assert caught.value.exit_code == 11
    assert objects.requests == {"PUT": QUICK.attempts}
    hasty = opened(objects.url, patience=Patience(deadline_seconds=0))
    happen("status", "PUT", status=500)
    with pytest.raises(RemoteError):
        hasty.create(NAME, b"x")
    assert hasty.requests == {"PUT": 1}


def test_a_damaged_place_is_found_by_the_probe(place_of, behind_proxy, opened):
    """Bytes that come back as others end the check."""
    through, proxy = behind_proxy(place_of("moto"))
    proxy.faults.append(Fault("flip", "GET", "sample"))
    with pytest.raises(Corrupt):
        probe(opened(through.url), rounds=1)


def test_a_listing_that_is_cut_short_is_asked_for_again(place_of, behind_proxy, opened):
    """As rclone's is when an object goes while it is listed."""
    through, proxy = behind_proxy(place_of("nginx"))
    objects = opened(through.url, patience=QUICK)
    objects.create(NAME, b"x")
    proxy.faults.append(Fault("status", "PROPFIND", "", 207, b"<?xml version='1.0'?><a/><b/>"))
    assert [each.name for each in objects.listing("packs/ab/")] == [NAME]
    assert objects.requests["LIST"] == 2


def test_a_name_taken_on_webdav_is_gone_on_with(place_of, behind_proxy, opened):
    """When the collection was made and writing the object failed in passing."""
    through, proxy = behind_proxy(place_of("nginx"))
    objects = opened(through.url, patience=QUICK)
    objects.create(NAME, b"x")
    proxy.faults += [Fault("status", "PUT", "", 503), Fault("drop", "MOVE")]
    assert objects.create_exclusively(CLAIM, b"mine")
    assert not objects.create_exclusively(CLAIM, b"theirs")
    assert objects.read(CLAIM) == b"mine"


def test_nobody_there_is_told_soon(opened, monkeypatch):
    """A port that refuses is tried three times."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    objects = opened("s3://depot", patience=QUICK)
    with pytest.raises(RemoteError):
        objects.read(NAME)
    assert objects.requests == {"GET": QUICK.attempts_to_reach}


def test_a_session_that_died_is_made_anew(place_of, opened):
    """As when a laptop slept: the next call connects again."""
    objects = opened(place_of("sshd").url, patience=QUICK)
    objects.create(NAME, b"x")
    fs = objects._driver.get()._fs
    fs.client.abort()
    assert objects.read(NAME) == b"x"
    assert objects._driver.get()._fs is not fs


def test_a_writer_of_a_race_that_nobody_waits_for_ends_without_a_word(tmp_path):
    """Who started it was killed: it prints nothing into that terminal."""
    command = [sys.executable, "-m", "casstore.remotes.racing", str(tmp_path / "depot")]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=nobody, stderr=subprocess.PIPE
        )
    assert done.stderr == b""
