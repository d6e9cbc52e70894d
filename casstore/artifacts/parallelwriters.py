"""What runs do together: several contribute to one version, one of them finishes it.

Knows: W&B's calls, what they refuse, what an artifact is between them.  Never: the protocol.

An artifact that was upserted is no version yet: it stays ``PENDING``, and so it may be upserted or
finished again, but not be changed.  ``wait`` waits until its part is durable, and unless it is told
to never for the finish, which another process calls, perhaps after waiting for this one; once the
round is finished, on whatever host, ``wait`` makes it the version that its part went into.
"""

import os
from abc import ABC
from functools import partial

from casstore.artifacts.artifact import Artifact
from casstore.artifacts.commits import (
    checked,
    log_again,
    pretend,
    request_for,
    say_unchanged,
    wait_for,
)
from casstore.artifacts.elsewhere import for_runs
from casstore.artifacts.place import Place
from casstore.artifacts.runartifacts import RunArtifacts
from casstore.artifacts.terminal import termlog, termwarn
from casstore.errors import Invalid
from casstore.journal.views import PartView
from casstore.names import texts
from casstore.store import (
    Commit,
    Committed,
    Finish,
    Store,
    add_part,
    check_type_of,
    finish_round,
    reference_to,
)

__all__ = ["ParallelWriters"]

MAX_ID_CHARS = 256


class ParallelWriters(RunArtifacts, ABC):
    """A run, as far as it makes versions together with others."""

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Contribute to a version that ``finish_artifact`` makes; returns at once what was given.

        All runs that give one ``distributed_id``, by default their group, contribute to one version
        of a name.  What one run upserts adds up, and at a path its later word holds; of two runs
        the same path must have the same content, or finishing is a ``Conflict``.  A run that was
        killed or failed and begins again under its id replaces what it upserted before.  Aliases,
        description and metadata are the version's where the finish says nothing else.

        Raises ``TypeError`` with neither group nor ``distributed_id`` (W&B).
        """
        call = "upsert_artifact"
        record = self._record
        record.check_usable(call)
        distributed_id = distributed_id or _id_of(artifact_or_path)
        writers = self._writers_of(distributed_id, call)
        artifact = self._artifact_of(artifact_or_path, name, type)
        artifact.distributed_id = distributed_id
        given = checked(texts(aliases))
        if record.disabled:
            pretend(record, artifact)
            return artifact
        if not artifact.is_draft() or _is_logged(artifact):
            raise Invalid(
                f"{artifact.name} is logged already", hint="upsert its new_draft() instead"
            )
        store, request = self._begin(artifact, given)
        place = (request.name, writers)
        replaces = record.ended_badly and place not in record.upserted
        record.upserted.add(place)
        artifact._part_place = record.place  # noqa: SLF001 - the same room
        artifact._part = record.submit(  # noqa: SLF001 - the same room
            lambda: _add(record.place, store, artifact, request, writers, replaces=replaces)
        )
        record.submit(partial(record.update, self._changes()))
        return artifact

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Make one version of what was upserted and this artifact; returns at once what was given.

        It becomes the version: ``wait()`` waits for it, and raises ``Conflict`` naming path and
        runs if two differ; every part is then kept, and it may be finished again.  Every run that
        contributed is a producer.  Later upserts begin the next version.  Where nothing was
        upserted since the last finish, the artifact becomes the version that this made; where
        nothing ever was and it has no files, ``wait()`` raises ``Invalid`` and no version is made.
        ``incremental`` counts here: the newest version's files stay where nobody upserted their
        path.

        Raises ``TypeError`` with neither group nor ``distributed_id`` (W&B).
        """
        call = "finish_artifact"
        record = self._record
        record.check_usable(call)
        distributed_id = distributed_id or _id_of(artifact_or_path)
        writers = self._writers_of(distributed_id, call)
        artifact = self._artifact_of(artifact_or_path, name, type)
        artifact.distributed_id = distributed_id
        given = checked(texts(aliases))
        if record.disabled:
            pretend(record, artifact)
            return artifact
        if not artifact.is_draft():
            log_again(record, artifact._need(call), given)  # noqa: SLF001 - the same room
            return artifact
        if _is_logged(artifact):
            record.submit(lambda: log_again(record, wait_for(artifact), given))
            return artifact
        store, request = self._begin(artifact, given)
        artifact._as_logged = artifact._said()  # noqa: SLF001 - the same room
        artifact._pending = record.submit(  # noqa: SLF001 - the same room
            lambda: _finish(record.place, store, artifact, request, writers)
        )
        record.submit(partial(record.update, self._changes()))
        return artifact

    # Inside

    def _writers_of(self, distributed_id: str | None, call: str) -> str:
        writers = distributed_id or self._record.fields.group
        if not writers:
            raise TypeError(
                f"{call} needs to know who writes together: "
                "call casstore.init(group=...) or pass distributed_id"
            )
        if len(writers) > MAX_ID_CHARS or not writers.isprintable():
            raise Invalid(
                f"{writers!r} cannot be a group or distributed id",
                hint=f"use 1 to {MAX_ID_CHARS} printable characters",
            )
        return writers

    def _begin(self, artifact: Artifact, aliases: tuple[str, ...]) -> tuple[Store, Commit]:
        """Check what can be checked at once; from here on the artifact takes no more files."""
        place = self._record.place
        store = place.writable_store()
        check_type_of(store, place.project, artifact._base_name, artifact.type)  # noqa: SLF001
        request = request_for(self._record, artifact, aliases)
        artifact._drafting.check_owner()  # noqa: SLF001 - the same room
        artifact._final = True  # noqa: SLF001
        return store, request


def _id_of(artifact: object) -> str | None:
    return artifact.distributed_id if isinstance(artifact, Artifact) else None


def _is_logged(artifact: Artifact) -> bool:
    """Tell whether it is becoming a version; one that could not become one may be tried again."""
    pending = artifact._pending  # noqa: SLF001 - the same room
    return pending is not None and not (pending.done() and pending.error() is not None)


def _add(
    place: Place,
    store: Store,
    artifact: Artifact,
    request: Commit,
    writers: str,
    *,
    replaces: bool,
) -> PartView:
    run = request.run or ""
    add = partial(for_runs().add, place) if place.remote else add_part
    with artifact._drafting.in_store(store) as draft:  # noqa: SLF001 - the same room
        part: PartView = add(store, draft, request, writers, writer=run, replaces=replaces)
    if replaces and part.attempt:
        termlog(f"run {run} begins again: it replaces what it upserted to {request.name!r} before")
    return part


def _finish(
    place: Place, store: Store, artifact: Artifact, request: Commit, writers: str
) -> Committed:
    drafting = artifact._drafting  # noqa: SLF001 - the same room
    make = partial(for_runs().finish, place) if place.remote else finish_round
    with drafting.in_store(store) as draft:
        finish: Finish = make(
            store,
            draft,
            request,
            writers,
            writer=request.run or "",
            incremental=drafting.incremental,
        )
    committed = finish.committed
    depot = place.remote or store.root
    where = f"{writers!r} to {request.name!r} in project {request.project!r} of {depot}"
    if finish.again:
        termlog(
            f"nothing was upserted by {where} since it was finished as "
            f"{reference_to(store, committed.version)}"
        )
    else:
        if not finish.parts:
            termwarn(f"nothing was upserted by {where}: the version has only what was given")
        say_unchanged(store, request, committed)
    return committed
