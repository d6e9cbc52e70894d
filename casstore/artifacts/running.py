"""The module-level face: ``init`` and the calls that act on the current run.

Knows: which run is current, which are active.  Never: how a run is recorded, how a process ends.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.config import Config, Summary, config_of
from casstore.artifacts.elsewhere import for_runs
from casstore.artifacts.ending import at_end_of_process
from casstore.artifacts.inert import Settings
from casstore.artifacts.place import Place, place_for
from casstore.artifacts.run import Run
from casstore.artifacts.runrecord import RunFields, RunRecord, current_record
from casstore.artifacts.surroundings import wanted_by
from casstore.artifacts.terminal import termerror, termlog
from casstore.artifacts.wordnames import run_id
from casstore.errors import Error, Invalid
from casstore.names import texts
from casstore.settings import read_environment

__all__ = [
    "current_config",
    "current_run",
    "current_summary",
    "finish",
    "finish_artifact",
    "init",
    "log",
    "log_artifact",
    "need_run",
    "upsert_artifact",
    "use_artifact",
]

RESUME_WORDS = ("allow", "auto", "must", "never")
REINIT_WORDS = ("default", "return_previous", "finish_previous", "create_new")
MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")

_runs: list[Run] = []


def init(  # noqa: PLR0913, PLR0917 - W&B's signature
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002 - W&B's
    id: str | None = None,  # noqa: A002 - W&B's
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Mapping[str, Any] | str | None = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,  # noqa: FBT001 - W&B's
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,  # noqa: FBT001 - W&B's
    reinit: bool | str | None = None,  # noqa: FBT001 - W&B's
    resume: bool | str | None = None,  # noqa: FBT001 - W&B's
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,  # noqa: FBT001 - W&B's
    tensorboard: bool | None = None,  # noqa: FBT001 - W&B's
    sync_tensorboard: bool | None = None,  # noqa: FBT001 - W&B's
    monitor_gym: bool | None = None,  # noqa: FBT001 - W&B's
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: str | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    remote: str | None = None,
) -> Run:
    """Begin a run in a project of the store, and make it the current one.

    While one is active it is returned, with a notice; ``reinit=True`` or ``"finish_previous"``
    finishes it first, ``"create_new"`` begins another beside it.  ``id`` of a known run continues
    it (``resume="never"``: ``Conflict``; ``"must"`` and unknown: ``NotFound``).  With
    ``mode="disabled"`` nothing is stored; every other mode is local.  ``store`` names the store's
    folder; ``remote``, a remote's name or a URL, a depot that the run shares its versions through
    while it runs (``sharedruns``); ``store`` may be such a URL itself.  ``settings`` says what no
    keyword says: ``entity``, ``project``, ``mode``, ``reinit``, ``resume``, ``root_dir`` and W&B's
    ``run_`` names.  The other keywords are W&B's and mean nothing here.
    """
    del force, anonymous, resume_from, fork_from, save_code, tensorboard, sync_tensorboard
    del monitor_gym
    chosen = settings if isinstance(settings, Settings) else Settings(**dict(settings or {}))
    if (active := _kept(_said(reinit, chosen, "reinit"))) is not None:
        return active
    environment = read_environment()
    used: dict[str, Any] = {}
    fields = RunFields(
        name=_text(_said(name, chosen, "run_name"), "name") or environment.name or None,
        group=_text(_said(group, chosen, "run_group"), "group") or environment.run_group or None,
        job_type=_text(_said(job_type, chosen, "run_job_type"), "job_type")
        or (environment.job_type or None),
        notes=_text(_said(notes, chosen, "run_notes", environment.notes or None), "notes"),
        tags=tuple(texts(_said(tags, chosen, "run_tags", environment.tags))),
        config=config_of(config, config_exclude_keys, config_include_keys, aside=used),
    )
    disabled = _mode(_said(mode, chosen, "mode") or environment.mode) == "disabled"
    project, entity = _said(project, chosen, "project"), _said(entity, chosen, "entity")
    record = RunRecord(
        _place(store, project, entity, remote, disabled=disabled),
        _run_id(_said(id, chosen, "run_id", environment.run_id or None)) or run_id(),
        fields,
        resume=_resume_word(_said(resume, chosen, "resume")),
        disabled=disabled,
        wanted=wanted_by(chosen),
    )
    folder = _said(dir, chosen, "root_dir", environment.dir or None)
    run = Run(
        record,
        allow_val_change=bool(allow_val_change),
        folder=os.fspath(folder) if folder is not None else None,
        settings=chosen,
    )
    return _entered(run, used)


def _place(
    store: str | os.PathLike[str] | None,
    project: str | None,
    entity: str | None,
    remote: str | None,
    *,
    disabled: bool,
) -> Place:
    """Return where a run works; a depot elsewhere that cannot be meant is refused at once."""
    place = place_for(store, project, entity)
    if remote is not None:
        place = replace(place, remote=remote, is_elsewhere=False)
    if (place.remote or remote is not None) and not disabled:
        for_runs().begin(place)
    return place


def _entered(run: Run, used: Mapping[str, Any]) -> Run:
    """Make a run known to the process; it fails if an artifact of its config cannot be used."""
    _runs[:] = [other for other in _runs if not other._record.finished]  # noqa: SLF001 - the same room
    _runs.append(run)
    at_end_of_process(_end_all)
    try:
        run.config.update(used, allow_val_change=True)
    except BaseException:
        run._end("failed", 1)  # noqa: SLF001 - the same room
        raise
    return run


def current_run() -> Run | None:
    """Return the run that module-level calls act on, or None: the oldest that is active (W&B)."""
    record = current_record()
    return next((run for run in _runs if run._record is record), None) if record else None  # noqa: SLF001


class NoRun:
    """Stands for ``config`` or ``summary`` while there is no run: any use of it is an ``Error``."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        object.__setattr__(self, "_what", what)

    def __repr__(self) -> str:
        return f"<casstore.{self._what}: no run>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _no_run(f"{self._what}.{name}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise _no_run(f"{self._what}.{name}")

    def __getitem__(self, name: object) -> NoReturn:
        raise _no_run(f"{self._what}[{name!r}]")

    def __setitem__(self, name: object, value: object) -> NoReturn:
        raise _no_run(f"{self._what}[{name!r}]")


