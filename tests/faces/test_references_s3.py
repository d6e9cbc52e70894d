"""References to S3: moto's server, with versions, many objects, credentials that it checks."""

import hashlib
import json
import re
import urllib.request
from pathlib import Path

import boto3
import pytest
from referring import draft, log
from servers import server

import casstore
from casstore.errors import FileMissing, ReferenceChanged, RemoteAuth
from casstore.flows.verify import drift

KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s3")
    with server("s3_server.py", folder, ready="/moto-api/") as address:
        yield address


@pytest.fixture
def requests(tmp_path_factory, url):
    """Give a function that counts the requests which the server has logged for a bucket."""
    log = next(tmp_path_factory.getbasetemp().glob("s3*/s3_server.py.log"))
    return lambda bucket: len(re.findall(rf'"(?:GET|HEAD) /{bucket}[/?]', log.read_text()))


@pytest.fixture
def s3(url, monkeypatch):
    """Give a client for the tests; casstore itself gets only what any tool gets, by variables."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client("s3", endpoint_url=url, **KEYS)
    yield client
    client.close()


@pytest.fixture
def bucket(s3, request):
    name = f"b-{abs(hash(request.node.name))}"
    s3.create_bucket(Bucket=name)
    return name


def put(s3, bucket, key, body):
    return s3.put_object(Bucket=bucket, Key=key, Body=body)


def paths(artifact):
    return list(artifact.manifest.entries)


def test_objects_and_prefixes_are_named_as_on_the_page(desk, s3, bucket):
    """W&B's table; a prefix is matched at ``/``, and folder markers are no objects."""
    for key in ("model.h5", "checkpoints/model.h5", "images/cat.png", "images/dog.png"):
        put(s3, bucket, key, key.encode())
    put(s3, bucket, "images/", b"")
    put(s3, bucket, "images-old/bird.png", b"")
    assert paths(draft(f"s3://{bucket}/model.h5")) == ["model.h5"]
    assert paths(draft(f"s3://{bucket}/checkpoints/model.h5")) == ["model.h5"]
    named = draft(f"s3://{bucket}/model.h5", name="models/mymodel.h5")
    assert paths(named) == ["models/mymodel.h5"]
    assert paths(draft(f"s3://{bucket}/images")) == ["cat.png", "dog.png"]
    both = ["images/cat.png", "images/dog.png"]
    assert paths(draft(f"s3://{bucket}/images", name="images")) == both
    assert paths(draft(f"s3://{bucket}/images/", name="images")) == both
    whole = draft(f"s3://{bucket}")
    assert paths(whole) == sorted(
        ["checkpoints/model.h5", "images-old/bird.png", *both, "model.h5"]
    )
    folder = Path(log(f"s3://{bucket}/images", name="images").download("out"))
    assert (folder / "images/cat.png").read_bytes() == b"images/cat.png"


def test_etag_and_size_are_recorded_and_a_changed_object_is_named(desk, s3, bucket):
    """Without versions the object must be the same when it is fetched."""
    old = put(s3, bucket, "a/x.bin", b"one")["ETag"].strip('"')
    artifact = log(f"s3://{bucket}/a/x.bin")
    entry = artifact.get_entry("x.bin")
    assert (entry.digest, entry.size) == (old, 3)
    assert entry.extra == {"uri": f"s3://{bucket}/a/x.bin", "etag": old}
    new = put(s3, bucket, "a/x.bin", b"two")["ETag"].strip('"')
    with pytest.raises(ReferenceChanged, match=f"{old}.*{new}"):
        artifact.download("out")
    put(s3, bucket, "a/x.bin", b"one")
    artifact.download("out")
    assert Path("out/x.bin").read_bytes() == b"one"


def test_a_file_whose_md5_is_the_etag_is_not_fetched_again(desk, s3, bucket):
    """S3's ETag of an object that was put in one piece is its MD5."""
    put(s3, bucket, "x.bin", b"one")
    artifact = log(f"s3://{bucket}/x.bin")
    artifact.download("out")
    before = Path("out/x.bin").stat().st_ino
    artifact.download("out")
    assert Path("out/x.bin").stat().st_ino == before


def test_a_versioned_bucket_gives_back_what_was_recorded(s3, bucket, before):
    """The version id is recorded by a look and by a listing; drift tells that there is a newer."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = put(s3, bucket, "in/x.bin", b"one")
    put(s3, bucket, "in/gone", b"")
    s3.delete_object(Bucket=bucket, Key="in/gone")
    one, listed = log(f"s3://{bucket}/in/x.bin"), draft(f"s3://{bucket}/in")
    put(s3, bucket, "in/x.bin", b"two")
    for artifact in (one, listed):
        extra = artifact.get_entry("x.bin").extra
        assert extra["version_id"] == extra["versionID"] == first["VersionId"]
    assert paths(listed) == ["x.bin"]
    one.download("out")
    assert Path("out/x.bin").read_bytes() == b"one"
    assert before("show", "data:v0", "--drift", code=4).lines[-1].split()[0] == "changed"
    s3.delete_object(Bucket=bucket, Key="in/x.bin", VersionId=first["VersionId"])
    with pytest.raises(ReferenceChanged):
        one.download("new")


def test_a_pinned_version_is_fetched_as_pinned(desk, s3, bucket):
    """The URI keeps the pin; when that version is gone, nothing takes its place."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = put(s3, bucket, "x.bin", b"one")["VersionId"]
    put(s3, bucket, "x.bin", b"two")
    uri = f"s3://{bucket}/x.bin?versionId={first}"
    artifact = log(uri)
    assert artifact.get_entry("x.bin").ref == uri
    artifact.download("out")
    assert Path("out/x.bin").read_bytes() == b"one"
    s3.delete_object(Bucket=bucket, Key="x.bin", VersionId=first)
    with pytest.raises(FileMissing):
        artifact.download("new")
    with pytest.raises(FileMissing, match="no such version"):
        draft(uri)


