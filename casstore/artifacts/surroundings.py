"""What is recorded of where a run runs: the program, Python, the machine, the git commit.

Knows: W&B's keys for them, what may be left out, how long git may take.  Never: settings' sources,
events.  Source of the keys: W&B's ``wandb-metadata.json``.

Nothing of it may cost a run: git has a fifth of a second, whatever fails is left out.  Arguments
are kept because they are how a result is made again; a value whose option sounds like a secret is
not, and addresses lose what stands before their ``@``.  Remotes of the repository are not asked.
"""

import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from casstore.settings import read_environment

__all__ = ["GIT_SECONDS", "Wanted", "surroundings", "wanted_by"]

GIT_SECONDS = 0.2
MAX_ARGUMENTS = 200
MAX_ARGUMENT_CHARS = 1000

KEY_PACKAGES = (
    *("jax", "keras", "lightgbm", "numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn"),
    *("tensorflow", "torch", "transformers", "xgboost"),
)
"""Whose versions are recorded where the program has imported them: that costs nothing."""

_SENSITIVE = (
    *("api[-_]?key", "auth", "credential", "passphrase", "passwd", "password", "private[-_]?key"),
    *("secret", "token"),
)
_SECRET_OPTION = re.compile(rf"-{{0,2}}[\w.+-]*(?:{'|'.join(_SENSITIVE)})[\w-]*", re.IGNORECASE)
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s]+@")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may be recorded: anything at all, the program (``code``), its git commit."""

    anything: bool = True
    code: bool = True
    git: bool = True


def wanted_by(settings: object = None) -> Wanted:
    """Return what may be recorded: as W&B's settings of these names say, else the environment."""
    environment = read_environment()

    def is_off(name: str, *, variable: bool) -> bool:
        given = getattr(settings, name, None)
        return variable if given is None else bool(given)

    return Wanted(
        anything=not is_off("x_disable_meta", variable=environment.disable_meta),
        code=not is_off("disable_code", variable=environment.disable_code),
        git=not is_off("disable_git", variable=environment.disable_git),
    )


def surroundings(wanted: Wanted) -> dict[str, object]:
    """Return what is recorded of this process, as JSON values."""
    if not wanted.anything:
        return {}
    facts: dict[str, object] = {
        "os": platform.platform(terse=True),
        "python": platform.python_version(),
        "executable": sys.executable,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "packages": dict(_packages()),
    }
    if wanted.code:
        facts |= {"program": sys.argv[0] if sys.argv else "", "args": _arguments(sys.argv[1:])}
        facts["root"] = _working_folder()
    if wanted.code and wanted.git:
        found = _git(_working_folder())
        facts |= {"git": found} if found else {}
    return facts


def _packages() -> Iterator[tuple[str, str]]:
    for name in KEY_PACKAGES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            yield name, version


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def _arguments(given: list[str]) -> list[str]:
    """Return arguments without secrets; very many or very long ones are cut, and say so."""
    kept = [
        text if len(text) <= MAX_ARGUMENT_CHARS else f"{text[:MAX_ARGUMENT_CHARS]}..."
        for text in _without_secrets(given[:MAX_ARGUMENTS])
    ]
    more = len(given) - MAX_ARGUMENTS
    return [*kept, f"... {more} more"] if more > 0 else kept


def _without_secrets(given: Iterable[str]) -> Iterator[str]:
    hides_next = False
    for text in given:
        option, equals, _ = text.partition("=")
        sounds_secret = _SECRET_OPTION.fullmatch(option) is not None
        if hides_next and not text.startswith("-"):
            yield _HIDDEN
        elif sounds_secret and equals:
            yield f"{option}={_HIDDEN}"
        else:
            yield _USER_OF_URL.sub(f"{_HIDDEN}@", text)
        hides_next = sounds_secret and not equals and text.startswith("-")


def _git(folder: str) -> dict[str, object]:
    """Return commit, branch and whether tracked files differ; ``dirty`` is None if unknown."""
    try:
        if not folder or not any((up / ".git").exists() for up in _upwards(Path(folder))):
            return {}
        status = _asked("status", "--porcelain=v2", "--branch", "--untracked-files=no")
        if status is not None:
            return _read_status(status.splitlines())
        head = _asked("rev-parse", "HEAD")  # a work tree too large to be compared in time
        return {"commit": head.strip(), "branch": None, "dirty": None} if head else {}
    except OSError:
        return {}


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


def _asked(*words: str) -> str | None:
    """Return what git says, None if it fails or takes too long; it changes and starts nothing."""
    quiet = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "status.renames=false")
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            ["git", *quiet, *words],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError:
        return None
    return done.stdout


def _read_status(lines: list[str]) -> dict[str, object]:
    """Read git-status(1), "Porcelain Format Version 2": headers begin with ``#``."""
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    if commit in {None, "(initial)"}:
        return {}
    dirty = any(not line.startswith("#") for line in lines)
    return {"commit": commit, "branch": None if branch == "(detached)" else branch, "dirty": dirty}
