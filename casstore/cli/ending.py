"""The end of a call: what is done is told, whatever signal comes while it is.

Knows: which signals ask a call to end.  Never: what was done.
"""

import contextlib
import signal
from collections.abc import Iterator

from casstore.parallel import in_main_thread

__all__ = ["no_more_interruptions", "signals_restored"]

ENDING = (signal.SIGINT, signal.SIGTERM)


def no_more_interruptions() -> None:
    """Let signals that ask for an end pass: the work is done, and it is ending."""
    if in_main_thread():
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def signals_restored() -> Iterator[None]:
    """Give the process its handlers back at the end, for one that goes on after the call."""
    before = {number: signal.getsignal(number) for number in ENDING} if in_main_thread() else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that was not made by Python cannot be given back
                signal.signal(number, handler)
