"""Calls that are stopped, as Ctrl-C does it, at every step at which it can come."""

import sys
import threading


class Interrupted(Exception):
    """Stands for KeyboardInterrupt, which pytest would take for its own."""


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
