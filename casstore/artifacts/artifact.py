"""``Artifact``: the class that W&B users know, over a draft or a finished version.

Knows: W&B 0.31's calls, their signatures, which of them a draft allows.  Never: how bytes are
stored, how versions are found.  Source of names and defaults: the W&B Python SDK reference,
``wandb.Artifact``.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from casstore.artifacts.collection import ArtifactCollection
from casstore.artifacts.collections import collection_created_as
from casstore.artifacts.commits import log_in_run, wait_for
from casstore.artifacts.contents import ArtifactContents
from casstore.artifacts.drafting import Drafting
from casstore.artifacts.elsewhere import pull_versions, push_versions
from casstore.artifacts.finished import Finished
from casstore.artifacts.jsonable import metadata_of
from casstore.artifacts.lineage import Lineage
from casstore.artifacts.linking import (
    check_target,
    checked_aliases,
    link_to,
    linked_versions,
    warn_of_link,
)
from casstore.artifacts.place import Place, current_place
from casstore.artifacts.runinfo import RunInfo, maker_of, users_of
from casstore.artifacts.runrecord import RunFields, RunRecord, current_record, working_place
from casstore.artifacts.waiting import wait_for_part
from casstore.artifacts.wordnames import run_id
from casstore.errors import Invalid
from casstore.journal.views import VersionView
from casstore.settings import read_environment
from casstore.store import Store

__all__ = ["Artifact"]


class Artifact(ArtifactContents):
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
        artifact = cls(finished.view.label, finished.view.type)
        artifact._finished = finished
        artifact._final = True
        return artifact

    @classmethod
    def _of_view(cls, store: Store, view: VersionView) -> "Artifact":
        return cls._of(Finished(store, view))

    def __reduce__(self) -> tuple[object, ...]:
        finished = self._need("pickle")
        view = finished.view
        return (_unpickle, (str(finished.store.root), view.project, view.name, view.commit.hex()))

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

        References are fetched and compared with what was recorded.  Raises ``FileMissing`` for one
        that is gone and ``ReferenceChanged``, naming both ETags, for another object;
        ``allow_missing_references`` leaves those out and warns.
        """
        del skip_cache, multipart
        finished = self._need("download")
        folder = Path(root) if root is not None else finished.default_root()
        prefix = os.fspath(path_prefix) if path_prefix is not None else None
        finished.download(folder, prefix, allow_missing=allow_missing_references)
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
            try:
                log_in_run(record, self)
            except BaseException:
                record.finish("failed", 1)
                raise
            record.finish("finished", 0)
        finally:
            record.let_go()  # nobody else has it, to finish it again

    def wait(self, timeout: float | None = None, *, finished: bool = False) -> "Artifact":
        """Wait until it is a version; raises what went wrong, or ``TimeoutError`` after seconds.

        One that was upserted is waited for until its part is durable; it becomes the version if the
        round is finished by then, on this host or another.  ``finished`` waits for that: for
        workers that nobody waits for before the finish.  A depot elsewhere is then asked 6 times in
        the first minute and twice in each later one; of the version come the lists of files, and
        bytes when they are read.  (``finished`` is casstore's own.)
        """
        if self._part is not None and self._pending is None and self._now() is None:
            wait_for_part(self, self._part, timeout, finished=finished)
        else:
            wait_for(self, timeout)
        return self

    def push(self, to: str | None = None) -> "Artifact":
        """Bring the version to a remote, by name or URL; None is the upstream, else the only one.

        Raises ``RemoteError`` and its kinds; what was sent stays, and the next call goes on.
        """
        finished = self._need("push")
        if finished.is_stored:
            push_versions(finished.store, [finished.view.commit], to)
        return self

    def pull(self, from_: str | None = None) -> "Artifact":
        """Bring what is said of the version, and what of it is missing here, from a remote."""
        finished = self._need("pull")
        if finished.is_stored:
            pull_versions(finished.store, [finished.view.commit], from_)
        return self

    def new_draft(self) -> "Artifact":
        """Return a draft that begins with this version's files, to be changed and logged."""
        finished = self._need("new_draft")
        draft = Artifact(
            finished.home().view.label,
            finished.view.type,
            description=finished.description,
            metadata=finished.metadata,
        )
        if finished.is_stored:
            draft._drafting.start_from(finished.store, finished.view)
        return draft

    def delete(self, delete_aliases: bool = False) -> None:  # noqa: FBT001, FBT002 - W&B's
        """Delete the version; ``Conflict`` if it has aliases, unless ``delete_aliases``.

        Its links end with it.  Of a linked artifact only the link ends (W&B), with its aliases.
        """
        finished = self._need("delete")
        warn_of_link(finished, "it is unlinked, and its source stays")
        finished.delete(delete_aliases=delete_aliases)

    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> "Artifact":
        """Link the version into a collection ``[[entity/]project/]name``; returns the link.

        A registry is a project: ``wandb-registry-models/detector``.  The collection gives the link
        a number and ``latest`` of its own; linked again it keeps the number and gets the aliases.
        A draft is logged first.  Raises ``Invalid`` (a ``ValueError``) for a collection of another
        type, and for the version's own.
        """
        given = checked_aliases(aliases)
        check_target(target_path)
        if self._now() is None:
            if self._pending is None:
                self.save()
            self.wait()
        finished = self._need("link")
        if not finished.is_stored:
            return self
        warn_of_link(finished, "its source is linked")
        return Artifact._of(link_to(finished, target_path, given, working_place()))

    def unlink(self) -> None:
        """End the link that this artifact is; its source stays.

        Raises ``Invalid`` (a ``ValueError``) for one that is no link: ``delete`` removes that.
        """
        self._need("unlink").unlink()

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
        return _collection_of(self._need("collection"), self.entity)

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection where it was logged."""
        return _collection_of(self._need("source_collection").home(), self.entity)

    @property
    def linked_artifacts(self) -> "list[Artifact]":
        """The artifact as it stands in each collection that it is linked to; none for a link."""
        return [Artifact._of(each) for each in linked_versions(self._need("linked_artifacts"))]

    @property
    def source_artifact(self) -> "Artifact":
        """The artifact where it was logged: this one, unless it is a link."""
        home = self._need("source_artifact").home()
        return Artifact._of(home) if self.is_link else self

    def logged_by(self) -> RunInfo | None:
        """Return the run that first logged it; None if no run did, or none that is known here."""
        finished = self._need("logged_by")
        if not finished.is_stored:
            return None
        return maker_of(finished.store, finished.view, Artifact._of_view)

    def used_by(self) -> list[RunInfo]:
        """Return the runs that read it, in order, each once."""
        finished = self._need("used_by")
        if not finished.is_stored:
            return []
        return users_of(finished.store, finished.view.commit, Artifact._of_view)

    def lineage(self, depth: int | None = None) -> Lineage:
        """Return what it came from and what came of it, up to ``depth`` versions away.

        casstore's own; W&B shows it on its page.
        """
        finished = self._need("lineage")
        return Lineage.of(finished.store if finished.is_stored else None, finished.view, depth)


def _place_of_adding() -> Place | None:
    """Return where bytes that are added go; None where nothing is stored."""
    record = current_record()
    if record is not None:
        return None if record.disabled else record.place
    return None if read_environment().mode == "disabled" else current_place()


def _collection_of(finished: Finished, entity: str) -> ArtifactCollection:
    view = finished.view
    make = Artifact._of_view  # noqa: SLF001 - the same module
    return collection_created_as(finished.store, view.project, view.name, make, entity)


def _unpickle(root: str, project: str, name: str, commit: str) -> Artifact:
    return Artifact._of(Finished.of_commit(root, project, name, commit))  # noqa: SLF001
