"""Rounds through a depot elsewhere: hosts that share only that contribute to one version.

Knows: what of a round travels, and when.  Never: how a version is made of parts, who asks.

Each host has a store of its own.  Adding a part::

    the part durable here  ->  its frames, then its event, there: the share counts

A finish, which anybody may begin again at any arrow::

    parts that wait there, with their frames  ->  here  ->  the union
    ->  what waits here and not there  ->  there
    ->  settled there by exclusive create: which parts the version takes
    ->  the version, here  ->  the version there, numbered if it is the upstream
    ->  finish event there: the round is closed for everybody

Whoever added a part finds the version by the finish event, which names the part: it lists the
depot's events, and takes the lists of files.

Where a depot cannot create exclusively nothing is settled: of two who finish at once and see
different parts, each makes a version.
"""

from dataclasses import dataclass, replace

from casstore.depot import escape_name
from casstore.digest import CommitId, digest_of
from casstore.errors import NotFound, Unsupported
from casstore.exchange import Connection, RemoteDepot
from casstore.flows.transfer.receiving import packs_of_manifests, receive, receive_manifests
from casstore.flows.transfer.selection import is_there, round_events
from casstore.flows.transfer.sending import send, send_manifests
from casstore.flows.transfer.together import pull, push
from casstore.journal import parts, queries
from casstore.journal.bodies import FinishBody, PartBody
from casstore.journal.subjects import RoundSubject
from casstore.journal.views import PartView, VersionView
from casstore.remotes import MAX_SMALL_BYTES
from casstore.store import (
    Commit,
    Draft,
    Finish,
    Settled,
    Store,
    add_part,
    finish_round,
    meeting_name,
    newest_version,
    version_of_part,
)
from casstore.store.numbering import key_of

__all__ = ["add_part_there", "finish_round_there", "version_of_part_there"]

MAX_SETTLED_BYTES = 16 * 1024 * 1024  # as an event, which names parts too


def add_part_there(
    store: Store,
    connection: Connection,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    replaces: bool = False,
) -> PartView:
    """Add a draft to the open round of a depot elsewhere; as ``add_part``.

    When this returns it is durable here and there.  Where the depot cannot be reached it is durable
    here, and the same call made again brings it there.
    """
    depot = connection.depot
    depot.refresh()
    place = (request.project, key_of(store, request.project, request.name), distributed_id)
    with depot.mirror.index.read() as reader:
        mine = [part for part in parts.waiting(reader, *place) if part.writer_name == writer]
    attempt = max((part.attempt for part in mine), default=0)
    part = add_part(
        *(store, draft, request, distributed_id),
        writer=writer,
        replaces=replaces,
        attempt=attempt,
    )
    _send_parts(store, depot, RoundSubject(*place, part.round))
    return part


def finish_round_there(
    store: Store,
    connection: Connection,
    draft: Draft,
    request: Commit,
    distributed_id: str,
    *,
    writer: str,
    incremental: bool = False,
) -> Finish:
    """Make one version of all parts that wait in a depot elsewhere and the draft.

    As ``finish_round``.  When this returns the version is whole here and there, and the round is
    closed for everybody.  All that the parts hold is brought here.
    """
    depot = connection.depot
    key = key_of(store, request.project, request.name)
    at = RoundSubject(request.project, key, distributed_id, 0)
    meeting = Depot(store, depot, at)
    meeting.look()
    if incremental:
        meeting.bring_newest()
    finish = finish_round(
        *(store, draft, request, distributed_id),
        writer=writer,
        incremental=incremental,
        meeting=meeting,
    )
    version = finish.committed.version
    push(store, connection, [version.commit])
    depot.publish(
        [event for _, event in round_events(at, store.index, store.journal, depot.mirror.index)]
    )
    with store.index.read() as reader:
        view = queries.version(reader, version.commit)
    committed = finish.committed if view is None else replace(finish.committed, version=view)
    return replace(finish, committed=committed)


