"""Rounds: several writers contribute parts, a finish makes one version of them.

Knows: the protocol, arrow by arrow; commit has the arrows that make a version.
Never: working files, runs as objects, what people see.

A part is durable before its event is, as a version is::

    packs and nodes durable    -> the packs relied on exist -> part event: the share counts

A finish holds the name, so one works at a time; nobody who adds a part waits for it::

    the finisher's own packs and nodes durable
    -> intent                      others may still add parts: those wait for the next finish
    -> union of the parts          a conflict leaves everything as it was
    -> its nodes durable, the packs relied on exist
    -> part event of the finisher  its own share, unless somebody has added just that
    -> claim, version event        under the commit id that follows from the parts
    -> producer events             each contributing run made the version
    -> finish event                the parts are settled, the next round is open

Killed at any arrow and called again, a finish finds the same parts, so the same commit id, and goes
on from where it was; called again after the last, it finds nothing new and answers the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from casstore.catalog import Reader
from casstore.digest import CommitId, Digest, random_commit_id
from casstore.encoding import canonical_json
from casstore.errors import Conflict, Invalid
from casstore.journal import parts, queries
from casstore.journal.bodies import FinishBody, ManifestRef, PartBody, ProducerBody
from casstore.journal.subjects import CommitSubject, RoundSubject
from casstore.journal.views import PartView, VersionView
from casstore.manifests import ManifestBuilder
from casstore.store.commit import (
    Commit,
    Committed,
    check_packs,
    check_type_of,
    log_again,
    manifest_ref,
    publish,
)
from casstore.store.draft import Draft
from casstore.store.lookup import newest_version, reference_to
from casstore.store.numbering import key_of, reserved
from casstore.store.relied import passing
from casstore.store.store import Store
from casstore.store.union import Share, union

__all__ = ["Finish", "add_part", "finish_round", "version_of_part"]


@dataclass(frozen=True, slots=True)
class Finish:
    """What a finish made, and how many parts had been added; ``again``: nothing since the last."""

    committed: Committed
    parts: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What waits for a finish, as it is while the name is held."""

    subject: RoundSubject
    parts: tuple[PartView, ...]
    newest: VersionView | None


def add_part(
    store: Store,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    replaces: bool = False,
) -> PartView:
    """Add a draft to the open round; when this returns it survives power loss.

    What ``request`` says of the version counts where the finish says nothing.  Parts of one
    ``writer`` add up; with ``replaces`` this one takes the place of those that it added before, in
    an attempt that ended badly.  The very part that the writer added last is not added again.

    Raises ``Invalid`` if the name, or another part that waits, is of another type.
    """
    check_type_of(store, request.project, request.name, request.type)
    manifest = manifest_ref(draft.finish())
    with draft.session.committing():
        check_packs(store, draft.relied_packs())
        part = _add(store, request, manifest, distributed_id, writer, replaces=replaces)
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
    body = _part_body(request, manifest, writer, attempt)
    if mine and mine[-1].attempt == attempt and _body_of(mine[-1]) == body:
        return mine[-1]
    return _append_part(store, RoundSubject(*place, number), body)


def finish_round(
    store: Store,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    incremental: bool = False,
) -> Finish:
    """Make one version of all parts and the draft, and open the next round.

    The draft is the part of ``writer``, added to what it added before.  With ``incremental`` files
    of the newest version stay where no part has their path.  Content equal to the newest version's
    makes no new one.  Where nothing was added since the last finish, by whomever, that finish's
    version is returned.

    Raises ``Conflict`` naming path and writers where two parts differ, or are of two types: the
    parts then wait as before.  Otherwise as ``commit``.
    """
    check_type_of(store, request.project, request.name, request.type)
    own = manifest_ref(draft.finish())
    with (
        draft.session.committing(),
        reserved(store, request.project, request.name, random_commit_id()) as key,
    ):
        check_type_of(store, request.project, request.name, request.type)
        gathered = _gather(store, (request.project, key, distributed_id))
        done = _finished_before(store, gathered, own)
        if done is not None:
            return Finish(log_again(store, done, request), 0, again=True)
        _check_types(request, gathered.parts)
        body = None
        if own.entries and own.digest not in _digests(gathered.parts):
            attempts = [part.attempt for part in gathered.parts if part.writer_name == writer]
            body = _part_body(request, own, writer, max(attempts, default=0))
        base = gathered.newest if incremental else None
        manifest = _merge(store, draft, gathered.parts, body, base)
        found = gathered.parts
        if body is not None:
            found = (*found, _append_part(store, gathered.subject, body))
            draft.session.published(draft.relied_packs())
        committed = _close(store, draft, request, gathered, found, manifest, base)
        return Finish(committed, len(gathered.parts))


def version_of_part(store: Store, part: PartView) -> VersionView | None:
    """Return the version that a part went into, or None while it waits."""
    store.index.catch_up()
    with store.index.read() as reader:
        commit = parts.commit_of_part(reader, part)
        return queries.version(reader, commit) if commit is not None else None


def _gather(store: Store, place: tuple[str, str, str]) -> _Gathered:
    store.index.catch_up()
    with store.index.read() as reader:
        return _Gathered(
            RoundSubject(*place, parts.open_round(reader, *place)),
            parts.waiting(reader, *place),
            newest_version(store, reader, *place[:2]),
        )


