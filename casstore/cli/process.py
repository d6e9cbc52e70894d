"""The entry point ``casstore``: what is set before anything is loaded, and how the process ends.

Knows: the collector of cycles, the C library's memory, Ctrl-C before a call has begun.
Never: verbs, exit codes.

Measured of a call that finds nothing to do: looking for cycles while modules are loaded took 8 ms
of 104, and looking through all that lives once more before the end 13; looking through botocore's
models while its client is made takes 30.  Measured of a pull of 1 GiB: buffers of 16 MiB that were
given back and asked for again cost 100,000 page faults, 0.25 of 1.9 s of processor time; and 50 MB
more at the peak where each thread kept some of its own.
"""

import contextlib
import ctypes
import gc
import importlib
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["program"]

COLLECT_THRESHOLDS = (300_000, 50, 50)  # looking for cycles took a sixth of a put of small files

KEPT_BYTES = 1024 * 1024 * 1024
LARGEST_KEPT_BYTES = 17 * 1024 * 1024  # what one request brings; packs to be sent are larger

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h


def program() -> NoReturn:
    """Be the process: run its call and end with its exit code."""
    gc.set_threshold(*COLLECT_THRESHOLDS)
    _keep_memory()
    with _interrupted_without_a_word():
        main = importlib.import_module("casstore.cli.main")
    code: int = main.run_alone()
    gc.freeze()
    sys.exit(code)


@contextlib.contextmanager
def _interrupted_without_a_word() -> Iterator[None]:
    """Let Ctrl-C end the process, rather than show where: nothing has begun."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _keep_memory() -> None:
    """Let memory that is freed be used again, by any thread; other C libraries are left alone."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(AttributeError, OSError):  # musl has no such function
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_ARENA_MAX, 1)
