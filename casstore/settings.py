"""Which store, which project, which names: arguments, environment variables, files, in their order.

Knows: ``CASSTORE_`` and ``WANDB_`` variables, ``pyproject.toml``, ``.casstore/``, the user's data
directory.  Never: what is in a store, whether it exists.
The only one who reads and sets ``os.environ``, and the only importer of ``platformdirs``, which
like ``tomllib`` is loaded when it is needed.
"""

import importlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from casstore.errors import Invalid, Unsupported
from casstore.names import check_project

__all__ = [
    "DEFAULT_PROJECT",
    "STORE_FOLDER",
    "Environment",
    "Job",
    "Pretence",
    "StoreChoice",
    "StoreSource",
    "backend_variables",
    "configures_fsspec",
    "find_project",
    "find_store",
    "is_ray_worker",
    "pretence",
    "read_environment",
    "read_job",
    "read_store_config",
    "silent",
    "storage_emulator",
    "tell_children",
    "user_cache_dir",
    "user_data_dir",
]

DEFAULT_PROJECT = "default"
JOB_VARIABLE = "CASSTORE_JOB"
STORE_FOLDER = ".casstore"

_BACKENDS = ("AWS_", "AZURE_", "FSSPEC_", "GCSFS_", "GOOGLE_", "HOME", "STORAGE_EMULATOR_HOST")
_NO_WORDS = frozenset({"", "0", "f", "false", "n", "no", "off"})

StoreSource = Literal["argument", "CASSTORE_HOME", ".casstore", "pyproject.toml", "default"]


class Environment(NamedTuple):
    """What the environment variables say; text is empty where they say nothing.

    ``store`` is ``CASSTORE_HOME``; every other field ``x`` is ``CASSTORE_X``, or ``WANDB_X`` where
    that is not set or empty.  ``disable_meta`` is also W&B's ``WANDB__DISABLE_META`` and
    ``WANDB_X_DISABLE_META``.
    """

    store: str = ""
    project: str = ""
    entity: str = ""
    run_group: str = ""
    job_type: str = ""
    name: str = ""
    run_id: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    mode: str = ""
    dir: str = ""
    artifact_dir: str = ""
    silent: bool = False
    disable_git: bool = False
    disable_code: bool = False
    disable_meta: bool = False


class StoreChoice(NamedTuple):
    """The directory of a store, absolute, and what named it; nothing says that it exists."""

    path: Path
    source: StoreSource

    @property
    def is_default(self) -> bool:
        """Whether nobody named it: the store in the user's data directory."""
        return self.source == "default"


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """Read the variables of ``environ``, by default those of this process as they are now."""
    given = os.environ if environ is None else environ

    def variable(name: str) -> str:
        return given.get(f"CASSTORE_{name}") or given.get(f"WANDB_{name}") or ""

    def is_set(name: str) -> bool:
        return variable(name).strip().lower() not in _NO_WORDS

    return Environment(
        store=given.get("CASSTORE_HOME", ""),
        project=variable("PROJECT"),
        entity=variable("ENTITY"),
        run_group=variable("RUN_GROUP"),
        job_type=variable("JOB_TYPE"),
        name=variable("NAME"),
        run_id=variable("RUN_ID"),
        notes=variable("NOTES"),
        tags=tuple(tag for part in variable("TAGS").split(",") if (tag := part.strip())),
        mode=variable("MODE"),
        dir=variable("DIR"),
        artifact_dir=variable("ARTIFACT_DIR"),
        silent=is_set("SILENT"),
        disable_git=is_set("DISABLE_GIT"),
        disable_code=is_set("DISABLE_CODE"),
        disable_meta=any(is_set(f"{word}DISABLE_META") for word in ("", "_", "X_")),
    )


def silent() -> bool:
    """Tell whether this process's environment, as it is now, asks for no messages."""
    return read_environment().silent


