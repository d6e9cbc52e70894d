"""The commit: a draft becomes a version.

Knows: the protocol, arrow by arrow.  Never: working files, what people see.

A process may die at any arrow, and leaves the old state or the new one::

    packs and nodes durable, then findable       Draft.finish
    -> the packs relied on exist                 by their files, not by rows
    -> intent                                    one committer a name at a time
    -> claim of the number                       exclusive create
    -> version event, durable                    here the version begins to exist
    -> mirrored in the index, intent cleared     one transaction

A crash, an interruption or a full disk after the claim and before the event leaves a number that
nobody has; numbers are unique and increasing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from casstore.digest import CommitId, random_commit_id
from casstore.errors import Error, Invalid
from casstore.journal import labels, queries
from casstore.journal.bodies import (
    AliasBody,
    EditBody,
    KnownBody,
    ManifestRef,
    ProducerBody,
    VersionBody,
)
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import VersionView
from casstore.manifests import ManifestTop
from casstore.packs import PackId
from casstore.store.absence import settle_whole
from casstore.store.draft import Draft
from casstore.store.lookup import collection_called, newest_version
from casstore.store.numbering import alias_claims, reserved, set_label, take_number
from casstore.store.store import Store

__all__ = [
    "Commit",
    "Committed",
    "check_packs",
    "check_type_of",
    "commit",
    "log_again",
    "manifest_ref",
    "publish",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What is said of a version when it is committed; JSON fields are canonical text."""

    project: str
    name: str
    type: str
    entity: str = "local"
    run: str | None = None
    description: str | None = None
    metadata: str = "{}"
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ttl: int | None = None
    bases: tuple[CommitId, ...] = ()
    environment: str = "{}"


Begin = Callable[[VersionView], Commit]


@dataclass(frozen=True, slots=True)
class Committed:
    """A version, and whether it is new or the newest one had the same content.

    ``kept_aside`` says that a description or metadata was given that differs from that version's.
    """

    version: VersionView
    created: bool
    kept_aside: bool = False


def commit(store: Store, draft: Draft, request: Commit, *, begin: Begin | None = None) -> Committed:
    """Make the draft a version of ``request.name``; when this returns it survives power loss.

    ``begin`` is given the newest version, if there is one, while nobody else can commit to the
    name; it may still change the draft, and returns the request to go on with (incremental).

    Content equal to the newest version's makes no new one: that one is returned, with the aliases
    and tags added.  Raises ``Invalid`` if the name belongs to another type, ``Busy`` if others keep
    the name occupied.
    """
    check_type_of(store, request.project, request.name, request.type)
    top = draft.finish() if begin is None else None  # the work first, so that nobody waits for it
    with draft.session.committing():
        return _commit(store, draft, request, top, begin)


def _commit(
    store: Store, draft: Draft, request: Commit, top: ManifestTop | None, begin: Begin | None
) -> Committed:
    commit_id = random_commit_id()
    with reserved(store, request.project, request.name, commit_id) as key:
        check_type_of(store, request.project, request.name, request.type)
        with store.index.read() as reader:
            newest = newest_version(store, reader, request.project, key)
        if begin is not None and newest is not None:
            request = begin(newest)
        top = top or draft.finish()
        check_packs(store, draft.relied_packs())
        return publish(store, draft, request, key, manifest_ref(top), commit_id, newest=newest)


def publish(
    store: Store,
    draft: Draft,
    request: Commit,
    key: str,
    manifest: ManifestRef,
    commit_id: CommitId,
    *,
    newest: VersionView | None,
    hold: bool = False,
) -> Committed:
    """Make the version whose bytes are durable, unless the newest has that content already.

    ``key`` must be ``reserved``; with ``hold`` it stays so when the version is there.  The
    draft's session must be ``committing``.
    """
    if newest is not None and _is_again(newest, manifest):
        return log_again(store, newest, request)
    _create(store, request, key, manifest, commit_id, hold=hold)
    draft.session.published(draft.relied_packs())
    return Committed(_view(store, commit_id), created=True)


