"""Taking entries over: from a version into a draft, within a store or from another one.

Knows: which frames an entry needs.  Never: names, versions, what people see.
"""

from casstore.artifacts.entry import ArtifactEntry
from casstore.digest import Digest
from casstore.manifests import Entry, chunk_refs, layout_nodes
from casstore.packs import PackKind
from casstore.store import Draft, Store, Token

__all__ = ["copy_frames", "packs_of", "take_over"]

COPIED_FRAMES = 64
MAX_LOCATED_FRAMES = 1024


def packs_of(store: Store, entry: Entry) -> set[Token]:
    """Return the ids of the packs that an entry's frames lie in."""
    if entry.is_reference:
        return set()
    fetch = store.frames.metadata
    digests = list(layout_nodes(entry.layout, fetch))
    tokens: set[Token] = {place.pack_id for place in store.frames.locate(digests)}
    group: list[Digest] = []
    for _, ref in chunk_refs(entry.layout, Digest(entry.content), entry.size_bytes, fetch):
        group.append(ref.digest)
        if len(group) > MAX_LOCATED_FRAMES:
            tokens |= {place.pack_id for place in store.frames.locate(group)}
            group = []
    return tokens | {place.pack_id for place in store.frames.locate(group)}


def take_over(store: Store, draft: Draft, origin: ArtifactEntry, name: bytes) -> None:
    """Put an entry of a version, of this or another store, into a draft of ``store``."""
    entry = origin._entry._replace(path=name)  # noqa: SLF001 - the same room
    source = origin._needs_owner("adding it again").store  # noqa: SLF001 - the same room
    same = source is store
    draft.put(entry, packs_of(store, entry) if same else copy_frames(source, draft, entry))


def copy_frames(source: Store, draft: Draft, entry: Entry) -> set[Token]:
    """Copy an entry's frames from another store; returns the tokens of the packs they went to."""
    if entry.is_reference:
        return set()
    fetch = source.frames.metadata
    tokens = {
        draft.session.add_metadata(fetch(digest))[1] for digest in layout_nodes(entry.layout, fetch)
    }
    group: list[Digest] = []

    def flush() -> None:
        frames = source.frames.read(group)
        tokens.update(draft.session.add(list(zip(group, frames, strict=True)), kind=PackKind.DATA))
        group.clear()

    for _, ref in chunk_refs(entry.layout, Digest(entry.content), entry.size_bytes, fetch):
        group.append(ref.digest)
        if len(group) >= COPIED_FRAMES:
            flush()
    if group:
        flush()
    return tokens
