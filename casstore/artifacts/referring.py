"""What the Python face says around references: when they are added, and when they are fetched.

Knows: arguments as W&B takes them, warnings.  Never: schemes, how objects are fetched.
"""

import os
from collections.abc import Sequence

from casstore.artifacts.drafting import Drafting
from casstore.artifacts.entry import ArtifactEntry
from casstore.artifacts.terminal import termwarn
from casstore.flows.referring import DEFAULT_MAX_OBJECTS, Request
from casstore.names import spelled_path

__all__ = ["add_reference"]


def add_reference(
    drafting: Drafting,
    uri: str | ArtifactEntry,
    name: str | os.PathLike[str] | None,
    *,
    checksum: bool,
    max_objects: int | None,
) -> Sequence[ArtifactEntry]:
    """Add a URI, or an entry of a finished version, to a draft; say how well it can be checked."""
    request = Request(
        uri.ref_url() if isinstance(uri, ArtifactEntry) else uri,
        spelled_path(name) if name else None,
        checksum,
        DEFAULT_MAX_OBJECTS if max_objects is None else max_objects,
    )
    added = drafting.add_references(request)
    for entry in added if checksum else ():
        known = entry.extra
        if "last_modified" in known:
            termwarn(f"{entry.ref} has no ETag: it is tracked by Last-Modified and size")
        elif entry.digest == entry.ref:
            termwarn(f"{entry.ref} is tracked by its URI only: nothing tells whether it changes")
    return added
