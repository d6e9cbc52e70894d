"""What holds for every call: global options, help, JSON keys, errors, exit codes, signals."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from importlib import import_module

import click
import pytest

import casstore
from casstore.cli import main as entry
from casstore.cli.options import GLOBAL_OPTIONS
from casstore.cli.output import count_text, size_text, time_json
from casstore.cli.table import PARTS, VERBS
from casstore.errors import (
    Busy,
    Conflict,
    Corrupt,
    Error,
    Invalid,
    NotFound,
    ReferenceChanged,
    RemoteAuth,
    RemoteError,
    Unsupported,
)

HEAVY = {"lmdb", "blake3", "msgpack", "zstandard", "tqdm", "pyfastcdc"}
VERSION_KEYS = (
    "project name version commit_id digest type state provisional aliases tags description "
    "metadata size_bytes file_count created_at producer here"
)
FILE_KEYS = "path digest size_bytes executable ref here"
ARTIFACT_KEYS = (
    "project name type description tags versions latest size_bytes file_count created_at updated_at"
)


def _commands(command, path=("casstore",)):
    yield path, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                yield from _commands(command.get_command(context, name), (*path, name))


COMMANDS = list(_commands(entry.root))


def _start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "casstore", *arguments], stdout=stdout, stderr=stderr, **options
    )


def _keys(record):
    return " ".join(record)


def test_every_verb_of_this_release_is_there_and_no_other():
    """Verbs whose time has not come are absent, not stubs."""
    assert " ".join(VERBS) == (
        "alias bundle cat completion diff doctor du get init inventory lineage ls numbers pull "
        "push put reindex remote repair restore rm runs show status sync tag "
        "verify"
    )


def test_the_tables_are_sorted_and_name_modules():
    """One sorted table, and another of what few calls need."""
    assert list(VERBS) == sorted(VERBS)
    assert list(PARTS) == sorted(PARTS)
    for module in PARTS.values():
        import_module(module)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(p) for p, _ in COMMANDS])
def test_every_command_and_option_says_what_it_is(path, command):
    """Help text for each, no longer than a screen's line at its beginning."""
    assert command.help
    for option in [p for p in command.params if isinstance(p, click.Option)]:
        assert option.help, (path, option.name)
        assert option.help[0].isupper()


def test_every_global_option_says_what_it_is():
    """They stand in a section of their own in every help."""
    assert all(option.help for option in GLOBAL_OPTIONS)


def test_no_parameter_is_named_as_a_global_option():
    """Two of one name would overwrite each other."""
    taken = {option.name for option in GLOBAL_OPTIONS}
    used = {parameter.name for _, command in COMMANDS for parameter in command.params}
    assert not taken & used


@pytest.mark.parametrize("path", [path[1:] for path, _ in COMMANDS], ids=" ".join)
def test_every_help_can_be_shown(cli, path):
    """On standard output, exit 0."""
    text = cli(*path, "--help").text
    assert text.startswith("Usage: casstore")
    assert "Global options:" in text
    assert "..." not in text.partition("Commands:")[2]  # a sentence is wrapped, not cut


def test_help_imports_nothing_heavy():
    """``casstore --help`` reads the table alone."""
    code = "import sys; from casstore.cli.main import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.splitlines()[-1].split())
    assert not HEAVY & modules
    assert not any(name.startswith(("casstore.store", "casstore.flows")) for name in modules)


def test_without_a_verb_help_is_shown_as_an_error(cli):
    """Exit 2: nothing was asked for."""
    result = cli(code=2)
    assert result.raw == b""
    assert "Usage: casstore" in result.errors


def test_the_release_is_printed(cli):
    """``--version`` is one line, with the release that the package names."""
    assert cli("--version").text == f"casstore {casstore.__version__}\n"


@pytest.mark.parametrize(
    "call",
    [
        ("--store", "s", "--project", "p", "-q", "put", "data"),
        ("put", "data", "--store", "s", "--project", "p", "-q"),
        ("--store", "s", "put", "-q", "data", "--project", "p"),
        ("-C", "..", "put", "-C", "work", "data", "--store", "s", "--project", "p", "--quiet"),
    ],
)
def test_global_options_work_before_and_after_the_verb(cli, call):
    """All of these are the same call."""
    assert cli(*call).text == "data:v0\n"
    assert cli("ls", "--store", "s", "--project", "p", "-q").lines == ["data"]


def test_a_folder_that_cannot_be_entered_is_named(cli):
    """``-C`` of nothing is exit 10."""
    assert "nothing" in cli("-C", "nothing", "ls", code=10).errors


