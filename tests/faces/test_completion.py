"""What a shell is told when somebody presses Tab, and that shells make words of it."""

import contextlib
import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def offered(cli, monkeypatch, capsysbinary):
    """Give what is offered for the last of some words, as pairs of kind and value."""
    cli("put", "data", "--store", "s", "--alias", "best")
    cli("remote", "add", "hub", "place", "--store", "s")
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "s"))

    def ask(*words):
        monkeypatch.setenv("_CASSTORE_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["casstore", *map(repr, words)]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit):
            cli(*words)
        lines = capsysbinary.readouterr().out.decode().splitlines()
        return [tuple(line.split(",", 1)) for line in lines if line]

    return ask


def _plain(*values):
    return [("plain", value) for value in values]


def test_verbs_and_options_are_completed(offered):
    """Those that begin so; global options too."""
    assert offered("pu") == _plain("pull", "push", "put")
    assert offered("alias", "") == _plain("ls", "rm", "set")
    assert offered("put", "--n") == _plain("--name", "--no-cache", "--no-progress")


def test_references_are_completed_from_the_store_in_use(offered):
    """Names, then versions and aliases, another project's too; files of a version; remotes."""
    assert offered("get", "d") == _plain("data")
    assert offered("rm", "data:") == _plain("data:v0", "data:best", "data:latest")
    assert offered("show", "data:b") == _plain("data:best")
    assert offered("ls", "default/d") == _plain("default/data")
    assert offered("cat", "data", "sub") == _plain("sub/numbers.bin")
    assert offered("diff", "data", "da") == _plain("data")
    assert offered("push", "--to", "h") == _plain("hub")
    assert offered("remote", "rm", "") == _plain("hub")


def test_files_and_folders_are_left_to_the_shell(offered):
    """Where a path is meant, and where it may be."""
    assert offered("put", "da") == [("file", "da")]
    assert offered("get", "data", "-o", "x") == [("dir", "x")]
    assert offered("--store", "") == [("dir", "")]
    assert offered("diff", "data", "./d") == [("dir", "./d")]
    assert offered("pull", "--from", "/mnt") == [("file", "/mnt")]


def test_completing_what_is_not_there_is_no_error(offered, cli):
    """No store, no such name: nothing is offered and nothing is made."""
    assert offered("get", "nope:") == []
    assert offered("cat", "nope", "") == []
    assert offered("ls", "--store", "nowhere", "d") == []
    assert not (cli.folder / "nowhere").exists()


def test_what_no_shell_can_be_told_is_not_offered(offered, cli):
    """Names that are not UTF-8 or hold a line end: the others are offered, and no error shown."""
    for name in (b"not-\xff", b"two\nlines", b"plain"):
        Path(os.fsdecode(os.fsencode(cli.folder / "odd") + b"/" + name)).parent.mkdir(exist_ok=True)
        Path(os.fsdecode(os.fsencode(cli.folder / "odd") + b"/" + name)).write_bytes(b"1")
    cli("put", "odd", "--store", "s")
    assert offered("cat", "odd", "") == _plain("plain")


ODD = ("my file.txt", "a,b", "it's", "c$d")


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_names_with_commas_and_shows_whole_descriptions(shells, cli):
    """What follows a comma is no field of its own."""
    script = cli("completion", "fish").text
    cli.write("casstore.fish", script)

    def ask(line):
        command = f"source {cli.folder}/casstore.fish; complete -C {shlex.quote(line)}"
        done = subprocess.run(
            ["fish", "--no-config", "--command", command],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=shells,
        )
        return [each.split("\t") for each in done.stdout.splitlines()]

    assert sorted(each[0] for each in ask("casstore cat odd ")) == sorted(ODD)
    assert ask("casstore ali") == [["alias", "Name versions: set, remove or list aliases."]]
    assert ask("casstore get points:b")[0][0] == "points:best"


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize("setup", ["true", 'eval "$(casstore completion zsh)"'])
def test_zsh_completes_a_name_and_a_file(shells, cli, setup):
    """As somebody types it, in a terminal, again and again; what zsh would read is quoted."""
    cli.write("_casstore", cli("completion", "zsh").text)
    with _shell(["zsh", "-f", "-i"], shells) as terminal:
        _send(terminal, f"fpath=({cli.folder} $fpath); autoload -Uz compinit; compinit -u -D\n")
        _send(terminal, f'{setup}; echo rea""dy\n')
        _read(terminal, "ready")
        _send(terminal, "casstore get points:be\t")
        assert "points:best " in _read(terminal, "points:best ")
        _send(terminal, "\x15casstore cat odd my\t")
        assert "my\\ file.txt " in _read(terminal, "my\\ file.txt ")


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_quotes_what_it_would_read_otherwise(shells):
    """Spaces, quotes, dollars; not where a quote was begun."""
    with _shell(["bash", "--norc", "--noprofile", "-i"], shells) as terminal:
        _send(terminal, 'eval "$(casstore completion bash)"; echo rea""dy\n')
        _read(terminal, "ready")
        for typed, shown in (
            ("my", "my\\ file.txt "),
            ("it", "it\\'s "),
            ("c", "c\\$d "),
            ("a", "a,b "),
            ("'my", "'my file.txt' "),
        ):
            _send(terminal, f"\x15casstore cat odd {typed}\t")
            assert shown in _read(terminal, shown)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_a_name_and_a_file(shells):
    """As somebody types it, in a terminal."""
    with _shell(["bash", "--norc", "--noprofile", "-i"], shells) as terminal:
        _send(terminal, 'eval "$(casstore completion bash)"; echo rea""dy\n')
        _read(terminal, "ready")
        _send(terminal, "casstore get poi\t")
        assert "points " in _read(terminal, "points ")
        _send(terminal, "\x15casstore get points:be\t")
        assert "points:best " in _read(terminal, "points:best ")
        _send(terminal, "\x15casstore cat points:v0 em\t")
        assert "points:v0 empty " in _read(terminal, "points:v0 empty ")
        _send(terminal, "\x15casstore diff points:v0 poi\t")
        assert "points:v0 points " in _read(terminal, "points:v0 points ")
        _send(terminal, "\x15casstore put data/a\t")
        assert "data/a.txt " in _read(terminal, "data/a.txt ")


@pytest.fixture
def shells(cli):
    """Log two versions, one of odd names; give the environment of a shell that finds casstore."""
    cli("put", "data", "--store", "s", "--name", "points", "--alias", "best", "-q")
    for name in ODD:
        cli.write(f"odd/{name}", "1")
    cli("put", "odd", "--store", "s", "-q")
    program = f'#!/bin/sh\nexec {sys.executable} -m casstore "$@"\n'
    folder = cli.write("bin/casstore", program, executable=True).parent
    return os.environ | {
        "CASSTORE_HOME": str(cli.folder / "s"),
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PS1": "$ ",
        "TERM": "dumb",
    }


@contextlib.contextmanager
def _shell(command, environment):
    """Give a terminal in which a shell waits for what is typed."""
    terminal, inside = pty.openpty()
    shell = subprocess.Popen(
        command,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=environment,
        start_new_session=True,
    )
    try:
        yield terminal
    finally:
        shell.kill()
        shell.wait()
        os.close(inside)
        os.close(terminal)


def _send(terminal, text):
    os.write(terminal, text.encode())


def _read(terminal, awaited):
    """Return what is shown until ``awaited`` is, or for 20 s."""
    shown, end = "", time.monotonic() + 20
    while awaited not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown
