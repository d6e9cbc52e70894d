"""Folders that a version was laid out in: what lies there, in path order, and its digests.

Knows: walks without recursion, links that are never followed to folders, hashing a file, going
through two sides together.
Never: versions, what differs, writing files.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from casstore import durable
from casstore.digest import Digest, Hasher
from casstore.errors import Error
from casstore.names import display_path

__all__ = ["Found", "digest_of_file", "make_folders", "side_by_side", "walk_folder"]

BUFFER_BYTES = 1024 * 1024


class _Placed(Protocol):
    @property
    def path(self) -> bytes: ...


Left = TypeVar("Left", bound=_Placed)
Right = TypeVar("Right", bound=_Placed)


class Found(NamedTuple):
    """Something in a folder that is no folder; ``stat`` is None for a link to nothing."""

    path: bytes
    stat: os.stat_result | None


def digest_of_file(path: bytes) -> Digest:
    """Return the digest of a file's bytes as they are now.

    Raises ``FileNotFoundError`` if it is gone, ``Error`` if it cannot be read.
    """
    hasher = Hasher()
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            size = os.fstat(descriptor).st_size
            buffer = memoryview(bytearray(min(size, BUFFER_BYTES) + 1))
            while got := durable.read_into(descriptor, buffer):
                hasher.update(buffer[:got])
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error
    return Digest(hasher.digest())


def make_folders(path: bytes) -> None:
    """Make a folder and those above it, however many are missing."""
    missing = [path]
    while missing:
        try:
            os.mkdir(missing[-1])
        except FileExistsError:
            missing.pop()
        except FileNotFoundError:
            missing.append(os.path.dirname(missing[-1]))
        else:
            missing.pop()


def walk_folder(root: bytes, enter: Callable[[bytes], bool]) -> Iterator[Found]:
    """Yield what lies below a folder in path order: a folder stands where ``name/`` would.

    Links to files are followed, links to folders are not.  ``enter`` is asked with the name of each
    folder.  Raises ``Error`` for a folder that cannot be read.
    """
    waiting = [_listed(root, b"")]
    while waiting:
        inside, entries = waiting[-1]
        entry = next(entries, None)
        if entry is None:
            waiting.pop()
        elif not entry.is_dir(follow_symlinks=False):
            yield Found(inside + entry.name, _stat(entry.path))
        elif enter(entry.name):
            waiting.append(_listed(entry.path, inside + entry.name + b"/"))


def side_by_side(
    lefts: Iterable[Left], rights: Iterable[Right]
) -> Iterator[tuple[Left | None, Right | None]]:
    """Yield what is at equal paths together, None where one side has nothing.

    Both come in path order.
    """
    waiting_left, waiting_right = iter(lefts), iter(rights)
    left, right = next(waiting_left, None), next(waiting_right, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.path < right.path):
            yield left, None
            left = next(waiting_left, None)
        elif left is None or right.path < left.path:
            yield None, right
            right = next(waiting_right, None)
        else:
            yield left, right
            left, right = next(waiting_left, None), next(waiting_right, None)


def _listed(folder: bytes, inside: bytes) -> tuple[bytes, Iterator["os.DirEntry[bytes]"]]:
    try:
        with os.scandir(folder) as listing:
            return inside, iter(sorted(listing, key=_order))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _order(entry: "os.DirEntry[bytes]") -> bytes:
    return entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name


def _stat(path: bytes) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None  # a link to nothing, or gone meanwhile


def _unreadable(path: bytes, error: OSError) -> Error:
    return Error(f"{display_path(path)} cannot be read: {error.strerror}")