def test_the_store_and_project_come_from_the_environment(cli, monkeypatch):
    """CASSTORE_HOME names the store's folder itself; WANDB_PROJECT is the fallback."""
    monkeypatch.setenv("CASSTORE_HOME", "mine")
    monkeypatch.setenv("WANDB_PROJECT", "old")
    assert cli("put", "data", "--json").json["version"]["project"] == "old"
    monkeypatch.setenv("CASSTORE_PROJECT", "new")
    assert cli("put", "data", "--json").json["version"]["project"] == "new"
    assert (cli.folder / "mine" / "FORMAT").is_file()


def test_the_keys_of_a_version_are_these(cli):
    """Programs rely on them; a key is never taken away."""
    for call in (("put", "data"), ("show", "data"), ("get", "data")):
        assert _keys(cli(*call, "--json").json["version"]) == VERSION_KEYS
    (version,) = cli("ls", "data", "--json").json["versions"]
    assert _keys(version) == VERSION_KEYS
    assert version["created_at"].endswith("Z")
    assert version["state"] == "COMMITTED"
    assert len(version["commit_id"]) == 32
    assert len(version["digest"]) == 64


def test_the_keys_of_files_names_and_changes_are_these(cli):
    """With ``path_b64`` only for paths that are not UTF-8."""
    cli("put", "data")
    listed = cli("ls", "data:v0", "--json").json
    assert {_keys(file) for file in listed["files"]} == {FILE_KEYS}
    assert _keys(listed["version"]) == VERSION_KEYS
    assert [_keys(item) for item in cli("ls", "--json").json["artifacts"]] == [ARTIFACT_KEYS]
    cli.write("data/a.txt", "x")
    (change,) = cli("diff", "data", "./data", "--json").json["changes"]
    assert _keys(change) == "path kind before after"


def test_every_json_document_says_its_schema(cli):
    """``schema`` is 1 and comes first."""
    cli("init")
    cli("put", "data")
    calls = (
        "init;put data;get data;ls;ls data;ls data:v0;show data;diff data ./data;verify;"
        "verify data;verify data ./data;reindex;status;alias set data x;alias ls data;"
        "alias rm data x;numbers accept data;"
        "tag set data x;tag ls data;tag rm data x;rm data:v0;restore data:v0;du;runs;doctor;"
        "completion fish;rm data --all-versions --yes"
    )
    for call in calls.split(";"):
        document = cli(*call.split(), "--json").json
        assert next(iter(document.items())) == ("schema", 1), call


def test_a_list_of_nothing_is_json_too(cli):
    """An empty list, not an empty text."""
    assert cli("ls", "--json").json == {"schema": 1, "artifacts": []}


def test_an_error_is_one_line_or_one_document(cli):
    """On standard error; nothing on standard output."""
    plain = cli("show", "nope", code=10)
    assert plain.raw == b""
    assert plain.errors.startswith("casstore: ")
    assert len(plain.errors.splitlines()) == 1
    told = json.loads(cli("show", "nope", "--json", code=10).errors)
    assert _keys(told) == "schema error"
    assert _keys(told["error"]) == "kind message hint exit_code"
    assert (told["error"]["kind"], told["error"]["exit_code"]) == ("NotFound", 10)


@pytest.mark.parametrize(
    "call",
    [("nonsense",), ("put",), ("show", "x", "--nope"), ("alias",), ("completion",), ("get", "-j")],
)
def test_wrong_usage_exits_with_2_and_points_to_help(cli, call):
    """As a document too, wherever --json stands."""
    errors = cli(*call, code=2).errors
    assert "--help" in errors
    assert len(errors.splitlines()) == 1
    assert "\\" not in errors
    assert cli(*call, "--json", code=2).error["exit_code"] == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *[("pt", "put"), ("pul", "pull"), ("vrify", "verify"), ("lst", "ls"), ("statsu", "status")],
        *[("add", "put"), ("commit", "put"), ("backup", "put"), ("log", "ls"), ("checkout", "get")],
        *[("fsck", "verify"), ("snapshots", "ls"), ("forget", "rm"), ("help", "--help")],
    ],
)
def test_a_verb_that_is_not_there_names_the_one_that_is_meant(cli, typed, meant):
    """A slip of the finger, or what git, restic and others call it."""
    told = cli(typed, "x", "--json", code=2).error
    assert told["kind"] == "UsageError"
    assert f"`casstore {meant}" in told["hint"]
    assert len(cli(typed, code=2).errors.splitlines()) == 1


