"""Questions about versions, collections and aliases.

Knows: how rows become views.  Never: how rows came about, LMDB, references.
Iterators read the table while they are used: keep its transaction open until then.
"""

from collections.abc import Iterator
from typing import Any

from casstore.digest import COMMIT_ID_SIZE, DIGEST_SIZE, CommitId, Digest
from casstore.encoding import decode
from casstore.journal import keys, labels, registers, seals
from casstore.journal.bodies import EventId, ManifestRef
from casstore.journal.registers import Heads
from casstore.journal.table import StateReader
from casstore.journal.views import (
    AliasView,
    CollectionView,
    FieldConflict,
    LinkView,
    ProducerView,
    VersionView,
)

__all__ = [
    "alias",
    "alias_heads",
    "aliases",
    "aliases_of",
    "collection",
    "collections",
    "commits",
    "commits_of_manifest",
    "deletion_seen",
    "edit_heads",
    "highest_clock",
    "is_alive",
    "link_heads",
    "member",
    "named",
    "next_number",
    "numbered",
    "projects",
    "version",
    "versions",
]

_NOTHING = Digest(bytes(DIGEST_SIZE))
_EMPTY: dict[str, Any] = {
    "project": "",
    "name": "",
    "type": "",
    "entity": "",
    "manifest": [_NOTHING, _NOTHING, 0, 0, 0],
    "number": None,
    "numbering": None,
    "run": None,
    "bases": [],
    "environment": "{}",
    "time": 0,
}


def version(table: StateReader, commit: bytes) -> VersionView | None:
    """Return a version at home, or None if no event about the commit has arrived."""
    row = _row(table, keys.version(commit))
    if row is None:
        return None
    facts = row["facts"] or _EMPTY
    fields = row["registers"]
    place = (facts["project"], facts["name"])
    sealed, doubts = _sealed(table, row, place)
    said = labels.of(table, *place)
    own = registers.shown(fields.get("ttl", []))
    return VersionView(
        commit=CommitId(commit),
        project=facts["project"],
        name=facts["name"],
        label=registers.shown(said.get("name", [])) or facts["name"],
        type=registers.shown(said.get("type", [])) or facts["type"],
        entity=facts["entity"],
        manifest=ManifestRef(*facts["manifest"]),
        number=facts["number"],
        numbering=facts["numbering"],
        sealed=sealed,
        run=facts["run"],
        description=registers.shown(fields.get("description", [])),
        metadata=registers.shown(fields.get("metadata", [])) or "{}",
        tags=tuple(registers.union(fields.get("tags", []))),
        ttl=own,
        lifetime=(registers.shown(said.get("ttl", [])) if own is None else own) or None,
        bases=tuple(facts["bases"]),
        environment=facts["environment"],
        same_as=tuple(row["same"]),
        links=tuple(_link(head) for head in row["links"]),
        producers=_producers(table, commit),
        created_at=facts["time"],
        updated_at=row["updated"],
        deleted=row["deletes"] > 0 and not is_alive(table, commit),
        complete=row["facts"] is not None,
        conflicts=_conflicts(fields) + doubts,
    )


def member(table: StateReader, project: str, name: str, commit: bytes) -> VersionView | None:
    """Return a version as a collection shows it; None if it is neither logged nor linked there."""
    view = version(table, commit)
    if view is None or (view.project, view.name) == (project, name):
        return view
    return _linked(table, view, (project, name))


def versions(
    table: StateReader, project: str, name: str, *, include_deleted: bool = False
) -> Iterator[VersionView]:
    """Yield a collection's versions by number, then those without one; linked ones among them."""
    for number, commit in _enrolled(table, project, name):
        view = _member(table, (project, name, number), commit)
        if view is not None and (include_deleted or not view.deleted):
            yield view


def _enrolled(table: StateReader, project: str, name: str) -> Iterator[tuple[int | None, bytes]]:
    for key, _ in table.scan(keys.numbers(project, name)):
        number = key[-8 - COMMIT_ID_SIZE : -COMMIT_ID_SIZE]
        yield int.from_bytes(number, "big"), key[-COMMIT_ID_SIZE:]
    for key, _ in table.scan(keys.unnumbereds(project, name)):
        yield None, key[-COMMIT_ID_SIZE:]


def numbered(table: StateReader, project: str, name: str, number: int) -> list[VersionView]:
    """Return every version whose event gives it ``number``, of any numbering, deleted ones too."""
    rows = table.scan(keys.number(project, name, number))
    found = [_member(table, (project, name, number), key[-COMMIT_ID_SIZE:]) for key, _ in rows]
    return [view for view in found if view is not None]