def _finished_before(store: Store, gathered: _Gathered, own: ManifestRef) -> VersionView | None:
    """Return the version of the last finish if this call adds nothing to it."""
    if gathered.parts:
        return None
    at = gathered.subject
    with store.index.read() as reader:
        last = parts.last_finished(reader, at.project, at.name, at.distributed_id)
        if last is None:
            return None
        known = _digests(parts.settled(reader, last))
        view = queries.version(reader, last.finishes[0].commit)
    same = not own.entries or own.digest in known
    return view if same and view is not None and not view.deleted else None


def _digests(found: Sequence[PartView]) -> set[Digest]:
    return {part.manifest.digest for part in parts.last_attempts(found)}


def _check_types(request: Commit, waiting: Sequence[PartView]) -> None:
    for part in parts.last_attempts(waiting):
        if part.type != request.type:
            raise Conflict(
                f"{part.writer_name} added to {request.name!r} as type {part.type!r}, "
                f"and the finish is of type {request.type!r}",
                hint="nothing was finished; finish it with the type of its parts",
            )


def _merge(
    store: Store,
    draft: Draft,
    waiting: Sequence[PartView],
    own: PartBody | None,
    base: VersionView | None,
) -> ManifestRef:
    """Write the union's list of files, in the frames that there are; make it durable."""
    shares = []
    if base is not None:
        entries = store.manifest(base.manifest)
        shares.append(Share(reference_to(store, base), entries, base=True))
    shares += [
        Share(part.writer_name, store.manifest(part.manifest))
        for part in parts.last_attempts(waiting)
    ]
    if own is not None:
        shares.append(Share(own.writer_name, draft.table))

    def add_node(data: bytes) -> Digest:
        digest, token = draft.session.add_metadata(data)
        draft.relied.add(token)
        return digest

    folder = draft.session.folder
    merged = union(shares, _HINT, lambda: folder.new_path("entries"))
    builder = ManifestBuilder(add_node)
    builder.extend(passing(store.frames, merged, draft.relied))
    top = builder.finish()
    draft.session.flush()
    check_packs(store, draft.relied_packs())
    return manifest_ref(top)


_HINT = (
    "nothing was finished and every part is kept; add what is right once more in the run that had "
    "it wrong (init(id=...)), and finish again"
)


def _close(
    store: Store,
    draft: Draft,
    request: Commit,
    gathered: _Gathered,
    found: Sequence[PartView],
    manifest: ManifestRef,
    base: VersionView | None,
) -> Committed:
    """Make the version, its producers, and the event that settles the parts."""
    events = tuple(sorted(part.event for part in found))
    commit_id = parts.commit_of_round(gathered.subject, events)
    said = _with_words(request, parts.last_attempts(found))
    if base is not None:
        said = replace(said, bases=(base.commit,))
    with store.index.read() as reader:
        made = queries.version(reader, commit_id)
    if made is not None and made.complete:  # by a finish that was killed after it
        committed = log_again(store, made, said)
    else:
        committed = publish(
            *(store, draft, said, gathered.subject.name, manifest, commit_id),
            newest=gathered.newest,
            hold=True,
        )
    _name_producers(store, committed.version.commit, found)
    body = FinishBody(committed.version.commit, events, request.run)
    store.events.append(gathered.subject, body)
    with store.index.read() as reader:
        return replace(committed, version=_known(reader, committed.version.commit))


def _name_producers(store: Store, commit: CommitId, found: Sequence[PartView]) -> None:
    """Let each run that contributed be a producer of the version, once."""
    with store.index.read() as reader:
        view = _known(reader, commit)
    known = {view.run, *(producer.run for producer in view.producers)}
    subject = CommitSubject(view.project, view.name, commit)
    for run in dict.fromkeys(part.run for part in found):
        if run is not None and run not in known:
            store.events.append(subject, ProducerBody(run))


def _with_words(request: Commit, found: Sequence[PartView]) -> Commit:
    """Return the request with what the parts say, where it says nothing itself."""
    metadata: dict[str, object] = {}
    for part in found:
        metadata.update(json.loads(part.metadata))
    metadata.update(json.loads(request.metadata))
    described = [part.description for part in found if part.description is not None]
    aliases = [alias for part in found for alias in part.aliases]
    tags = [tag for part in found for tag in part.tags]
    return replace(
        request,
        description=request.description if request.description is not None else _last(described),
        metadata=canonical_json(metadata),
        aliases=tuple(dict.fromkeys((*request.aliases, *aliases))),
        tags=tuple(dict.fromkeys((*request.tags, *tags))),
    )


def _last(values: Sequence[str]) -> str | None:
    return values[-1] if values else None


def _part_body(request: Commit, manifest: ManifestRef, writer: str, attempt: int) -> PartBody:
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
    return PartBody(*[getattr(part, field) for field in PartBody.__slots__])


def _append_part(store: Store, subject: RoundSubject, body: PartBody) -> PartView:
    event = store.events.append(subject, body)
    return PartView(
        event=event.id,
        time=event.time,
        **{field: getattr(subject, field) for field in RoundSubject.__slots__},
        **{field: getattr(body, field) for field in PartBody.__slots__},
    )


def _known(reader: Reader, commit: CommitId) -> VersionView:
    view = queries.version(reader, commit)
    if view is None:
        raise AssertionError("a version that was made is visible")
    return view
