"""Manifests: the entries of a version, as content-defined trees of frames.

Knows: entries, segments, chunk lists, the manifest digest.  Never: where frames lie, files.
``FORMAT.md`` beside this file is the specification.
"""

from casstore.manifests.chunklists import ChunkListBuilder, ChunkRef, chunk_refs, layout_nodes
from casstore.manifests.entries import (
    EMPTY_LAYOUT,
    Entry,
    EntryKind,
    ManifestDigest,
    manifest_digest,
)
from casstore.manifests.tree import EMPTY_ROOT, Manifest, ManifestBuilder, ManifestTop, Node

__all__ = [
    "EMPTY_LAYOUT",
    "EMPTY_ROOT",
    "ChunkListBuilder",
    "ChunkRef",
    "Entry",
    "EntryKind",
    "Manifest",
    "ManifestBuilder",
    "ManifestDigest",
    "ManifestTop",
    "Node",
    "chunk_refs",
    "layout_nodes",
    "manifest_digest",
]
