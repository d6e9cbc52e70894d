"""Calls of the command line, in this process, in a folder of their own."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from casstore.cli.main import main


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
