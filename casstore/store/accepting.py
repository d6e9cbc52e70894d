"""What is in doubt in a store: numbers, aliases, names; and numbers that somebody agreed to.

Knows: which clashes somebody has agreed to in this store.  Never: what makes a clash.
"""

from collections.abc import Iterable, Sequence

from casstore.catalog import Reader
from casstore.digest import CommitId
from casstore.errors import Conflict
from casstore.journal import queries
from casstore.journal.numbers import Numbers, Renumbered, Resolution
from casstore.journal.views import CollectionView
from casstore.store.conflicts import alias_conflict, name_conflict, number_conflict
from casstore.store.store import Store

__all__ = ["accept_numbers", "conflicts_of", "renumbered", "renumbering_notice", "unaccepted"]

MAX_NAMED = 5


def unaccepted(store: Store, reader: Reader, collection: CollectionView) -> list[Resolution]:
    """Return the numbers of a collection that mean nothing until they are accepted."""
    place = (collection.project, collection.name)
    found = list(Numbers(reader, *place, store.standpoint).clashes())
    if not found:
        return []
    accepted = store.accepted(*place)
    return [each for each in found if (each.number, each.commit) not in accepted]


def accept_numbers(store: Store, collection: CollectionView) -> list[Resolution]:
    """Agree that each number of a collection means what it means now; return those that clashed.

    It is remembered in this store alone, durably, and holds until a number means yet another
    version.  The versions that a number meant before are found as ``name@commit``.
    """
    store.require_writable()
    with store.index.read() as reader:
        found = unaccepted(store, reader, collection)
    if found:
        pairs = [(each.number, each.commit) for each in found]
        place = (collection.project, collection.name)
        store.number_files.accept(*place, pairs, store.staging())
    return found


def conflicts_of(store: Store, reader: Reader) -> list[Conflict]:
    """Return everything that somebody has to decide: names, numbers and aliases, in that order."""
    by_label: dict[tuple[str, str], list[CollectionView]] = {}
    collections = list(queries.collections(reader))
    for view in collections:
        by_label.setdefault((view.project, view.label), []).append(view)
    names = [name_conflict(store.root, same) for same in by_label.values() if len(same) > 1]
    numbers = [
        number_conflict(view, each)
        for view in collections
        for each in unaccepted(store, reader, view)
    ]
    aliases = [
        alias_conflict(view, alias)
        for view in collections
        for alias in queries.aliases(reader, view.project, view.name)
        if alias.conflict
    ]
    return [*names, *numbers, *aliases]


def renumbered(
    store: Store, collection: CollectionView, commits: Iterable[CommitId]
) -> list[Renumbered]:
    """Return which of ``commits`` are called otherwise now than when they were logged."""
    with store.index.read() as reader:
        numbers = Numbers(reader, collection.project, collection.name, store.standpoint)
        return numbers.renumbered(list(dict.fromkeys(commits)))


def renumbering_notice(collection: CollectionView, found: Sequence[Renumbered]) -> str:
    """Return one line on versions that are called otherwise now; there is at least one."""
    named = ", ".join(f"v{each.before} is v{each.now} now" for each in found[:MAX_NAMED])
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return f"the upstream numbered {collection.label!r}: {named}{more}"
