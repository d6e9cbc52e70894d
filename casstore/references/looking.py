"""Looking at many objects: one paged listing where many lie in one folder, else one look at each.

Knows: when a listing is cheaper, when to give it up.  Never: schemes, what the answers mean.

A listing tells of a thousand objects a request.  It also tells of everything else in the folder, so
it is given up when it has told of too much that nobody asked about.
"""

from collections.abc import Iterator, Sequence

from casstore.errors import Error
from casstore.parallel import ordered_map
from casstore.references.record import Referent
from casstore.references.schemes import listing, look
from casstore.references.uris import bucket_address

__all__ = ["look_at_all"]

MAX_ASKERS = 16  # connections, which wait rather than work
MIN_LISTED = 100
FOREIGN_OBJECTS = 10_000


def look_at_all(recorded: Sequence[Referent]) -> Iterator[Referent | Error | None]:
    """Yield for each, in order, what ``schemes.look`` returns, or the error that it raises."""
    folders: dict[str, set[str]] = {}
    for each in recorded:
        if not bucket_address(each.uri).version_id:  # a listing tells of the newest only
            folders.setdefault(each.uri.rpartition("/")[0] + "/", set()).add(each.uri)
    known: dict[str, Referent | None] = {}
    for folder, uris in folders.items():
        if len(uris) >= MIN_LISTED:
            known |= _listed(folder, uris)
    yield from ordered_map(
        lambda each: known[each.uri] if each.uri in known else _look(each),
        recorded,
        workers=MAX_ASKERS,
        window=4 * MAX_ASKERS,
    )


def _look(recorded: Referent) -> Referent | Error | None:
    try:
        return look(recorded)
    except Error as error:
        return error


def _listed(folder: str, uris: set[str]) -> dict[str, Referent | None]:
    """Return what a listing tells of objects: None for those that are gone."""
    found: dict[str, Referent | None] = {}
    try:
        for count, now in enumerate(listing(folder)):
            if count >= len(uris) + FOREIGN_OBJECTS:
                return found
            if now.uri in uris:
                found[now.uri] = now
    except Error:  # who may not list may look at each, and is told then what is wrong
        return {}
    return {uri: found.get(uri) for uri in uris}
