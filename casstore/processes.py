"""Processes that start processes: who is a worker, how it ends, work in a forked child.

Knows: ``multiprocessing``, fork, exit statuses.  Never: threads, what the work is.
"""

import contextlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import NoReturn

__all__ = ["at_end_of_worker", "failure_of_worker", "in_a_child", "process_worked_for"]

_LAST_OF_ALL = -1_000_000  # queues, which the standard library ends last, have -5
_LAUNCHERS = {"multiprocessing.popen_fork", "multiprocessing.forkserver"}


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


def _leave_worker(status: int) -> None:
    if not status:
        return
    if sys.version_info < (3, 13):
        raise SystemExit(status)
    for stream in filter(None, (sys.stdout, sys.stderr)):  # pragma: no cover - of Python 3.13 on
        with contextlib.suppress(OSError, ValueError):  # nobody may be left to read
            stream.flush()
    os._exit(status)


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
