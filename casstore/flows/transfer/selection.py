"""Which events go along with versions: what is said of them, and nothing of others.

Knows: what an event names besides its subject.  Never: frames, requests.

*Privacy*: an event travels only if every version that it names travels or is there.  So the events
of a run go when all that it read and made is there; else the version names its run by id alone.
Events of a later release name who knows what, and stay.
"""

from collections.abc import Collection, Iterator
from typing import Protocol

from casstore.catalog import Reader
from casstore.depot import JournalFiles
from casstore.digest import CommitId, Digest
from casstore.exchange import Event
from casstore.journal import lineage, parts, queries
from casstore.journal.bodies import SameAsBody
from casstore.journal.events import Event as Fact
from casstore.journal.subjects import CollectionSubject, RoundSubject, RunSubject, subject_key
from casstore.store import Index, event_files

__all__ = ["Had", "events_for", "is_there", "round_events"]


class Had(Protocol):
    """What those have to whom a depot goes, besides what is in it."""

    def has_frame(self, digest: Digest) -> bool:
        """Tell whether they have a frame."""

    def has_event(self, name: str) -> bool:
        """Tell whether they have the event of this name."""


def is_there(reader: Reader, commit: CommitId) -> bool:
    """Tell whether a version has arrived in the depot whose index is read."""
    view = queries.version(reader, commit)
    return view is not None and view.complete


def events_for(
    commits: Collection[CommitId],
    index: Index,
    journal: JournalFiles,
    there: Index,
    *,
    had: Had | None = None,
) -> list[Event]:
    """Return the events about versions that are neither ``there`` nor ``had``, versions first.

    ``index`` and ``journal`` are those of the depot that has them.  A version that was removed
    before it ever came there has nothing to tell.
    """
    with index.read() as reader, there.read() as other:
        views = [queries.version(reader, commit) for commit in commits]
        commits = {
            view.commit
            for view in views
            if view is not None and (not view.deleted or is_there(other, view.commit))
        }
    with index.read() as reader:
        subjects = [*commits, *map(subject_key, _around(reader, commits, there, had))]
        names = list(dict.fromkeys(name for key in subjects for name in reader.events_about(key)))
    if had is not None:
        names = [name for name in names if not had.has_event(name)]
    with there.read() as reader:
        names = [name for name in names if not reader.has_event(name)]
        found = [
            (fact, data)
            for fact, data in event_files(names, index, journal)
            if _may_go(fact, commits, reader)
        ]
    found.sort(key=lambda item: (item[0].kind != "version", item[0].clock, item[0].id))
    return [Event(fact.name, fact.time, data) for fact, data in found]


def round_events(
    at: RoundSubject, index: Index, journal: JournalFiles, there: Index
) -> list[tuple[Fact, Event]]:
    """Return the events of all rounds of those who write together that are not ``there``.

    ``at`` is any of their rounds; finishes come first.  No push takes these along: they name
    what somebody has not made a version of yet.
    """
    place = (at.project, at.name, at.distributed_id)
    with index.read() as reader, there.read() as other:
        rounds = {part.round for part in parts.waiting(reader, *place)}
        rounds.update(range(parts.open_round(reader, *place) + 1))
        keys = [subject_key(RoundSubject(*place, number)) for number in sorted(rounds)]
        names = [name for key in keys for name in reader.events_about(key)]
        names = [name for name in dict.fromkeys(names) if not other.has_event(name)]
    found = [(fact, data) for fact, data in event_files(names, index, journal) if fact.known]
    found.sort(key=lambda item: (item[0].kind != "finish", item[0].clock, item[0].id))
    return [(fact, Event(fact.name, fact.time, data)) for fact, data in found]


def _around(
    reader: Reader, commits: Collection[CommitId], there: Index, had: Had | None
) -> Iterator[CollectionSubject | RunSubject]:
    """Yield the collections of versions, and the runs all of whose versions travel or are there."""
    runs: dict[tuple[str, str], None] = {}
    places: dict[tuple[str, str], None] = {}
    for commit in commits:
        view = queries.version(reader, commit)
        if view is None:
            continue
        places[view.project, view.name] = None
        places.update({(link.project, link.name): None for link in view.links})
        known = [view.run, *(producer.run for producer in view.producers)]
        runs.update({(view.project, run): None for run in known if run is not None})
        runs.update({(use.project, use.run): None for use in lineage.users_of(reader, commit)})
    yield from (CollectionSubject(*place) for place in places)
    with there.read() as other:
        for project, run in runs:
            told = lineage.run(reader, project, run)
            named = [] if told is None else [*(one.commit for one in told.inputs), *told.outputs]
            if all(
                commit in commits or is_there(other, commit) or _is_had(reader, commit, had)
                for commit in named
            ):
                yield RunSubject(project, run)


def _is_had(reader: Reader, commit: CommitId, had: Had | None) -> bool:
    """Tell whether those to whom a depot goes know all that is known here of a version."""
    names = reader.events_about(commit) if had is not None else []
    return had is not None and bool(names) and all(map(had.has_event, names))


def _may_go(fact: Fact, commits: Collection[CommitId], there: Reader) -> bool:
    if not fact.known:
        return False
    if isinstance(fact.body, SameAsBody):
        return fact.body.commit in commits or is_there(there, fact.body.commit)
    return True
