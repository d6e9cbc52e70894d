"""What the index knows and the journal has no more is told, and nothing else is."""

import pytest

from casstore.catalog import Reader
from casstore.chunks.codecs import CODEC_RAW
from casstore.depot import JournalFiles, PackFiles
from casstore.digest import digest_of
from casstore.journal.bodies import RunStartBody
from casstore.journal.subjects import RunSubject
from casstore.packs import PackId, PackKind, PackWriter


def start_run(store, name):
    """Append one event."""
    store.events.append(RunSubject("p", name), RunStartBody(name))


@pytest.fixture
def counted(monkeypatch):
    """Count how often every event that the index knows is looked at."""
    looks = []
    really_events = Reader.events
    monkeypatch.setattr(Reader, "events", lambda self: looks.append(1) or really_events(self))
    return looks


@pytest.fixture
def meanwhile(store, monkeypatch):
    """Give a function that has an event appended just after the journal is listed."""

    def after(listing):
        really_listed = getattr(JournalFiles, listing)

        def listed(self, *arguments):
            found = list(really_listed(self, *arguments))
            monkeypatch.setattr(JournalFiles, listing, really_listed)
            start_run(store, "meanwhile")
            return found

        monkeypatch.setattr(JournalFiles, listing, listed)

    return after


@pytest.mark.parametrize("listing", ["names", "packs"])
def test_an_event_that_comes_meanwhile_is_not_missed(store, counted, meanwhile, listing):
    """Nor is every other event looked for because of it: others log all the time."""
    start_run(store, "before")
    (month, _), *_ = store.journal.months()
    meanwhile(listing)
    assert store.index._mirror.lost(month) == 0
    assert counted == []


def test_the_first_event_of_a_month_is_not_missed_either(store, meanwhile):
    """Its folder was made after the folders were listed."""
    meanwhile("months")
    assert store.index._mirror.lost_with_their_month() == 0


def test_an_event_that_is_gone_is_told_though_another_came(store, counted):
    """The numbers agree, the names do not."""
    start_run(store, "before")
    (month, _), *_ = store.journal.months()
    (name,) = store.journal.names(month)
    store.journal.remove_loose(month, name)
    assert store.index._mirror.lost(month) == 1
    start_run(store, "after")
    assert store.index._mirror.lost(month) == 1
    assert counted


def test_a_pack_that_was_taken_back_since_it_was_listed_is_passed_over(store, monkeypatch):
    """It held what a failed attempt left, and nothing needs it."""
    gone, really_listing = PackId(bytes(32)), PackFiles.listing
    store.packs.path(gone).parent.mkdir()
    monkeypatch.setattr(
        PackFiles, "listing", lambda *arguments: [*really_listing(*arguments), gone]
    )
    store.index.catch_up(thorough=True)
    assert store.index.problems == {}
    with store.index.read() as reader:
        assert reader.pack_row(gone) is None


def added(store, data):
    """Add a frame of data; returns the pack that it lies in."""
    digest, session = digest_of(data), store.session()
    (token,) = session.add([(digest, data)])
    session.flush()
    return session.pack_of(token)


def test_a_frame_of_a_pack_that_is_gone_is_found_beside_damage(store):
    """What another pack has lost is no reason not to read it."""
    data = b"bytes" * 100
    gone = added(store, data)
    twin = PackWriter(store.staging() / "twin", PackKind.DATA, direct=False)
    twin.append(digest_of(data), CODEC_RAW, len(data), data)
    pack_id, _ = twin.seal()
    store.packs.sync([store.packs.install(twin.path, pack_id)])
    store.index.catch_up(thorough=True)
    damaged = store.packs.path(added(store, b"other"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    store.packs.remove(gone)
    assert store.index.find_elsewhere(gone, [digest_of(data)])
    assert bytes(store.frames.read([digest_of(data)])[0]) == data
