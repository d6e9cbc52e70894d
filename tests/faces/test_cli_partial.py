"""Parts of versions as people meet them: at the command line, and from Python."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap

import pytest

import casstore
from casstore.cli.main import main

FILES = {
    "train/a.bin": bytes(range(256)) * 300,
    "train/b.txt": b"b\n",
    "test/a.bin": bytes(range(255, -1, -1)) * 300,
    "test/b.txt": b"other\n",
}


class Sides:
    """The command line of a store beside a depot that has a version, ``net:v0``."""

    def __init__(self, cli):
        self.folder = cli.folder
        self.url = (cli.folder / "elsewhere").as_uri()
        self._cli = cli

    def __call__(self, *arguments, **options):
        return self._cli("--store", str(self.folder / "store"), *arguments, **options)


@pytest.fixture(scope="module")
def depot(tmp_path_factory):
    """Log a version and bring it to a folder, once: finding out what that can do takes a second."""
    made = tmp_path_factory.mktemp("depot")
    for path, data in FILES.items():
        target = made / "net" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    put = ("put", str(made / "net"))
    add = ("remote", "add", "lab", (made / "elsewhere").as_uri(), "--upstream")
    for call in put, add, ("push", "net:v0"):
        assert main(["--store", str(made / "store"), *call, "-q"]) == 0
    return made / "elsewhere"


@pytest.fixture
def sides(cli, depot):
    """Give a store of its own, and a depot of its own that is its upstream."""
    made = Sides(cli)
    shutil.copytree(depot, cli.folder / "elsewhere")
    made("remote", "add", "lab", made.url, "--upstream")
    return made


def test_what_is_not_here_is_said_in_one_word(sides):
    """By ``ls``, ``show``, ``status`` and ``verify``, for people and for programs."""
    assert "1 version" in sides("pull", "net", "--include", "train/*").text
    assert "(partly here)" in sides("ls", "net").text
    assert sides("ls", "net", "--json").json["versions"][0]["here"] == "partly"
    lines = sides("ls", "net:v0").lines
    assert [line.split()[-1] for line in lines if " absent " in line] == [
        "test/a.bin",
        "test/b.txt",
    ]
    files = sides("ls", "net:v0", "--json").json["files"]
    assert [file["path"] for file in files if not file["here"]] == ["test/a.bin", "test/b.txt"]
    assert f"partly; the rest comes from {sides.url}" in sides("show", "net:v0").text
    assert sides("show", "net:v0", "--json").json["version"]["here"] == "partly"
    assert "partly    1 version" in sides("status").text
    assert sides("status", "--json").json["partly_here"] == 1
    checked = sides("verify", "net:v0").text
    assert f"2 files absent here, to be had from {sides.url}" in checked
    assert checked.endswith("ok\n")
    assert sides("verify", "net:v0", "--json").json["absent_files"] == 2
    assert "(1 partly here)  ok" in sides("verify").text
    sides("pull", "net")
    assert "partly" not in sides("ls", "net").text + sides("show", "net:v0").text
    assert sides("show", "net:v0", "--json").json["version"]["here"] == "whole"
    assert sides("status", "--json").json["partly_here"] == 0


def test_reading_brings_what_is_missing(sides):
    """``cat`` one file, ``get`` all of them; then the version is whole."""
    sides("pull", "net", "--metadata-only")
    assert sides("cat", "net:v0", "test/a.bin").raw == FILES["test/a.bin"]
    told = sides("get", "net:v0", "-o", "out", "-v").errors
    assert int(told.split("casstore: ")[1].split(" requests")[0]) < 10
    assert {path: (sides.folder / "out" / path).read_bytes() for path in FILES} == FILES
    assert "partly" not in sides("ls", "net").text


def test_offline_one_line_names_the_remote_and_what_stays(sides):
    """Nothing half is left behind, and what is here is read as ever."""
    sides("pull", "net", "--include", "train/", "--exclude", "*.txt")
    (sides.folder / "elsewhere").rename(sides.folder / "away")
    assert sides("cat", "net:v0", "train/a.bin").raw == FILES["train/a.bin"]
    for call in (("cat", "net:v0", "train/b.txt"), ("get", "net:v0", "-o", "out")):
        errors = sides(*call, code=10).errors
        assert errors.count("\n") == 1
        assert sides.url in errors
        assert "net:v0" in errors
    assert not (sides.folder / "out").exists()
    (sides.folder / "away").rename(sides.folder / "elsewhere")
    assert sides("cat", "net:v0", "train/b.txt").raw == FILES["train/b.txt"]


def test_a_plan_says_what_a_part_weighs(sides):
    """And brings nothing."""
    whole = sides("pull", "net", "--dry-run", "--json").json["stored_bytes"]
    part = sides("pull", "net", "--include", "train/*", "--dry-run", "--json").json["stored_bytes"]
    none = sides("pull", "net", "--metadata-only", "--dry-run", "--json").json["stored_bytes"]
    assert 0 < none < part < whole
    assert sides("ls", "--json").json["artifacts"] == []
    error = sides("pull", "net", "--metadata-only", "--include", "x", code=2).errors
    assert error.count("\n") == 1


def test_a_sync_brings_the_paths_that_are_chosen_and_sends_all(sides, cli):
    """Those that are chosen the next time come too; without a choice, what is here stays."""
    cli.write("mine/train/x.txt", "x")
    cli.write("mine/test/y.txt", "y")
    sides("put", "mine", "--name", "mine")
    sides("sync", "--include", "train/*", "--exclude", "*.txt")
    here = [file["path"] for file in sides("ls", "net:v0", "--json").json["files"] if file["here"]]
    assert here == ["train/a.bin"]
    sides("sync")
    assert "(partly here)" in sides("ls", "net").text
    sides("sync", "--include", "test/*")
    files = sides("ls", "net:v0", "--json").json["files"]
    assert [file["path"] for file in files if not file["here"]] == ["train/b.txt"]
    sides("get", "mine:v0", "-o", "whole", "--from", sides.url)
    assert (cli.folder / "whole" / "test" / "y.txt").read_text() == "y"
    cli("verify", "--remote", sides.url, "--store", str(cli.folder / "store"))


def test_nothing_is_read_from_a_remote_that_was_removed(sides):
    """Its removal names what still needs it; added again, it is asked again, whatever its name."""
    sides("pull", "net", "--metadata-only")
    told = sides("remote", "rm", "lab").errors
    assert "1 version lacks bytes here" in told
    assert ": default/net:v0 (" in told
    assert f"casstore remote add lab {sides.url}" in told
    for call in (("cat", "net:v0", "test/a.bin"), ("get", "net:v0", "-o", "out")):
        errors = sides(*call, code=10).errors
        assert errors.count("\n") == 1
        assert "net:v0" in errors
        assert f"{sides.url}, which is no remote any more" in errors
        assert f"casstore remote add NAME {sides.url}" in errors
    assert not (sides.folder / "out").exists()
    assert "once it is added as a remote again" in sides("show", "net:v0").text
    assert "once it is added as a remote again" in sides("verify", "net:v0").text
    assert sides("ls", "net", "--json").json["versions"][0]["here"] == "partly"
    sides("remote", "add", "other", sides.url)
    assert "once" not in sides("show", "net:v0").text
    assert sides("cat", "net:v0", "test/a.bin").raw == FILES["test/a.bin"]
    assert sides("remote", "rm", "other", "--json").json["lacking"] == ["default/net:v0"]
    sides("pull", "net", "--include", "train/a.bin", "--from", sides.url)
    assert sides("cat", "net:v0", "train/b.txt").raw == FILES["train/b.txt"]


def test_a_remote_that_no_version_needs_is_removed_without_a_word(sides):
    """Whole ones need none, also those that reads completed; another name for the place is one."""
    sides("pull", "net", "--metadata-only")
    sides("remote", "add", "same", sides.url)
    assert sides("remote", "rm", "lab").errors == ""
    assert sides("cat", "net:v0", "test/a.bin").raw == FILES["test/a.bin"]
    for path in FILES:
        sides("cat", "net:v0", path)
    assert sides("remote", "rm", "same").errors == ""
    assert "partly" not in sides("ls", "net").text


@pytest.mark.parametrize("store", [None, "none"])
def test_reading_from_elsewhere_makes_no_store(sides, cli, store, monkeypatch):
    """On a machine that has none, from a URL and from a bundle; nothing else is left either."""
    bundle = str(cli.folder / "all.bundle")
    sides("bundle", "create", bundle, "--from", sides.url)
    home = cli.folder / "home"
    home.mkdir()
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    words = [] if store is None else ["--store", store]
    for number, source in enumerate((sides.url, bundle)):
        out = f"out{number}"
        cli("get", "net", "-o", out, "--from", source, *words)
        assert {path: (cli.folder / out / path).read_bytes() for path in FILES} == FILES
        got = cli("cat", "net", "test/a.bin", "--from", source, *words)
        assert got.raw == FILES["test/a.bin"]
        cli("cat", "nothing", "test/a.bin", "--from", source, *words, code=10)
        with casstore.open("net", "train/a.bin", store=store, from_=source) as stream:
            stream.seek(256)
            assert stream.read(100) == FILES["train/a.bin"][256:356]
    assert "knows no remote" in cli("cat", "net", "x", "--from", "lab", *words, code=10).errors
    assert list(home.iterdir()) == []
    assert not (cli.folder / "none").exists()


@pytest.mark.parametrize("option", ["--include", "--exclude"])
def test_a_push_of_a_part_is_refused_in_one_line(sides, option):
    """It says why, and what to do; nothing is sent."""
    told = sides("push", "net:v0", option, "train/*", "--to", "nowhere", code=2).errors
    assert told.count("\n") == 1
    assert "visible only when it is whole" in told
    assert "casstore pull --include" in told
    assert option not in sides("push", "--help").text


def test_get_and_cat_read_straight_from_a_remote(sides):
    """Nothing of it is in the store after; a version that is not there is not found there."""
    assert sides("cat", "net:v0", "test/b.txt", "--from", "lab").raw == FILES["test/b.txt"]
    sides("get", "net", "--from", sides.url, "-o", "out", "--include", "train/*")
    assert sorted(path.name for path in (sides.folder / "out/train").iterdir()) == [
        "a.bin",
        "b.txt",
    ]
    assert not (sides.folder / "out/test").exists()
    shown = sides("get", "net:v0", "--from", "lab", "-o", "all", "--json").json
    assert shown["version"]["here"] == "elsewhere"
    assert {path: (sides.folder / "all" / path).read_bytes() for path in FILES} == FILES
    assert sides("ls", "--json").json["artifacts"] == []
    assert sides("status", "--json").json["packs"] == 0
    assert sides.url in sides("get", "other", "--from", "lab", code=10).errors
    assert sides("cat", "net:v0", "no", "--from", "lab", code=10).errors.count("\n") == 1


def python(sides, script):
    """Run a script with that store; returns what it printed."""
    home = {**os.environ, "CASSTORE_HOME": str(sides.folder / "store")}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(
        command,
        cwd=sides.folder,
        env=home,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_reads_on_demand(sides):
    """``casstore.open``, an entry, ``download``; what a script fetched stays when it ends."""
    sides("pull", "net", "--metadata-only")
    printed = python(
        sides,
        """
        import casstore, pickle
        with casstore.open("net:v0", "test/a.bin") as stream:
            stream.seek(1000)
            print(stream.read(5).hex())
        made = pickle.loads(pickle.dumps(casstore.Api().artifact("net:v0")))
        print(open(made.get_entry("train/b.txt").download()).read(), end="")
        """,
    )
    assert printed.split() == [FILES["test/a.bin"][1000:1005].hex(), "b"]
    files = sides("ls", "net:v0", "--json").json["files"]
    assert [file["path"] for file in files if not file["here"]] == ["test/b.txt", "train/a.bin"]
    python(sides, "import casstore; casstore.Api().artifact('net:v0').download('out')")
    assert {path: (sides.folder / "out" / path).read_bytes() for path in FILES} == FILES
    assert "partly" not in sides("ls", "net").text


def test_python_pulls_and_syncs_parts(sides):
    """The rest comes when it is read."""
    printed = python(
        sides,
        """
        import casstore
        store = casstore.open_store()
        print(store.pull("net", include="train/*", exclude=["*.txt"]))
        print(store.sync(include=["test/b.txt"]))
        """,
    )
    assert printed.splitlines() == ["['net:v0']", "['net:v0']"]
    files = sides("ls", "net:v0", "--json").json["files"]
    assert [file["path"] for file in files if file["here"]] == ["test/b.txt", "train/a.bin"]


def test_python_opens_straight_from_a_remote(sides):
    """Only what is read comes, and nothing becomes visible."""
    printed = python(
        sides,
        """
        import casstore
        with casstore.open("net:v0", "test/b.txt", "r", from_="lab") as stream:
            print(stream.read(), end="")
        for path, remote in (("no", "lab"), ("test/b.txt", "nowhere")):
            try:
                casstore.open("net:v0", path, from_=remote)
            except casstore.errors.NotFound as error:
                print(type(error).__name__)
        """,
    )
    assert printed.split() == ["other", "EntryNotFound", "NotFound"]
    assert sides("ls", "--json").json["artifacts"] == []


def test_a_draft_of_a_partial_version_says_what_to_do(sides):
    """What is logged here must be whole here."""
    sides("pull", "net", "--metadata-only")
    printed = python(
        sides,
        """
        import casstore
        try:
            casstore.Api().artifact("net:v0").new_draft()
        except casstore.errors.Absent as error:
            print(error)
        """,
    )
    assert "casstore pull" in printed
