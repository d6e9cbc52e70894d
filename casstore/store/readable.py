"""What reading needs: a store, or a depot elsewhere that is read as one.

Knows: the calls.  Never: where the bytes come from.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from casstore.digest import Buffer, Digest
from casstore.journal.bodies import ManifestRef
from casstore.manifests import Manifest
from casstore.store.lookup import Known

__all__ = ["Frames", "Readable"]


class Frames(Protocol):
    """Frames by their digests, each verified.  Safe across threads."""

    def metadata(self, digest: Digest) -> Buffer:
        """Return one node of a manifest or chunk list, from a cache if it is there."""

    def read(self, digests: Sequence[Digest]) -> list[Buffer]:
        """Return frames in the order asked; the caller bounds how many bytes that is."""

    def is_far(self) -> bool:
        """Tell whether reading may take requests; then ``prefetch`` pays."""

    def prefetch(self, digests: Collection[Digest], further: Collection[Digest] = ()) -> None:
        """Get ready to read frames, in few requests; if any is sent, for ``further`` ones too."""

    def stored_bytes(self, digests: Sequence[Digest]) -> int:
        """Return how many bytes frames take as they are stored; unknown ones count 0."""


class Readable(Known, Protocol):
    """Versions that can be looked up and read."""

    @property
    def frames(self) -> Frames:
        """Its frames."""

    def manifest(self, ref: ManifestRef) -> Manifest:
        """Return the entries of a version, read lazily and verified."""
