"""The only threads: a bounded, ordered map and a bounded queue in the background.

Knows: how many may run, how much may wait.  Never: what the work is.
"""

import atexit
import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, ParamSpec, Self, TypeAlias, TypeVar, cast

__all__ = [
    "Background",
    "Gate",
    "Lock",
    "Mapped",
    "Pending",
    "Pool",
    "Turns",
    "default_workers",
    "in_main_thread",
    "ordered_map",
]

MAX_DEFAULT_WORKERS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Lock(type(threading.RLock())):  # type: ignore[misc]  # the class has no public name
    """A lock that its holder may take again, and that is free in a forked child.

    A thread that held it does not exist there, so nobody would ever release it.  ``with`` takes it
    in one step of the interpreter: were there Python's code in between, Ctrl-C could come when it
    is taken and not yet sure to be released, and other threads would wait for ever.
    """

    def __init__(self) -> None:
        super().__init__()
        _locks.add(self)

    def renew(self) -> None:
        """Be free, whoever held it."""
        self._at_fork_reinit()


_locks: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _renew_locks() -> None:
    for lock in list(_locks):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def default_workers() -> int:
    """Return how many threads to use where nobody said: the processors given to this process."""
    available = getattr(os, "sched_getaffinity", None)
    count = len(available(0)) if available else os.cpu_count() or 1
    return min(count, MAX_DEFAULT_WORKERS)


def in_main_thread() -> bool:
    """Tell whether this is the thread that the interpreter began with, which gets the signals."""
    return threading.current_thread() is threading.main_thread()


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

    One that is given up ends when what was submitted is done.
    """

    def __init__(self, workers: int, name: str = "casstore") -> None:
        self._workers = workers
        self._name = name
        self._calls: _Calls = SimpleQueue()  # None ends the threads, and stays for each of them
        self._threads: list[threading.Thread] = []
        # Ctrl-C in ``submit`` may leave one thread too many: of one that is too many for the order.
        self._turn = Lock() if workers == 1 else contextlib.nullcontext()
        self._has_ended = False
        _pools.add(self)

    def submit(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Pending[Result]:
        """Begin a call as soon as a thread is free; raises ``RuntimeError`` after the end."""
        if self._has_ended:
            raise RuntimeError("these threads have ended")
        pending: Pending[Result] = Pending()
        self._calls.put((pending, partial(function, *args, **kwargs)))
        if len(self._threads) < self._workers:
            what = self._calls, self._turn
            thread = threading.Thread(None, _work, self._name, what, daemon=True)
            thread.start()
            self._threads.append(thread)
        return pending

    def end(self, *, wait: bool = True, drop: bool = False) -> None:
        """End the threads when what was submitted is done; with ``drop``, what has begun.

        Where it does not ``wait`` the collector may call it, in any thread, at any moment.
        """
        self._has_ended = True
        with contextlib.suppress(Empty):
            while drop:
                if (dropped := self._calls.get_nowait()) is not None:
                    dropped[0].settle(error=RuntimeError("its threads ended before it began"))
        self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.end(drop=True)

    def __del__(self) -> None:
        self.end(wait=False)


_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _work(calls: _Calls, turn: contextlib.AbstractContextManager[object]) -> None:
    with turn:
        while (given := calls.get()) is not None:
            pending, call = given
            try:
                pending.settle(call())
            except BaseException as error:  # noqa: BLE001 - who waits is told
                pending.settle(error=error)
            del given, pending, call  # nothing of it is kept while the next is waited for
        calls.put(None)


@atexit.register
def _end_pools() -> None:
    for pool in list(_pools):
        pool.end()


class Background:
    """One thread that does what it is given, in order; ``submit`` waits while too much waits."""

    def __init__(self, name: str, *, max_waiting: int) -> None:
        self._pool = Pool(1, name)
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
        self._pool.end(drop=True, wait=False)


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


class Gate:
    """Lets many users in at a time, or one alone.

    A thread that is in must not ask to be alone.
    """

    def __init__(self) -> None:
        self._mutex = threading.RLock()  # taken itself, for why ``Lock`` says
        self._changed = threading.Condition(self._mutex)
        self._users = 0
        self.is_closed = False

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Be one user among many; waits while somebody is alone."""
        came = 0
        try:
            with self._mutex:
                while self.is_closed:
                    self._changed.wait()
                self._users += 1
                came = 1
            yield
        finally:
            with self._mutex:
                self._users -= came
                self._changed.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Be alone; waits until every user has gone."""
        self.close(None)
        try:
            yield
        finally:
            self.reopen()

    def close(self, timeout_seconds: float | None) -> bool:
        """Become alone until ``reopen``; returns whether that was so within the time."""
        with self._mutex:
            if not self._changed.wait_for(self._is_free, timeout_seconds):
                return False
            self.is_closed = True
            return True

    def reopen(self) -> None:
        """Let users in again."""
        with self._mutex:
            self.is_closed = False
            self._changed.notify_all()

    def _is_free(self) -> bool:
        return not self._users and not self.is_closed


class Turns:
    """Knows who is at work, so that others can wait for those who were when they came.

    Each holds a lock of its own, which ``with`` takes and lets go in one step of the interpreter.
    """

    def __init__(self) -> None:
        self._mutex = Lock()
        self._turns: list[weakref.ref[threading.Lock]] = []

    def turn(self) -> contextlib.AbstractContextManager[bool]:
        """Be at work, for as long as a ``with`` block around this."""
        mine = threading.Lock()
        with self._mutex:
            there = [each for each in self._turns if each() is not None]
            self._turns = [*there, weakref.ref(mine)]
        return mine

    def wait(self) -> None:
        """Wait until everyone has gone who is at work now; those who come later do not count.

        A thread that is at work itself must not wait.
        """
        with self._mutex:
            before = [lock for each in self._turns if (lock := each()) is not None]
        for other in before:
            with other:
                continue
