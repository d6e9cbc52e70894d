"""A version that nothing stored: what an artifact becomes in a run with ``mode="disabled"``.

Knows: how to answer like a version and do nothing.  Never: stores.
"""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from casstore.artifacts.entry import NO_ENTRIES, ArtifactManifest
from casstore.artifacts.finished import Finished
from casstore.artifacts.jsonable import metadata_of
from casstore.digest import COMMIT_ID_SIZE, DIGEST_SIZE, CommitId, Digest
from casstore.encoding import canonical_json
from casstore.errors import UsageError
from casstore.journal.bodies import ManifestRef
from casstore.journal.views import VersionView
from casstore.manifests import manifest_digest
from casstore.store import Store

__all__ = ["Unstored"]


class Unstored(Finished):
    """``name:v0`` with no files: every call on it is a no-op."""

    def __init__(
        self,
        name: str,
        type_name: str,
        *,
        project: str,
        entity: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        run: str | None = None,
    ) -> None:
        self.view = VersionView(
            commit=CommitId(bytes(COMMIT_ID_SIZE)),
            project=project,
            name=name,
            label=name,
            type=type_name,
            entity=entity,
            manifest=ManifestRef(manifest_digest([]), Digest(bytes(DIGEST_SIZE)), 0, 0, 0),
            number=0,
            numbering=None,
            sealed={},
            run=run,
            description=description,
            metadata=canonical_json(metadata_of(metadata)),
            tags=(),
            ttl=None,
            lifetime=None,
            bases=(),
            environment="{}",
            same_as=(),
            links=(),
            producers=(),
            created_at=int(dt.datetime.now(dt.UTC).timestamp() * 1_000_000),
            updated_at=0,
            deleted=False,
            complete=True,
            conflicts=(),
        )
        self._show_fields(self.view)
        self.aliases = []

    @property
    def is_stored(self) -> bool:
        """Always False."""
        return False

    @property
    def store(self) -> Store:
        """There is none: ``UsageError``."""
        raise UsageError(
            f"{self.view.name!r} was logged in a run that stores nothing",
            hint="run without mode='disabled'",
        )

    def _present(self) -> VersionView:
        return self.view

    @property
    def version(self) -> str:
        """``v0``."""
        return "v0"

    @property
    def name(self) -> str:
        """``name:v0``."""
        return f"{self.view.name}:v0"

    def download(self, root: Path, prefix: str | None, *, allow_missing: bool = False) -> None:
        """Do nothing."""

    def checkout(self, root: Path) -> None:
        """Do nothing."""

    def verify(self, root: Path) -> None:
        """Do nothing."""

    def manifest(self, artifact: object) -> ArtifactManifest:
        """Return no entries."""
        del artifact
        return ArtifactManifest(lambda: NO_ENTRIES, _never, self.name)

    def save(self) -> None:
        """Do nothing."""

    def label(self, aliases: Sequence[str], tags: Sequence[str]) -> None:
        """Do nothing."""

    def delete(self, *, delete_aliases: bool) -> None:
        """Do nothing."""

    def unlink(self) -> None:
        """Do nothing."""


def _never(entry: object) -> Any:
    raise AssertionError(f"an empty manifest has no {entry}")
