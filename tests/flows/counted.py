"""A depot elsewhere whose requests are counted, and synthetic indexes in it."""

from collections import Counter

from casstore.digest import Digest
from casstore.exchange import Indexed, merged_id, write_index
from casstore.packs import PackId, PackKind, Row

MIB = 1024 * 1024


class Counted:
    """Objects that count requests, and bytes of indexes as they come; no one may delete."""

    def __init__(self, objects):
        self._objects = objects
        self.requests = Counter()
        self.index_bytes = 0

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def read(self, name, *where, **limits):
        data = self._objects.read(name, *where, **limits)
        self._count(name, data)
        return data

    def read_ranges(self, ranges):
        wanted = list(ranges)
        for one, data in zip(wanted, self._objects.read_ranges(wanted), strict=True):
            self._count(one.name, data)
            yield data

    def _count(self, name, data):
        self.requests["GET"] += 1
        self.index_bytes += len(data) if name.startswith("index/") else 0

    def create(self, name, data):
        self.requests["PUT"] += 1
        self._objects.create(name, data)

    def listing(self, prefix):
        self.requests["LIST"] += 1
        return self._objects.listing(prefix)

    def delete(self, name):
        raise PermissionError(name)


def merged_names(depot):
    return [one.name for one in depot.objects.listing("index/") if merged_id(one.name)]


def names_in(depot):
    return {one.name for one in depot.objects.listing("")}


def fill(depot, draw, *, indexes, packs, rows):
    """Put synthetic indexes into a depot, with objects as their packs; returns bytes, a digest."""
    size = 0
    for _ in range(indexes):
        group = []
        for _ in range(packs):
            pack_id = PackId(draw.randbytes(32))
            depot.objects.create(f"packs/{pack_id.hex()[:2]}/{pack_id.hex()}", b"pack")
            digests = [Digest(draw.randbytes(32)) for _ in range(rows)]
            its = [Row(one, at * 30_000, 29_000, 65_536, 1) for at, one in enumerate(digests)]
            group.append(Indexed(pack_id, PackKind.DATA, 32 * MIB, its))
        name, data = write_index(group)
        depot.objects.create(f"index/{name.hex()}", data)
        size += len(data)
    return size, group[0].rows[0].digest
