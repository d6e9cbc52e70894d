"""The only threads: order, bounds, and what happens to errors."""

import _thread
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from stopping import Interrupted, interrupted_after, within_seconds

from casstore.parallel import (
    Background,
    Gate,
    Lock,
    Pool,
    Turns,
    default_workers,
    ordered_map,
    out_of_reach,
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
    before = _thread._count()
    with ordered_map(str, range(100), workers=3, window=4) as results:
        next(results)
    assert _thread._count() == before


def test_the_background_does_its_work_in_order():
    """One thread, first in, first out."""
    background, seen = Background(max_waiting=100), []
    pending = [background.submit(seen.append, number) for number in range(50)]
    pending[-1].result(5)
    background.close()
    assert seen == list(range(50))
    assert all(item.done() for item in pending)


def test_submitting_waits_while_too_much_is_queued():
    """The queue is bounded by what is waiting, the running call included."""
    background, gate = Background(max_waiting=2), threading.Event()
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
    background = Background(max_waiting=4)
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
    background, seen = Background(max_waiting=1), []
    background.submit(seen.append, 1)
    background.close()
    assert seen == [1]
    for _ in range(3):
        with pytest.raises(RuntimeError):
            background.submit(seen.append, 2)


def test_waiting_for_a_result_has_an_end():
    """A timeout is an error, not a result."""
    background, gate = Background(max_waiting=1), threading.Event()
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
    before = _thread._count()
    with Pool(2) as pool:
        good, bad = pool.submit(int, "7"), pool.submit(int, "x")
        assert good.result(5) == 7
        assert isinstance(bad.error(), ValueError)
    assert _thread._count() == before


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
            while not begun:
                time.sleep(0.001)
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
        inner = one if kind == "lock" else one.open() if kind == "gate" else one._mutex
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
        assert kind != "gate" or within_seconds(2, lambda one=one: one.alone(int))
        with Pool(1) as pool:
            assert pool.submit(inner.acquire, timeout=2).result()


@pytest.mark.parametrize("begun", [False, True], ids=["new", "begun"])
@pytest.mark.parametrize("kind", [Background, Pool])
def test_ctrl_c_after_any_step_leaves_threads_that_work_and_end(kind, begun):
    """Nothing that they need to begin, or to tell of an end, is left taken."""
    for steps in range(1, 10_000):
        threads = Background(max_waiting=1) if kind is Background else Pool(1)
        if begun:
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


def test_ctrl_c_after_any_step_leaves_nobody_in_a_gate():
    """Whose index must grow waits for those who read it, and the exit of a script for both."""
    for steps in range(1, 1000):
        gate = Gate()

        def use(gate=gate):
            with gate.open(), gate.open():
                len("work")

        error = interrupted_after(steps, use)
        assert within_seconds(5, lambda gate=gate: gate.alone(int)), f"after {steps} steps"
        if error is None:
            return
    pytest.fail("it never came to its end")


def test_who_is_alone_keeps_others_out_and_is_let_in_when_they_have_gone():
    """Threads that were in before, may come again, and come for the first time."""
    gate, order = Gate(), []
    inside, may_go = threading.Event(), threading.Event()

    def be_in(name):
        with gate.open(), gate.open():
            order.append(name)
            inside.set()
            may_go.wait()

    with Pool(3) as pool:
        first = pool.submit(be_in, "first")
        inside.wait()
        assert not gate.close(0.01)
        alone = pool.submit(gate.alone, lambda: (time.sleep(0.02), order.append("alone")))
        late = pool.submit(lambda: (alone.result(), be_in("late")))
        may_go.set()
        for each in (first, alone, late):
            each.result()
    assert order == ["first", "alone", "late"]
    assert gate.close(1)
    assert not within_seconds(0.05, lambda: be_in("newcomer"))
    gate.reopen()


def test_work_out_of_reach_goes_on_when_who_waits_for_it_is_stopped():
    """It is done by the time that more is asked for, and in order."""
    done = []

    def work(number):
        time.sleep(0.0002)
        done.append(number)

    stopped = 0
    for steps in range(1, 1000):
        error = interrupted_after(steps, lambda steps=steps: out_of_reach(partial(work, steps)))
        stopped += error is not None
        if error is None:
            break
    out_of_reach(lambda: None)
    assert done == sorted(done)
    assert done[-1] == steps
    assert len(done) > stopped // 4  # stopped before it was begun, it is not begun


def test_work_out_of_reach_raises_what_it_raised():
    """To who asked, in whatever thread."""
    with pytest.raises(ZeroDivisionError):
        out_of_reach(lambda: 1 // 0)
    with Pool(1) as pool:
        assert isinstance(pool.submit(out_of_reach, lambda: 1 // 0).error(), ZeroDivisionError)


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
    before, seen = _thread._count(), []
    background = Background(max_waiting=4)
    pending = [background.submit(seen.append, number) for number in range(3)]
    del background
    pending[-1].result(5)
    deadline = time.monotonic() + 5
    while _thread._count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _thread._count() == before
    assert seen == [0, 1, 2]


def test_a_process_ends_when_what_was_queued_is_done():
    """A background that nobody closed neither keeps it alive nor loses anything."""
    script = (
        "import time\n"
        "from casstore.parallel import Background\n"
        "background = Background(max_waiting=4)\n"
        "background.submit(time.sleep, 0.2)\n"
        "background.submit(print, 'done')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "done\n"