def commits(table: StateReader, prefix: bytes = b"") -> Iterator[CommitId]:
    """Yield the commits whose id begins with ``prefix``."""
    for key, _ in table.scan(keys.versions(prefix)):
        yield CommitId(key[-COMMIT_ID_SIZE:])


def commits_of_manifest(table: StateReader, prefix: bytes) -> Iterator[CommitId]:
    """Yield the commits whose manifest digest begins with ``prefix``."""
    for key, _ in table.scan(keys.manifests(prefix)):
        yield CommitId(key[-COMMIT_ID_SIZE:])


def is_alive(table: StateReader, commit: bytes) -> bool:
    """Say whether an event keeps the commit that no delete has named."""
    return next(iter(table.scan(keys.keepers(commit))), None) is not None


def deletion_seen(table: StateReader, commit: bytes) -> list[EventId]:
    """Return every event that a delete has to name to take effect."""
    skip = len(keys.keepers(commit))
    return [EventId(key[skip:]) for key, _ in table.scan(keys.keepers(commit))]


def edit_heads(table: StateReader, commit: bytes, field: str) -> list[EventId]:
    """Return the events that an edit of a version's field replaces."""
    row = _row(table, keys.version(commit))
    return _ids(row["registers"].get(field, [])) if row else []


def link_heads(table: StateReader, commit: bytes, project: str, name: str) -> list[EventId]:
    """Return the events that link a commit into a collection: what an unlink replaces."""
    row = _row(table, keys.version(commit))
    return _ids([head for head in row["links"] if head[2][:2] == [project, name]]) if row else []


def collection(table: StateReader, project: str, name: str) -> CollectionView | None:
    """Return a collection, or None unless a version or a link has arrived."""
    row = _row(table, keys.collection(project, name))
    return _collection(row) if row and row["created"] is not None else None


def collections(table: StateReader, project: str | None = None) -> Iterator[CollectionView]:
    """Yield the collections of a project, or of all."""
    for _, raw in table.scan(keys.collections(project)):
        row = decode(raw)
        if row["created"] is not None:
            is_plain = not row["labels"] and len(row["types"]) == 1
            yield _plain_collection(row) if is_plain else _collection(row)


def named(table: StateReader, project: str, label: str) -> list[CollectionView]:
    """Return the collections that are called ``label`` now: several only after a merge."""
    names = labels.names_called(table, project, label)
    found = [collection(table, project, name) for name in names]
    return [view for view in found if view is not None]


def projects(table: StateReader) -> list[str]:
    """Return the names of all projects."""
    return sorted(decode(raw) for _, raw in table.scan(keys.projects()))


def next_number(table: StateReader, project: str, name: str, numbering: bytes) -> int:
    """Return one above the highest number that a numbering, or an authority, ever gave here."""
    row = _row(table, keys.collection(project, name))
    highest = dict(row["highest"]) if row else {}
    return int(highest.get(numbering, -1)) + 1


def highest_clock(table: StateReader, project: str, name: str) -> int:
    """Return the highest clock seen in a collection, 0 if none."""
    row = _row(table, keys.collection(project, name))
    return int(row["clock"]) if row else 0


def alias(table: StateReader, project: str, name: str, value: str) -> AliasView:
    """Return where an alias points."""
    raw = table.get(keys.alias(project, name, value))
    return _alias(table, value, [] if raw is None else decode(raw)[1])


def aliases(table: StateReader, project: str, name: str) -> Iterator[AliasView]:
    """Yield a collection's aliases that point somewhere."""
    for _, raw in table.scan(keys.aliases(project, name)):
        view = _alias(table, *decode(raw))
        if view.commit is not None or view.conflict:
            yield view


def aliases_of(table: StateReader, project: str, name: str) -> dict[CommitId, list[str]]:
    """Return the aliases of each commit of a collection, sorted."""
    found: dict[CommitId, list[str]] = {}
    for view in aliases(table, project, name):
        if view.commit is not None:
            found.setdefault(view.commit, []).append(view.alias)
    return {commit: sorted(names) for commit, names in found.items()}


def alias_heads(table: StateReader, project: str, name: str, value: str) -> list[EventId]:
    """Return the events that a new alias event replaces."""
    raw = table.get(keys.alias(project, name, value))
    return [] if raw is None else _ids(decode(raw)[1])


def _row(table: StateReader, key: bytes) -> dict[str, Any] | None:
    raw = table.get(key)
    return None if raw is None else decode(raw)