class Job(NamedTuple):
    """Where a process works, told to those that it starts.

    ``home`` and ``project_variable`` are what its ``CASSTORE_HOME`` and ``CASSTORE_PROJECT`` (or
    ``WANDB_PROJECT``) said: where a child's say otherwise, the child was told so on purpose.
    """

    process: int
    store: str
    is_default: bool
    project: str
    home: str
    project_variable: str


def tell_children(job: Job) -> None:
    """Let the processes that this one starts know where it works."""
    os.environ[JOB_VARIABLE] = json.dumps(job._asdict())


def read_job(environ: Mapping[str, str] | None = None) -> Job | None:
    """Return what the process that started this one told, or one further up; None if none did."""
    text = (os.environ if environ is None else environ).get(JOB_VARIABLE)
    if not text:
        return None
    try:
        return Job(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"{JOB_VARIABLE} is {text!r}, which casstore did not set",
            hint="unset it; CASSTORE_HOME and CASSTORE_PROJECT are yours to set",
        ) from error


class Pretence(NamedTuple):
    """What a test tells a process of its machine; everything is empty in normal use.

    ``machine`` (``CASSTORE_TEST_MACHINE``) is added to the id of the machine, so that processes of
    one play several.  ``filesystem`` is the kind of file system that is to be believed of
    ``folder`` and what lies below (``CASSTORE_TEST_FILESYSTEM``, ``nfs4:/the/folder``).
    """

    machine: str = ""
    filesystem: str = ""
    folder: str = ""


def pretence() -> Pretence:
    """Read the settings for tests; who may pretend what is ``durable``'s to say."""
    kind, _, folder = os.environ.get("CASSTORE_TEST_FILESYSTEM", "").partition(":")
    return Pretence(os.environ.get("CASSTORE_TEST_MACHINE", ""), kind, folder)


