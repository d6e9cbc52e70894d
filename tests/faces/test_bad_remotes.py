"""Places that refuse, are full, are newer or were set back: one clear line, and nothing is lost."""

import json
import os
import shutil
import time

import pytest
from fault_proxy import Fault, FaultProxy
from hostile import own_mounts
from places import PLACES

from casstore.remotes.configuration import keep_probe
from casstore.remotes.probing import Probe

FOUND = Probe(True, True, True, True, writers=2, rounds=20, checked_at="2026-11-25T12:00:00Z")
MANY = 400


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Give one S3 server for all of these tests."""
    with PLACES["moto"](tmp_path_factory.mktemp("moto")) as made:
        yield made


@pytest.fixture
def proxy(bucket, monkeypatch):
    """Give a proxy before that server, through which everything goes."""
    port = int(bucket.environment["AWS_ENDPOINT_URL"].rpartition(":")[2])
    with FaultProxy(port) as made:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.port}")
        yield made


@pytest.fixture
def far(cli, proxy, tmp_path):
    """Give the command line in a store whose upstream ``hub`` lies in the bucket."""
    cli("init")
    cli("put", "data", "--name", "net")
    cli("remote", "add", "hub", f"s3://depot/{tmp_path.name}", "--upstream")
    keep_probe(cli.folder / ".casstore", "hub", FOUND)
    return cli


@pytest.fixture
def near(cli):
    """Give the command line in a store whose upstream ``hub`` is a folder."""
    cli("init")
    cli("put", "data", "--name", "net")
    cli("remote", "add", "hub", str(cli.folder / "hub"), "--upstream")
    keep_probe(cli.folder / ".casstore", "hub", FOUND)
    return cli


def refusing(method, status, code, path=""):
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return [Fault("status", method, path, status, body)] * MANY


def one_line(result):
    assert result.errors.count("\n") == 1, result.errors
    assert "Traceback" not in result.errors
    return result.errors


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_wrong_or_expired_credentials_end_with_twelve(far, proxy, code):
    """The message says where they were looked for; with the right ones all is as before."""
    for method in ("GET", "PUT", "HEAD"):
        proxy.faults += refusing(method, 403, code)
    for words in (["push"], ["pull"], ["verify", "--remote", "hub"], ["repair", "--from", "hub"]):
        told = one_line(far(*words, code=12))
        assert code in told
        assert "~/.aws" in told
    proxy.faults.clear()
    assert far("push").lines[0].startswith("push net:v0")


def test_no_credentials_end_with_twelve(far, monkeypatch):
    """As wrong ones do."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert "~/.aws" in one_line(far("push", code=12))


def test_a_bucket_that_is_not_there_is_told(far):
    """Exit code 10, and what to do."""
    assert "make the bucket" in one_line(far("push", "--to", "s3://no-such-bucket/x", code=10))
    assert one_line(far("pull", "--from", "s3://no-such-bucket/x", code=10))


def test_who_may_not_list_pushes_and_pulls(far, proxy):
    """What is there is known by its roll; more of it is in ``test_unlisted``."""
    far("push")
    far("put", "data/sub", "--name", "second")
    proxy.faults += refusing("GET", 403, "AccessDenied", "list-type=2")
    assert far("push").lines[0].startswith("push second:v0")
    url = far("remote", "ls", "--json").json["remotes"][0]["url"]
    far("remote", "add", "hub", url, "--store", "b")
    assert len(far("pull", "--store", "b").lines) == 3


def test_who_may_not_delete_pushes_and_pulls(far, proxy):
    """Only a collection needs to; a check says so too."""
    proxy.faults += refusing("DELETE", 403, "AccessDenied")
    proxy.faults += refusing("POST", 403, "AccessDenied", "delete")
    assert far("push").lines[0].startswith("push net:v0")
    far(
        "remote",
        "add",
        "hub",
        far("remote", "ls", "--json").json["remotes"][0]["url"],
        "--store",
        "b",
    )
    assert far("pull", "--store", "b").lines[0].startswith("pull net:")
    assert far("verify", "--remote", "hub").lines[-1].endswith("ok")


@pytest.mark.parametrize("where", ["/packs/", "/index/", "/journal/", "/claims/"])
def test_a_place_that_is_full_keeps_what_was_sent(far, proxy, where):
    """Nothing half is visible, and the next push goes on."""
    proxy.faults += refusing("PUT", 507, "InsufficientStorage", where)
    told = one_line(far("push", code=1))
    assert "make room" in told
    hub = far("remote", "ls", "--json").json["remotes"][0]["url"]
    seen = len(proxy.seen)
    proxy.faults.clear()
    assert far("verify", "--remote", "hub").lines[-1].endswith("ok")
    far("push")
    sent = [path for method, path in proxy.seen[seen:] if method == "PUT"]
    assert where == "/packs/" or not any("/packs/" in path for path in sent)
    assert far("pull", "--store", "b", "--from", hub).lines[0].startswith("pull net:")


FULL = """
import json, os, subprocess, sys
from casstore.cli.main import main
os.chdir(sys.argv[1])
def call(*words):
    return main(list(words))
code = call("push", "-q")
seen = [name for _, _, names in os.walk("disk/hub/journal") for name in names]
subprocess.run(["mount", "-o", "remount,size=64M", "disk"], check=True)
again = call("push", "-q"), call("verify", "--remote", "hub", "-q")
print(json.dumps([code, seen, again]))
"""


