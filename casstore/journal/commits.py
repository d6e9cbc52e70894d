"""Folding events about commits: versions, aliases, edits, deletion, links, seals.

Knows: what each kind changes, and which events keep a commit alive.  Never: bytes on disk, views.

A commit lives while an event that keeps it (version, producer, restore, a standing link, a standing
alias of its own) is not named by a delete.  Keepers and named events are rows of their own, so each
is found by its key: ``keeper`` rows are exactly the arrived, standing, unnamed ones.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from casstore.encoding import decode, encode
from casstore.journal import bodies, cards, keys, members, registers, ties
from casstore.journal.bodies import AliasClaim, EventId
from casstore.journal.events import Event
from casstore.journal.kinds import EDIT_FIELDS
from casstore.journal.members import CollectionRow
from casstore.journal.subjects import CommitSubject
from casstore.journal.table import StateTable

__all__ = ["CommitRow", "apply_commit"]

CommitRow: TypeAlias = dict[str, Any]


def apply_commit(table: StateTable, event: Event, subject: CommitSubject, body: Any) -> None:
    """Fold an event whose subject is a commit."""
    row = _load(table, subject.commit)
    row["updated"] = max(row["updated"], event.time)
    home = members.touch(members.load(table, subject.project, subject.name), event)
    _HANDLERS[type(body)](table, event, body, row, home)
    table.put(keys.version(subject.commit), encode(row))
    if row["facts"] is not None:
        cards.note_version(table, subject.commit, row["facts"], row["deletes"])
    members.save(table, home)


def _load(table: StateTable, commit: bytes) -> CommitRow:
    raw = table.get(keys.version(commit))
    if raw is not None:
        row: CommitRow = decode(raw)
        return row
    return {
        "commit": commit,
        "deletes": 0,
        "events": [],
        "facts": None,
        "links": [],
        "registers": {},
        "same": [],
        "sealed": [],
        "updated": 0,
    }


def _version(
    table: StateTable, event: Event, body: bodies.VersionBody, row: CommitRow, home: CollectionRow
) -> None:
    commit = row["commit"]
    place = [home["project"], home["name"]]
    if place not in [known[1:] for known in row["events"]]:
        home["count"] += 1
    row["events"] = sorted([*row["events"], [event.id, *place]])
    facts = row["facts"]
    if facts is None or [event.clock, event.id] < [facts["clock"], facts["id"]]:
        row["facts"] = _facts(event, body, place)
    for field in EDIT_FIELDS:
        _set(table, event, row, bodies.EditBody(field, getattr(body, field)))
    members.enroll(table, home, event, commit, body)
    table.put(keys.manifest(body.manifest.digest, commit), keys.NIL)
    _keep(table, commit, event.id)
    _claim(table, place, body.aliases, [event.id, event.clock, commit, False])
    for base in body.bases:
        ties.tie(table, ties.DRAFTED, base, commit)
    if body.run is not None:
        _output(table, event, home["project"], body.run, commit)


def _facts(event: Event, body: bodies.VersionBody, place: list[str]) -> dict[str, Any]:
    manifest = body.manifest
    return {
        "id": event.id,
        "clock": event.clock,
        "time": event.time,
        "project": place[0],
        "name": place[1],
        "type": body.type,
        "entity": body.entity,
        "manifest": [
            manifest.digest,
            manifest.root,
            manifest.level,
            manifest.entries,
            manifest.size,
        ],
        "number": body.number,
        "numbering": body.numbering,
        "run": body.run,
        "bases": body.bases,
        "environment": body.environment,
    }


def _producer(
    table: StateTable, event: Event, body: bodies.ProducerBody, row: CommitRow, home: CollectionRow
) -> None:
    commit, project = row["commit"], home["project"]
    value = [event.clock, project, body.run, body.description, body.metadata]
    table.put(keys.producer(commit, event.id), encode(value))
    _keep(table, commit, event.id)
    _output(table, event, project, body.run, commit)


def _output(table: StateTable, event: Event, project: str, run: str, commit: bytes) -> None:
    _put_earliest(table, keys.output(project, run, commit), event)
    cards.note_run_name(table, project, run)
    ties.tie(table, ties.MADE, cards.run_node(project, run), commit)


def _put_earliest(table: StateTable, key: bytes, event: Event) -> None:
    order = [event.clock, event.id]
    raw = table.get(key)
    if raw is None or order < decode(raw):
        table.put(key, encode(order))


def _alias(
    table: StateTable, event: Event, body: bodies.AliasBody, row: CommitRow, home: CollectionRow
) -> None:
    place = [home["project"], home["name"]]
    head = [event.id, event.clock, row["commit"] if body.set else None, body.set]
    if _point(table, place, body.alias, replaces=body.replaces, head=head) and body.set:
        _keep(table, row["commit"], event.id)


def _claim(
    table: StateTable,
    place: list[str],
    claims: tuple[AliasClaim, ...],
    head: registers.Head | None,
) -> None:
    for claim in claims:
        _point(table, place, claim.alias, replaces=claim.replaces, head=head)


def _point(
    table: StateTable,
    place: list[str],
    alias: str,
    *,
    replaces: tuple[EventId, ...] = (),
    head: registers.Head | None = None,
) -> bool:
    """Change the heads of an alias; say whether ``head`` stands.

    A head is ``[event, clock, commit or nil, own]``; ``own`` says that it is an alias event that
    keeps its commit, so a head that is dropped takes its keeper row along.
    """
    key = keys.alias(place[0], place[1], alias)
    raw = table.get(key)
    before = [] if raw is None else decode(raw)[1]
    heads, dropped = registers.drop(table, key, before, replaces)
    for event, _, commit, own in dropped:
        if own:
            table.delete(keys.keeper(commit, event))
    if head is not None:
        heads = registers.join(table, key, heads, head)
    if heads:
        table.put(key, encode([alias, heads]))
    elif raw is not None:
        table.delete(key)
    return head in heads


def _edit(
    table: StateTable, event: Event, body: bodies.EditBody, row: CommitRow, home: CollectionRow
) -> None:
    del home
    _set(table, event, row, body)


def _set(table: StateTable, event: Event, row: CommitRow, edit: bodies.EditBody) -> None:
    register = keys.edit_register(row["commit"], edit.field)
    before = row["registers"].get(edit.field, [])
    heads, _ = registers.drop(table, register, before, edit.replaces)
    head = [event.id, event.clock, edit.value]
    row["registers"][edit.field] = registers.join(table, register, heads, head)


def _delete(
    table: StateTable, event: Event, body: bodies.DeleteBody, row: CommitRow, home: CollectionRow
) -> None:
    del event, home
    row["deletes"] += 1
    for seen in body.seen:
        table.put(keys.seen(row["commit"], seen), keys.NIL)
        table.delete(keys.keeper(row["commit"], seen))


def _restore(
    table: StateTable, event: Event, body: bodies.RestoreBody, row: CommitRow, home: CollectionRow
) -> None:
    del body, home
    _keep(table, row["commit"], event.id)


def _keep(table: StateTable, commit: bytes, event: bytes) -> None:
    if table.get(keys.seen(commit, event)) is None:
        table.put(keys.keeper(commit, event), keys.NIL)


def _link(
    table: StateTable, event: Event, body: bodies.LinkBody, row: CommitRow, home: CollectionRow
) -> None:
    commit = row["commit"]
    place = [body.project, body.name]
    at_home = place == [home["project"], home["name"]]
    target = home if at_home else members.touch(members.load(table, *place), event)
    members.enroll(table, target, event, commit, body)
    if not at_home:
        members.save(table, target)
    _unlink(table, event, body, row, home)
    target_row = [*place, body.number, body.numbering]
    head = [event.id, event.clock, target_row, _names(body), event.time]
    row["links"] = registers.join(table, keys.link_register(commit), row["links"], head)
    standing = head in row["links"]
    if standing:
        _keep(table, commit, event.id)
    alias_head = [event.id, event.clock, commit, False]
    _claim(table, place, body.aliases, alias_head if standing else None)


def _names(body: bodies.LinkBody) -> list[str]:
    return [claim.alias for claim in body.aliases]


def _unlink(
    table: StateTable,
    event: Event,
    body: bodies.LinkBody | bodies.UnlinkBody,
    row: CommitRow,
    home: CollectionRow,
) -> None:
    """End the links that are replaced; each takes its keeper row and the aliases it gave along."""
    del event, home
    register = keys.link_register(row["commit"])
    row["links"], dropped = registers.drop(table, register, row["links"], body.replaces)
    for link, _, target, aliases, _ in dropped:
        table.delete(keys.keeper(row["commit"], link))
        for alias in aliases:
            _withdraw(table, target[:2], alias, link)


def _withdraw(table: StateTable, place: list[str], alias: str, link: bytes) -> None:
    """Take a link's alias away without a replacement: the link itself remembers that it ended."""
    key = keys.alias(place[0], place[1], alias)
    raw = table.get(key)
    heads = [] if raw is None else [head for head in decode(raw)[1] if head[0] != link]
    if heads:
        table.put(key, encode([alias, heads]))
    else:
        table.delete(key)


