"""Sealing with a store: the versions of one name get the numbers of its upstream.

Knows: which table the steps are decided from, in which order an event becomes durable.
Never: how claims and events reach the upstream; the caller brings both calls.
"""

from collections.abc import Callable, Sequence

from casstore.digest import CommitId, Digest
from casstore.journal.bodies import SameAsBody, SealedBody
from casstore.journal.events import Event
from casstore.journal.numbers import Numbers
from casstore.journal.sealing import Claims, Outcome, perform, seal_steps
from casstore.journal.subjects import CommitSubject
from casstore.store.store import Store

__all__ = ["seal"]


def seal(
    store: Store,
    project: str,
    name: str,
    commits: Sequence[CommitId] | None,
    *,
    claims: Claims,
    find: Callable[[CommitId], Digest | None],
    publish: Callable[[Event], object],
) -> tuple[Outcome, ...]:
    """Let the upstream that ``store`` follows number ``commits``, or all; return what became of it.

    Before, the upstream's events are in the store, and the version events of ``commits`` are in the
    upstream.  ``claims`` are the upstream's for this name, ``find`` reads which content a commit's
    version event has there, ``publish`` makes an event durable there.  Each event is durable here
    first: a call that was ended anywhere is made again, and sends what the upstream lacks.
    """

    def append(subject: CommitSubject, body: SealedBody | SameAsBody) -> None:
        publish(store.events.append(subject, body))

    with store.index.read() as reader:
        steps = seal_steps(Numbers(reader, project, name, store.standpoint), commits)
    return perform(steps, claims, find, append)