def version_of_part_there(
    store: Store, connection: Connection, part: PartView
) -> VersionView | None:
    """Return the version that a part went into, finished by whatever host; None while it waits.

    It is brought here with its lists of files; the bytes of files come when they are read.  Raises
    ``NotFound`` if it was removed there since.
    """
    depot = connection.depot
    here = version_of_part(store, part)
    if here is not None:
        return here
    depot.refresh()
    with depot.mirror.index.read() as reader:
        commit = parts.commit_of_part(reader, part)
    if commit is None:
        return None
    pull(store, connection, [commit], keep=_no_file, completing=False)
    at = RoundSubject(part.project, part.name, part.distributed_id, part.round)
    there = depot.mirror
    finishes = [
        event
        for fact, event in round_events(at, there.index, there.journal, store.index)
        if isinstance(fact.body, FinishBody) and fact.body.commit == commit
    ]
    store.events.receive([(event.name, event.time, event.data) for event in finishes])
    with store.index.read() as reader:
        view = queries.version(reader, commit)
    if view is None:
        raise NotFound(
            f"the version {commit.hex()} that {part.name!r} became was removed from {depot.url}",
            hint="what was upserted to it is in no other; log it again",
        )
    return view


def _no_file(path: bytes) -> bool:
    del path
    return False


@dataclass(frozen=True, slots=True)
class Depot:
    """A depot elsewhere as the place where those meet who write together: ``store.Meeting``."""

    store: Store
    depot: RemoteDepot
    at: RoundSubject

    def look(self) -> None:
        """Bring what others have added, whole, and the version of the last finish."""
        depot, store = self.depot, self.store
        depot.refresh()
        place = (self.at.project, self.at.name, self.at.distributed_id)
        there = depot.mirror
        lacking = round_events(self.at, there.index, there.journal, store.index)
        with there.index.read() as reader:
            waiting = {part.event for part in parts.waiting(reader, *place)}
            last = parts.last_finished(reader, *place)
        wholes = [
            fact.body.manifest
            for fact, _ in lacking
            if isinstance(fact.body, PartBody) and fact.id in waiting
        ]
        receive_manifests(store, depot, wholes)
        if last is not None and not waiting:
            receive(store, depot, [last.finishes[0].commit])
        with store.session().committing():
            relied = packs_of_manifests(store, wholes)
            store.events.receive([(event.name, event.time, event.data) for _, event in lacking])
            store.session().published(relied)

    def bring_newest(self) -> None:
        """Bring the newest version of the name: the next is laid on it."""
        with self.depot.mirror.index.read() as reader:
            newest = newest_version(self.depot, reader, self.at.project, self.at.name)
        if newest is not None:
            receive(self.store, self.depot, [newest.commit])

    def settled(self, at: RoundSubject) -> Settled | None:
        """Return what a round was settled to be, None if it is open; all of it is here then."""
        try:
            read = self.depot.objects.read
            name = read(_claim(at), at_most=MAX_SMALL_BYTES).decode("ascii", "replace")
            what = Settled.from_bytes(read(f"{_claim(at)}-{name}", at_most=MAX_SETTLED_BYTES))
        except NotFound:
            return None
        self.look()
        made = [parts.commit_of_round(at, what.parts)]
        known = self._there([*made, *([what.base] if what.base is not None else [])])
        receive(self.store, self.depot, known)
        return what

    def settle(self, at: RoundSubject, what: Settled) -> Settled:
        """Settle a round unless somebody was first; return what holds."""
        _send_parts(self.store, self.depot, at)
        if what.base is not None:
            send(self.store, self.depot, [what.base])
        data = what.to_bytes()
        name = digest_of(data).hex()
        self.depot.objects.create(f"{_claim(at)}-{name}", data)  # it may be too long for a claim
        try:
            if self.depot.objects.create_exclusively(_claim(at), name.encode()):
                return what
        except Unsupported:
            return what
        return self.settled(at) or what

    def _there(self, commits: list[CommitId]) -> list[CommitId]:
        with self.depot.mirror.index.read() as reader:
            return [commit for commit in commits if is_there(reader, commit)]


def _send_parts(store: Store, depot: RemoteDepot, at: RoundSubject) -> None:
    """Bring the parts that wait here and not there to the depot: frames, then events."""
    place = (at.project, at.name, at.distributed_id)
    with store.index.read() as reader:
        waiting = {part.event: part for part in parts.waiting(reader, *place)}
    lacking = [
        (waiting[fact.id], event)
        for fact, event in round_events(at, store.index, store.journal, depot.mirror.index)
        if fact.id in waiting
    ]
    if not lacking:
        return
    wholes = {f"a part of {part.name}, {part.event.hex()}": part.manifest for part, _ in lacking}
    send_manifests(store, depot, wholes)
    depot.publish([event for _, event in lacking])


def _claim(at: RoundSubject) -> str:
    return f"claims/{escape_name(at.project)}/{escape_name(at.name)}/{meeting_name(at)}"
