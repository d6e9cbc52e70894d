"""References over HTTP, to a server of the standard library on loopback."""

import base64
from pathlib import Path

import pytest
from servers import Web

import casstore
from casstore.errors import ReferenceChanged, RemoteAuth, RemoteError

MODIFIED = "Tue, 03 Nov 2026 10:00:00 GMT"


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


def log(*uris, **options):
    """Log what some URIs mean as one version."""
    artifact = casstore.Artifact("data", type="dataset")
    for uri in uris:
        artifact.add_reference(uri, **options)
    artifact.save()
    return artifact.wait()


def test_an_object_is_tracked_by_etag_and_size_and_fetched(desk, web):
    """Adding asks once, by HEAD; nothing is stored but what the server said."""
    uri = web.put("/a/model.bin", b"weights", etag='"v1"')
    artifact = log(uri)
    assert web.requests == [("HEAD", "/a/model.bin")]
    entry = artifact.get_entry("model.bin")
    assert (entry.digest, entry.size, entry.ref) == ('"v1"', 7, uri)
    assert entry.extra == {"uri": uri, "etag": '"v1"'}
    assert entry.ref_target() == uri
    folder = Path(artifact.download())
    assert (folder / "model.bin").read_bytes() == b"weights"
    assert Path(entry.download("elsewhere")).read_bytes() == b"weights"


def test_a_changed_object_is_an_error_that_names_both_etags(desk, web, capsys):
    """Nothing is written under its name; on request it is left out with a warning."""
    uri = web.put("/model.bin", b"weights", etag='"v1"')
    artifact = log(uri)
    web.put("/model.bin", b"others!", etag='"v2"')
    with pytest.raises(ReferenceChanged, match=r'data:v0: model.bin: .*"v1".*"v2"'):
        artifact.download("out")
    with pytest.raises(ReferenceChanged):
        artifact.get_entry("model.bin").download("out")
    assert not list(Path().glob("*out*"))
    artifact.download("out", allow_missing_references=True)
    assert list(Path("out").iterdir()) == []
    assert "left out model.bin" in capsys.readouterr().err
    again = log(uri)
    assert again.version == "v1"


def test_an_object_that_is_gone_is_a_missing_file(desk, web, capsys):
    """The other files of the version are laid out if that is allowed."""
    kept, lost = web.put("/kept", b"1", etag='"1"'), web.put("/lost", b"2", etag='"2"')
    artifact = log(kept, lost)
    del web.files["/lost"]
    with pytest.raises(FileNotFoundError, match="lost"):
        artifact.download("out")
    artifact.download("out", allow_missing_references=True)
    assert [path.name for path in Path("out").iterdir()] == ["kept"]
    assert "left out lost" in capsys.readouterr().err


def test_where_head_is_refused_a_get_tells(desk, web):
    """Its body is not read."""
    web.refuses.add("HEAD")
    entry = log(web.put("/x.bin", b"abc", etag='"e"')).get_entry("x.bin")
    assert (entry.digest, entry.size) == ('"e"', 3)
    assert [method for method, _ in web.requests] == ["HEAD", "GET"]


def test_without_etag_the_date_and_the_size_are_tracked_and_that_is_said(desk, web, capsys):
    """A new date is another object; logging it again is another version."""
    uri = web.put("/x.csv", b"1,2", modified=MODIFIED)
    artifact = log(uri)
    assert "no ETag" in capsys.readouterr().err
    assert artifact.get_entry("x.csv").digest == f"{MODIFIED}; 3 bytes"
    artifact.download("out")
    web.put("/x.csv", b"1,3", modified=MODIFIED.replace("10:", "11:"))
    with pytest.raises(ReferenceChanged, match=r"10:00.*11:00"):
        artifact.download("out")
    assert log(uri).version == "v1"


def test_with_neither_only_the_uri_is_tracked_and_that_is_said(desk, web, capsys):
    """It can be fetched, with a warning that nothing was checked."""
    artifact = log(web.put("/x", b"abc"))
    assert "by its URI only" in capsys.readouterr().err
    assert artifact.get_entry("x").digest == web.url + "/x"
    assert (Path(artifact.download("out")) / "x").read_bytes() == b"abc"
    assert "nothing was checked" in capsys.readouterr().err


def test_no_checksum_asks_nobody_and_warns_when_it_is_fetched(desk, web, capsys):
    """The URI is the digest; whatever is there is taken."""
    uri = web.put("/x", b"abc", etag='"e"')
    artifact = log(uri, checksum=False)
    assert web.requests == []
    assert artifact.get_entry("x").digest == uri
    assert "URI" not in capsys.readouterr().err
    artifact.download("out")
    assert Path("out/x").read_bytes() == b"abc"
    assert "nothing was checked" in capsys.readouterr().err


