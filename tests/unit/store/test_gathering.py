"""Gathering: when loose events become a journal pack, and what is left alone."""

import errno

from casstore.flows.verify import verify_store
from casstore.journal.bodies import RunUpdateBody
from casstore.journal.subjects import RunSubject
from casstore.journal.wire import is_event_name, write_event
from casstore.packs.format import FOOTER_ROW, RECORD, TRAILER
from casstore.store import gathering

OCTOBER_US = 1_696_500_000_000_000
LIMIT = 64


def say(store, count, first=0):
    for number in range(first, first + count):
        store.events.append(RunSubject("p", f"run{number}"), RunUpdateBody(name=str(number)))


def publish_old(store, count):
    """Put events of another month into the journal, as a pull does."""
    for number in range(count):
        body = RunUpdateBody(name=str(number))
        order = {"writer": bytes(16), "seq": number, "clock": 1, "time": OCTOBER_US}
        file = write_event(RunSubject("p", f"old{number}"), body, **order)
        store.journal.publish(file.name, file.data, store.staging(), OCTOBER_US)
    store.index.catch_up(thorough=True)


def months(store):
    return [month for month, _ in store.journal.months()]


def counts(store, month):
    """Return how many events of a month are loose, and how many packs there are."""
    loose = sum(map(is_event_name, store.journal.names(month)))
    return loose, len(store.journal.packs(month))


def state(store):
    with store.index.read() as reader:
        return list(reader.scan(b"")), [name for name, _ in reader.events()]


def test_the_first_event_above_the_limit_gathers_all_of_the_month(store, monkeypatch):
    """Not one earlier; the next events are loose again."""
    assert gathering.is_time_to_look(gathering.MAX_LOOSE_EVENTS + 1)
    monkeypatch.setattr(gathering, "MAX_LOOSE_EVENTS", LIMIT)
    say(store, LIMIT)
    (month,) = months(store)
    assert counts(store, month) == (LIMIT, 0)
    say(store, 1, first=LIMIT)
    assert counts(store, month) == (0, 1)
    say(store, 3, first=LIMIT + 1)
    assert counts(store, month) == (3, 1)
    before = state(store)
    assert verify_store(store).problems == []
    store.index.rebuild()
    assert state(store) == before
    with store.index.read() as reader:
        assert reader.loose_events(month) == 3


def test_the_first_event_of_a_month_gathers_what_earlier_months_left(store):
    """An old month's many files become one, and a few stay as they are."""
    publish_old(store, 17)
    say(store, 1)
    assert [counts(store, month) for month in months(store)] == [(0, 1), (1, 0)]
    publish_old(store, 18)  # all but one are there already, gathered
    assert counts(store, "202310") == (18, 1)
    with store.index.read() as reader:
        assert reader.loose_events("202310") == 1


def test_a_gathering_takes_a_bounded_number_of_events(store, monkeypatch):
    """The rest has its turn later."""
    monkeypatch.setattr(gathering, "MAX_GATHERED_EVENTS", 10)
    publish_old(store, 25)
    (month,) = months(store)
    assert [
        gathering.gather(store.index, store.journal, store.staging(), month) for _ in range(4)
    ] == [10, 10, 5, 0]
    assert counts(store, month) == (0, 3)
    assert verify_store(store).problems == []


def test_an_event_that_cannot_be_read_stays_loose(store):
    """It may be of a later release, or a copy may heal it."""
    publish_old(store, 3)
    path = store.journal.event_path("202310", store.journal.names("202310")[1])
    path.write_bytes(b"damaged")
    assert gathering.gather(store.index, store.journal, store.staging(), "202310") == 2
    assert path.read_bytes() == b"damaged"
    assert [problem.kind for problem in verify_store(store).problems] == ["event"]


def test_a_full_disk_while_gathering_costs_nothing(store, monkeypatch):
    """The event that was appended stays; what could not be gathered is told, and done later."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gathering, "MAX_LOOSE_EVENTS", LIMIT)
    with monkeypatch.context() as patch:
        patch.setattr(gathering, "write_journal_pack", full)
        say(store, LIMIT + 1)
        (month,) = months(store)
        assert counts(store, month) == (LIMIT + 1, 0)
        assert "No space left" in store.index.problems[f"journal/{month}"]
    say(store, gathering.LOOK_EVERY_EVENTS, first=LIMIT + 1)
    assert counts(store, month) == (0, 1)
    assert verify_store(store).problems == []


def test_a_journal_pack_without_its_tail_is_read_from_its_front(store):
    """A new index has its events; verify names the pack, and goes on naming it."""
    publish_old(store, 20)
    gathering.gather(store.index, store.journal, store.staging(), "202310")
    before = state(store)
    (pack,) = store.journal.packs("202310")
    path = store.journal.pack_path("202310", pack)
    path.write_bytes(path.read_bytes()[: -TRAILER.size - 20 * FOOTER_ROW.size])
    store.index.rebuild()
    assert state(store) == before
    assert list(store.index.problems) == [f"journal/202310/packs/{pack.hex()}"]
    problems = verify_store(store).problems
    assert [problem.kind for problem in problems] == ["event"]
    assert pack.hex() in problems[0].message


def test_one_damaged_event_of_a_journal_pack_costs_no_other(store):
    """It is named by its pack, and a copy of it anywhere in the journal is as good."""
    publish_old(store, 20)
    month, name = "202310", store.journal.names("202310")[0]
    kept = store.journal.read(month, name)
    gathering.gather(store.index, store.journal, store.staging(), month)
    before = state(store)
    (pack,) = store.journal.packs(month)
    path = store.journal.pack_path(month, pack)
    data = bytearray(path.read_bytes())
    data[32 + RECORD.size + 5] ^= 1  # in the first event that was gathered
    path.write_bytes(data)
    store.index.rebuild()
    assert len(state(store)[1]) == 19
    assert "1 of 20 frames" in verify_store(store).problems[0].message
    store.journal.publish(name, kept, store.staging(), OCTOBER_US)
    store.index.catch_up(thorough=True)
    assert state(store) == before


def test_a_journal_pack_that_is_gone_is_missed(store):
    """Only the index still knows what its events said."""
    publish_old(store, 17)
    kept = {name: store.journal.read("202310", name) for name in store.journal.names("202310")}
    gathering.gather(store.index, store.journal, store.staging(), "202310")
    (pack,) = store.journal.packs("202310")
    store.journal.pack_path("202310", pack).unlink()
    problems = verify_store(store).problems
    assert [problem.kind for problem in problems] == ["event"] * 17
    assert all("it is gone" in problem.message for problem in problems)
    for name, data in kept.items():  # an older copy of the store has them loose
        store.journal.publish(name, data, store.staging(), OCTOBER_US)
    assert verify_store(store).problems == []


def test_an_event_gathered_between_listing_and_reading_is_found_in_its_pack(store, monkeypatch):
    """Another process may gather at that very moment."""
    publish_old(store, 20)
    before = state(store)
    read, staging = store.journal.read, store.staging()
    raced = []

    def read_late(month, name):
        if not raced:
            raced.append(name)
            pack = gathering.write_journal_pack(
                staging / "raced", [read(month, each) for each in store.journal.names(month)]
            )
            store.journal.install_pack(staging / "raced", month, pack)
            for each in filter(is_event_name, store.journal.names(month)):
                store.journal.remove_loose(month, each)
        return read(month, name)

    monkeypatch.setattr(store.journal, "read", read_late)
    store.index.rebuild()
    assert state(store) == before
    assert raced
