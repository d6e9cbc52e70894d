"""References to Google Cloud Storage: an emulator that keeps generations and lists by pages."""

import json
import re
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from referring import draft, log
from servers import server

from casstore.errors import FileMissing, ReferenceChanged
from casstore.flows.verify import drift


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with server("gcs_server.py", tmp_path_factory.mktemp("gcs")) as address:
        yield address


@pytest.fixture
def gcs(url, monkeypatch):
    """Give what casstore reads by itself; returns the emulator's URL."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    return url


def post(url, body, kind):
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def bucket(url, name):
    post(f"{url}/storage/v1/b", json.dumps({"name": name}).encode(), "application/json")
    return name


def put(url, name, key, body):
    where = f"{url}/upload/storage/v1/b/{name}/o?uploadType=media&name={quote(key, safe='')}"
    return post(where, body, "application/octet-stream")


def test_an_object_is_tracked_by_etag_generation_and_md5(desk, gcs):
    """And fetched in pieces of one generation."""
    name = bucket(gcs, "plain-a")
    body = bytes(range(256)) * 40_000
    said = put(gcs, name, "a/x y.bin", body)
    artifact = log(f"gs://{name}/a/x y.bin")
    entry = artifact.get_entry("x y.bin")
    assert (entry.digest, entry.size) == (said["etag"], len(body))
    assert entry.extra["version_id"] == said["generation"]
    assert len(entry.extra["md5"]) == 32
    assert (Path(artifact.download("out")) / "x y.bin").read_bytes() == body


def test_a_changed_object_names_both_etags(gcs, before):
    """Where the bucket keeps no old generations; the same bytes put again are the same."""
    name = bucket(gcs, "plain-b")
    old = put(gcs, name, "x", b"one")["etag"]
    artifact = log(f"gs://{name}/x")
    new = put(gcs, name, "x", b"two")["etag"]
    with pytest.raises(ReferenceChanged, match=f"{re.escape(old)}.*{re.escape(new)}"):
        artifact.download("out")
    assert before("show", "data", "--drift", code=4).lines[-1].split()[:2] == ["changed", "x"]
    put(gcs, name, "x", b"one")
    artifact.download("out")
    assert Path("out/x").read_bytes() == b"one"


def test_generations_are_kept_and_pinned(desk, gcs):
    """A versioned bucket gives back what was recorded; ``#generation`` pins one."""
    name = bucket(gcs, "versioned-c")
    first = put(gcs, name, "x", b"one")["generation"]
    recorded = log(f"gs://{name}/x")
    put(gcs, name, "x", b"two")
    recorded.download("out")
    assert Path("out/x").read_bytes() == b"one"
    pinned = log(f"gs://{name}/x#{first}", name="pinned")
    assert pinned.get_entry("pinned").ref == f"gs://{name}/x#{first}"
    pinned.download("out")
    assert Path("out/pinned").read_bytes() == b"one"
    with pytest.raises(FileMissing, match="no such version"):
        draft(f"gs://{name}/x#12345")


def test_prefixes_are_listed_by_pages_and_limited(desk, gcs):
    """250 objects are three pages, and no look at each; more than allowed is an error."""
    name = bucket(gcs, "plain-d")
    for number in range(250):
        put(gcs, name, f"in/{number:03}", b"%d" % number)
    put(gcs, name, "in-other/x", b"1")
    artifact = draft(f"gs://{name}/in")
    assert list(artifact.manifest.entries) == [f"{number:03}" for number in range(250)]
    artifact.save()
    finished = artifact.wait()._finished
    assert list(drift(finished.store, finished.view)) == []
    put(gcs, name, "in/100", b"new")
    assert [item.path for item in drift(finished.store, finished.view)] == [b"100"]
    assert "sub/249" in draft(f"gs://{name}/in", name="sub").manifest.entries
    with pytest.raises(ValueError, match="more than 249"):
        draft(f"gs://{name}/in", max_objects=249)
    with pytest.raises(FileMissing):
        draft(f"gs://{name}/nope")
