"""Opening files that others may change: one clear error each.

Knows: what to say when a file cannot be read.  Never: stores, chunks.
"""

import os

from casstore.errors import Busy, Error, FileMissing
from casstore.names import display_path
from casstore.worktree import Source

__all__ = ["MAX_ATTEMPTS", "changing", "failed", "open_source"]

MAX_ATTEMPTS = 3
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
