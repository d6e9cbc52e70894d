"""Marks: when the mtime of a folder is believed."""

import contextlib
import time

import pytest

from casstore.store import marks

NOW = 1_800_000_000_000_000_000
SECOND = 1_000_000_000


class Rows(dict):
    """The settings of an index."""

    meta = dict.get

    def set_meta(self, key, value):
        self[key] = value


@pytest.fixture
def rows():
    return Rows()


@pytest.fixture
def clock(monkeypatch):
    """Set this host's clock: ``clock(ns)``."""
    return lambda now: monkeypatch.setattr(time, "time_ns", lambda: now)


def marks_of(rows, *, shared):
    def write(action, *, wait_seconds):
        action(rows)

    return marks.Marks(lambda: contextlib.nullcontext(rows), write, lambda: shared)


def test_alone_an_mtime_is_believed_when_it_is_a_second_old(rows, clock):
    """By the one clock that there is."""
    alone = marks_of(rows, shared=False)
    clock(NOW + SECOND)
    alone.see("k", NOW, 1.0)
    assert not alone.is_seen("k", NOW)
    clock(NOW + SECOND + 1)
    alone.see("k", NOW, 1.0)
    assert alone.is_seen("k", NOW)


@pytest.mark.parametrize("skew_days", [-9, 0, 9])
def test_shared_it_is_believed_when_it_was_noticed_seconds_ago(rows, clock, skew_days):
    """However far the clock is off that gave it."""
    mtime = NOW + skew_days * 86_400 * SECOND
    shared = marks_of(rows, shared=True)
    for after, believed in ((0, False), (2, False), (3, True), (9, True)):
        clock(NOW + after * SECOND)
        shared.see("k", mtime, 1.0)
        assert shared.is_seen("k", mtime) == believed, after


def test_shared_another_mtime_is_noticed_anew(rows, clock):
    """Also an older one, and also where this host's clock was set back meanwhile."""
    shared = marks_of(rows, shared=True)
    for now, mtime in ((0, 5), (10, 4), (5, 4), (6, 4)):
        clock(NOW + now * SECOND)
        shared.see("k", mtime, 1.0)
        assert not shared.is_seen("k", mtime)
    clock(NOW + 8 * SECOND)
    shared.see("k", 4, 1.0)
    assert shared.is_seen("k", 4)