def test_more_objects_than_allowed_are_an_error_and_nothing_is_added(desk, s3):
    """10,000 by default, and there are 10,001."""
    artifact = casstore.Artifact("many", type="dataset")
    with pytest.raises(ValueError, match=r"more than 10,000.*max_objects"):
        artifact.add_reference("s3://many/images")
    assert len(artifact.manifest) == 0


@pytest.mark.parametrize(
    ("bucket_name", "count", "pages"), [("some", 2500, 3), ("some-versioned", 600, 2)]
)
def test_a_prefix_is_listed_by_pages_with_no_look_at_each_object(
    desk, s3, requests, bucket_name, count, pages
):
    """A thousand a request; of a versioned bucket all versions, and the newest are taken."""
    artifact = casstore.Artifact("some", type="dataset")
    before = requests(bucket_name)
    artifact.add_reference(f"s3://{bucket_name}/images", name="sub")
    asked = requests(bucket_name) - before
    assert pages <= asked <= pages + 2  # a look for an object of that key, and for versions
    artifact.save()
    s3.delete_object(Bucket=bucket_name, Key="images/00007.png")
    s3.put_object(Bucket=bucket_name, Key="images/00008.png", Body=b"new")
    finished, before = artifact.wait()._finished, requests(bucket_name)
    found = [(item.path, item.kind) for item in drift(finished.store, finished.view)]
    assert found == [(b"sub/00007.png", "gone"), (b"sub/00008.png", "changed")]
    assert requests(bucket_name) - before <= pages
    assert len(artifact.manifest) == count
    entry = artifact.get_entry(f"sub/{count - 1:05}.png")
    assert entry.digest == hashlib.md5(b"%d" % (count - 1)).hexdigest()
    assert ("version_id" in entry.extra) is bucket_name.endswith("versioned")


def test_a_private_bucket_with_wrong_keys_is_told_as_such(s3, url, bucket, monkeypatch, before):
    """The server really checks: right keys read what wrong keys may not."""
    put(s3, bucket, "x.bin", b"one")
    keys = _user(url, "s3:*")
    log(f"s3://{bucket}/x.bin")
    with _checked(url):
        with pytest.raises(RemoteAuth):
            draft(f"s3://{bucket}/x.bin")
        with pytest.raises(RemoteAuth):
            draft(f"s3://{bucket}/")
        assert "credentials" in before("get", "data", "-o", "out", code=12).errors
        assert before("show", "data", "--drift", code=12).errors.count("\n") == 1
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
        assert draft(f"s3://{bucket}/x.bin").get_entry("x.bin").size == 3
        before("get", "data", "-o", "out")
        assert (Path.cwd() / "out/x.bin").read_bytes() == b"one"
    for path in (before.folder / "s").rglob("*"):
        assert path.is_dir() or keys["SecretAccessKey"].encode() not in path.read_bytes()


def test_who_may_read_objects_but_no_versions_reads_the_newest(desk, s3, url, bucket, monkeypatch):
    """A prefix is listed without version ids, and a recorded one is passed over."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, bucket, "in/x.bin", b"old")
    put(s3, bucket, "in/x.bin", b"one")
    recorded = log(f"s3://{bucket}/in")
    assert "version_id" in recorded.get_entry("x.bin").extra
    keys = _user(url, "s3:GetObject", "s3:ListBucket")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    with _checked(url):
        artifact = draft(f"s3://{bucket}/in")
        assert "version_id" not in artifact.get_entry("x.bin").extra
        assert artifact.digest == recorded.digest
        recorded.download("out")
    assert Path("out/x.bin").read_bytes() == b"one"


def test_a_forked_child_and_threads_make_their_own_connections(desk, s3, bucket):
    """A child cannot use its parent's; threads share one client."""
    for number in range(8):
        put(s3, bucket, f"x{number}", b"%d" % number)
    script = """
        import os
        import sys
        from concurrent.futures import ThreadPoolExecutor

        import casstore

        def add(name):
            artifact = casstore.Artifact(name, type="dataset")
            with ThreadPoolExecutor(4) as pool:
                uris = [f"s3://{sys.argv[1]}/x{number}" for number in range(8)]
                list(pool.map(artifact.add_reference, uris))
            assert len(artifact.manifest) == 8

        add("before")
        child = os.fork()
        add("after")
        if not child:
            os._exit(0)
        print(os.waitpid(child, 0)[1])
    """
    assert desk.run(script, bucket) == "0\n"


def test_what_is_not_there_is_missing(desk, s3, bucket):
    """An object, a prefix, a bucket."""
    put(s3, bucket, "images-old/x", b"")
    for uri in (f"s3://{bucket}/nope", f"s3://{bucket}/images", "s3://no-such-bucket-here/x"):
        with pytest.raises(FileMissing, match=uri):
            draft(uri)


def _user(url, *actions):
    iam = boto3.client("iam", endpoint_url=url, **KEYS)
    name = f"user-{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName=name, PolicyName="s3", PolicyDocument=document)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    return keys


class _checked:  # noqa: N801 - a bracket
    """Let the server check credentials (moto's INITIAL_NO_AUTH_ACTION_COUNT) inside the block."""

    def __init__(self, url):
        self._url = url + "/moto-api/reset-auth"

    def __enter__(self):
        self._set(b"0")

    def __exit__(self, *_):
        self._set(b"inf")

    def _set(self, count):
        request = urllib.request.Request(self._url, count, {"Content-Type": "text/plain"})
        urllib.request.urlopen(request).close()
