"""Depots that answer with more than anybody may have: no more than is asked for is taken."""

import http.server
import os
import threading
import time

import pytest
from places import AZURE_KEY, azure_connection

from casstore.backends.trying import Patience
from casstore.bundles import BundleReader, BundleWriter, Contents
from casstore.depot import AUTHORITY_NAME, new_identity
from casstore.digest import CommitId
from casstore.errors import Corrupt, NotFound, RemoteError
from casstore.exchange import open_depot
from casstore.remotes.claims import Claims, Place, agreed_mode, settled_mode

ENOUGH_BYTES = 24 * 1024 * 1024  # what buffers on the way may hold, and far from what would come
PIECE = b"x" * 65_536
HASTY = Patience(attempts=1)
NET = Place("vision", "net")


@pytest.fixture
def endless():
    """Run a server whose answers to GET do not end; gives its port and how much it has sent."""
    sent = [0]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            ranged = self.headers.get("Range") and "partial" in self.path
            self.send_response(206 if ranged else 200)
            self.send_header("Content-Type", "application/octet-stream")
            if ranged:
                self.send_header("Content-Range", "bytes 0-99/1000000000000")
            self.send_header("Content-Length", str(10**12))
            self.send_header("ETag", '"1"')
            self.end_headers()
            began = time.monotonic()
            try:
                while time.monotonic() - began < 20:
                    self.wfile.write(PIECE)
                    sent[0] += len(PIECE)
            except OSError:
                self.close_connection = True

        def log_message(self, *_words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, sent
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hostile(endless, monkeypatch, opened):
    """Give a function that opens such a depot by a scheme, and returns it with the count."""
    port, sent = endless

    def open_by(scheme, path="depot"):
        at = f"http://127.0.0.1:{port}"
        for name, value in {
            "AWS_ENDPOINT_URL": at,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "STORAGE_EMULATOR_HOST": at,
            "NO_GCE_CHECK": "true",
            "AZURE_STORAGE_CONNECTION_STRING": azure_connection(f"{at}/account", AZURE_KEY),
        }.items():
            monkeypatch.setenv(name, value)
        url = f"webdav://127.0.0.1:{port}/{path}" if scheme == "webdav" else f"{scheme}://{path}"
        return opened(url, patience=HASTY), sent

    return open_by


@pytest.mark.parametrize("scheme", ["s3", "gs", "webdav"])
def test_a_small_file_that_does_not_end_is_refused_by_name(scheme, hostile, tmp_path):
    """FORMAT, AUTHORITY, how numbers go, a claim: soon, and without taking what comes."""
    objects, sent = hostile(scheme)
    with pytest.raises(Corrupt, match=r"^FORMAT of .* has more than 65536 bytes"):
        open_depot(objects, tmp_path)
    with pytest.raises(Corrupt, match=r"^NUMBERING of .* has more than"):
        settled_mode(objects)
    assert Claims(objects, "exclusive").owner(NET, 0) is None
    assert sent[0] < ENOUGH_BYTES


@pytest.mark.parametrize("path", ["depot", "partial"])
@pytest.mark.parametrize("scheme", ["s3", "gs", "webdav"])
def test_a_part_is_never_more_than_was_asked_for(scheme, path, hostile):
    """Whether the server says that it gives the whole or the part."""
    objects, sent = hostile(scheme, path)
    if scheme == "webdav" and path == "depot":  # some of those servers know no ranges
        assert objects.read("packs/ab/abcd", 0, 100) == b"x" * 100
        assert objects.read("packs/ab/abcd", 100_000, 100_100) == b"x" * 100
    else:
        with pytest.raises(RemoteError, match="packs/ab/abcd"):
            objects.read("packs/ab/abcd", 0, 100)
    assert sent[0] < ENOUGH_BYTES


@pytest.mark.parametrize("kind", ["folder", "sshd", "nginx"])
def test_a_file_that_claims_a_terabyte_is_refused_by_name(kind, place_of, opened, tmp_path):
    """It has no bytes on the disk; read whole it would fill the memory."""
    place = place_of(kind)
    objects = opened(place.url, patience=HASTY)
    objects.create("packs/ab/abcd", b"x")
    for name in ("FORMAT", AUTHORITY_NAME):
        (place.files / name).touch(0o644)
        os.truncate(place.files / name, 10**12)
    with pytest.raises(Corrupt, match=r"^FORMAT of .* has more than 65536 bytes"):
        open_depot(objects, tmp_path)
    (place.files / "FORMAT").unlink()
    objects.create("FORMAT", new_identity())
    depot = open_depot(objects, tmp_path)
    try:
        with pytest.raises(Corrupt, match=r"^AUTHORITY of .* has more than 65536 bytes"):
            depot.read_authority()
    finally:
        depot.mirror.close()


def test_every_kind_of_place_reads_up_to_a_limit(filled):
    """What has just so many bytes comes, an empty one too; one more byte is too large."""
    objects = filled({"FORMAT": b"", "NUMBERING": b"x" * 1000})
    assert objects.read("FORMAT", at_most=10) == b""
    assert objects.read("NUMBERING", at_most=1000) == b"x" * 1000
    assert objects.read("NUMBERING", 990, at_most=10) == b"x" * 10
    with pytest.raises(Corrupt, match=r"NUMBERING of .* has more than 999 bytes"):
        objects.read("NUMBERING", at_most=999)
    assert objects.read("NUMBERING", 0, 10, at_most=1) == b"x" * 10  # said by its ends
    with pytest.raises(NotFound):
        objects.read(AUTHORITY_NAME, at_most=10)


def test_a_bundle_with_a_large_format_is_refused_by_name(tmp_path):
    """Its member may have 128 MiB; FORMAT may not."""
    with BundleWriter(tmp_path / "b.zip", Contents((), "2026-01-01T00:00:00Z")) as bundle:
        bundle.create("FORMAT", b" " * 70_000)
        with pytest.raises(Corrupt, match="FORMAT of"):
            bundle.read("FORMAT", at_most=65_536)
        (path,) = bundle.publish()
    with (
        BundleReader([path]) as reader,
        pytest.raises(Corrupt, match=r"^FORMAT of .*b\.zip has more than 65536 bytes"),
    ):
        open_depot(reader, tmp_path / "cache")


def test_claims_that_are_none_are_nobodys_however_large(opened):
    """A number goes on to the next; how numbers are claimed is refused."""
    objects = opened("memory://large-claims")
    objects.create(f"{NET.folder}0", b"0" * 100_000)
    claims = Claims(objects, "exclusive")
    commit = CommitId(b"1" * 16)
    assert not claims.take(NET, 0, commit)
    assert claims.owner(NET, 0) is None
    assert claims.take(NET, 1, commit)
    objects.create("NUMBERING", b"0" * 100_000)
    with pytest.raises(Corrupt, match="NUMBERING of memory://large-claims"):
        agreed_mode(objects, exclusive=True)