def test_bytes_that_are_lost_on_the_way_are_no_file(desk, web):
    """A reply that ends too early is asked for again, then it is an error."""
    artifact = log(web.put("/x", b"abcdef", etag='"e"'))
    web.cut = 2
    with pytest.raises(RemoteError, match="4 of 6 bytes"):
        artifact.download("out")
    assert not list(Path().glob("*out*"))
    web.cut = 0
    artifact.download("out")
    assert Path("out/x").read_bytes() == b"abcdef"


def test_what_passes_by_itself_is_asked_again(desk, web):
    """503 twice is no error."""
    artifact = log(web.put("/x", b"abc", etag='"e"'))
    web.fails = [503, 503]
    artifact.download("out")
    assert Path("out/x").read_bytes() == b"abc"


def test_credentials_come_from_netrc_and_are_never_stored(desk, web):
    """Without a login 401 is an error of its own; the store holds no word of it."""
    web.login = "Basic " + base64.b64encode(b"ada:s3cr3t-word").decode()
    uri = web.put("/x", b"abc", etag='"e"')
    with pytest.raises(RemoteAuth, match="401"):
        log(uri)
    netrc = Path.home() / ".netrc"
    netrc.parent.mkdir(exist_ok=True)
    netrc.write_text("machine 127.0.0.1 login ada password s3cr3t-word\n")
    netrc.chmod(0o600)
    artifact = log(uri)
    artifact.download("out")
    assert artifact.get_entry("x").extra == {"uri": uri, "etag": '"e"'}
    for path in desk.root.rglob("*"):
        assert path.is_dir() or b"s3cr3t" not in path.read_bytes()


def test_the_same_object_added_at_another_time_is_the_same_version(desk, web):
    """Manifest digests depend on neither times nor credentials."""
    uri = web.put("/x", b"abc", etag='"e"')
    first, second = log(uri), log(uri)
    assert (first.version, first.digest) == (second.version, second.digest)


def test_a_uri_becomes_an_artifact(desk, web):
    """``log_artifact(URI)`` names it as a path."""
    with casstore.init() as run:
        artifact = run.log_artifact(web.put("/some%20where/x!.bin", b"abc", etag='"e"')).wait()
        assert artifact.name == f"run-{run.id}-x_.bin:v0"
        assert artifact.type == "unspecified"
        assert run.use_artifact(f"casstore://{artifact.name}").get_entry("x!.bin").size == 3


def test_the_command_line_fetches_shows_and_reports(before, web):
    """``get``, ``cat``, ``ls``, ``verify --references`` and ``show --drift`` (exit 4)."""
    uris = [web.put(f"/{name}", name.encode(), etag=f'"{name}"') for name in ("a", "b", "c")]
    log(*uris)
    assert before("cat", "data", "a", "c").raw == b"ac"
    before("get", "data", "-o", "out")
    assert (before.folder / "out/b").read_bytes() == b"b"
    assert [file["ref"] for file in before("ls", "data:v0", "--json").json["files"]] == uris
    web.requests.clear()
    assert before("verify", "data", "--references").lines[-1].endswith("ok")
    assert "none has changed" in before("show", "data", "--drift").text
    web.put("/a", b"A", etag='"A"')
    del web.files["/b"]
    shown = before("show", "data", "--drift", code=4)
    changed, gone = shown.lines[-2:]
    assert changed.split()[:2] == ["changed", "a"]
    assert '"a"' in changed
    assert '"A"' in changed
    assert gone.split()[:2] == ["gone", "b"]
    told = before("show", "data", "--drift", "--json", code=4).json["changes"]
    assert [(item["path"], item["kind"], item["ref"]) for item in told] == [
        ("a", "changed", uris[0]),
        ("b", "gone", uris[1]),
    ]
    verified = before("verify", "data", "--references", "--json", code=4).json
    assert [problem["kind"] for problem in verified["problems"]] == ["reference", "reference"]
    assert "reference" in before("verify", "data", "--references", code=4).text
    assert {method for method, path in web.requests if path != "/b"} == {"HEAD"}
    assert before("get", "data", "-o", "new", code=4).errors.count("\n") == 1
    assert not (before.folder / "new").exists()
    web.close()
    assert before("show", "data", "--drift", code=1).errors.startswith("casstore: ")
    web._server, web._thread = _Closed, _Closed
    before("verify", "--references", code=2)


class _Closed:
    """Stands in for a server that was closed already."""

    shutdown = join = server_close = staticmethod(lambda: None)


def test_get_leaves_a_file_alone_that_it_cannot_compare(before, web):
    """A second ``get`` needs --force where only an ETag is known."""
    log(web.put("/a", b"abc", etag='"e"'))
    before("get", "data", "-o", "out")
    before.write("out/a", "mine")
    before("get", "data", "-o", "out", code=5)
    assert (before.folder / "out/a").read_bytes() == b"mine"
    before("get", "data", "-o", "out", "--force")
    assert (before.folder / "out/a").read_bytes() == b"abc"
