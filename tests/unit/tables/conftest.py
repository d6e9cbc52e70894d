"""A folder in memory: the sink that tables and media write to and the source they are read from."""

import json

import pytest

from casstore.media import MEDIA_KINDS, made_file
from casstore.tables import TABLE_KINDS, Table

KINDS = {**MEDIA_KINDS, **TABLE_KINDS}


class Shelf:
    """Files by path, and objects beside them."""

    def __init__(self):
        self.files = {}

    def put(self, path, content):
        self.files[path] = content

    def path_of(self, _content):
        return None

    def holds(self, path):
        return path in self.files

    def add(self, thing, name, *, hashed=False):
        if isinstance(thing, Table):
            content, suffix = thing.to_file(self), f".table.{thing.storage}"
        else:
            content = made_file(json.dumps(thing.encode(self)).encode(), ".json")
            suffix = f".{thing.log_type}.json"
        path = name + (content.sha256[:20] if hashed else "") + suffix
        self.files[path] = content
        return path

    def content(self, path, _sha256=None):
        return self.files[path]

    def paths(self, folder):
        return sorted(path for path in self.files if path.startswith(f"{folder}/" * bool(folder)))

    def decode(self, plain):
        kind = KINDS.get(plain["_type"])
        return plain if kind is None else kind.decode(plain, self)

    def get(self, path):
        if path.endswith(".parquet"):
            return Table.from_parquet(self.files[path].read(), self)
        return self.decode(json.loads(self.files[path].read()))

    def again(self, table):
        """Return a table after writing and reading its file."""
        return self.get(self.add(table, "t"))


@pytest.fixture
def shelf():
    """Give an empty one."""
    return Shelf()
