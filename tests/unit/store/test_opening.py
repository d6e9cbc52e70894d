"""One store open in a process: what a place that is being closed, or cannot be opened, leaves."""

import threading

import pytest

from casstore import durable
from casstore.errors import Corrupt
from casstore.exchange.mirror import Mirror
from casstore.store import Index, close_store, create_store, open_store

SECONDS_TO_COME_TOO_EARLY = 0.5


@pytest.fixture
def crossed(monkeypatch):
    """Let somebody open an index just when another thread begins to close it; tell the order."""
    told = []
    close = Index.close

    def prepare(open_again):
        def opens():
            opened.append(open_again())
            told.append("opened")

        opened = []
        other = threading.Thread(target=opens)

        def close_slowly(index):
            monkeypatch.setattr(Index, "close", close)
            other.start()
            other.join(SECONDS_TO_COME_TOO_EARLY)
            close(index)
            told.append("closed")

        monkeypatch.setattr(Index, "close", close_slowly)

        def ended():
            other.join()
            return opened[0]

        return ended

    prepare.told = told
    return prepare


def test_a_store_is_opened_again_only_when_it_is_closed(tmp_path, crossed):
    """LMDB forbids to have one environment open twice in a process."""
    store = create_store(tmp_path / "store")
    ended = crossed(lambda: open_store(tmp_path / "store"))
    close_store(store)
    again = ended()
    assert crossed.told == ["closed", "opened"]
    assert again.index.problems == {}
    close_store(again)


def test_a_mirror_is_opened_again_only_when_it_is_closed(tmp_path, crossed):
    """A run's pushes and somebody's pull may use one mirror, and let it go at any time."""
    mirror = Mirror.shared(tmp_path / "mirror")
    ended = crossed(lambda: Mirror.shared(tmp_path / "mirror"))
    mirror.close()
    again = ended()
    assert crossed.told == ["closed", "opened"]
    again.close()


def test_an_index_that_cannot_be_opened_is_let_go(tmp_path, monkeypatch):
    """So that a reindex, by whatever process, has it for itself."""
    close_store(create_store(tmp_path / "store"))

    def cannot(_index):
        raise Corrupt("the index cannot be opened")

    monkeypatch.setattr(Index, "_open", cannot)
    with pytest.raises(Corrupt):
        open_store(tmp_path / "store")
    lock = durable.FileLock(tmp_path / "store" / "db.lock")
    assert lock.try_acquire()
    lock.release()