def is_ray_worker(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether Ray started this process to run tasks: its raylet does, and names itself."""
    raylet = (os.environ if environ is None else environ).get("RAY_RAYLET_PID")
    return raylet == str(os.getppid())


def backend_variables() -> tuple[tuple[str, str], ...]:
    """Return what the environment says to the backends of references; never stored or shown."""
    return tuple(item for item in os.environ.items() if item[0].startswith(_BACKENDS))


def configures_fsspec() -> bool:
    """Tell whether something is said to fsspec, by ``FSSPEC_...`` or in its folder."""
    folder = os.path.join(os.path.expanduser("~"), ".config", "fsspec")
    return any(name.startswith("FSSPEC") for name in os.environ) or os.path.isdir(folder)


def storage_emulator() -> str:
    """Return where Google's own clients would look for an emulator; empty if nowhere."""
    return os.environ.get("STORAGE_EMULATOR_HOST", "")


def user_data_dir() -> Path:
    """Return the user's default store, in the place that this platform has for data."""
    return _platform_folder("user_data_dir")


def user_cache_dir() -> Path:
    """Return the folder for what can be made again, in the place that this platform has for it."""
    return _platform_folder("user_cache_dir")


def _platform_folder(kind: str) -> Path:
    return Path(getattr(importlib.import_module("platformdirs"), kind)("casstore", appauthor=False))


def _read_toml(path: Path) -> dict[str, Any]:
    """Read a file of TOML; raises what opening raises, and ``ValueError``."""
    if stat.S_ISFIFO(path.stat().st_mode):  # opening it would wait for who writes to it
        raise ValueError("it is a pipe")
    text = path.read_text(encoding="utf-8")  # most commands find none, and need no parser
    content: dict[str, Any] = importlib.import_module("tomllib").loads(text)
    return content


def find_store(
    start: Path,
    explicit: str | os.PathLike[str] | None = None,
    *,
    environment: Environment,
    user_data_dir: Callable[[], Path],
) -> StoreChoice:
    """Choose the store for someone who works in ``start``.

    ``explicit`` > ``CASSTORE_HOME`` > the nearest ``.casstore/`` in ``start`` or above >
    ``[tool.casstore] store`` of the nearest ``pyproject.toml``, relative to it > ``user_data_dir``.
    The first two are relative to ``start``; ``~`` is the home, ``file://`` URLs are paths.

    Raises ``Invalid`` for an empty ``explicit`` or an unusable ``pyproject.toml``, ``Unsupported``
    for any other URL.
    """
    start = start.resolve()
    if explicit is not None:
        return StoreChoice(_directory(os.fspath(explicit), start), "argument")
    if environment.store:
        return StoreChoice(_directory(environment.store, start), "CASSTORE_HOME")
    for folder in _upwards(start):
        if _is_directory(folder / STORE_FOLDER):
            return StoreChoice((folder / STORE_FOLDER).resolve(), ".casstore")
    where, table = _pyproject(start)
    if "store" in table:
        return StoreChoice(_directory(_text(table, "store", where), where.parent), "pyproject.toml")
    return StoreChoice(user_data_dir().expanduser().resolve(), "default")


def read_store_config(root: Path) -> dict[str, Any]:
    """Return what a store's ``config.toml`` says; nothing if there is none."""
    path = root / "config.toml"
    try:
        return _read_toml(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        raise Invalid(f"{path} cannot be read: {error}", hint="mend or remove it") from error


def find_project(
    explicit: str | None,
    environment: Environment,
    *,
    start: Path,
    store_config: Mapping[str, Any],
) -> str:
    """Choose the project for someone who works in ``start`` with a store of that configuration.

    ``explicit`` > ``CASSTORE_PROJECT`` > ``WANDB_PROJECT`` > ``[tool.casstore] project`` of the
    nearest ``pyproject.toml`` > ``project`` of the store's ``config.toml`` > ``default``.  Empty
    text counts as not given (W&B).  Raises ``Invalid`` for what cannot be a project.
    """
    named = explicit or environment.project
    if named:
        return check_project(named)
    where, table = _pyproject(start.resolve())
    if "project" in table:
        return check_project(_text(table, "project", where))
    if "project" in store_config:
        return check_project(_text(store_config, "project", "the store's config.toml"))
    return DEFAULT_PROJECT


def _directory(text: str, base: Path) -> Path:
    if not text or "\0" in text:
        raise Invalid(f"{text!r} cannot name a store", hint="give the path of a directory")
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() != "file":
        raise Unsupported(
            f"{text} cannot be opened as a store", hint="give the path of a directory"
        )
    path = Path(unquote(urlsplit(text).path) if separator else text)
    try:
        return (base / path.expanduser()).resolve()
    except RuntimeError as error:
        raise Invalid(f"{text!r} cannot name a store: {error}") from error


def _upwards(start: Path) -> Iterator[Path]:
    yield start
    yield from start.parents


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:
        return False  # a folder above that this user may not look into holds no store of theirs


def _pyproject(start: Path) -> tuple[Path, Mapping[str, Any]]:
    """Return the nearest ``pyproject.toml`` and its ``[tool.casstore]``, empty without one."""
    for folder in _upwards(start):
        path = folder / "pyproject.toml"
        try:
            content = _read_toml(path)
        except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError):
            continue
        except (OSError, ValueError) as error:
            raise Invalid(
                f"{path} cannot be read: {error}", hint="correct it, or name a store"
            ) from error
        tool = content.get("tool")
        table = tool.get("casstore") if isinstance(tool, dict) else None
        if table is not None and not isinstance(table, dict):
            raise Invalid(f"{path}: tool.casstore must be a table")
        return path, table or {}
    return start / "pyproject.toml", {}


def _text(table: Mapping[str, Any], key: str, where: object) -> str:
    value = table[key]
    if not isinstance(value, str) or not value:
        raise Invalid(f"{where}: {key} must be a text that is not empty, not {value!r}")
    return value
