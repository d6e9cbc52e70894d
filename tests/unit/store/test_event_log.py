"""Events that come from elsewhere, and what is in the place of their files."""

import pytest

from casstore.errors import Corrupt
from casstore.journal.bodies import RunUpdateBody
from casstore.journal.subjects import RunSubject
from casstore.journal.wire import write_event
from casstore.store import eventlog

AT_US = 1_700_000_000_000_000
MONTH = "202311"


@pytest.fixture
def written():
    """Make an event of another store."""
    order = {"writer": bytes(16), "seq": 0, "clock": 1, "time": AT_US}
    return write_event(RunSubject("p", "there"), RunUpdateBody(name="there"), **order)


@pytest.mark.parametrize("damage", [slice(20), slice(0), slice(1, None)])
def test_a_damaged_file_gives_way_to_the_event_that_its_name_promises(store, written, damage):
    """It comes as if nothing had been there, and the index shows it."""
    store.journal.publish(written.name, written.data[damage], store.staging(), AT_US)
    store.events.receive([(written.name, AT_US, written.data)])
    assert store.journal.read(MONTH, written.name) == written.data
    with store.index.read() as reader:
        assert reader.has_event(written.name)
    assert list(store.staging().glob("*.new")) == []


def test_an_event_that_is_whole_gives_way_to_none(store, written, monkeypatch):
    """Only somebody who forges has two of one name: the first stays, and it is said."""
    store.journal.publish(written.name, b"another", store.staging(), AT_US)
    monkeypatch.setattr(eventlog, "read_event", lambda _name, _data: None)  # as if it were whole
    with pytest.raises(Corrupt, match="other bytes"):
        store.events.receive([(written.name, AT_US, written.data)])
    assert store.journal.read(MONTH, written.name) == b"another"