def test_every_verb_answers_to_a_short_h(cli):
    """As in git and restic."""
    assert cli("-h").text == cli("--help").text
    assert cli("alias", "set", "-h").text == cli("alias", "set", "--help").text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Error("x"), 1),
        (Unsupported("x"), 1),
        (Invalid("x"), 2),
        (Corrupt("x"), 4),
        (Conflict("x"), 5),
        (NotFound("x"), 10),
        (Busy("x"), 11),
        (RemoteError("x"), 1),
        (RemoteAuth("x"), 12),
        (ReferenceChanged("x"), 4),
        (PermissionError(13, "Permission denied", "x"), 1),
        (OSError(28, "No space left on device"), 1),
        (KeyError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_kind_of_error_has_its_exit_code(cli, monkeypatch, error, code):
    """One line each, and never a traceback unless it is asked for."""

    def fail(_name):
        raise error

    monkeypatch.setattr(entry, "load_verb", fail)
    result = cli("ls", code=code)
    assert result.errors.lstrip().startswith("casstore: ")
    assert "Traceback" not in result.errors


def test_a_traceback_is_shown_on_request(cli):
    """-vv, in one piece or two."""
    assert "Traceback" not in cli("show", "nope", "-v", code=10).errors
    assert "Traceback" in cli("-v", "show", "nope", "-v", code=10).errors
    assert "Traceback" in cli("show", "nope", "-vv", code=10).errors


def test_the_module_can_be_run(cli):
    """``python -m casstore`` is the same program."""
    with _start("put", "data", "--store", "s", "-q") as process:
        assert process.communicate()[0] == b"data:v0\n"
    assert process.returncode == 0
    with _start("show", "nope", "--store", "s") as process:
        assert process.communicate()[1].startswith(b"casstore: ")
    assert process.returncode == 10


def test_a_reader_that_goes_away_is_no_error_message(cli):
    """``casstore ls ... | head``: nothing is said."""
    for number in range(3000):
        cli.write(f"data/many/a-rather-long-name-for-a-file-{number}")
    cli("put", "data", "--store", "s")
    with _start("ls", "data:v0", "--store", "s") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_leaves_the_old_state(cli, number):
    """Exit 130, no version, and the store goes on working."""
    cli("put", "data", "--store", "s")
    fifo_free = cli.folder / "big"
    fifo_free.mkdir()
    with (fifo_free / "zeros").open("wb") as file:
        file.truncate(20 * 1024**3)  # sparse: minutes to read, nothing on disk
    with _start("put", "big", "--store", "s") as process:
        leases = cli.folder / "s" / "leases"
        while not list(leases.iterdir()):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().startswith(b"casstore: interrupted")
    assert cli("ls", "--store", "s", "-q").lines == ["data"]
    assert list((cli.folder / "s" / "leases").iterdir()) == []


def test_no_bar_is_shown_where_nobody_watches(cli):
    """Standard error is a pipe here."""
    assert cli("put", "data").errors == ""


def test_a_bar_is_shown_on_a_terminal_unless_it_is_unwanted(cli, monkeypatch):
    """Bytes, rate and time left; gone with --no-progress and -q."""
    monkeypatch.setattr("casstore.cli.messages.sys.stderr.isatty", lambda: True)
    assert "put" in cli("put", "data").errors
    assert "/256k" in cli("get", "data").errors
    assert cli("put", "data", "--no-progress").errors == ""
    assert cli("put", "data", "-q").errors == ""


def test_a_bar_is_shown_on_a_terminal_that_knows_no_size(cli):
    """Such are those of containers and CI: it is as if it had 80 columns."""
    terminal, inside = pty.openpty()
    try:
        with _start("put", "data", stdout=subprocess.DEVNULL, stderr=inside) as process:
            process.wait(timeout=60)
        os.set_blocking(terminal, False)
        assert "put:   0%" in os.read(terminal, 4096).decode()
    finally:
        os.close(inside)
        os.close(terminal)


def test_sizes_and_counts_read_well():
    """Decimal units with two digits that matter."""
    sizes = {0: "0 B", 999: "999 B", 1500: "1.5 kB", 190_000_000: "190 MB", 3_100_000_000: "3.1 GB"}
    assert {size: size_text(size) for size in sizes} == sizes
    assert size_text(999_960) == "1.0 MB"
    assert (count_text(1, "file"), count_text(12345, "file")) == ("1 file", "12,345 files")


def test_times_are_rfc_3339_in_utc():
    """Microseconds as the journal has them."""
    assert time_json(1_700_000_000_000_001) == "2023-11-14T22:13:20.000001Z"
