"""Calls of the command line and of the Python face, each test in a folder of its own."""

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from machines import Machine

import casstore
from casstore.artifacts import place, running, runrecord
from casstore.artifacts.run import Run
from casstore.cli.main import main
from casstore.store import Store, close_store, open_store, opening


class Result(NamedTuple):
    """How a call ended and what it printed."""

    code: int
    raw: bytes
    errors: str

    @property
    def text(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.errors)["error"]


class Cli:
    """``casstore`` as somebody types it in ``folder``; expects success unless told otherwise."""

    def __init__(self, folder: Path, read: Callable[[], Any]) -> None:
        self.folder = folder
        self._read = read

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        self._read()
        before = Path.cwd()
        got = main(arguments)
        os.chdir(before)  # -C is for one process
        out, errors = self._read()
        result = Result(got, out, errors.decode())
        assert result.code == code, (arguments, result)
        return result

    def write(self, path: str, content: str | bytes = "", *, executable: bool = False) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(0o755 if executable else 0o644)
        return target


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Cli:
    """Give a fresh home and working directory with a folder ``data`` of four files, no store."""
    for name in ("HOME", "STORE", "PROJECT", "ENTITY", "SILENT"):
        monkeypatch.delenv(f"CASSTORE_{name}", raising=False)
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    calls = Cli(work, capsysbinary.readouterr)
    calls.write("data/a.txt", "hello\n")
    calls.write("data/empty")
    calls.write("data/run.sh", "#!/bin/sh\n", executable=True)
    calls.write("data/sub/numbers.bin", bytes(range(256)) * 1000)
    return calls


@pytest.fixture
def two(cli: Cli) -> tuple[Machine, Machine]:
    """Give two machines ``a`` and ``b`` that know one upstream, ``hub``."""
    return Machine(cli, "a"), Machine(cli, "b")


@pytest.fixture
def before(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Give a store at ``s`` that both faces use, with ``data`` in it as ``before:v0``."""
    monkeypatch.setenv("CASSTORE_HOME", str(cli.folder / "s"))
    _forget()
    cli("put", "data", "--name", "before")
    yield cli
    _forget()


PACKAGE_FOLDER = str(Path(place.__file__).parents[2])


class Desk:
    """The working directory of somebody who imports casstore, with a store beside it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self._started: list[subprocess.Popen[str]] = []

    @property
    def store(self) -> Store:
        return open_store(self.root)

    def write(self, path: str, content: str | bytes = "", *, executable: bool = False) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(0o755 if executable else 0o644)
        return target

    def start(
        self, script: str, *arguments: str, stdin: bool = False, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a script in another process, in this folder and with this store."""
        path = self.folder / f"script{len(list(self.folder.glob('script*.py')))}.py"
        path.write_text(textwrap.dedent(script))
        process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdin=subprocess.PIPE if stdin else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER, **environment},
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """End what a failed test left at work: its warnings would fail whichever test is next."""
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def run(self, script: str, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run a script in another process; returns what it printed."""
        process = self.start(script, *arguments, **environment)
        out, errors = process.communicate(timeout=60)
        assert process.returncode == code, (out, errors)
        return out


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a working directory and a store to be made; forget what the process resolved."""
    for name in list(os.environ):
        if name.startswith(("CASSTORE_", "WANDB_")) and name != "CASSTORE_TEST_ALL":
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("CASSTORE_HOME", str(tmp_path / "store"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    _forget()
    desk = Desk(folder, tmp_path / "store")
    yield desk
    desk.end()
    _forget()


@pytest.fixture
def run(desk: Desk) -> Iterator[Run]:
    """Give a run in project ``p`` that is active."""
    with casstore.init(project="p") as run:
        yield run


@pytest.fixture
def data(desk: Desk, run: Run) -> casstore.Artifact:
    """Log a version of three files, one of them executable."""
    desk.write("in/a.txt", "hello")
    desk.write("in/sub/b.bin", bytes(range(256)) * 5000)
    desk.write("in/tool", "#!/bin/sh\n", executable=True)
    artifact = casstore.Artifact("data", "dataset", description="first", metadata={"lr": 0.1})
    artifact.add_dir("in")
    return run.log_artifact(artifact, aliases=["best"]).wait()


def _forget() -> None:
    """End the runs of this process, close its stores, forget which store and project it uses."""
    for run in list(running._runs):
        with contextlib.suppress(Exception):  # what a test left behind is not the next one's matter
            run._end("crashed", 1)
    running._runs.clear()
    runrecord._active.clear()
    place._resolved.clear()
    for store in list(opening._open_stores.values()):
        close_store(store)
