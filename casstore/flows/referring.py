"""referring: objects that lie elsewhere, as entries of a draft.

URI -> what it means now (a listing, or one look) -> entries -> all of them into the draft, or none

Knows: how what is found is named.  Never: schemes, bytes, numbers.
"""

from collections.abc import Iterable
from typing import NamedTuple

from casstore.errors import Invalid
from casstore.manifests import Entry, EntryKind
from casstore.names import URL_SCHEME, check_path
from casstore.references import (
    Expansion,
    Found,
    Referent,
    check_uri,
    expand,
    is_known,
    scheme_of,
    too_many,
    unchecked,
)
from casstore.store import Draft, Store, follow, referent_of, targets, url_of

__all__ = ["DEFAULT_MAX_OBJECTS", "Request", "add_entries", "refer"]

DEFAULT_MAX_OBJECTS = 10_000
"""As in W&B."""


class Request(NamedTuple):
    """What is to be referred to, and how.

    ``name``: the path inside the version, of a prefix or folder the folder that its objects go to.
    ``checksum`` False: nobody is asked, and the URI is one entry.  ``project``: where a
    ``casstore://`` URL that names none is looked up.
    """

    uri: str
    name: bytes | None = None
    checksum: bool = True
    max_objects: int = DEFAULT_MAX_OBJECTS
    project: str = ""


def refer(store: Store, request: Request) -> list[Entry]:
    """Return the entries for all that a URI means now; nothing is added yet.

    Raises ``Invalid`` for what is no URI, an unknown scheme without a name, paths that no version
    may hold and more objects than ``max_objects``; ``FileMissing`` and ``NotFound`` for what is not
    there; ``RemoteAuth`` and ``RemoteError`` where nobody answers well.
    """
    if request.max_objects < 1:
        raise Invalid(f"max_objects is 1 or more, not {request.max_objects}")
    expansion = _expansion(store, request)
    return [_entry(found, expansion, request.name) for found in expansion.found]


def add_entries(store: Store, draft: Draft, entries: Iterable[Entry]) -> None:
    """Add references to a draft, all or none; raises what ``Draft.put`` raises."""
    part = store.draft()
    try:
        for entry in entries:
            part.put(entry)
        draft.absorb(part)
    finally:
        part.close()


def _expansion(store: Store, request: Request) -> Expansion:
    uri = check_uri(request.uri)
    if scheme_of(uri) == URL_SCHEME:
        return _of_versions(store, request)
    if is_known(uri) and request.checksum:
        return expand(uri, request.max_objects)
    if request.name is not None:
        return Expansion([Found(request.name, Referent(uri))])
    if not is_known(uri):
        raise Invalid(
            f"{scheme_of(uri)}:// is not known, so {uri!r} can only be tracked by its URI",
            hint="pass name=",
        )
    return unchecked(uri)


def _entry(found: Found, expansion: Expansion, name: bytes | None) -> Entry:
    path = found.name if name is None else name
    if expansion.is_prefix and name is not None:
        path = name + b"/" + found.name
    referent = found.referent
    content = referent.checksum.encode()
    kind = EntryKind.REFERENCE
    return Entry(check_path(path), referent.size_bytes, kind, content, b"", referent.fields())


def _of_versions(store: Store, request: Request) -> Expansion:
    """Resolve a ``casstore://`` URL to the entries that it means now, by commit."""
    view, folder, entries = targets(store, request.uri, request.project)
    found: list[Found] = []
    for entry in entries:
        if len(found) >= request.max_objects:
            raise too_many(request.uri, request.max_objects)
        url, target = follow(store, entry)
        url = check_uri(url or url_of(view, entry.path))
        if target.is_reference:
            referent = referent_of(target)._replace(uri=url)
        else:
            referent = Referent(url, target.size_bytes, blake3=target.content.hex())
        below = entry.path.rpartition(b"/")[2] if folder is None else entry.path[len(folder) :]
        found.append(Found(below, referent))
    return Expansion(found, is_prefix=folder is not None)
