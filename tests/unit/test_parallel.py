"""The only threads: order, bounds, and what happens to errors."""

import contextlib
import sys
import threading
import time

import pytest

from casstore import parallel
from casstore.parallel import Background, Pool, default_workers, ordered_map


@pytest.mark.parametrize("event", ["call", "return"])
def test_an_interruption_never_leaves_a_lock_held(event):
    """Ctrl-C comes between any two steps of Python: none of them is between taking and having."""
    lock = parallel.Lock()

    def interrupt(frame, what, _value):
        if what == event and frame.f_globals["__name__"] == parallel.__name__:
            raise KeyboardInterrupt
        return interrupt

    before = sys.gettrace()
    with contextlib.suppress(KeyboardInterrupt):
        sys.settrace(interrupt)
        try:
            with lock:
                pass
        finally:
            sys.settrace(before)
    taken = []
    other = threading.Thread(target=lambda: taken.append(lock.acquire(timeout=1)))
    other.start()
    other.join()
    assert taken == [True]


def test_results_come_in_the_order_of_the_items():
    """The first item may well be the last to finish."""

    def slow_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(ordered_map(slow_first, range(20), workers=4, window=6)) == [
        number * number for number in range(20)
    ]


def test_no_more_items_are_taken_ahead_than_the_window():
    """A fast producer does not fill the memory."""
    taken, done, most = [], [], []

    def items():
        for number in range(30):
            taken.append(number)
            most.append(len(taken) - len(done))
            yield number

    for result in ordered_map(str, items(), workers=2, window=5):
        done += [result]
    assert len(done) == 30
    assert max(most) <= 5


def test_the_first_error_by_order_is_raised_and_nothing_further_started():
    """Results before it are given out."""
    started = []

    def work(number):
        started.append(number)
        if number in {3, 4}:
            raise ValueError(str(number))
        return number

    got = []
    with pytest.raises(ValueError, match="3"):
        got.extend(ordered_map(work, range(1000), workers=2, window=4))
    assert got == [0, 1, 2]
    assert max(started) < 10


def test_an_error_of_the_items_themselves_is_raised():
    """What cannot be read is not passed over."""

    def items():
        yield 1
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        list(ordered_map(str, items(), workers=2, window=4))


def test_a_consumer_that_stops_early_leaves_no_thread_behind():
    """Leaving the block waits for what is under way."""
    before = threading.active_count()
    with ordered_map(str, range(100), workers=3, window=4) as results:
        next(results)
    assert threading.active_count() == before


def test_the_background_does_its_work_in_order():
    """One thread, first in, first out."""
    background, seen = Background("test", max_waiting=100), []
    pending = [background.submit(seen.append, number) for number in range(50)]
    pending[-1].result(5)
    background.close()
    assert seen == list(range(50))
    assert all(item.done() for item in pending)


def test_submitting_waits_while_too_much_is_queued():
    """The queue is bounded by what is waiting, the running call included."""
    background, gate = Background("test", max_waiting=2), threading.Event()
    background.submit(gate.wait, 5)
    background.submit(gate.wait, 5)
    third = threading.Thread(target=background.submit, args=(gate.wait, 5))
    third.start()
    third.join(0.05)
    assert third.is_alive()
    gate.set()
    third.join(5)
    assert not third.is_alive()
    background.close()


def test_errors_in_the_background_are_kept_for_who_asks():
    """The work that follows is done all the same."""
    background = Background("test", max_waiting=4)
    bad = background.submit(int, "x")
    good = background.submit(int, "7")
    assert good.result(5) == 7
    assert isinstance(bad.error(), ValueError)
    with pytest.raises(ValueError, match="invalid literal"):
        bad.result(5)
    assert good.error() is None
    background.close()


def test_closing_finishes_what_is_queued_and_refuses_more():
    """Nothing that was accepted is dropped, and a refusal takes no room."""
    background, seen = Background("test", max_waiting=1), []
    background.submit(seen.append, 1)
    background.close()
    assert seen == [1]
    for _ in range(3):
        with pytest.raises(RuntimeError):
            background.submit(seen.append, 2)


def test_waiting_for_a_result_has_an_end():
    """A timeout is an error, not a result."""
    background, gate = Background("test", max_waiting=1), threading.Event()
    pending = background.submit(gate.wait, 5)
    with pytest.raises(TimeoutError):
        pending.result(0.01)
    assert not pending.done()
    gate.set()
    background.close()


def test_the_number_of_workers_is_bounded():
    """A machine with many processors does not get a thread for each."""
    assert 1 <= default_workers() <= 8


def test_a_pool_runs_what_it_is_given_and_ends_with_its_block():
    """Results and errors are asked for one by one."""
    before = threading.active_count()
    with Pool(2) as pool:
        good, bad = pool.submit(int, "7"), pool.submit(int, "x")
        assert good.result(5) == 7
        assert isinstance(bad.error(), ValueError)
    assert threading.active_count() == before


def test_a_pool_that_is_left_by_an_error_drops_what_has_not_begun():
    """What is under way is waited for."""
    gate, begun = threading.Event(), []

    def work(number):
        begun.append(number)
        gate.wait(5)

    def leave_by_an_error():
        with Pool(1) as pool:
            for number in range(5):
                pool.submit(work, number)
            threading.Timer(0.05, gate.set).start()
            raise KeyError

    with pytest.raises(KeyError):
        leave_by_an_error()
    assert begun == [0]


def test_results_that_are_given_up_are_not_waited_for():
    """The collector drops them in any thread, where waiting could wait for that thread itself."""
    begun, free, ended = threading.Event(), threading.Event(), threading.Event()

    def work(item):
        if item:
            begun.set()
            free.wait(timeout=30)
            ended.set()

    results = ordered_map(work, range(2), workers=2, window=2)
    next(results)
    assert begun.wait(timeout=30)
    del results
    assert not ended.is_set()
    free.set()
    assert ended.wait(timeout=30)


def test_a_block_around_results_waits_for_what_is_under_way():
    """Nothing is done behind the back of who has left it."""
    done = []

    def work(item):
        time.sleep(0.05)
        done.append(item)

    with ordered_map(work, range(9), workers=3, window=4) as results:
        next(results)
    count = len(done)
    assert count
    time.sleep(0.15)
    assert len(done) == count
