"""References from one version to another: ``casstore://`` URLs, followed to what they mean.

Knows: which entry a URL names, that following ends.  Never: other schemes, fetching.

A URL is resolved when it is added: what is kept names the commit, and an entry that is no such
reference itself.  So nothing that this release writes leads in a circle; what others wrote might.
"""

from collections.abc import Iterator

from casstore.errors import Corrupt, EntryNotFound
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.names import URL_SCHEME, display_path, parse_url, path_text
from casstore.references import Referent
from casstore.store.lookup import find_version, reference_to
from casstore.store.readable import Readable

__all__ = ["concrete", "follow", "referent_of", "targets", "url_of"]


def referent_of(entry: Entry) -> Referent:
    """Return what is kept of a reference; ``Corrupt`` naming its path if that cannot be read."""
    try:
        return Referent.of_fields(entry.extra, entry.size_bytes)
    except Corrupt as error:
        raise Corrupt(f"{display_path(entry.path)}: {error.message}") from error


def concrete(store: Readable, entry: Entry) -> Entry:
    """Return an entry with the content that it has: of a ``casstore://`` reference, its target's.

    Its own path is kept; other entries are returned as they are.  Raises what ``follow`` raises.
    """
    return follow(store, entry)[1]._replace(path=entry.path)


def follow(store: Readable, entry: Entry) -> tuple[str, Entry]:
    """Return the last ``casstore://`` URL on the way from an entry, and the entry that it names.

    That is a file or lies elsewhere; without such a URL it is ``entry`` itself.  Raises
    ``NotFound`` for a version that is gone, ``Corrupt`` for a circle.
    """
    seen: list[str] = []
    found = entry
    while found.is_reference:
        url = referent_of(found).uri
        if not url.startswith(f"{URL_SCHEME}://"):
            break
        if url in seen:
            raise Corrupt(
                f"{display_path(entry.path)} leads in a circle: {' -> '.join([*seen, url])}",
                hint="remove the reference and log a new version",
            )
        seen.append(url)
        found = _entry_at(store, url)
    return (seen[-1] if seen else ""), found


def targets(
    store: Readable, url: str, project: str
) -> tuple[VersionView, bytes | None, Iterator[Entry]]:
    """Return what a URL names: its version, the folder (``dir/``), the entries in path order.

    An entry if there is one at the path, and then no folder; else those below it.  ``project`` is
    used where the URL has none.  Raises ``NotFound`` for the version, ``EntryNotFound`` for a path.
    """
    reference, path = parse_url(url)
    view = find_version(store, reference, project)
    manifest = store.manifest(view.manifest)
    entry = manifest.get(path) if path else None
    if entry is not None:
        return view, None, iter([entry])
    prefix = path + b"/" if path else b""
    if next(manifest.under(prefix), None) is None:
        raise _no_entry(store, view, path)
    return view, prefix, manifest.under(prefix)


def _entry_at(store: Readable, url: str) -> Entry:
    reference, path = parse_url(url)
    view = find_version(store, reference, "")
    entry = store.manifest(view.manifest).get(path)
    if entry is None:
        raise _no_entry(store, view, path)
    return entry


def _no_entry(store: Readable, view: VersionView, path: bytes) -> EntryNotFound:
    return EntryNotFound(
        f"{reference_to(store, view)} of project {view.project!r} in the store at {store.root}"
        f" holds no {display_path(path) or 'file'!r}"
    )


def url_of(view: VersionView, path: bytes) -> str:
    """Return the URL that names a path of a version for ever."""
    return f"{URL_SCHEME}://{view.project}/{view.label}@{view.commit.hex()}/{path_text(path)}"
