"""Numbers: one committer a name at a time, and a number for what becomes a member of it.

Knows: intents, claims, under which name a collection is kept.  Never: drafts, events of versions.
Versions that are logged and versions that are linked get their numbers here.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from itertools import count

from casstore.catalog import Reader, Writer
from casstore.depot import intent_file
from casstore.digest import CommitId
from casstore.errors import Busy
from casstore.journal import labels, queries
from casstore.journal.bodies import AliasClaim, LabelBody
from casstore.journal.numbers import Numbers
from casstore.journal.subjects import CollectionSubject
from casstore.names import MAX_NAME_CHARS
from casstore.store.lookup import collection_called
from casstore.store.store import Store

__all__ = ["alias_claims", "held", "key_of", "reserved", "set_label", "take_number"]

WAIT_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.1
MAX_SUFFIX_CHARS = 10


@contextlib.contextmanager
def reserved(store: Store, project: str, name: str, commit_id: CommitId) -> Iterator[str]:
    """Be the only one who adds to what is called ``name``; gives the name that it is kept under.

    That is the name at creation: another one only where the collection was renamed, or where it is
    new and the name's first bearer was renamed.  Waits while a living session is at it; raises
    ``Busy`` when that takes too long, ``Conflict`` if two collections are called so.

    In a depot that several hosts share one is alone on this host only: what others have added until
    now is known, what they add at the same time is not.  Numbers are claimed, so they are unique;
    two hosts that log the same content at once make two versions, and an alias that two give at
    once is in conflict until somebody settles it.
    """
    store.index.catch_up()
    while True:
        key = key_of(store, project, name)
        with held(store, project, key, commit_id):
            if key_of(store, project, name) == key:  # else it was renamed while we waited
                yield key
                return


@contextlib.contextmanager
def held(store: Store, project: str, key: str, commit_id: CommitId) -> Iterator[None]:
    """Be the only one at work on the collection that is kept under ``key``; as ``reserved``.

    An intent holds while its file is in its session's folder.  That goes whatever happens: an
    intent that a full disk keeps in the index holds up nobody, in this process or another.
    """
    store.require_there()
    mark = intent_file(store.root, store.session_id(), commit_id.hex())
    try:
        mark.touch()
        _reserve(store, (project, key), commit_id)
        yield
    finally:
        mark.unlink(missing_ok=True)
        with contextlib.suppress(OSError, Busy):  # without its file it holds no more
            _release(store, (project, key), commit_id)


def take_number(store: Store, project: str, key: str, commit_id: CommitId) -> int:
    """Claim the next number of a collection that is reserved; it is never given to another.

    It is above what the upstream has sealed as well, so that the upstream may well seal it.  One
    that this commit, interrupted or made by another host too, has claimed already is taken again.
    """
    if store.index.is_shared():
        taken = store.claims.taken_by(project, key, commit_id)
        if taken is not None:
            return taken
    with store.index.read() as reader:
        number = Numbers(reader, project, key, store.standpoint).next()
    return store.claims.take(project, key, number, commit_id, store.staging())


def alias_claims(
    store: Store, project: str, key: str, aliases: Iterable[str]
) -> tuple[AliasClaim, ...]:
    """Return aliases with the events that they replace."""
    with store.index.read() as reader:
        return tuple(
            AliasClaim(alias, tuple(queries.alias_heads(reader, project, key, alias)))
            for alias in aliases
        )


def set_label(
    store: Store, project: str, key: str, field: str, value: str | int | tuple[str, ...] | None
) -> None:
    """Say something of a collection, in place of what was said before."""
    with store.index.read() as reader:
        replaces = tuple(labels.heads(reader, project, key, field))
    store.events.append(CollectionSubject(project, key), LabelBody(field, value, replaces))


def key_of(store: Store, project: str, name: str) -> str:
    """Return the name under which what is called ``name`` is kept, or will be once there is any."""
    with store.index.read() as reader:
        present = collection_called(store, reader, project, name)
        return present.name if present is not None else _new_key(reader, project, name)


def _new_key(reader: Reader, project: str, name: str) -> str:
    """Return the name under which a new collection is kept: its own, if that was never used."""
    stem = name[: MAX_NAME_CHARS - MAX_SUFFIX_CHARS]
    for number in count():
        key = f"{stem}.{number}" if number else name
        is_free = queries.collection(reader, project, key) is None
        if is_free and labels.called(reader, project, key) in {key, name}:
            return key
    raise AssertionError("numbers do not end")


def _reserve(store: Store, place: tuple[str, str], commit_id: CommitId) -> None:
    """Record the intent to commit to a name, waiting while a living session holds one."""
    deadline = time.monotonic() + WAIT_SECONDS
    pause = FIRST_PAUSE_SECONDS
    session = store.session_id()
    dead: tuple[str, CommitId] | None = None

    def take(writer: Writer) -> tuple[str, CommitId] | None:
        held = writer.intent(*place)
        if held is not None and held != dead:
            return held
        writer.set_intent(*place, session, commit_id)
        return None

    while (held := store.index.write(take)) is not None:
        if not _holds(store, *held):
            store.index.catch_up(thorough=True)  # it may have died after its event
            dead = held
            continue
        if time.monotonic() > deadline:
            raise Busy(
                f"another process has been committing to {place[1]!r} for {WAIT_SECONDS:.0f} s",
                hint="nothing was logged; call again when it has ended",
            )
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _holds(store: Store, session: str, commit_id: CommitId) -> bool:
    """Tell whether whoever had an intent is at it still."""
    return intent_file(store.root, session, commit_id.hex()).exists() and (
        session in store.live_sessions()
    )


def _release(store: Store, place: tuple[str, str], commit_id: CommitId) -> None:
    session = store.session_id()

    def clear(writer: Writer) -> None:
        if writer.intent(*place) == (session, commit_id):
            writer.clear_intent(*place)

    with store.index.read() as reader:
        ours = reader.intent(*place) == (session, commit_id)
    if ours:
        store.index.write(clear)
