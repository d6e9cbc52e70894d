"""Marks: which mtime of a folder was seen when it was listed last, so that it need not be again.

Knows: when an mtime is believed.  Never: what is in a folder.

An mtime is coarse: two things that happen within one tick leave one mtime.  So it is believed only
when nothing more can happen within it.  On a local file system the clock that gives it is the one
that is asked here.  In a depot that several hosts share it may be another host's, off by days:
there it is believed when it was noticed some seconds ago by this host's clock, and has not changed
since.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from casstore.catalog import Reader
from casstore.store.mirroring import Write

__all__ = ["Marks"]

SETTLED_NS = 1_000_000_000
SHARED_SETTLED_NS = 3_000_000_000  # sshfs gives whole seconds


class Marks:
    """The folders of one index; ``read`` and ``write`` are the index's."""

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Reader]],
        write: Write,
        is_shared: Callable[[], bool],
    ) -> None:
        self._read = read
        self._write = write
        self._is_shared = is_shared

    def is_seen(self, key: str, mtime_ns: int) -> bool:
        """Tell whether a folder was listed when it had this mtime, and nothing came after."""
        return self._mark(key) == str(mtime_ns)

    def see(self, key: str, mtime_ns: int, wait_seconds: float) -> None:
        """Note that a folder was listed when it had this mtime."""
        known = self._mark(key)
        if self._is_shared():
            mark = _shared_mark(known, mtime_ns)
        elif time.time_ns() - mtime_ns > SETTLED_NS:
            mark = str(mtime_ns)
        else:
            return
        if mark != known:
            value = mark.encode()
            self._write(lambda writer: writer.set_meta(key, value), wait_seconds=wait_seconds)

    def _mark(self, key: str) -> str:
        with self._read() as reader:
            return (reader.meta(key) or b"").decode()


def _shared_mark(known: str, mtime_ns: int) -> str:
    """Return the mtime, or, while it was noticed just now, when: ``<mtime>@<ns of this host>``."""
    mtime, _, noticed = known.partition("@")
    now = time.time_ns()
    if mtime != str(mtime_ns) or (noticed and now < int(noticed)):
        return f"{mtime_ns}@{now}"
    if noticed and now - int(noticed) < SHARED_SETTLED_NS:
        return known
    return mtime
