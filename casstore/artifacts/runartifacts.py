"""What a run does with artifacts: logging them and using them.

Knows: W&B's calls, what a path given as an artifact becomes.  Never: what else a run records.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.commits import log_in_run
from casstore.artifacts.inert import InertRun
from casstore.artifacts.runinfo import RunInfo, find_run
from casstore.artifacts.runrecord import RunRecord, store_for_looking
from casstore.artifacts.unstored import Unstored
from casstore.errors import Invalid, Unsupported
from casstore.names import MAX_NAME_CHARS, parse_reference
from casstore.store import find_version

__all__ = ["RunArtifacts"]

UNSPECIFIED_TYPE = "unspecified"

_UNNAMEABLE = re.compile(r"[^a-zA-Z0-9_\-.]+")


class RunArtifacts(InertRun, ABC):
    """A run, as far as its inputs and outputs go."""

    _record: RunRecord

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """Log an artifact, or a file or folder as one; returns at once, the object that was given.

        It becomes a version in the background: ``wait()`` waits for it.  Within a run, versions of
        one name are numbered in call order.  A path becomes ``run-<id>-<basename>`` of type
        ``unspecified`` unless name and type say otherwise.
        """
        self._record.check_usable("log_artifact")
        artifact = self._artifact_of(artifact_or_path, name, type)
        log_in_run(self._record, artifact, _texts(aliases), _texts(tags))
        self._record.submit(partial(self._record.update, self._changes()))
        return artifact

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,  # noqa: A002 - W&B's
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Return a version and record that this run reads it.

        A draft is logged first.  Raises ``NotFound`` naming the store and project searched, and
        ``Invalid`` (a ``ValueError``) if it is of another type.
        """
        self._record.check_usable("use_artifact")
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
            if artifact.is_draft():
                self.log_artifact(artifact, aliases=aliases)
                artifact.wait()
        else:
            artifact = self._find(artifact_or_name, type)
        if type is not None and artifact.type != type:
            raise Invalid(f"{artifact.name} is of type {artifact.type!r}, not {type!r}")
        finished = artifact._need("use_artifact")  # noqa: SLF001 - the same room
        if finished.is_stored and not self._record.disabled:
            self._record.use(finished.view, use_as or artifact.use_as)
        return artifact

    def logged_artifacts(self) -> Sequence[Artifact]:
        """Return the versions that this run logged, in order."""
        info = self._info()
        return info.logged_artifacts() if info else []

    def used_artifacts(self) -> Sequence[Artifact]:
        """Return the versions that this run read, in order."""
        info = self._info()
        return info.used_artifacts() if info else []

    # Inside

    def _use_in_config(self, key: str, artifact: Artifact) -> dict[str, object]:
        """Use an artifact that is given as a value of the config; return what stands there."""
        used = self.use_artifact(artifact, use_as=key)
        return {**used.json_encode(), "usedAs": key}

    @abstractmethod
    def _changes(self) -> dict[str, object]:
        """Return what is recorded of the run, as it is now."""

    def _info(self) -> RunInfo | None:
        if self._record.disabled:
            return None
        store = store_for_looking(self._record.place)
        return find_run(store, self._record.place.project, self._record.id, Artifact._of_view)  # noqa: SLF001

    def _artifact_of(
        self,
        given: Artifact | str | os.PathLike[str],
        name: str | None,
        type_name: str | None,
    ) -> Artifact:
        if isinstance(given, Artifact):
            return given
        text = os.fspath(given)
        if "://" in text:
            raise Unsupported(f"{text!r} is a URI", hint="upgrade casstore to log references")
        path = Path(text)
        base = _UNNAMEABLE.sub("_", os.path.basename(os.path.abspath(path)))
        default = f"run-{self._record.id}-{base}"[:MAX_NAME_CHARS]
        artifact = Artifact(name or default, type_name or UNSPECIFIED_TYPE)
        if path.is_dir():
            artifact.add_dir(path)
        else:
            artifact.add_file(path)
        return artifact

    def _find(self, name: str, type_name: str | None) -> Artifact:
        place, reference = self._record.place, parse_reference(name)
        if self._record.disabled:
            project = reference.project or place.project
            kind = type_name or UNSPECIFIED_TYPE
            nothing = Unstored(reference.name, kind, project=project, entity=place.entity)
            return Artifact._of(nothing)  # noqa: SLF001 - the same room
        store = store_for_looking(place)
        return Artifact._of_view(  # noqa: SLF001 - the same room
            store, find_version(store, reference, place.project)
        )


def _texts(given: Iterable[str] | str | None) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)
