"""What a run does with models and links: W&B's short cuts over logging, using and linking.

Knows: W&B 0.31's calls, which types count as a model's, where registered models are.  Never: how
versions are made, how links are recorded.
"""

import os
from pathlib import Path

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.commits import log_in_run
from casstore.artifacts.linking import check_target, checked_aliases, link_to, warn_of_link
from casstore.artifacts.runartifacts import RunArtifacts
from casstore.artifacts.runrecord import store_for_looking
from casstore.errors import Invalid
from casstore.names import check_name
from casstore.store import collection_called

__all__ = ["MODEL_REGISTRY", "RunModels"]

MODEL_TYPE = "model"
MODEL_REGISTRY = "model-registry"
"""The project of registered models (W&B)."""


class RunModels(RunArtifacts):
    """A run, as far as models and links go."""

    def link_artifact(
        self,
        artifact: Artifact,
        target_path: str,
        aliases: list[str] | None = None,
    ) -> Artifact:
        """Link an artifact into a collection ``[[entity/]project/]name``; returns the link.

        A draft is logged in this run first, and waited for.  The project is the run's where none is
        named.  Raises as ``Artifact.link`` does.
        """
        self._record.check_usable("link_artifact")
        given = checked_aliases(aliases)
        check_target(target_path)
        if artifact.is_draft() and artifact._pending is None:  # noqa: SLF001 - the same room
            log_in_run(self._record, artifact)
        artifact.wait()
        finished = artifact._need("link_artifact")  # noqa: SLF001 - the same room
        if not finished.is_stored or self._record.disabled:
            return artifact
        warn_of_link(finished, "its source is linked")
        return Artifact._of(link_to(finished, target_path, given, self._record.place))  # noqa: SLF001

    def log_model(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> None:
        """Log a file or folder as an artifact of type ``model``, by default ``run-<id>-<name>``."""
        self.log_artifact(path, name=name, type=MODEL_TYPE, aliases=aliases)

    def use_model(self, name: str) -> str:
        """Use a model, lay its files out and return the path: of the only file, else the folder.

        Raises ``Invalid`` (a ``ValueError``) for an artifact whose type has no ``model`` in it, and
        then nothing is recorded.
        """
        self._record.check_usable("use_model")
        artifact = self._find(name, MODEL_TYPE)
        _check_is_model(artifact.name, artifact.type)
        folder = Path(self.use_artifact(artifact).download())
        if artifact.file_count != 1:
            return str(folder)
        (entry,) = artifact.manifest
        return str(folder / entry.path)

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> Artifact | None:
        """Log a file or folder as a model and link it to a registered one; returns the link.

        Registered models are in the project ``model-registry``; ``aliases`` are those of the link.
        ``name`` may be that of models that were logged before, whose type has ``model`` in it.
        """
        self._record.check_usable("link_model")
        if "/" in registered_model_name:
            raise Invalid(
                f"{registered_model_name!r} is more than the name of a registered model",
                hint=f"leave out entity and project: it is in {MODEL_REGISTRY!r}",
            )
        check_name(registered_model_name)
        checked_aliases(aliases)
        artifact = self.log_artifact(path, name=name, type=self._model_type(name))
        return self.link_artifact(artifact, f"{MODEL_REGISTRY}/{registered_model_name}", aliases)

    def _model_type(self, name: str | None) -> str:
        """Return the type of the models of a name; ``Invalid`` if they are none."""
        if name is None or self._record.disabled:
            return MODEL_TYPE
        place = self._record.place
        store = store_for_looking(place)
        with store.index.read() as reader:
            known = collection_called(store, reader, place.project, check_name(name))
        if known is None:
            return MODEL_TYPE
        return _check_is_model(name, known.type)


def _check_is_model(name: str, type_name: str) -> str:
    if "model" not in type_name.lower():
        raise Invalid(
            f"{name} is of type {type_name!r}, which is no model's",
            hint="a model's type has 'model' in it; use_artifact takes any",
        )
    return type_name
