"""``init status verify reindex du runs doctor completion``: the store itself."""

import shutil
import subprocess

import pytest

import casstore
from casstore.store import close_store, open_store


@pytest.fixture
def packed(cli):
    """Put ``data`` into the store at ``s`` and return the file of the pack with its numbers."""
    cli("init", "--store", "s", "-q")
    cli("put", "data", "--store", "s")
    packs = [path for path in (cli.folder / "s" / "packs").rglob("*") if path.is_file()]
    return max(packs, key=lambda path: path.stat().st_size)


def _flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_init_makes_a_store_that_git_does_not_see(cli):
    """``.casstore`` holds a ``.gitignore`` of everything, and is used from there and below."""
    cli("init")
    assert (cli.folder / ".casstore" / ".gitignore").read_text() == "*\n"
    assert cli("status", "-C", "data", "--json").json["store"] == str(cli.folder / ".casstore")
    assert cli("init", "--json").json["created"] is False


def test_init_takes_a_folder_that_may_not_be_there_yet(cli):
    """The parents are made too."""
    cli("init", "deep/below")
    assert (cli.folder / "deep" / "below" / ".casstore" / "FORMAT").is_file()


def test_init_with_a_project_makes_it_the_default(cli):
    """It stands in the store's config.toml; another one asks a person."""
    cli("init", "--project", "vision")
    cli("put", "data")
    assert cli("show", "data", "--json").json["version"]["project"] == "vision"
    cli("init", "--project", "vision")
    assert "config.toml" in cli("init", "--project", "other", code=5).errors


def test_init_tells_when_the_environment_hides_the_store(cli, monkeypatch):
    """CASSTORE_HOME comes before any .casstore."""
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "elsewhere"))
    assert "CASSTORE_HOME" in cli("init").errors
    cli("init", "x", "--store", "y", code=2)


def test_writing_makes_a_missing_store(cli):
    """Nothing needs ``init``, wherever the store is."""
    cli("put", "data", "--store", "a/b/c")
    assert cli("ls", "--store", "a/b/c", "-q").lines == ["data"]


@pytest.mark.parametrize(
    "call",
    [
        ("ls",),
        ("ls", "x"),
        ("show", "x"),
        ("get", "x"),
        ("cat", "x", "y"),
        ("verify",),
        ("reindex",),
        ("status",),
        ("du",),
        ("runs",),
        ("rm", "x:v0"),
        ("alias", "ls", "x"),
    ],
)
def test_reading_a_missing_store_names_the_path_looked_at(cli, call):
    """Exit 10, and nothing is made."""
    result = cli(*call, "--store", "nowhere", code=10)
    assert str(cli.folder / "nowhere") in result.errors
    assert not (cli.folder / "nowhere").exists()


def test_a_store_that_is_not_there_is_made_as_the_message_says(cli, monkeypatch):
    """Not by ``init``, which makes one in the working directory that is not looked at then."""
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "mine"))
    errors = cli("ls", code=10).errors
    assert str(cli.folder / "mine") in errors
    assert "what is put makes it" in errors
    cli("put", "data", "-q")
    assert cli("ls", "-q").lines == ["data"]


@pytest.mark.parametrize("call", ["ls", "status", "verify", "du", "runs", "doctor"])
def test_the_users_default_store_counts_as_empty(cli, call):
    """Somebody who never logged anything has nothing, which is no error."""
    cli(call)
    cli(call, "--json")
    assert "nothing was ever logged" in cli("show", "x", code=10).errors


def test_a_url_is_no_store_yet(cli):
    """One clear line."""
    error = cli("ls", "--store", "s3://bucket/x", "--json", code=1).error
    assert error["kind"] == "Unsupported"


def test_status_tells_which_store_and_what_it_holds(cli):
    """With the reason why it is this store."""
    cli("put", "data", "--store", "s")
    status = cli("status", "--store", "s", "--json").json
    assert (status["versions"], status["collections"], status["projects"]) == (1, 1, 1)
    assert status["source"] == "argument"
    assert "1 version of 1 name in 1 project" in cli("status", "--store", "s").text


def test_status_names_the_projects(cli):
    """No other verb tells which there are; one alone is named as the project in use."""
    cli("put", "data", "--store", "s", "--project", "vision")
    assert "projects  " not in cli("status", "--store", "s", "--project", "vision").text
    cli("put", "data", "--store", "s", "--project", "speech")
    assert "projects  speech, vision\n" in cli("status", "--store", "s").text
    status = cli("status", "--store", "s", "--json").json
    assert (status["projects"], status["project_names"]) == (2, ["speech", "vision"])
    for number in range(20):
        cli("put", "data", "--store", "s", "--project", f"p{number:02}")
    assert ", p19 and 2 more\n" in cli("status", "--store", "s").text


def test_verify_of_a_whole_store_says_ok(cli, packed):
    """Of the store, a version, a folder, with and without reading every byte."""
    assert cli("verify", "--store", "s").text.rstrip().endswith("ok")
    assert cli("verify", "--store", "s", "--quick", "--json").json["ok"] is True
    assert cli("verify", "data", "--store", "s").text.startswith("data:v0  4 files")
    assert cli("verify", "data", "data", "--store", "s", "--json").json["changes"] == []