def current_config() -> Config | NoRun:
    """Return the config of the current run."""
    run = current_run()
    return run.config if run is not None else NoRun("config")


def current_summary() -> Summary | NoRun:
    """Return the summary of the current run."""
    run = current_run()
    return run.summary if run is not None else NoRun("summary")


def log_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,  # noqa: A002 - W&B's
    aliases: list[str] | None = None,
    tags: list[str] | None = None,
) -> Artifact:
    """Log an artifact in the current run; see ``Run.log_artifact``."""
    return need_run("log_artifact").log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    artifact_or_name: str | Artifact,
    type: str | None = None,  # noqa: A002 - W&B's
    aliases: list[str] | None = None,
    use_as: str | None = None,
) -> Artifact:
    """Use an artifact in the current run; see ``Run.use_artifact``."""
    return need_run("use_artifact").use_artifact(artifact_or_name, type, aliases, use_as)


def upsert_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,  # noqa: A002 - W&B's
    aliases: list[str] | None = None,
    distributed_id: str | None = None,
) -> Artifact:
    """Contribute to a version together with other runs; see ``Run.upsert_artifact``."""
    run = need_run("upsert_artifact")
    return run.upsert_artifact(artifact_or_path, name, type, aliases, distributed_id)


def finish_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,  # noqa: A002 - W&B's
    aliases: list[str] | None = None,
    distributed_id: str | None = None,
) -> Artifact:
    """Make a version of what was upserted; see ``Run.finish_artifact``."""
    run = need_run("finish_artifact")
    return run.finish_artifact(artifact_or_path, name, type, aliases, distributed_id)


def log(
    data: Mapping[str, Any],
    step: int | None = None,
    commit: bool | None = None,  # noqa: FBT001 - W&B's
    sync: bool | None = None,  # noqa: FBT001 - W&B's
) -> None:
    """Keep scalars in the current run's summary; see ``Run.log``."""
    need_run("log").log(data, step, commit, sync)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:  # noqa: FBT001 - W&B's
    """End the current run, if there is one."""
    run = current_run()
    if run is not None:
        run.finish(exit_code, quiet=quiet)


def need_run(call: str) -> Run:
    """Return the current run; ``Error`` naming the call that needs one."""
    run = current_run()
    if run is None:
        raise _no_run(call)
    return run


def _no_run(call: str) -> Error:
    return Error(f"{call} needs a run", hint="call casstore.init() first")


def _kept(reinit: bool | str | None) -> Run | None:  # noqa: FBT001 - W&B's
    if isinstance(reinit, str) and reinit not in REINIT_WORDS:
        raise Invalid(f"reinit={reinit!r} is not known", hint=f"use {', '.join(REINIT_WORDS)}")
    active = current_run()
    if active is None or reinit == "create_new":
        return None
    if reinit in {True, "finish_previous"}:
        active.finish()
        return None
    termlog(f"run {active.id} is active; init returns it (reinit=True begins another)")
    return active


def _said(given: Any, settings: Settings, name: str, otherwise: Any = None) -> Any:
    """Return what a keyword was given, else what the settings say (W&B's name for it)."""
    said = getattr(settings, name, None) if given is None else given
    return otherwise if said is None else said


def _mode(mode: str | None) -> str:
    if mode and mode not in MODES:
        raise Invalid(f"mode {mode!r} is not known", hint=f"use one of {', '.join(MODES)}")
    return mode or "online"


def _text(given: object, what: str) -> str | None:
    if given is None or isinstance(given, str):
        return given
    raise Invalid(f"{what}={given!r} is no text", hint=f"give a str, as {what}='{given}'")


def _run_id(given: object) -> str | None:
    """Return the id that was asked for, or None if none was."""
    text = _text(given, "id")
    if text is not None:
        _check_id(text)
    return text


def _check_id(given: str) -> None:
    bad = set("/\\#?%:") & set(given)
    if bad or not 0 < len(given) <= 128 or not given.isprintable():
        raise Invalid(f"{given!r} cannot be a run's id", hint="use letters, digits, - and _")


def _resume_word(resume: bool | str | None) -> str:  # noqa: FBT001 - W&B's
    word = resume if isinstance(resume, str) else "allow"
    if word not in RESUME_WORDS:
        raise Invalid(f"resume={word!r} is not known", hint=f"use {', '.join(RESUME_WORDS)}")
    return word


def _end_all(state: str, exit_code: int) -> bool:
    """End the runs of a process that ends; returns whether all that they logged is there."""
    went_well = True
    for run in tuple(_runs):
        try:
            run._end(state, exit_code)  # noqa: SLF001 - the same room
        except Exception as error:  # noqa: BLE001 - said, since nobody is left to catch it
            notes = "; ".join(getattr(error, "__notes__", ()))
            termerror(f"run {run.id}: {error}{f' ({notes})' if notes else ''}")
            went_well = False
    return went_well
