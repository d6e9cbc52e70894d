"""Taking entries over: from a version into a draft, within a store or from another one.

Knows: which frames an entry needs.  Never: names, versions, what people see.
"""

from casstore.artifacts.entry import ArtifactEntry
from casstore.digest import Digest
from casstore.manifests import Entry, chunk_refs, layout_nodes
from casstore.packs import PackKind
from casstore.store import Draft, Store, Token, packs_of

__all__ = ["copy_frames", "take_over"]

COPIED_FRAMES = 64


def take_over(store: Store, draft: Draft, origin: ArtifactEntry, name: bytes) -> None:
    """Put an entry of a version, of this or another store, into a draft of ``store``."""
    entry = origin._entry._replace(path=name)  # noqa: SLF001 - the same room
    source = origin._needs_owner("adding it again").store  # noqa: SLF001 - the same room
    same = source is store
    draft.put(entry, packs_of(store.frames, [entry]) if same else copy_frames(source, draft, entry))


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