def test_a_disk_that_is_full_keeps_what_was_sent(near, tmp_path):
    """A real one; when there is room again, the push goes on."""
    near.write("data/large.bin", os.urandom(6_000_000))
    near("put", "data", "--name", "net")
    (near.folder / "disk").mkdir()
    near("remote", "rm", "hub")
    near("remote", "add", "hub", str(near.folder / "disk" / "hub"), "--upstream")
    keep_probe(near.folder / ".casstore", "hub", FOUND)
    script = f'mount -t tmpfs -o size=4M none {near.folder}/disk && exec "$@"'
    done = own_mounts(script, "-c", FULL, str(near.folder))
    if done is None:
        pytest.skip("nothing can be mounted here: it takes root or user namespaces")
    assert done.returncode == 0, done
    code, seen, again = json.loads(done.stdout.splitlines()[-1])
    assert (code, seen, again) == (1, [], [0, 0])
    assert done.stderr.count("\n") == 1
    assert "make room" in done.stderr


def test_a_place_of_a_newer_release_is_told(near):
    """Which release it needs; nothing is sent."""
    near("push")
    path = near.folder / "hub" / "FORMAT"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "format": 2, "needs_casstore": ">=9.1"}))
    before = sorted((near.folder / "hub").rglob("*"))
    for words in (["push"], ["pull"], ["verify", "--remote", "hub"], ["repair", "--to", "hub"]):
        assert "casstore >=9.1" in one_line(near(*words, code=1))
    assert sorted((near.folder / "hub").rglob("*")) == before


def versions_of(cli, store, name="net"):
    found = cli("ls", name, "--store", store, "--json").json["versions"]
    return {one["commit_id"]: one["version"] for one in found}


@pytest.mark.parametrize("mirrors", ["with", "without"])
def test_a_copy_of_a_store_and_the_store_both_go_on(near, mirrors):
    """Both log, both push, both pull: every version is on both sides under one number."""
    near("push")
    shutil.copytree(near.folder / ".casstore", near.folder / "copy")
    if mirrors == "without":
        shutil.rmtree(near.folder / "copy" / "mirrors", ignore_errors=True)
    for store, text in ((".casstore", "one"), ("copy", "two")):
        near.write("data/a.txt", text)
        near("put", "data", "--name", "net", "--store", store)
    for store in (".casstore", "copy"):
        near("push", "--store", store)
    for store in (".casstore", "copy"):
        near("pull", "--store", store, code=5)  # v1 is two versions of one numbering: told
    both = [versions_of(near, store) for store in (".casstore", "copy")]
    assert both[0] == both[1]
    assert sorted(both[0].values()) == ["v0", "v1", "v2"]


def test_a_store_restored_from_an_old_backup_goes_on(near):
    """What it had pushed since comes back, what it logs anew is pushed, nothing is skipped."""
    near("push")
    shutil.copytree(near.folder / ".casstore", near.folder / "backup")
    near.write("data/a.txt", "later")
    near("put", "data", "--name", "net")
    near("push")
    before = versions_of(near, ".casstore")
    shutil.rmtree(near.folder / ".casstore")
    shutil.copytree(near.folder / "backup", near.folder / ".casstore")
    near.write("data/a.txt", "another")
    near("put", "data", "--name", "net")
    near("push")
    near("pull", code=5)  # v1 was given twice: once before the backup was put back, once after
    after = versions_of(near, ".casstore")
    assert before.items() <= after.items()
    assert len(after) == 3
    near("pull", "--store", "other", "--from", str(near.folder / "hub"))
    assert len(versions_of(near, "other")) == 3


def test_a_place_restored_from_an_old_backup_is_pushed_to_again(near):
    """What it lost is there again after the next push."""
    near("push")
    shutil.copytree(near.folder / "hub", near.folder / "backup")
    near.write("data/a.txt", "later")
    near("put", "data", "--name", "net")
    near("push")
    shutil.rmtree(near.folder / "hub")
    shutil.copytree(near.folder / "backup", near.folder / "hub")
    near("push")
    near("pull", "--store", "other", "--from", str(near.folder / "hub"))
    assert len(versions_of(near, "other")) == 2
    assert near("verify", "--remote", "hub").code == 0


def test_one_name_of_two_types_is_kept_twice(near):
    """The second to come is told how to rename; nothing is dropped."""
    near("push")
    near("remote", "add", "hub", str(near.folder / "hub"), "--upstream", "--store", "b")
    keep_probe(near.folder / "b", "hub", FOUND)
    near.write("other/x.txt", "a model")
    near("put", "other", "--name", "net", "--type", "model", "--store", "b")
    pushed = near("push", "--store", "b")
    pulled = near("pull", "--store", "b", code=5)  # v0 was another version here
    told = pushed.errors + pulled.errors
    assert "rename" in told
    assert "dataset" in told
    assert "model" in told
    assert len(versions_of(near, "b")) == 2


@pytest.mark.parametrize("days", [-40, 40])
def test_clocks_that_are_off_by_days_change_nothing(near, monkeypatch, days):
    """Order comes from what was seen; months of the journal are only folders."""
    near("push")
    near("remote", "add", "hub", str(near.folder / "hub"), "--upstream", "--store", "b")
    keep_probe(near.folder / "b", "hub", FOUND)
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + days * 86_400 * 10**9)
    near("pull", "--store", "b")
    near.write("data/a.txt", "from elsewhen")
    near("put", "data", "--name", "net", "--store", "b", "--alias", "best")
    near("push", "--store", "b")
    monkeypatch.setattr(time, "time_ns", now)
    near("pull")
    assert sorted(versions_of(near, ".casstore").values()) == ["v0", "v1"]
    assert near("show", "net:best", "--json").json["version"]["version"] == "v1"
    assert near("show", "net:latest", "--json").json["version"]["version"] == "v1"
    near.write("data/a.txt", "now")
    near("put", "data", "--name", "net", "--alias", "best")
    near("push")
    near("pull", "--store", "b")
    assert near("show", "net:best", "--json", "--store", "b").json["version"]["version"] == "v2"
