"""``Artifact``: the class that W&B users know, over a draft or a finished version.

Knows: W&B 0.31's calls, their signatures, which of them a draft allows.  Never: how bytes are
stored, how versions are found.  Source of names and defaults: the W&B Python SDK reference,
``wandb.Artifact``.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from casstore.artifacts.collections import ArtifactCollection, find_collection
from casstore.artifacts.commits import log_in_run, wait_for
from casstore.artifacts.drafting import Drafting
from casstore.artifacts.entry import ArtifactEntry, ArtifactFiles
from casstore.artifacts.finished import Finished
from casstore.artifacts.jsonable import metadata_of
from casstore.artifacts.place import Place, current_place
from casstore.artifacts.properties import ArtifactProperties
from casstore.artifacts.runinfo import RunInfo, find_run, users_of
from casstore.artifacts.runrecord import RunFields, RunRecord, current_record
from casstore.artifacts.wordnames import run_id
from casstore.errors import (
    ArtifactFinalizedError,
    Invalid,
)
from casstore.journal.views import VersionView
from casstore.names import check_path, path_bytes
from casstore.settings import read_environment
from casstore.store import Store

__all__ = ["Artifact"]


class Artifact(ArtifactProperties):
    """A set of files with a name and a type: a draft, and once it is logged a finished version.

    ``name``: ``[a-zA-Z0-9_-.]+``, at most 128 characters.  ``type``: any text.  ``metadata``: a
    mapping or JSON text with at most 100 keys, copied at once.  ``incremental``: logging adds to
    the newest version's files instead of replacing them.  ``use_as``, ``storage_region`` and
    ``digest_algorithm`` are accepted and mean nothing here.

    Raises ``Invalid`` (a ``ValueError``) for a bad name, type or metadata.
    """

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - W&B's
        description: str | None = None,
        metadata: dict[str, Any] | str | None = None,
        incremental: bool = False,  # noqa: FBT001, FBT002 - W&B's
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str | None = None,
    ) -> None:
        del storage_region, digest_algorithm
        super().__init__(name, type, Drafting(_place_of_adding, name))
        self._description = description
        self._metadata = metadata_of(metadata)
        self._use_as = use_as
        self._drafting.incremental = incremental

    @classmethod
    def _of(cls, finished: Finished) -> "Artifact":
        """Return the face of a finished version."""
        artifact = cls(finished.view.name, finished.view.type)
        artifact._finished = finished
        artifact._final = True
        return artifact

    @classmethod
    def _of_view(cls, store: Store, view: VersionView) -> "Artifact":
        return cls._of(Finished(store, view))

    def __reduce__(self) -> tuple[object, ...]:
        finished = self._need("pickle")
        view = finished.view
        return (_unpickle, (str(finished.store.root), view.project, view.commit.hex()))

    # Adding

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,  # noqa: FBT001, FBT002 - W&B's
        skip_cache: bool | None = False,  # noqa: FBT001, FBT002 - W&B's
        policy: str | None = "mutable",
        overwrite: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> ArtifactEntry:
        """Add one file as ``name``, by default its base name; its bytes are stored now.

        Raises ``Invalid`` (a ``ValueError``) for a folder, a bad path, or a path that was added
        with other content unless ``overwrite``; ``FileMissing`` if it does not exist.
        """
        del is_tmp, skip_cache, policy
        self._check_draft()
        local = Path(local_path)
        base = os.path.basename(os.path.abspath(local))
        inside = check_path(path_bytes(name if name is not None else base))
        return self._drafting.add_file(local, inside, overwrite=overwrite)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,  # noqa: FBT001, FBT002 - W&B's
        policy: str | None = "mutable",
        merge: bool = False,  # noqa: FBT001, FBT002 - W&B's
        *,
        ignore: Sequence[str] = (),
        on_symlink: str = "follow",
    ) -> None:
        """Add every file of a folder, under ``name/`` if it is given; all of them or none.

        Links are followed; ``on_symlink="error"`` refuses those that lead out.  ``ignore`` is
        gitignore syntax relative to the folder.  Empty folders are not kept.
        Raises ``Invalid`` for what is not a folder, and for a path that was added with other
        content unless ``merge``.
        """
        del skip_cache, policy
        if on_symlink not in {"follow", "error"}:
            raise Invalid(f"on_symlink is 'follow' or 'error', not {on_symlink!r}")
        self._check_draft()
        prefix = path_bytes(name).strip(b"/") if name else b""
        if prefix:
            check_path(prefix)
        patterns = [ignore] if isinstance(ignore, str) else list(ignore)
        self._drafting.add_folder(
            Path(local_path),
            prefix,
            merge=merge,
            ignore=patterns,
            refuse_outside=on_symlink == "error",
        )

    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: str = "mutable"
    ) -> AbstractContextManager[IO[Any]]:
        """Return a context that gives a file to write; it is added when the block ends well."""
        del policy
        self._check_draft()
        return self._drafting.new_file(check_path(path_bytes(name)), mode, encoding)

    def remove(self, item: str | os.PathLike[str] | ArtifactEntry) -> None:
        """Remove a path or a folder from the draft; ``FileMissing`` if there is none."""
        self._check_draft()
        path = item.path if isinstance(item, ArtifactEntry) else item
        self._drafting.remove(path_bytes(path))

    def finalize(self) -> None:
        """End adding: further changes raise ``ArtifactFinalizedError``."""
        self._final = True

    # Looking inside

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactEntry:
        """Return the entry at a path; ``NotFound`` that is a ``KeyError`` if there is none."""
        return self.manifest.entries[os.fspath(name)]

    get_path = get_entry

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the path that a local file was added as, or None."""
        return self._drafting.path_of(local_path)

    def files(
        self, names: list[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> ArtifactFiles:
        """Return the files: iterable, with ``len`` and slices."""
        del per_page, start
        self._need("files")
        return ArtifactFiles(self.manifest, names)

    # Laying out

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,  # noqa: FBT001, FBT002 - W&B's
        skip_cache: bool | None = None,  # noqa: FBT001 - W&B's
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,  # noqa: FBT001 - W&B's
    ) -> str:
        """Lay the files out, every byte verified, and return the folder.

        Default ``root``: ``./artifacts/NAME:vN``.  A file that differs at a path of the version is
        replaced, other files are left alone.  ``path_prefix`` is a plain prefix of the paths.
        """
        del allow_missing_references, skip_cache, multipart
        finished = self._need("download")
        folder = Path(root) if root is not None else finished.default_root()
        prefix = os.fspath(path_prefix) if path_prefix is not None else None
        finished.download(folder, prefix)
        return str(folder)

    def checkout(self, root: str | os.PathLike[str] | None = None) -> str:
        """Make ``root`` (default ``./artifacts/NAME``) hold the version's files and no others.

        Refuses, as ``Invalid``, a root that is or holds the home, the working directory, a ``.git``
        or a ``.casstore``.
        """
        finished = self._need("checkout")
        folder = Path(root) if root is not None else finished.default_root(with_version=False)
        finished.checkout(folder)
        return str(folder)

    def file(self, root: str | None = None) -> str:
        """Lay out the only file and return its path; ``Invalid`` if there are more."""
        self._need("file")
        if self.file_count != 1:
            raise Invalid(
                f"{self.name} holds {self.file_count} files", hint="call download() or get_entry()"
            )
        (entry,) = self.manifest
        return entry.download(root)

    def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Compare a folder (default: where ``download`` puts files) with the version.

        Raises ``Corrupt`` (a ``ValueError``) for what differs or is extra, ``FileMissing`` for what
        is missing.
        """
        finished = self._need("verify")
        finished.verify(Path(root) if root is not None else finished.default_root())

    # Logging and after

    def save(self, project: str | None = None, settings: object = None) -> None:
        """Log a draft, or keep the edits of a finished version.

        A draft is logged by the current run; without one by a run of job type ``auto`` that begins
        and ends here.
        """
        del settings
        finished = self._now()
        if finished is not None:
            finished.save()
            return
        if self._pending is not None:
            self.wait().save()
            return
        record = current_record()
        if record is not None:
            log_in_run(record, self)
            return
        place = current_place().in_project(project or "")
        disabled = read_environment().mode == "disabled"
        record = RunRecord(place, run_id(), RunFields(job_type="auto"), disabled=disabled)
        try:
            log_in_run(record, self)
        except BaseException:
            record.finish("failed", 1)
            raise
        record.finish("finished", 0)

    def wait(self, timeout: float | None = None) -> "Artifact":
        """Wait until it is a version; raises what went wrong, or ``TimeoutError`` after seconds."""
        wait_for(self, timeout)
        return self

    def new_draft(self) -> "Artifact":
        """Return a draft that begins with this version's files, to be changed and logged."""
        finished = self._need("new_draft")
        draft = Artifact(
            finished.view.name,
            finished.view.type,
            description=finished.description,
            metadata=finished.metadata,
        )
        if finished.is_stored:
            draft._drafting.start_from(finished.store, finished.view)
        return draft

    def delete(self, delete_aliases: bool = False) -> None:  # noqa: FBT001, FBT002 - W&B's
        """Delete the version; ``Conflict`` if it has aliases, unless ``delete_aliases``."""
        self._need("delete").delete(delete_aliases=delete_aliases)

    def json_encode(self) -> dict[str, Any]:
        """Return what a run's config records of it."""
        return {
            "_type": "artifactVersion",
            "id": self._need("json_encode").view.commit.hex(),
            "version": self.version,
            "sequenceName": self.name.partition(":")[0],
            "usedAs": self._use_as,
        }

    # Around it

    @property
    def collection(self) -> ArtifactCollection:
        """The collection: all versions of the name."""
        finished = self._need("collection")
        view = finished.view
        return find_collection(finished.store, view.project, view.name, Artifact._of_view)

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection where it was logged."""
        finished = self._need("source_collection")
        project, name, _ = finished.view.source or (finished.view.project, finished.view.name, 0)
        return find_collection(finished.store, project, name, Artifact._of_view)

    def logged_by(self) -> RunInfo | None:
        """Return the run that first logged it; None if no run did, or none that is known here."""
        finished = self._need("logged_by")
        view = finished.view
        if not finished.is_stored or view.run is None:
            return None
        project = view.source[0] if view.source else view.project
        return find_run(finished.store, project, view.run, Artifact._of_view)

    def used_by(self) -> list[RunInfo]:
        """Return the runs that read it, in order, each once."""
        finished = self._need("used_by")
        if not finished.is_stored:
            return []
        return users_of(finished.store, finished.view.commit, Artifact._of_view)

    # Inside

    def _check_draft(self) -> None:
        if self._final:
            raise ArtifactFinalizedError(
                f"{self._base_name!r} is finished and cannot be changed",
                hint="call new_draft() on the logged version",
            )


def _place_of_adding() -> Place | None:
    """Return where bytes that are added go; None where nothing is stored."""
    record = current_record()
    if record is not None:
        return None if record.disabled else record.place
    return None if read_environment().mode == "disabled" else current_place()


def _unpickle(root: str, project: str, commit: str) -> Artifact:
    return Artifact._of(Finished.of_commit(root, project, commit))  # noqa: SLF001