def _ids(heads: Heads) -> list[EventId]:
    return [EventId(head[0]) for head in heads]


def _conflict(field: str, heads: Heads) -> FieldConflict | None:
    values = registers.distinct(heads)
    if len(values) < 2:
        return None
    return FieldConflict(field, tuple((head[0], head[2]) for head in values))


def _conflicts(fields: dict[str, Heads]) -> tuple[FieldConflict, ...]:
    """Report registers whose heads differ; sets of tags are joined, so they cannot."""
    several = [(field, heads) for field, heads in fields.items() if len(heads) > 1]
    found = [_conflict(field, heads) for field, heads in several if field != "tags"]
    return tuple(conflict for conflict in found if conflict is not None)


def _producers(table: StateReader, commit: bytes) -> tuple[ProducerView, ...]:
    found = [decode(raw) for _, raw in table.scan(keys.producers(commit))]
    found.sort(key=lambda value: value[0])
    return tuple(ProducerView(*value[2:]) for value in found)


def _sealed(
    table: StateReader, row: dict[str, Any], place: tuple[str, str]
) -> tuple[dict[bytes, int], tuple[FieldConflict, ...]]:
    """Return the numbers that authorities sealed, and those that another commit had first."""
    held: dict[bytes, int] = {}
    doubts = []
    for project, name, authority, number in row["sealed"]:
        if (project, name) != place:
            continue
        claims = seals.claimants(table, project, name, authority, number)
        if claims[0].commit != row["commit"]:
            doubts.append(
                FieldConflict("number", tuple((seal.event, seal.commit) for seal in claims))
            )
        else:
            held.setdefault(authority, number)
    return held, tuple(doubts)


def _link(head: registers.Head) -> LinkView:
    event, _, (project, name, number, numbering), _, time = head
    return LinkView(event, project, name, number, numbering, linked_at=time)


def _member(
    table: StateReader, at: tuple[str, str, int | None], commit: bytes
) -> VersionView | None:
    """Return the version as the collection shows it, if this is its row there."""
    project, name, number = at
    view = member(table, project, name, commit)
    return view if view is not None and view.number == number else None


def _linked(table: StateReader, view: VersionView, place: tuple[str, str]) -> VersionView | None:
    row = _row(table, keys.version(view.commit)) or {}
    target = registers.shown([head for head in row["links"] if tuple(head[2][:2]) == place])
    if target is None:
        return None
    project, name, number, numbering = target
    sealed, doubts = _sealed(table, row, place)
    return view._replace(
        project=project,
        name=name,
        label=labels.called(table, project, name),
        number=number,
        numbering=numbering,
        sealed=sealed,
        conflicts=_conflicts(row["registers"]) + doubts,
        source=(view.project, view.name, view.number),
    )


def _collection(row: dict[str, Any]) -> CollectionView:
    said = row["labels"]
    types = [[first, clock, known] for known, clock, first in row["types"]]
    types.sort(key=lambda head: (head[1], head[0]))
    heads = {**said, "type": said.get("type") or types[:1]}
    conflicts = _conflicts(heads)
    if "type" not in said and len(types) > 1:
        conflicts += (FieldConflict("type", tuple((head[0], head[2]) for head in types)),)
    return CollectionView(
        project=row["project"],
        name=row["name"],
        label=registers.shown(said.get("name", [])) or row["name"],
        type=registers.shown(heads["type"]) or "",
        description=registers.shown(said.get("description", [])),
        tags=tuple(registers.union(said.get("tags", []))),
        ttl=registers.shown(said.get("ttl", [])),
        created_at=row["created"],
        updated_at=row["updated"],
        count=row["count"],
        highest=dict(row["highest"]),
        conflicts=conflicts,
    )


def _plain_collection(row: dict[str, Any]) -> CollectionView:
    """Return what ``_collection`` does of a name of which nothing was said: nearly all of them."""
    ((type_name, _, _),) = row["types"]
    return CollectionView(
        project=row["project"],
        name=row["name"],
        label=row["name"],
        type=type_name,
        description=None,
        tags=(),
        ttl=None,
        created_at=row["created"],
        updated_at=row["updated"],
        count=row["count"],
        highest=dict(row["highest"]),
        conflicts=(),
    )


def _alias(table: StateReader, value: str, heads: Heads) -> AliasView:
    standing = [head for head in heads if head[2] is None or is_alive(table, head[2])]
    found = registers.distinct(standing)
    conflict = tuple((head[0], head[2]) for head in found) if len(found) > 1 else ()
    return AliasView(value, found[0][2] if found else None, conflict)
