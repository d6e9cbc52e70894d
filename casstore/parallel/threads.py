"""Threads: calls that are waited for, a bounded queue in the background, a bounded, ordered map.

Knows: how many may run, how much may wait.  Never: what the work is.
"""

import atexit
import contextlib
import os
import threading
import weakref
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, ParamSpec, Self, TypeAlias, TypeVar, cast

from casstore.parallel.locks import Lock, in_main_thread

__all__ = [
    "Background",
    "Mapped",
    "Pending",
    "Pool",
    "default_workers",
    "ordered_map",
    "out_of_reach",
]

MAX_DEFAULT_WORKERS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def default_workers() -> int:
    """Return how many threads to use where nobody said: the processors given to this process."""
    available = getattr(os, "sched_getaffinity", None)
    count = len(available(0)) if available else os.cpu_count() or 1
    return min(count, MAX_DEFAULT_WORKERS)


class Pending(Generic[Result]):
    """A call that a thread makes, or will make.

    Who waits brings a lock of its own, let go when the call has ended, so Ctrl-C leaves none taken.
    """

    def __init__(self) -> None:
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._has_ended = False
        self._waiting: list[threading.Lock] = []

    def done(self) -> bool:
        """Tell whether it has ended, well or badly."""
        return self._has_ended

    def result(self, timeout_seconds: float | None = None) -> Result:
        """Wait and return the result; raises what the work raised, or ``TimeoutError``."""
        self._wait(timeout_seconds)
        try:
            if self._error is not None:
                raise self._error
            return cast("Result", self._result)
        finally:
            del self  # the error keeps this frame, so the frame must not keep the error

    def error(self) -> BaseException | None:
        """Wait and return what the work raised, if it did."""
        self._wait(None)
        return self._error

    def settle(self, result: Result | None = None, error: BaseException | None = None) -> None:
        """Say once how it ended: for those who make the call, or drop it."""
        self._result, self._error, self._has_ended = result, error, True
        while self._waiting:
            self._waiting.pop().release()

    def _wait(self, timeout_seconds: float | None) -> None:
        if not self._has_ended:
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
            if not self._has_ended:  # asked again, now that its end would be told
                mine.acquire(timeout=-1 if timeout_seconds is None else max(0, timeout_seconds))
            if not self._has_ended:
                raise TimeoutError


_Calls: TypeAlias = "SimpleQueue[tuple[Pending[Any], Callable[[], Any]] | None]"


