"""How a process ends, well or badly: what is done then, and what its exit status says.

Knows: atexit, uncaught exceptions, sys.exit, SIGTERM, children of ``multiprocessing``.
Never: runs.

What goes wrong after the script has ended can be raised to nobody, so the exit status says it.
Python offers one way that leaves out nobody else's end: a standard output that cannot be flushed
makes the status 120 (``sys.exit`` in its documentation).  A child of ``multiprocessing`` has its
own end (``processes.at_end_of_worker``), with 1.
"""

import atexit
import io
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NoReturn

from casstore.parallel import in_main_thread
from casstore.processes import at_end_of_worker, failure_of_worker, process_worked_for

__all__ = ["at_end_of_process"]

TERMINATED_EXIT_CODE = 143  # 128 + SIGTERM, as shells report it

EndAll = Callable[[str, int], bool]
"""Ends everything as (state, exit code) say; returns whether all of it went well."""


@dataclass(slots=True)
class _Ending:
    """What is known of how this process ends; ``is_late``: what ends it badly came after that."""

    state: str = "finished"
    exit_code: int = 0
    is_late: bool = False

    def end(self, end_all: EndAll) -> None:
        went_well = end_all(self.state, self.exit_code)
        self.is_late = not went_well and not self.exit_code


_ending = _Ending()
_hooked: list[int] = []


def at_end_of_process(end_all: EndAll) -> None:
    """Have ``end_all`` called when this process ends: finished, failed or crashed; once a process.

    Where it did not go well, a process that would have ended with 0 ends with 120 or 1.
    """
    if os.getpid() in _hooked:
        return
    _hooked.append(os.getpid())
    if process_worked_for() is None:
        atexit.register(_end_process, end_all)
    else:
        at_end_of_worker(lambda: _end_worker(end_all), lambda: int(_ending.is_late))
    previous = sys.excepthook

    def note(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt an exception ends nothing
            _note_error(kind)
        previous(kind, error, trace)

    sys.excepthook = note
    leave = sys.exit

    def note_and_leave(status: object = None, /) -> NoReturn:
        _note_exit(status)
        leave(status)  # type: ignore[arg-type]  # whatever the caller gave

    sys.exit = note_and_leave  # as W&B does: nothing later tells with what a script ends
    in_main = in_main_thread()
    if in_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_terminate)


def _note_error(kind: type[BaseException]) -> None:
    crashed = issubclass(kind, KeyboardInterrupt)
    _ending.state, _ending.exit_code = "crashed" if crashed else "failed", 1


def _note_exit(status: object) -> None:
    """Let what is active when the process ends be told how it does."""
    if in_main_thread() and _ending.state != "crashed":
        code = status if isinstance(status, int) else int(status is not None)
        _ending.state, _ending.exit_code = "failed" if code else "finished", code


def _on_terminate(number: int, frame: FrameType | None) -> None:
    del frame
    if os.getpid() not in _hooked:  # a forked child that has not logged: it ends as it would
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    _ending.state, _ending.exit_code = "crashed", TERMINATED_EXIT_CODE
    sys.exit(TERMINATED_EXIT_CODE)


def _end_process(end_all: EndAll) -> None:
    _ending.end(end_all)
    if _ending.is_late:
        sys.stdout = _Unflushed(sys.stdout)


def _end_worker(end_all: EndAll) -> None:
    kind = failure_of_worker()
    if kind is not None and not issubclass(kind, SystemExit):
        _note_error(kind)
    _ending.end(end_all)


class _UnflushedError(Exception):
    """Says to the interpreter that its cleanup went wrong, and to nobody else."""


class _Unflushed:
    """Standard output, which fails when the interpreter flushes it as the last of all."""

    closed = False

    def __init__(self, stream: Any) -> None:
        self._stream = io.StringIO() if stream is None else stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def flush(self) -> None:
        """Flush what was written; once nothing but the interpreter's end is left, fail."""
        if not self._stream.closed:
            self._stream.flush()
        if sys.is_finalizing():
            sys.unraisablehook = _unsaid(sys.unraisablehook)
            raise _UnflushedError


def _unsaid(previous: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a hook that says nothing of our own: what went wrong was said before."""
    return lambda told: None if told.exc_type is _UnflushedError else previous(told)
