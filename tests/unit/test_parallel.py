"""The only threads: order, bounds, and what happens to errors."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from casstore.parallel import (
    Background,
    Gate,
    Lock,
    Pool,
    Turns,
    default_workers,
    ordered_map,
)


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


class Interrupted(Exception):
    """Stands for KeyboardInterrupt, which pytest would take for its own."""


@pytest.fixture
def interrupting():
    """Let SIGINT raise ``Interrupted`` in this thread."""

    def interrupt(*_):
        raise Interrupted

    before = signal.signal(signal.SIGINT, interrupt)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of threads")
@pytest.mark.usefixtures("interrupting")
@pytest.mark.parametrize("kind", ["lock", "gate", "turns"])
def test_ctrl_c_in_the_moment_in_which_a_lock_is_had_leaves_it_free(kind):
    """Else the threads that commit in the background wait for ever, and so does the exit."""
    main = threading.main_thread().ident
    for _ in range(40):
        one = {"lock": Lock, "gate": Gate, "turns": Turns}[kind]()
        inner = one if kind == "lock" else one._mutex
        enter = {"lock": lambda one: one, "gate": Gate.open, "turns": Turns.turn}[kind]
        held = threading.Event()

        def release_and_interrupt(inner=inner, held=held):
            inner.acquire()
            held.set()
            time.sleep(0.002)  # so that the other waits for it
            inner.release()
            signal.pthread_kill(main, signal.SIGINT)

        thread = threading.Thread(target=release_and_interrupt)
        try:
            thread.start()
            held.wait()
            with enter(one):
                pass
            thread.join()
            time.sleep(0.001)
        except Interrupted:
            thread.join()
        assert kind != "turns" or within_seconds(2, one.wait)
        with Pool(1) as pool:
            assert pool.submit(inner.acquire, timeout=2).result()
        assert kind != "gate" or one._users == 0


def interrupted_after(steps, work):
    """Do ``work``, stopped after that many of the steps at which signals come; returns the error.

    None if it was not stopped.  The error keeps every frame that it came through, as one that ends
    a script does.
    """
    left = steps

    def count(frame, event, _):
        nonlocal left
        left -= event in {"call", "c_return"}  # ``with`` a lock of C is one step with what it does
        if left == 0:
            left = -1
            raise Interrupted

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    except Interrupted as error:
        return error
    finally:
        sys.setprofile(before)
    return None


def within_seconds(limit, work):
    """Tell whether ``work`` ends in that time, in a thread of its own."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit)
    return not thread.is_alive()


@pytest.mark.parametrize("kind", [Background, Pool])
def test_ctrl_c_after_any_step_leaves_threads_that_work_and_end(kind):
    """Nothing that they need to tell of an end is left taken by who was interrupted."""
    for steps in range(1, 10_000):
        threads = Background("test", max_waiting=1) if kind is Background else Pool(1)
        threads.submit(int).result()

        def use(threads=threads):
            threads.submit(int)
            threads.submit(time.sleep, 0.0001).result()

        def go_on_and_end(threads=threads):
            assert threads.submit(int, "7").result() == 7
            threads.close() if kind is Background else threads.end()

        error = interrupted_after(steps, use)
        assert within_seconds(5, go_on_and_end), f"after {steps} steps"
        if error is None:
            return
    pytest.fail("it never came to its end")


def test_ctrl_c_after_any_step_leaves_nobody_at_work():
    """Who commits waits for those at work, and so does the exit of a script that was stopped."""
    for steps in range(1, 1000):
        turns = Turns()

        def use(turns=turns):
            with turns.turn():
                len("work")

        error = interrupted_after(steps, use)
        assert within_seconds(5, turns.wait), f"after {steps} steps"
        if error is None:
            return
    pytest.fail("it never came to its end")


def test_those_who_come_later_are_not_waited_for():
    """Else there might always be somebody."""
    turns, order = Turns(), []
    begun, may_end = threading.Event(), threading.Event()

    def work():
        with turns.turn():
            begun.set()
            may_end.wait(5)
            order.append("work")

    first = threading.Thread(target=work)
    first.start()
    assert begun.wait(5)
    waiting = threading.Thread(target=lambda: (turns.wait(), order.append("waited")))
    waiting.start()
    time.sleep(0.02)
    with turns.turn():
        may_end.set()
        waiting.join(5)
        assert not waiting.is_alive()
    first.join(5)
    assert order == ["work", "waited"]


def test_ctrl_c_as_the_thread_begins_leaves_the_background_in_order(monkeypatch):
    """Whoever was interrupted does not know that it has begun, and begins another."""
    start, begun, seen = threading.Thread.start, [], []

    def start_and_be_interrupted(thread):
        start(thread)
        begun.append(thread)
        if len(begun) == 1:
            raise Interrupted

    monkeypatch.setattr(threading.Thread, "start", start_and_be_interrupted)
    background = Background("test", max_waiting=4)
    with pytest.raises(Interrupted):
        background.submit(int)
    background.submit(lambda: seen.append(time.sleep(0.05)))
    assert background.submit(seen.copy).result() == [None]
    background.close()
    assert len(begun) == 2
    for thread in begun:
        thread.join(5)
        assert not thread.is_alive()


def test_who_waits_for_what_was_dropped_is_told():
    """A call that will never be made has ended."""
    gate = threading.Event()
    with Pool(1) as pool:
        pool.submit(gate.wait, 5)
        dropped = pool.submit(int)
        threading.Timer(0.05, gate.set).start()
    assert isinstance(dropped.error(), RuntimeError)
    with pytest.raises(RuntimeError):
        pool.submit(int)


def test_threads_that_are_given_up_end_with_what_they_were_given():
    """Nobody has to close what nobody has."""
    before, seen = threading.active_count(), []
    background = Background("test", max_waiting=4)
    pending = [background.submit(seen.append, number) for number in range(3)]
    del background
    pending[-1].result(5)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert seen == [0, 1, 2]


def test_a_process_ends_when_what_was_queued_is_done():
    """A background that nobody closed neither keeps it alive nor loses anything."""
    script = (
        "import time\n"
        "from casstore.parallel import Background\n"
        "background = Background('test', max_waiting=4)\n"
        "background.submit(time.sleep, 0.2)\n"
        "background.submit(print, 'done')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "done\n"
