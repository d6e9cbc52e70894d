"""The state is a function of the set of events, wherever they lie: loose, gathered, or both."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from test_journal_fold import histories

from casstore.depot import JournalFiles, PackFiles, write_journal_pack
from casstore.journal.fold import fold
from casstore.journal.wire import write_event
from casstore.store.index import Index

MONTHS_US = (1_700_000_000_000_000, 1_703_000_000_000_000)


def file_of(event):
    """Return the event file of an event, as it was written."""
    order = {"writer": event.writer, "seq": event.seq, "clock": event.clock, "time": event.time}
    return write_event(event.subject, event.body, **order)


def lay_out(root, files, places):
    """Put each file where its places say: loose in a month, or in one of the packs of a month."""
    journal = JournalFiles(root)
    for folder in ("journal", "packs", "tmp"):
        (root / folder).mkdir()
    packs = {}
    for file, where in zip(files, places, strict=True):
        for month, pack in where:
            if pack is None:
                journal.publish(file.name, file.data, root / "tmp", MONTHS_US[month])
            else:
                packs.setdefault((month, pack), []).append(file.data)
    for number, ((month, _), data) in enumerate(packs.items()):
        staged = root / "tmp" / str(number)
        name = "202311" if month == 0 else "202312"
        journal.install_pack(staged, name, write_journal_pack(staged, data))
    return Index(root, journal, PackFiles(root))


places = st.sets(st.tuples(st.integers(0, 1), st.sampled_from([None, 0, 1])), min_size=1)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_loose_and_gathered_events_in_any_mixture_are_one_state(data):
    """Every event lies in one place or in several; the index shows the fold of the set."""
    events = data.draw(histories())
    where = data.draw(st.lists(places, min_size=len(events), max_size=len(events)))
    with tempfile.TemporaryDirectory() as folder:
        index = lay_out(Path(folder), list(map(file_of, events)), where)
        try:
            with index.read() as reader:
                assert dict(reader.scan(b"")) == fold(events).rows
                assert {name for name, _ in reader.events()} == {event.name for event in events}
            assert index.problems == {}
        finally:
            index.close()
