"""Locks among threads, which no signal can leave taken.

Knows: which steps of the interpreter a signal cannot part, what must be free in a forked child.
Never: who starts threads, what the work is.
"""

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Gate", "Lock", "Turns", "in_main_thread"]

Result = TypeVar("Result")


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

    def is_mine(self) -> bool:
        """Tell whether this thread holds it."""
        return bool(self._is_owned())


_locks: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _renew_locks() -> None:
    for lock in list(_locks):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def in_main_thread() -> bool:
    """Tell whether this is the thread that the interpreter began with, which gets the signals."""
    return threading.get_ident() == threading.main_thread().ident


class Gate:
    """Lets threads in at a time, or one alone.

    Each thread has a lock of its own here, which it holds while it is in, and may take again.  Who
    is alone holds those of all, and the door at which new threads get theirs.  A thread that is in
    must not ask to be alone, and the main one only ``out_of_reach`` of signals.
    """

    def __init__(self) -> None:
        self._door = Lock()
        self._own = threading.local()
        self._locks: list[weakref.ref[Lock]] = []
        self._held: list[Lock] = []
        self.is_closed = False

    def open(self) -> contextlib.AbstractContextManager[bool]:
        """Be in, for as long as a ``with`` block around this; it waits while somebody is alone."""
        mine: Lock | None = getattr(self._own, "lock", None)
        if mine is None:
            mine = Lock()
            with self._door:
                there = [each for each in self._locks if each() is not None]
                self._locks = [*there, weakref.ref(mine)]
            self._own.lock = mine
        return mine

    def alone(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` returns, done while nobody is in."""
        if not self.close(None):
            raise RuntimeError("who is in cannot be alone")
        try:
            return work()
        finally:
            self.reopen()

    def close(self, timeout_seconds: float | None) -> bool:
        """Become alone until ``reopen``; returns whether that was so within the time.

        Never while this thread is in itself.
        """
        if (mine := getattr(self._own, "lock", None)) is not None and mine.is_mine():
            return False
        ends = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        if not self._door.acquire(timeout=_left(ends)):
            return False
        held: list[Lock] = []
        for lock in [lock for each in self._locks if (lock := each()) is not None]:
            if not lock.acquire(timeout=_left(ends)):
                for other in [*held, self._door]:
                    other.release()
                return False
            held.append(lock)
        self._held, self.is_closed = held, True
        return True

    def reopen(self) -> None:
        """Let threads in again."""
        held, self._held, self.is_closed = self._held, [], False
        for lock in [*held, self._door]:
            lock.release()


def _left(ends: float | None) -> float:
    """Return the seconds that are left, as locks take them: -1 for no end."""
    return -1 if ends is None else max(0.0, ends - time.monotonic())


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