def manifest_ref(top: ManifestTop) -> ManifestRef:
    """Return a finished manifest as events name it."""
    return ManifestRef(top.digest, top.root, top.level, top.entries, top.size_bytes)


def check_type_of(store: Store, project: str, name: str, type_name: str) -> None:
    """Raise ``Invalid`` (a ``ValueError``) if the name belongs to another type."""
    with store.index.read() as reader:
        collection = collection_called(store, reader, project, name)
    if collection is not None and collection.type != type_name:
        raise Invalid(
            f"{name!r} is of type {collection.type!r} in project {project!r}, not {type_name!r}",
            hint="choose another name, or that type",
        )


def check_packs(store: Store, relied: Iterable[PackId]) -> None:
    """Raise ``Error`` unless every pack that is relied on is there, by its file."""
    gone = [pack_id for pack_id in relied if not store.packs.exists(pack_id)]
    if gone:
        store.index.write(lambda writer: writer.forget_packs(gone))
        raise Error(
            f"part of this artifact is gone: {len(gone)} of its packs are not in {store.root}",
            hint="nothing was logged; log it again, and its bytes are stored anew",
        )


def _is_again(newest: VersionView, manifest: ManifestRef) -> bool:
    """Tell whether content is logged once more; what is linked here was logged elsewhere."""
    return newest.source is None and newest.manifest.digest == manifest.digest


def _create(
    store: Store,
    request: Commit,
    key: str,
    manifest: ManifestRef,
    commit_id: CommitId,
    *,
    hold: bool,
) -> None:
    project = request.project
    with store.index.read() as reader:
        is_called = labels.called(reader, project, key)
    if is_called != request.name:
        set_label(store, project, key, "name", request.name)
    body = VersionBody(
        type=request.type,
        entity=request.entity,
        manifest=manifest,
        number=take_number(store, project, key, commit_id),
        numbering=store.numbering,
        run=request.run,
        description=request.description,
        metadata=request.metadata,
        aliases=alias_claims(store, project, key, request.aliases),
        tags=request.tags,
        ttl=request.ttl,
        bases=request.bases,
        environment=request.environment,
    )
    store.events.append(
        CommitSubject(project, key, commit_id),
        body,
        also=None if hold else lambda writer: writer.clear_intent(project, key),
    )


def log_again(store: Store, newest: VersionView, request: Commit) -> Committed:
    """Let the newest version have been logged once more."""
    subject = CommitSubject(newest.project, newest.name, newest.commit)
    description = _if_other(request.description, newest.description)
    metadata = _if_other(request.metadata if request.metadata != "{}" else None, newest.metadata)
    bodies: list[KnownBody] = []
    known = {newest.run, *(producer.run for producer in newest.producers)}
    if request.run is not None and (request.run not in known or description or metadata):
        bodies.append(ProducerBody(request.run, description, metadata))
    with store.index.read() as reader:
        for alias in request.aliases:
            if queries.alias(reader, newest.project, newest.name, alias).commit != newest.commit:
                heads = queries.alias_heads(reader, newest.project, newest.name, alias)
                bodies.append(AliasBody(alias, set=True, replaces=tuple(heads)))
        tags = tuple(dict.fromkeys((*newest.tags, *request.tags)))
        if tags != newest.tags:
            heads = queries.edit_heads(reader, newest.commit, "tags")
            bodies.append(EditBody("tags", tags, tuple(heads)))
    for body in bodies:
        store.events.append(subject, body)
    settle_whole(store, [newest])  # it may have been pulled without the bytes that are here now
    return Committed(
        _view(store, newest.commit), created=False, kept_aside=bool(description or metadata)
    )


def _if_other(given: str | None, present: str | None) -> str | None:
    return given if given is not None and given != present else None


def _view(store: Store, commit_id: CommitId) -> VersionView:
    with store.index.read() as reader:
        view = queries.version(reader, commit_id)
    if view is None:
        raise AssertionError("a committed version is visible")
    return view
