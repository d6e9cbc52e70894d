"""Nodes in a dictionary, and what was fetched of them."""

import pytest

from casstore.digest import digest_of
from casstore.manifests import ChunkListBuilder, Manifest, ManifestBuilder


class Nodes(dict):
    """Frames by digest; ``fetched`` lists what was read."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def put(self, data):
        digest = digest_of(data)
        self[digest] = data
        return digest

    def fetch(self, digest):
        self.fetched.append(digest)
        return self[digest]

    def manifest(self, entries):
        builder = ManifestBuilder(self.put)
        for entry in entries:
            builder.extend([entry])
        return Manifest(builder.finish(), self.fetch)

    def chunk_list(self, chunks):
        builder = ChunkListBuilder(self.put)
        for digest, size in chunks:
            builder.add(digest, size)
        return builder.finish()


@pytest.fixture
def nodes():
    return Nodes()
