"""Logging in a run: an artifact is checked at once and becomes a version in the background.

Knows: what is said of a version when it is committed, in which order, what is refused at once.
Never: adding files, the commit protocol.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from casstore.artifacts.elsewhere import for_runs
from casstore.artifacts.finished import Finished
from casstore.artifacts.jsonable import check_words, metadata_of
from casstore.artifacts.place import Place
from casstore.artifacts.properties import ArtifactProperties
from casstore.artifacts.runrecord import RunRecord
from casstore.artifacts.terminal import termlog
from casstore.artifacts.unstored import Unstored
from casstore.encoding import canonical_json
from casstore.errors import Invalid, UsageError
from casstore.names import LATEST, check_alias, check_tag
from casstore.parallel import Pending
from casstore.store import (
    Commit,
    Committed,
    Store,
    check_type_of,
    reference_to,
)

__all__ = [
    "check_process",
    "checked",
    "log_again",
    "log_in_run",
    "pretend",
    "request_for",
    "say_unchanged",
    "wait_for",
]


def log_in_run(
    record: RunRecord,
    artifact: ArtifactProperties,
    aliases: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> None:
    """Log an artifact in a run: checked at once, committed in the background, in call order.

    One that was logged before gets the aliases and tags, and the run becomes a producer of it.
    Raises ``Invalid`` for what cannot be an alias or tag, a name of another type, metadata that
    is no JSON, and a version of another store or project.
    """
    given, labels = checked(aliases), tuple(dict.fromkeys(check_tag(tag) for tag in tags))
    if record.disabled:
        pretend(record, artifact)
    elif artifact.is_draft() and artifact._pending is None:  # noqa: SLF001 - the same room
        _log_draft(record, artifact, given, labels)
    elif artifact.is_draft():
        record.submit(lambda: log_again(record, wait_for(artifact), given, labels))
    else:
        log_again(record, artifact._need("log_artifact"), given, labels)  # noqa: SLF001


def wait_for(artifact: ArtifactProperties, timeout: float | None = None) -> Finished:
    """Wait until a logged artifact is a version; raises what went wrong, or ``TimeoutError``."""
    finished = artifact._now()  # noqa: SLF001 - the same room
    pending = artifact._pending  # noqa: SLF001
    if finished is None and pending is not None:
        check_process(artifact, pending)
        try:
            kept = pending.result(timeout)
        except TimeoutError:
            if not pending.done():
                raise TimeoutError(
                    f"{artifact.name!r} is not logged after {timeout or 0:g} s;"
                    " it is still being logged: call wait() again"
                ) from None
            kept = pending.result()  # it ended just now, or this is its own error
        artifact._settle(kept)  # noqa: SLF001
    return artifact._need("wait")  # noqa: SLF001


def check_process(artifact: ArtifactProperties, pending: Pending[Any]) -> None:
    """Refuse to wait in a forked child for what its parent has under way."""
    if artifact._drafting.process != os.getpid() and not pending.done():  # noqa: SLF001
        raise UsageError(
            f"{artifact.name!r} is being logged by the process that this one was forked from",
            hint="call wait() before the fork",
        )


def checked(aliases: Sequence[str]) -> tuple[str, ...]:
    """Return the aliases that are to be given, each once; ``latest`` adds nothing."""
    return tuple(dict.fromkeys(check_alias(alias) for alias in aliases if alias != LATEST))


def pretend(record: RunRecord, artifact: ArtifactProperties) -> None:
    """Let a draft be a version that nothing stored, in a run that stores nothing."""
    artifact._final = True  # noqa: SLF001 - the same room
    if artifact.is_draft() and artifact._pending is None:  # noqa: SLF001
        place = record.place
        artifact._finished = Unstored(  # noqa: SLF001
            artifact._base_name,  # noqa: SLF001
            artifact.type,
            project=place.project,
            entity=place.entity,
            description=artifact.description,
            metadata=artifact.metadata,
            run=record.id,
        )


def _log_draft(
    record: RunRecord,
    artifact: ArtifactProperties,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
) -> None:
    store = record.place.writable_store()
    check_type_of(store, record.place.project, artifact._base_name, artifact.type)  # noqa: SLF001
    request = request_for(record, artifact, aliases, tags)
    artifact._drafting.check_owner()  # noqa: SLF001
    artifact._final = True  # noqa: SLF001
    artifact._as_logged = artifact._said()  # noqa: SLF001
    artifact._pending = record.submit(  # noqa: SLF001
        lambda: _commit(record.place, store, artifact, request)
    )


def request_for(
    record: RunRecord,
    artifact: ArtifactProperties,
    aliases: tuple[str, ...],
    tags: tuple[str, ...] = (),
) -> Commit:
    """Return what is said of a version when it is committed, as the artifact says it now.

    Raises ``Invalid`` for words that no event can hold: later they would cost a number.
    """
    metadata = canonical_json(metadata_of(artifact.metadata))
    check_words(artifact.description, metadata)
    return Commit(
        project=record.place.project,
        name=artifact._base_name,  # noqa: SLF001
        type=artifact.type,
        entity=record.place.entity,
        run=record.id,
        description=artifact.description,
        metadata=metadata,
        aliases=aliases,
        tags=tuple(dict.fromkeys((*map(check_tag, artifact.tags), *tags))),
        ttl=artifact._ttl_seconds,  # noqa: SLF001
        bases=artifact._drafting.bases,  # noqa: SLF001
    )


def _commit(place: Place, store: Store, artifact: ArtifactProperties, request: Commit) -> Committed:
    try:
        committed = artifact._drafting.commit(store, request)  # noqa: SLF001
    except Exception as error:
        error.add_note(f"{request.name!r} was not logged; log it again when the cause is gone")
        raise
    say_unchanged(store, request, committed)
    if place.remote:
        return replace(committed, version=for_runs().share(place, store, committed.version))
    return committed


def say_unchanged(store: Store, request: Commit, committed: Committed) -> None:
    """Say in one line that no version was made because the newest has the content."""
    if committed.created:
        return
    aside = "; the description or metadata given is kept with the run"
    stays = "; its ttl stays as it is"  # never shorter by accident: ``save`` changes it
    termlog(
        f"{reference_to(store, committed.version)} has this content already"
        f"{aside if committed.kept_aside else ''}"
        f"{stays if request.ttl not in {None, committed.version.ttl} else ''}"
    )


def log_again(
    record: RunRecord, finished: Finished, aliases: tuple[str, ...], tags: tuple[str, ...] = ()
) -> None:
    """Let a version have been logged by this run too; it gets the aliases and tags."""
    place, view = record.place, finished.view
    if finished.store is not place.writable_store() or view.project != place.project:
        raise Invalid(
            f"{finished.name} is a version of project {view.project!r} in {finished.store.root}, "
            f"and the run is in {place.project!r} of {place.root}",
            hint="log its new_draft() to make a version there",
        )
    record.produce(view)
    finished.label(aliases, tags)
    if place.remote:
        for_runs().share(place, finished.store, view)
