"""The commit: a draft becomes a version.

Knows: the protocol, arrow by arrow.  Never: working files, what people see.

A process may die at any arrow, and leaves the old state or the new one::

    packs and nodes durable, then findable       Draft.finish
    -> the packs relied on exist                 by their files, not by rows
    -> intent                                    one committer a name at a time
    -> claim of the number                       exclusive create
    -> version event, durable                    here the version begins to exist
    -> mirrored in the index, intent cleared     one transaction

A crash after the claim leaves a number that nobody has; numbers are unique and increasing.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from casstore.catalog import Writer
from casstore.depot import live_sessions
from casstore.digest import CommitId, random_commit_id
from casstore.errors import Busy, Error, Invalid
from casstore.journal import queries
from casstore.journal.bodies import (
    AliasBody,
    AliasClaim,
    EditBody,
    KnownBody,
    ManifestRef,
    ProducerBody,
    VersionBody,
)
from casstore.journal.subjects import CommitSubject
from casstore.journal.views import VersionView
from casstore.manifests import ManifestTop
from casstore.store.draft import Draft
from casstore.store.lookup import newest_version
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
    "reserved",
]

WAIT_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.1


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
    commit_id = random_commit_id()
    top = draft.finish() if begin is None else None  # the work first, so that nobody waits for it
    with reserved(store, request.project, request.name, commit_id):
        with store.index.read() as reader:
            newest = newest_version(store, reader, request.project, request.name)
        if begin is not None and newest is not None:
            request = begin(newest)
        top = top or draft.finish()
        check_packs(store, draft.relied_rows())
        draft.session.published()  # from here on the version may exist: nothing is taken back
        return publish(store, request, manifest_ref(top), commit_id, newest)


def publish(
    store: Store,
    request: Commit,
    manifest: ManifestRef,
    commit_id: CommitId,
    newest: VersionView | None,
    *,
    hold: bool = False,
) -> Committed:
    """Make the version whose bytes are durable, unless the newest has that content already.

    The name must be ``reserved``; with ``hold`` it stays so when the version is there.
    """
    if newest is not None and newest.manifest.digest == manifest.digest:
        return log_again(store, newest, request)
    _create(store, request, manifest, commit_id, hold=hold)
    return Committed(_view(store, commit_id), created=True)


def manifest_ref(top: ManifestTop) -> ManifestRef:
    """Return a finished manifest as events name it."""
    return ManifestRef(top.digest, top.root, top.level, top.entries, top.size_bytes)


def check_type_of(store: Store, project: str, name: str, type_name: str) -> None:
    """Raise ``Invalid`` (a ``ValueError``) if the name belongs to another type."""
    with store.index.read() as reader:
        collection = queries.collection(reader, project, name)
    if collection is not None and collection.type != type_name:
        raise Invalid(
            f"{name!r} is of type {collection.type!r} in project {project!r}, not {type_name!r}",
            hint="choose another name, or that type",
        )


@contextlib.contextmanager
def reserved(store: Store, project: str, name: str, commit_id: CommitId) -> Iterator[None]:
    """Be the only one who commits to a name; ``Busy`` if others keep it occupied."""
    _reserve(store, project, name, commit_id)
    try:
        yield
    finally:
        _release(store, project, name, commit_id)


def _reserve(store: Store, project: str, name: str, commit_id: CommitId) -> None:
    """Record the intent to commit to a name, waiting while a living session holds one."""
    deadline = time.monotonic() + WAIT_SECONDS
    pause = FIRST_PAUSE_SECONDS
    session = store.session().folder.id
    store.index.catch_up()

    dead: tuple[str, CommitId] | None = None

    def take(writer: Writer) -> tuple[str, CommitId] | None:
        held = writer.intent(project, name)
        if held is not None and held != dead:
            return held
        writer.set_intent(project, name, session, commit_id)
        return None

    while (held := store.index.write(take)) is not None:
        if held[0] not in live_sessions(store.root):
            store.index.catch_up(thorough=True)  # it may have died after its event
            dead = held
            continue
        if time.monotonic() > deadline:
            raise Busy(
                f"another process has been committing to {name!r} for {WAIT_SECONDS:.0f} s",
                hint="nothing was logged; call again when it has ended",
            )
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _release(store: Store, project: str, name: str, commit_id: CommitId) -> None:
    session = store.session().folder.id

    def clear(writer: Writer) -> None:
        if writer.intent(project, name) == (session, commit_id):
            writer.clear_intent(project, name)

    with store.index.read() as reader:
        ours = reader.intent(project, name) == (session, commit_id)
    if ours:
        store.index.write(clear)


def check_packs(store: Store, rows: Iterable[int]) -> None:
    """Raise ``Error`` unless every pack of these rows of the index is there, by its file."""
    gone = [row for row in rows if not store.pack_exists(row)]
    if gone:
        store.index.write(lambda writer: writer.forget_pack_rows(gone))
        raise Error(
            f"part of this artifact is gone: {len(gone)} of its packs are not in {store.root}",
            hint="nothing was logged; log it again, and its bytes are stored anew",
        )


def _create(
    store: Store, request: Commit, manifest: ManifestRef, commit_id: CommitId, *, hold: bool
) -> None:
    project, name = request.project, request.name
    with store.index.read() as reader:
        number = queries.next_number(reader, project, name, store.numbering)
        claims = tuple(
            AliasClaim(alias, tuple(queries.alias_heads(reader, project, name, alias)))
            for alias in request.aliases
        )
    claimed = store.claims.highest(project, name)
    mine = store.claims.owner(project, name, claimed) == commit_id  # a round, interrupted here
    number = max(number, claimed if mine else claimed + 1)
    number = store.claims.take(project, name, number, commit_id, store.staging())
    body = VersionBody(
        type=request.type,
        entity=request.entity,
        manifest=manifest,
        number=number,
        numbering=store.numbering,
        run=request.run,
        description=request.description,
        metadata=request.metadata,
        aliases=claims,
        tags=request.tags,
        ttl=request.ttl,
        bases=request.bases,
        environment=request.environment,
    )
    store.events.append(
        CommitSubject(project, name, commit_id),
        body,
        also=None if hold else lambda writer: writer.clear_intent(project, name),
    )


def log_again(store: Store, newest: VersionView, request: Commit) -> Committed:
    """Let the newest version have been logged once more."""
    subject = CommitSubject(newest.project, newest.name, newest.commit)
    description = _if_other(request.description, newest.description)
    metadata = _if_other(request.metadata if request.metadata != "{}" else None, newest.metadata)
    bodies: list[KnownBody] = []
    if request.run is not None and (request.run != newest.run or description or metadata):
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
