"""Opening files that others may change: one clear error each.

Knows: what to say when a file cannot be read, whether others may be writing it.
Never: stores, chunks.
"""

import os

from casstore import durable
from casstore.catalog import Stamp
from casstore.errors import Busy, Error, FileMissing
from casstore.flows.log.result import settled_stamp
from casstore.names import display_path
from casstore.worktree import Source

__all__ = ["MAX_ATTEMPTS", "changing", "failed", "open_source", "stamp_to_believe"]

MAX_ATTEMPTS = 3
WRITTEN_BACK_NS = 120_000_000_000  # Linux writes a page back 30 to 35 s after its first change
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that took a file's place must not hold us up
)


def open_source(source: Source) -> int:
    """Return a descriptor of the file."""
    try:
        return os.open(source.path, _FLAGS)
    except OSError as error:
        raise failed(source, error) from error


def stamp_to_believe(descriptor: int, info: os.stat_result, began_ns: int) -> Stamp | None:
    """Return what is remembered of a file that is about to be read, None if that must be nothing.

    Writing through a shared mapping moves mtime when it begins on a page, and again only after the
    page was written back.  So of a file that changed lately and that somebody could be writing
    so, the same stat may mean other bytes later.
    """
    stamp = settled_stamp(info, began_ns)
    if stamp is None or began_ns - max(info.st_mtime_ns, info.st_ctime_ns) >= WRITTEN_BACK_NS:
        return stamp
    return None if durable.is_open_for_writing(descriptor) else stamp


def failed(source: Source, error: OSError) -> Error:
    """Return the error for a file that cannot be read."""
    name = display_path(source.path)
    if isinstance(error, FileNotFoundError):
        return FileMissing(f"{name} vanished while it was read", hint="nothing was logged")
    return Error(f"{name} cannot be read: {error.strerror}", hint="nothing was logged")


def changing(source: Source) -> Busy:
    """Return the error for a file that did not hold still."""
    name = display_path(source.path)
    return Busy(f"{name} kept changing while it was read", hint="nothing was logged; try again")
