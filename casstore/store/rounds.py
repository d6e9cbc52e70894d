"""Rounds: several writers contribute parts to one version.

Knows: how a part comes to count.  Never: working files, runs as objects, how versions are made.

A part is durable before its event is, as a version is::

    packs and nodes durable    -> the packs relied on exist -> part event: the share counts

Nobody who adds a part waits for a finish.
"""

from casstore.errors import Invalid
from casstore.journal import parts, queries
from casstore.journal.bodies import ManifestRef, PartBody
from casstore.journal.subjects import RoundSubject
from casstore.journal.views import PartView, VersionView
from casstore.store.commit import Commit, check_packs, check_type_of, manifest_ref
from casstore.store.draft import Draft
from casstore.store.numbering import key_of
from casstore.store.store import Store

__all__ = ["add_part", "append_part", "part_body", "version_of_part"]


def add_part(
    store: Store,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    replaces: bool = False,
    attempt: int = 0,
) -> PartView:
    """Add a draft to the open round; when this returns it survives power loss.

    What ``request`` says of the version counts where the finish says nothing.  Parts of one
    ``writer`` add up; with ``replaces`` this one takes the place of those that it added before, in
    an attempt that ended badly.  The very part that the writer added last is not added again.
    ``attempt`` is the writer's last one, where parts of it are known that are not here.

    Raises ``Invalid`` if the name, or another part that waits, is of another type.
    """
    check_type_of(store, request.project, request.name, request.type)
    manifest = manifest_ref(draft.finish())
    with draft.session.committing():
        check_packs(store, draft.relied_packs())
        part = _add(
            *(store, request, manifest, distributed_id, writer),
            replaces=replaces,
            at_least=attempt,
        )
        draft.session.published(draft.relied_packs())
    return part


def _add(
    store: Store,
    request: Commit,
    manifest: ManifestRef,
    distributed_id: str,
    writer: str,
    *,
    replaces: bool,
    at_least: int,
) -> PartView:
    store.index.catch_up()
    place = (request.project, key_of(store, request.project, request.name), distributed_id)
    with store.index.read() as reader:
        waiting = parts.waiting(reader, *place)
        number = parts.open_round(reader, *place)
    for part in parts.last_attempts(waiting):
        if part.type != request.type and not (replaces and part.writer_name == writer):
            raise Invalid(
                f"{part.writer_name} adds to {request.name!r} as type {part.type!r}, "
                f"not {request.type!r}",
                hint="all writers of one version give the same type",
            )
    mine = [part for part in waiting if part.writer_name == writer]
    attempt = max((part.attempt + replaces for part in mine), default=0)
    attempt = max(attempt, at_least)
    body = part_body(request, manifest, writer, attempt)
    if mine and mine[-1].attempt == attempt and _body_of(mine[-1]) == body:
        return mine[-1]
    return append_part(store, RoundSubject(*place, number), body)


def version_of_part(store: Store, part: PartView) -> VersionView | None:
    """Return the version that a part went into, or None while it waits."""
    store.index.catch_up()
    with store.index.read() as reader:
        commit = parts.commit_of_part(reader, part)
        return queries.version(reader, commit) if commit is not None else None


def part_body(request: Commit, manifest: ManifestRef, writer: str, attempt: int) -> PartBody:
    """Return a draft's list of files as a part of a writer."""
    return PartBody(
        writer_name=writer,
        attempt=attempt,
        manifest=manifest,
        type=request.type,
        run=request.run,
        description=request.description,
        metadata=request.metadata,
        aliases=request.aliases,
        tags=request.tags,
    )


def _body_of(part: PartView) -> PartBody:
    return PartBody(*[getattr(part, field) for field in PartBody._fields])


def append_part(store: Store, subject: RoundSubject, body: PartBody) -> PartView:
    """Let a part count from now on."""
    event = store.events.append(subject, body)
    return PartView(
        event=event.id,
        time=event.time,
        **{field: getattr(subject, field) for field in RoundSubject.__slots__},
        **{field: getattr(body, field) for field in PartBody._fields},
    )