class Pool:
    """Threads for work that is waited for one by one; ends with its ``with`` block.

    One thread submits.  A pool that is given up ends when what was submitted is done; in a forked
    child, where its threads do not exist, it begins again with nothing to do.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._has_ended = self._is_told = False
        self.renew()
        _pools.add(self)

    def renew(self) -> None:
        """Forget all threads and calls."""
        self._calls: _Calls = SimpleQueue()  # None ends the threads, and stays for each of them
        self._threads: list[tuple[threading.Lock, int]] = []

    def submit(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Pending[Result]:
        """Begin a call as soon as a thread is free.

        Raises ``RuntimeError`` after the end, and where no thread can be started: the call is then
        not made.
        """
        if self._has_ended:
            raise RuntimeError("these threads have ended")
        if len(self._threads) < self._workers:
            self._begin()
        pending: Pending[Result] = Pending()
        self._calls.put((pending, partial(function, *args, **kwargs)))
        return pending

    def _begin(self) -> None:
        """Start a thread and note it, in one step of the interpreter, which Ctrl-C cannot part.

        ``threading.Thread.start`` waits for the thread, with locks that Ctrl-C can leave taken: the
        thread would then never begin, and what it was to do never end.
        """
        ended = threading.Lock()
        ended.acquire()
        what = self._calls, ended
        try:
            self._threads.extend(zip([ended], map(start_new_thread, [_work], [what]), strict=True))
        except RuntimeError:
            if not self._threads:
                raise

    def end(self, *, drop: bool = False) -> None:
        """Wait until what was submitted is done, with ``drop`` what has begun; end the threads."""
        self.give_up(drop=drop)
        for ended, _ in self._threads:
            with ended:
                continue

    def give_up(self, *, drop: bool = False) -> None:
        """Do what ``end`` does, and do not wait: the collector asks, in any thread, at any moment.

        Asked again it does nothing: a signal that comes while the collector asks is lost.
        """
        if self._is_told:
            return
        self._has_ended = True
        with contextlib.suppress(Empty):
            while drop:
                if (dropped := self._calls.get_nowait()) is not None:
                    dropped[0].settle(error=RuntimeError("its threads ended before it began"))
        self._calls.put(None)
        self._is_told = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.end(drop=True)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was stopped when it was made
            self.give_up()


_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _work(calls: _Calls, ended: threading.Lock) -> None:
    """Make calls, one after the other, until there is None."""
    try:
        while (given := calls.get()) is not None:
            pending, call = given
            try:
                pending.settle(call())
            except BaseException as error:  # noqa: BLE001 - who waits is told
                pending.settle(error=error)
            del given, pending, call  # nothing of it is kept while the next is waited for
        calls.put(None)
    finally:
        ended.release()


@atexit.register
def _end_pools() -> None:
    for pool in list(_pools):
        pool.end()


def _renew_pools() -> None:
    for pool in list(_pools):
        pool.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_pools)


class Background:
    """One thread that does what it is given, in order; ``submit`` waits while too much waits."""

    def __init__(self, *, max_waiting: int) -> None:
        self._pool = Pool(1)
        self._max_waiting = max_waiting
        self._ahead: deque[Pending[Any]] = deque()
        self._submitting = Lock()

    def submit(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Pending[Result]:
        """Queue a call; raises ``RuntimeError`` after ``close``."""
        with self._submitting:
            while self._ahead and (len(self._ahead) >= self._max_waiting or self._ahead[0].done()):
                self._ahead[0].error()
                self._ahead.popleft()
            self._ahead.append(pending := self._pool.submit(function, *args, **kwargs))
        return pending

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._submitting:
            self._pool.end()


_apart = Pool(1)


def out_of_reach(work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns, done where no signal can stop it half way.

    Signals stop the main thread alone.  There another thread does the work, and goes on with it if
    the main one is stopped while it waits; so ``work`` takes no lock that the main thread holds.
    """
    if not in_main_thread():
        return work()
    try:
        pending = _apart.submit(work)
    except RuntimeError:  # the interpreter is ending, and starts no thread any more
        return work()
    return pending.result()


class Mapped(Iterator[Result]):
    """Results in order, from threads; a ``with`` block around them waits for what is under way.

    So do the end and an error, but not who gives them up without a block: the collector finds that
    out in any thread, in the middle of anything, and what it waited for might wait for that thread.
    So a generator holds no block open that its caller does not close.
    """

    def __init__(self, pool: Pool, results: Iterator[Result]) -> None:
        self._pool = pool
        self._results = results

    def __next__(self) -> Result:
        try:
            return next(self._results)
        except BaseException:
            self._pool.end(drop=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._pool.end(drop=True)

    def __del__(self) -> None:
        self._pool.give_up(drop=True)


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    window: int,
    worth_a_thread: Callable[[Item], bool] | None = None,
    weigh: Callable[[Item], int] = lambda _: 0,
    max_weight: int = 0,
) -> Mapped[Result]:
    """Apply ``function`` in threads and yield the results in the order of the items.

    At most ``window`` items are taken ahead of the consumer, and no more than weigh ``max_weight``
    together, one apart.  The first error, by order, is raised; no item is started after it, and
    those under way are awaited.

    An item that is not ``worth_a_thread`` is done by the caller's, after those under way: work that
    seldom lets go of the interpreter's lock is slower in a thread, and slows the others down.
    """
    pool = Pool(workers)

    def results() -> Iterator[Result]:
        pending: deque[tuple[int, Pending[Result]]] = deque()
        weight = 0

        def first() -> Result:
            nonlocal weight
            less, call = pending.popleft()
            weight -= less
            return call.result()

        for item in items:
            if worth_a_thread is not None and not worth_a_thread(item):
                while pending:
                    yield first()
                yield function(item)
                continue
            more = weigh(item)
            while pending and weight + more > max_weight > 0:
                yield first()
            pending.append((more, pool.submit(function, item)))
            weight += more
            if len(pending) >= window:
                yield first()
        while pending:
            yield first()

    return Mapped(pool, results())