def test_a_flipped_bit_is_named_and_exits_with_4(cli, packed):
    """Version, path and pack; ``get`` leaves no wrong file behind."""
    _flip(packed, packed.stat().st_size // 2)
    for call in (("verify",), ("verify", "data")):
        result = cli(*call, "--store", "s", code=4)
        for name in ("data:v0", "sub/numbers.bin", packed.name):
            assert name in result.text
        for verb in ("casstore reindex", "casstore repair"):
            assert verb in result.errors
    problems = cli("verify", "--store", "s", "--json", code=4).json["problems"]
    found = [(problem["reference"], problem["path"], problem["pack"]) for problem in problems]
    assert ("data:v0", "sub/numbers.bin", packed.name) in found
    cli("get", "data", "-o", "out", "--store", "s", code=4)
    assert not (cli.folder / "out" / "sub" / "numbers.bin").exists()


def test_a_folder_that_differs_is_told_and_exits_with_4(cli, packed):
    """Changed, missing, extra, mode."""
    cli.write("data/a.txt", "other\n")
    cli.write("data/extra", "x")
    (cli.folder / "data" / "empty").unlink()
    (cli.folder / "data" / "run.sh").chmod(0o644)
    changes = cli("verify", "data", "./data", "--store", "s", "--json", code=4).json["changes"]
    assert {change["path"]: change["kind"] for change in changes} == {
        "a.txt": "changed",
        "empty": "missing",
        "extra": "extra",
        "run.sh": "mode",
    }
    cli("verify", "data", "nothing", "--store", "s", code=10)
    cli("verify", "data", "data", "--quick", "--store", "s", code=2)


def test_the_index_is_made_again_from_the_files(cli, packed):
    """Nothing is lost when it is deleted."""
    before = cli("show", "data", "--store", "s", "--json").json
    shutil.rmtree(cli.folder / "s" / "db")
    assert cli("show", "data", "--store", "s", "--json").json == before
    result = cli("reindex", "--store", "s", "--json").json
    assert result["events"] == 1
    assert result["problems"] == []
    assert cli("show", "data", "--store", "s", "--json").json == before


def test_reindex_names_what_cannot_be_read(cli, packed):
    """Exit 4 with the file."""
    (event,) = [path for path in (cli.folder / "s" / "journal").rglob("*") if path.is_file()]
    _flip(event, 10)
    assert event.name in cli("reindex", "--store", "s", code=4).errors


def test_a_store_of_a_newer_format_is_refused(cli, packed):
    """Told what to upgrade to."""
    path = cli.folder / "s" / "FORMAT"
    text = path.read_text()
    path.chmod(0o644)
    path.write_text(text.replace('"format":1', '"format":9').replace(">=0.1", ">=9.2"))
    assert ">=9.2" in cli("ls", "--store", "s", code=1).errors


def test_a_store_whose_empty_folders_were_not_copied_along_is_a_store(cli):
    """As rclone and git leave them out: what is missing is made when it is needed."""
    cli("init", "--store", "s", "-q")
    close_store(open_store(cli.folder / "s"))
    cli.write("data/a.txt", "hello")
    for folder in ("packs", "journal", "claims", "tmp", "leases"):
        shutil.rmtree(cli.folder / "s" / folder, ignore_errors=True)
    assert cli("put", "data", "--store", "s", "-q").lines == ["data:v0"]
    cli("verify", "--store", "s")


def test_a_file_where_a_month_should_be_is_no_month(cli, packed):
    """Whatever put it there: the journal is read without it."""
    (cli.folder / "s" / "journal" / "209901").write_text("notes")
    shutil.rmtree(cli.folder / "s" / "db")
    assert cli("ls", "-q", "--store", "s").lines == ["data"]
    cli("verify", "--store", "s")


def test_du_tells_sizes_of_names_and_on_disk(cli):
    """The largest name first."""
    cli("put", "data/a.txt", "--name", "small")
    cli("put", "data")
    assert [line.split()[-1] for line in cli("du").lines[1:3]] == ["data", "small"]
    usage = cli("du", "--json").json
    assert usage["logical_bytes"] == 256016 + 6
    assert 0 < usage["stored_bytes"] < 256016


def test_runs_are_listed(cli):
    """None yet is no error."""
    cli("put", "data")
    assert cli("runs", "--json").json == {"schema": 1, "runs": []}
    assert "no runs of project 'default' in the store at" in cli("runs").errors


def test_what_another_project_holds_is_not_denied(cli):
    """What was asked for is named, and how to see the rest."""
    with casstore.init(project="vision", store=cli.folder / "s") as run:
        run.log_artifact(cli.folder / "data", name="data")
    for verb in ("runs", "ls"):
        errors = cli(verb, "--store", "s").errors
        assert "project 'default'" in errors
        assert "--all" in errors
        assert len(cli(verb, "--store", "s", "--all", "-q").lines) == 1
        assert "--all" not in cli(verb, "--store", "s", "--project", "vision").errors


def test_doctor_finds_nothing_wrong_here(cli, packed):
    """Findings are listed; only errors make it fail."""
    result = cli("doctor", "--store", "s", "--json").json
    assert result["ok"] is True
    assert {finding["level"] for finding in result["findings"]} <= {"ok", "warning"}
    assert str(cli.folder / "s") in cli("doctor", "--store", "s").lines[0]
    assert list((cli.folder / "s" / "leases").iterdir()) == []


def test_doctor_fails_on_a_broken_store(cli, packed):
    """A FORMAT that cannot be read is an error."""
    path = cli.folder / "s" / "FORMAT"
    path.chmod(0o644)
    path.write_text("nonsense")
    assert "ERROR" in cli("doctor", "--store", "s", code=1).text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(cli, shell):
    """It names the program; a shell that is here can read it."""
    script = cli("completion", shell).text
    assert "_CASSTORE_COMPLETE" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_another_shell_is_refused(cli):
    """The message lists those there are."""
    assert "fish" in cli("completion", "tcsh", code=2).errors
