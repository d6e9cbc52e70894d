"""The table of a draft's entries is a dictionary, in memory and on disk."""

import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from casstore.errors import Invalid
from casstore.manifests import Entry
from casstore.store import table as table_module
from casstore.store.table import EntryTable

paths = st.lists(st.sampled_from([b"a", b"b", b"a.", b"a0", b"\xff"]), min_size=1, max_size=3).map(
    b"/".join
)
contents = st.binary(min_size=32, max_size=32)


class TableModel(RuleBasedStateMachine):
    """Compares a table that spills after four entries with a dictionary."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.limit = mock.patch.object(table_module, "MAX_ENTRIES_IN_MEMORY", 4)
        self.limit.start()
        self.spill = Path(self.folder.name) / "entries"
        self.table = EntryTable(self.spill)
        self.model = {}

    def teardown(self):
        self.table.close()
        self.limit.stop()
        assert not self.spill.exists()
        self.folder.cleanup()

    def fits(self, path):
        """Whether no file is where ``path`` needs a folder, and the other way round."""
        return not any(
            other.startswith(path + b"/") or path.startswith(other + b"/") for other in self.model
        )

    @rule(path=paths, size=st.integers(0, 2**50), kind=st.sampled_from([0, 1]), content=contents)
    def put(self, path, size, kind, content):
        entry = Entry(path, size, kind, content, content[:5], content[:2])
        if self.table.get(path) is None:
            if not self.fits(path):
                with pytest.raises(Invalid):
                    self.table.check(path)
                return
            self.table.check(path)
        self.table.put(entry)
        self.model[path] = entry

    @rule(path=paths)
    def remove(self, path):
        assert self.table.remove(path) == (self.model.pop(path, None) is not None)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_one_that_is_there(self, data):
        path = data.draw(st.sampled_from(sorted(self.model)))
        assert self.table.remove(path)
        del self.model[path]

    @rule(path=paths)
    def get(self, path):
        assert self.table.get(path) == self.model.get(path)

    @rule(folder=paths)
    def under(self, folder):
        expected = sorted(path for path in self.model if path.startswith(folder + b"/"))
        assert self.table.under(folder) == expected

    @invariant()
    def holds_what_the_dictionary_holds(self):
        assert list(self.table) == [self.model[path] for path in sorted(self.model)]
        assert len(self.table) == len(self.model)
        assert self.table.size_bytes() == sum(entry.size_bytes for entry in self.model.values())


TestEntryTable = TableModel.TestCase
TestEntryTable.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