def _sealed(
    table: StateTable, event: Event, body: bodies.SealedBody, row: CommitRow, home: CollectionRow
) -> None:
    project, name = home["project"], home["name"]
    entry = [project, name, body.authority, body.number]
    if entry not in row["sealed"]:
        row["sealed"] = sorted([*row["sealed"], entry])
    members.raise_highest(home, body.authority, body.number)
    key = keys.sealed(project, name, body.authority, body.number, row["commit"])
    _put_earliest(table, key, event)


def _same_as(
    table: StateTable, event: Event, body: bodies.SameAsBody, row: CommitRow, home: CollectionRow
) -> None:
    del table, event, home
    row["same"] = sorted({*row["same"], body.commit})


_Handler: TypeAlias = Callable[[StateTable, Event, Any, CommitRow, CollectionRow], None]

_HANDLERS: dict[type, _Handler] = {
    bodies.AliasBody: _alias,
    bodies.DeleteBody: _delete,
    bodies.EditBody: _edit,
    bodies.LinkBody: _link,
    bodies.ProducerBody: _producer,
    bodies.RestoreBody: _restore,
    bodies.SameAsBody: _same_as,
    bodies.SealedBody: _sealed,
    bodies.UnlinkBody: _unlink,
    bodies.VersionBody: _version,
}
