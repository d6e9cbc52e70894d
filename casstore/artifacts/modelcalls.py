"""The module-level face of models and links: calls that act on the current run.

Knows: W&B's signatures.  Never: what the calls do (``runmodels`` does).
"""

import os

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.running import need_run

__all__ = ["link_artifact", "link_model", "log_model", "use_model"]


def link_artifact(
    artifact: Artifact, target_path: str, aliases: list[str] | None = None
) -> Artifact:
    """Link an artifact into a collection in the current run; see ``Run.link_artifact``."""
    return need_run("link_artifact").link_artifact(artifact, target_path, aliases)


def log_model(
    path: str | os.PathLike[str], name: str | None = None, aliases: list[str] | None = None
) -> None:
    """Log a model in the current run; see ``Run.log_model``."""
    need_run("log_model").log_model(path, name, aliases)


def use_model(name: str) -> str:
    """Use a model in the current run; see ``Run.use_model``."""
    return need_run("use_model").use_model(name)


def link_model(
    path: str | os.PathLike[str],
    registered_model_name: str,
    name: str | None = None,
    aliases: list[str] | None = None,
) -> Artifact | None:
    """Log and link a model in the current run; see ``Run.link_model``."""
    return need_run("link_model").link_model(path, registered_model_name, name, aliases)
