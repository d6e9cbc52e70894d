"""The only threads: a bounded, ordered map and a bounded queue in the background.

Knows: how many may run, how much may wait.  Never: what the work is.
"""

import contextlib
import inspect
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, NoReturn, ParamSpec, Self, TypeVar

__all__ = [
    "Background",
    "Gate",
    "Lock",
    "Mapped",
    "Pending",
    "Pool",
    "Turns",
    "at_end_of_worker",
    "default_workers",
    "failure_of_worker",
    "in_a_child",
    "in_main_thread",
    "ordered_map",
    "process_worked_for",
]

MAX_DEFAULT_WORKERS = 8
_LAST_OF_ALL = -1_000_000  # queues, which the standard library ends last, have -5
_LAUNCHERS = {"multiprocessing.popen_fork", "multiprocessing.forkserver"}

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


def process_worked_for() -> int | None:
    """Return the process that started this one with ``multiprocessing``, to run functions of its.

    So do ``concurrent.futures``, PyTorch's loaders and Dask's nannies.  None in any other process.
    """
    loaded = sys.modules.get("multiprocessing.process")  # in such a process it always is
    parent = loaded.parent_process() if loaded is not None else None
    return None if parent is None else int(parent.pid)


def at_end_of_worker(first: Callable[[], None], status: Callable[[], int]) -> None:
    """Have two calls made when this process ends, which ``multiprocessing`` started.

    Before Python 3.13 such a process passes ``atexit`` over.  ``first`` may still wait for threads,
    and ask for ``failure_of_worker``; ``status`` comes when all others were told, so that what it
    returns, unless 0, is the exit status and keeps nothing from being done.
    """
    util = sys.modules["multiprocessing.util"]  # in such a process it always is
    util.Finalize(None, first, exitpriority=0)
    util.Finalize(None, lambda: _leave_worker(status()), exitpriority=_LAST_OF_ALL)


def failure_of_worker() -> type[BaseException] | None:
    """Return what ended the function that this process was started for, when it ends.

    From Python 3.13 on the exception is told and forgotten before that, and so is its kind.
    """
    if sys.version_info < (3, 13):
        return sys.exc_info()[0]
    frame = inspect.currentframe()  # pragma: no cover - nothing else knows the status
    while frame is not None and frame.f_globals.get("__name__") not in _LAUNCHERS:
        frame = frame.f_back
    return Exception if frame is not None and frame.f_locals.get("code") == 1 else None


def _leave_worker(status: int) -> None:
    if not status:
        return
    if sys.version_info < (3, 13):
        raise SystemExit(status)
    for stream in filter(None, (sys.stdout, sys.stderr)):  # pragma: no cover - of Python 3.13 on
        with contextlib.suppress(OSError, ValueError):  # nobody may be left to read
            stream.flush()
    os._exit(status)


def in_main_thread() -> bool:
    """Tell whether this is the thread that the interpreter began with, which gets the signals."""
    return threading.current_thread() is threading.main_thread()


def in_a_child(work: Callable[[], bytes]) -> bytes | None:
    """Return what ``work`` returns in a forked child; None if it dies of it or none can be forked.

    What it prints goes nowhere.
    """
    if not hasattr(os, "fork"):  # pragma: no cover - Windows
        return None
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_and_exit(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(child, 0)
    return data if status == 0 else None


def _work_and_exit(work: Callable[[], bytes], writing: int) -> NoReturn:
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        with os.fdopen(writing, "wb") as stream:
            stream.write(work())
        os._exit(0)
    finally:
        os._exit(1)


class Mapped(Iterator[Result]):
    """Results in order, from threads; a ``with`` block around them waits for what is under way.

    They are waited for at the end and after an error too, but not where they are given up without
    a block: the collector may find that out in any thread, in the middle of anything, and what it
    waited for might wait for that thread.  So a generator holds no block open that its caller does
    not close.
    """

    def __init__(self, pool: ThreadPoolExecutor, results: Iterator[Result]) -> None:
        self._pool = pool
        self._results = results

    def __next__(self) -> Result:
        try:
            return next(self._results)
        except BaseException:
            self._end(wait=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._end(wait=True)

    def __del__(self) -> None:
        self._end(wait=False)

    def _end(self, *, wait: bool) -> None:
        self._pool.shutdown(wait=wait, cancel_futures=True)


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
    together, one apart.  The first error, by order, is raised;
    no further item is started, and those under way are awaited.

    An item that is not ``worth_a_thread`` is done by the caller's, after those under way: work that
    seldom lets go of the interpreter's lock is slower in a thread, and slows the others down.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="casstore")

    def results() -> Iterator[Result]:
        pending: deque[tuple[int, Future[Result]]] = deque()
        weight = 0

        def first() -> Result:
            nonlocal weight
            less, future = pending.popleft()
            weight -= less
            return future.result()

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


class Pending(Generic[Result]):
    """Something that the background will have done."""

    def __init__(self, future: Future[Result]) -> None:
        self._future = future

    def done(self) -> bool:
        """Tell whether it has ended, well or badly."""
        return self._future.done()

    def result(self, timeout_seconds: float | None = None) -> Result:
        """Wait and return the result; raises what the work raised, or ``TimeoutError``."""
        return self._future.result(timeout_seconds)

    def error(self) -> BaseException | None:
        """Wait and return what the work raised, if it did."""
        return self._future.exception()


class Background:
    """One thread that does what it is given, in order; ``submit`` waits while too much waits."""

    def __init__(self, name: str, *, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._room = threading.BoundedSemaphore(max_waiting)
        self._begun = False

    def submit(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Pending[Result]:
        """Queue a call; raises ``RuntimeError`` after ``close``."""
        if not self._begun and in_main_thread():
            self._begin()
        self._room.acquire()
        try:
            future = self._pool.submit(function, *args, **kwargs)
        except BaseException:
            self._room.release()
            raise
        future.add_done_callback(lambda _: self._room.release())
        return Pending(future)

    def _begin(self) -> None:
        """Have the thread begun by another one: Ctrl-C is raised in the main thread alone.

        There it may come when a thread is begun and the standard library has not noted it yet.
        Nobody would then tell it to end, and the interpreter waits for it for ever.
        """
        starter = threading.Thread(target=self._submit_nothing)
        starter.start()
        starter.join()
        self._begun = True

    def _submit_nothing(self) -> None:
        with contextlib.suppress(RuntimeError):  # whoever submits work is told why it cannot be
            self._pool.submit(int)

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._pool.shutdown(wait=True)


class Pool:
    """Threads for work that is waited for one by one; ends with its ``with`` block."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="casstore")

    def submit(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Pending[Result]:
        """Begin a call as soon as a thread is free."""
        return Pending(self._pool.submit(function, *args, **kwargs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


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
    """Knows who is at work, so that others can wait for those who were when they came."""

    def __init__(self) -> None:
        self._mutex = threading.RLock()  # taken itself, for why ``Lock`` says
        self._changed = threading.Condition(self._mutex)
        self._running: set[object] = set()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Be at work."""
        mine = object()
        try:
            with self._mutex:
                self._running.add(mine)
            yield
        finally:
            with self._mutex:
                self._running.discard(mine)
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until everyone has gone who is at work now; those who come later do not count.

        A thread that is at work itself must not wait.
        """
        with self._mutex:
            before = set(self._running)
            self._changed.wait_for(lambda: before.isdisjoint(self._running))
