"""Names for what is not whole yet, and the end of what a killed process left under such names.

Knows: that a kernel drops the lock of a process that dies.  Never: what is laid out.

Beside the staged files or folder ``<prefix><token>...`` lies ``<prefix><token>.lock``, held locked
while somebody works on them.  Where it is free nobody does, and who comes next to the same place
removes them.  Only on a local disk: elsewhere another host's lock might not be seen.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from casstore import durable

__all__ = ["remove_tree", "staging"]

_LOCK_SUFFIX = b".lock"
_TOKEN_BYTES = 4


@contextlib.contextmanager
def staging(folder: bytes, prefix: bytes) -> Iterator[bytes]:
    """Give a path in ``folder`` for staged things to begin with; nobody else uses or removes them.

    What processes that were killed staged there is removed first.
    """
    if durable.is_local_filesystem(_path(folder)):
        _remove_left_over(folder, prefix)
    lock = _new_lock(folder, prefix)
    staged = os.fsencode(lock.path)[: -len(_LOCK_SUFFIX)]
    try:
        yield staged
    finally:
        _unlink_lock(lock, staged)
        lock.release()


def _new_lock(folder: bytes, prefix: bytes) -> durable.FileLock:
    while True:
        token = os.urandom(_TOKEN_BYTES).hex().encode()
        lock = durable.FileLock(_path(folder + b"/" + prefix + token + _LOCK_SUFFIX))
        if lock.try_acquire() and lock.is_current():
            return lock
        lock.release()  # somebody took it for one that was left over: draw another


def _remove_left_over(folder: bytes, prefix: bytes) -> None:
    pattern = re.compile(re.escape(prefix) + rb"[0-9a-f]{%d}\.lock\Z" % (2 * _TOKEN_BYTES))
    try:
        names = os.listdir(folder)
    except PermissionError:  # names can be made there, and not be read
        return
    for name in filter(pattern.match, names):
        lock = durable.FileLock(_path(folder + b"/" + name))
        with contextlib.suppress(OSError):  # another user's: it stays
            if lock.try_acquire() and lock.is_current():
                staged = name[: -len(_LOCK_SUFFIX)]
                for left in names:
                    if left == staged or left.startswith(staged + b"-"):
                        remove_tree(folder + b"/" + left)
                _unlink_lock(lock, folder + b"/" + staged)
        lock.release()


def _unlink_lock(lock: durable.FileLock, staged: bytes) -> None:
    """Remove a lock's file, unless it shows whose the folder is that could not be removed."""
    if not os.path.lexists(staged):
        lock.path.unlink(missing_ok=True)


def remove_tree(path: bytes) -> None:
    """Remove a file or folder that was staged; what cannot be removed stays, under its name."""
    with contextlib.suppress(OSError):
        if not os.path.isdir(path) or os.path.islink(path):
            os.unlink(path)
            return
        with durable.Inside(path) as inside:
            for each, is_folder in inside.walk():
                (inside.remove_folder if is_folder else inside.remove)(each)
        os.rmdir(path)


def _path(name: bytes) -> Path:
    return Path(os.fsdecode(name))
