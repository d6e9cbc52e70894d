"""Finishing: one version is made of the parts of a round.

Knows: the protocol, arrow by arrow; commit has the arrows that make a version.
Never: working files, runs as objects, what people see.

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

Where several hosts finish (a shared folder, a depot elsewhere) there is one arrow more, after the
finisher's part: *settled*, which parts the version takes (``meeting``).  Who was not first makes
the version that was settled, and then goes on with what it added itself.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from casstore.catalog import Reader
from casstore.digest import CommitId, Digest, random_commit_id
from casstore.encoding import canonical_json
from casstore.errors import Busy, Conflict, Invalid
from casstore.journal import parts, queries
from casstore.journal.bodies import EventId, FinishBody, ManifestRef, PartBody, ProducerBody
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
from casstore.store.meeting import Meeting, Settled, SharedFolder
from casstore.store.numbering import reserved
from casstore.store.relied import passing
from casstore.store.rounds import append_part, part_body
from casstore.store.store import Store
from casstore.store.union import Share, union

__all__ = ["Finish", "finish_round"]


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


def finish_round(
    store: Store,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    incremental: bool = False,
    meeting: Meeting | None = None,
) -> Finish:
    """Make one version of all parts and the draft, and open the next round.

    The draft is the part of ``writer``, added to what it added before.  With ``incremental`` files
    of the newest version stay where no part has their path.  Content equal to the newest version's
    makes no new one.  Where nothing was added since the last finish, by whomever, that finish's
    version is returned.  ``meeting`` is where others finish who do not use this store; of a store
    that hosts share it is the store.

    Raises ``Conflict`` naming path and writers where two parts differ, or are of two types: the
    parts then wait as before.  ``Invalid`` where nobody has added anything and the draft is empty.
    Otherwise as ``commit``.
    """
    check_type_of(store, request.project, request.name, request.type)
    own = manifest_ref(draft.finish())
    if meeting is None and store.index.is_shared():
        meeting = SharedFolder(store)
    with (
        draft.session.committing(),
        reserved(store, request.project, request.name, random_commit_id()) as key,
    ):
        check_type_of(store, request.project, request.name, request.type)
        finish = _Finishing(store, draft, request, own, writer, incremental, meeting)
        done = None
        while done is None:  # each time round, somebody else has finished a round
            done = finish.once((request.project, key, distributed_id))
        return done


@dataclass(frozen=True, slots=True)
class _Finishing:
    """One call of a finish: what it was given; ``own`` is the draft's list of files."""

    store: Store
    draft: Draft
    request: Commit
    own: ManifestRef
    writer: str
    incremental: bool
    meeting: Meeting | None

    def once(self, place: tuple[str, str, str]) -> Finish | None:
        """Finish the open round; None if another host has, without what this one adds."""
        gathered = _gather(self.store, place)
        settled = self.meeting.settled(gathered.subject) if self.meeting is not None else None
        if settled is not None:
            return self._as_settled(gathered, settled)
        done = _finished_before(self.store, gathered, self.own)
        if done is not None:
            return Finish(log_again(self.store, done, self.request), 0, again=True)
        _check_types(self.request, gathered.parts)
        body = self._own_part(gathered)
        base = gathered.newest if self.incremental else None
        if not (gathered.parts or self.own.entries or (base and base.manifest.entries)):
            raise _nothing_to_finish(self.store, gathered.subject, self.request)
        manifest = _merge(self.store, self.draft, gathered.parts, body, base)
        found = gathered.parts
        if body is not None:
            found = (*found, append_part(self.store, gathered.subject, body))
            self.draft.session.published(self.draft.relied_packs())
        if self.meeting is not None:
            what = Settled(_events(found), base.commit if base is not None else None)
            settled = self.meeting.settle(gathered.subject, what)
            if settled != what:
                return self._as_settled(_gather(self.store, place), settled)
        committed = _close(
            *(self.store, self.draft, self.request, gathered, found), lambda: manifest, base
        )
        return Finish(committed, len(gathered.parts))

    def _own_part(self, gathered: _Gathered) -> PartBody | None:
        """Return the part that the draft is; None if it is empty, or is there already."""
        if not self.own.entries or self.own.digest in _digests(gathered.parts):
            return None
        attempts = [part.attempt for part in gathered.parts if part.writer_name == self.writer]
        return part_body(self.request, self.own, self.writer, max(attempts, default=0))

    def _as_settled(self, gathered: _Gathered, settled: Settled) -> Finish | None:
        """Make the version that another host's finish has settled, if that has not."""
        found = [part for part in gathered.parts if part.event in settled.parts]
        if len(found) < len(settled.parts) and self.meeting is not None:
            self.meeting.look()
            at = gathered.subject
            gathered = _gather(self.store, (at.project, at.name, at.distributed_id))
            if gathered.subject != at:
                return None  # it is finished by now
            found = [part for part in gathered.parts if part.event in settled.parts]
        base = None
        if settled.base is not None:
            with self.store.index.read() as reader:
                base = queries.version(reader, settled.base)
        if len(found) < len(settled.parts) or (base is None) != (settled.base is None):
            raise Busy(
                f"{self.request.name!r} is being finished by another host, and not all that it "
                "takes can be seen from here yet",
                hint="nothing is lost; finish again in a minute",
            )
        committed = _close(
            *(self.store, self.draft, self.request, gathered, found),
            lambda: _merge(self.store, self.draft, found, None, base),
            base,
        )
        is_in = not self.own.entries or self.own.digest in _digests(found)
        return Finish(committed, len(found)) if is_in else None


def _nothing_to_finish(store: Store, at: RoundSubject, request: Commit) -> Invalid:
    return Invalid(
        f"nothing was upserted by {at.distributed_id!r} to {request.name!r} in project"
        f" {request.project!r} of {store.root}, and the artifact that finishes has no files:"
        " no version was made",
        hint="upsert under this id, to this store, and finish again; log_artifact makes a version"
        " that is meant to be empty",
    )


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
    manifest: Callable[[], ManifestRef],
    base: VersionView | None,
) -> Committed:
    """Make the version, its producers, and the event that settles the parts."""
    events = _events(found)
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
            *(store, draft, said, gathered.subject.name, manifest(), commit_id),
            newest=gathered.newest,
            hold=True,
        )
    _name_producers(store, committed.version.commit, found)
    body = FinishBody(committed.version.commit, events, request.run)
    store.events.append(gathered.subject, body)
    with store.index.read() as reader:
        return replace(committed, version=_known(reader, committed.version.commit))


def _events(found: Sequence[PartView]) -> tuple[EventId, ...]:
    return tuple(sorted(part.event for part in found))


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


def _known(reader: Reader, commit: CommitId) -> VersionView:
    view = queries.version(reader, commit)
    if view is None:
        raise AssertionError("a version that was made is visible")
    return view
