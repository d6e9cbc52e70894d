"""casstore: a local-first, content-addressed artifact store for experiments.

``import casstore as wandb`` runs the artifact part of a W&B script.  Names are loaded when they are
first used, from one table, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "AlertLevel": "casstore.artifacts.inert",
    "Api": "casstore.artifacts.api",
    "Artifact": "casstore.artifacts.artifact",
    "ArtifactFinalizedError": "casstore.errors",
    "ArtifactNotLoggedError": "casstore.errors",
    "ArtifactTTL": "casstore.artifacts.lifetime",
    "Audio": "casstore.media",
    "Busy": "casstore.errors",
    "Classes": "casstore.media",
    "CommError": "casstore.errors",
    "Config": "casstore.artifacts.config",
    "Conflict": "casstore.errors",
    "Corrupt": "casstore.errors",
    "Error": "casstore.errors",
    "Graph": "casstore.artifacts.inert",
    "Histogram": "casstore.media",
    "Html": "casstore.media",
    "Image": "casstore.media",
    "Invalid": "casstore.errors",
    "JoinedTable": "casstore.tables",
    "Molecule": "casstore.media",
    "NotFound": "casstore.errors",
    "Object3D": "casstore.media",
    "PartitionedTable": "casstore.tables",
    "Plotly": "casstore.media",
    "RemoteError": "casstore.errors",
    "Run": "casstore.artifacts.run",
    "Settings": "casstore.artifacts.inert",
    "Table": "casstore.tables",
    "Unsupported": "casstore.errors",
    "UsageError": "casstore.errors",
    "Video": "casstore.media",
    "agent": "casstore.artifacts.inert",
    "alert": "casstore.artifacts.inert",
    "controller": "casstore.artifacts.inert",
    "define_metric": "casstore.artifacts.inert",
    "finish": "casstore.artifacts.running",
    "finish_artifact": "casstore.artifacts.running",
    "init": "casstore.artifacts.running",
    "link_artifact": "casstore.artifacts.modelcalls",
    "link_model": "casstore.artifacts.modelcalls",
    "log": "casstore.artifacts.running",
    "log_artifact": "casstore.artifacts.running",
    "log_code": "casstore.artifacts.inert",
    "log_model": "casstore.artifacts.modelcalls",
    "login": "casstore.artifacts.inert",
    "mark_preempting": "casstore.artifacts.inert",
    "plot": "casstore.artifacts.inert",
    "require": "casstore.artifacts.inert",
    "restore": "casstore.artifacts.inert",
    "save": "casstore.artifacts.inert",
    "setup": "casstore.artifacts.inert",
    "sweep": "casstore.artifacts.inert",
    "teardown": "casstore.artifacts.inert",
    "termerror": "casstore.artifacts.terminal",
    "termlog": "casstore.artifacts.terminal",
    "termwarn": "casstore.artifacts.terminal",
    "unwatch": "casstore.artifacts.inert",
    "upsert_artifact": "casstore.artifacts.running",
    "use_artifact": "casstore.artifacts.running",
    "use_model": "casstore.artifacts.modelcalls",
    "util": "casstore.artifacts.inert",
    "watch": "casstore.artifacts.inert",
}

_RENAMED = {
    "open": ("casstore.artifacts.opening", "open_entry"),
    "open_store": ("casstore.artifacts.openstore", "open_store"),
}

_CURRENT = {
    "config": "current_config",
    "run": "current_run",
    "summary": "current_summary",
}

_MODULES = {
    "data_types": "casstore.artifacts.data_types",
    "errors": "casstore.errors",
}

__all__ = ["__version__", *sorted({*_NAMES, *_RENAMED, *_CURRENT, *_MODULES})]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _CURRENT:  # what the name means changes: never kept
        return getattr(import_module("casstore.artifacts.running"), _CURRENT[name])()
    if name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
    elif name in _RENAMED:
        module, attribute = _RENAMED[name]
        value = getattr(import_module(module), attribute)
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'casstore' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
