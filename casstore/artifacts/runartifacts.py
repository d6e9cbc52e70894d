"""What a run does with artifacts: logging them and using them.

Knows: W&B's calls, what a path given as an artifact becomes.  Never: what else a run records.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.commits import log_in_run
from casstore.artifacts.elsewhere import for_runs
from casstore.artifacts.inert import InertRun
from casstore.artifacts.runinfo import RunInfo, find_run
from casstore.artifacts.runrecord import RunRecord, store_for_looking
from casstore.artifacts.unstored import Unstored
from casstore.errors import Invalid
from casstore.names import (
    MAX_NAME_CHARS,
    URL_SCHEME,
    Reference,
    parse_reference,
    parse_url,
    path_text,
    texts,
)
from casstore.references import base_name
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
        one name are numbered in call order.  A path or URI becomes ``run-<id>-<basename>`` of type
        ``unspecified`` unless name and type say otherwise; what a URI means is referred to.
        """
        self._record.check_usable("log_artifact")
        artifact = self._artifact_of(artifact_or_path, name, type)
        log_in_run(self._record, artifact, texts(aliases), texts(tags))
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
        if not isinstance(given, str | os.PathLike):
            raise TypeError(f"an Artifact or a path is logged, not a {type(given).__qualname__}")
        text = os.fspath(given)
        is_uri = "://" in text
        base = path_text(base_name(text)) if is_uri else os.path.basename(os.path.abspath(text))
        default = f"run-{self._record.id}-{_UNNAMEABLE.sub('_', base)}"[:MAX_NAME_CHARS]
        artifact = Artifact(name or default, type_name or UNSPECIFIED_TYPE)
        if is_uri:
            artifact.add_reference(text)
        elif os.path.isdir(text):
            artifact.add_dir(text)
        else:
            artifact.add_file(text)
        return artifact

    def _find(self, name: str, type_name: str | None) -> Artifact:
        place, reference = self._record.place, _reference_of(name)
        if self._record.disabled:
            project = reference.project or place.project
            kind = type_name or UNSPECIFIED_TYPE
            nothing = Unstored(reference.name, kind, project=project, entity=place.entity)
            return Artifact._of(nothing)  # noqa: SLF001 - the same room
        store = store_for_looking(place)
        view = for_runs().fetch(place, store, reference) if place.remote else None
        return Artifact._of_view(  # noqa: SLF001 - the same room
            store, view or find_version(store, reference, place.project)
        )


def _reference_of(name: str) -> Reference:
    """Read ``name:version``, or a ``casstore://`` URL of a version."""
    if not isinstance(name, str):
        raise TypeError(f"use_artifact takes an Artifact or a name, not a {type(name).__name__}")
    if not name.startswith(f"{URL_SCHEME}://"):
        return parse_reference(name)
    reference, path = parse_url(name)
    if path:
        raise Invalid(
            f"{name!r} names a file", hint=f"use {reference}, then get_entry({path_text(path)!r})"
        )
    return reference
