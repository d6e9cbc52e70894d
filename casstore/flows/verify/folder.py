"""verify a folder that a version was laid out in.

Knows: what lies in a folder, in path order.  Never: frames, packs, what put it there.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from casstore import durable
from casstore.digest import Digest, Hasher
from casstore.errors import Error, FileMissing
from casstore.flows.verify.problems import Progress
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.names import display_path
from casstore.parallel import default_workers, ordered_map
from casstore.references import matches
from casstore.store import Store, referent_of

__all__ = ["Difference", "DifferenceKind", "verify_folder"]

BUFFER_BYTES = 1024 * 1024
STORE_FOLDER = b".casstore"

DifferenceKind: TypeAlias = Literal["missing", "changed", "mode", "extra"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A path of a folder that is not as in the version; ``mode``: only the executable bit."""

    path: bytes
    kind: DifferenceKind


class _Found(NamedTuple):
    """Something in the folder that is no folder; ``stat`` is None for a link to nothing."""

    path: bytes
    stat: os.stat_result | None


class _Pair(NamedTuple):
    entry: Entry | None
    found: _Found | None


def verify_folder(
    store: Store, view: VersionView, folder: Path, progress: Progress | None = None
) -> list[Difference]:
    """Compare every byte of a folder with a version; returns what differs, in path order.

    Links to files are followed, links to folders are not; ``.casstore`` folders are left out.  Of
    references only those that are there are compared, by size and by checksum where bytes have one.
    ``progress`` is called with (files, bytes) as they are done.  Raises ``FileMissing`` if there is
    no such folder, ``Error`` for what cannot be read.
    """
    if not folder.is_dir():
        raise FileMissing(f"there is no folder at {folder}")
    root = os.fsencode(folder)
    pairs = _merged(store.manifest(view.manifest), _walk(root, b""))
    workers = default_workers()
    judged = ordered_map(
        lambda pair: (pair, _judge(root, pair)), pairs, workers=workers, window=4 * workers
    )
    differences = []
    for pair, kind in judged:
        path = pair.entry.path if pair.entry else pair.found.path if pair.found else b""
        if kind is not None:
            differences.append(Difference(path, kind))
        if progress is not None and pair.entry is not None:
            progress(1, pair.entry.size_bytes)
    return differences


def _walk(folder: bytes, prefix: bytes) -> Iterator[_Found]:
    """Yield what lies in a folder in path order: a folder stands where ``name/`` would."""
    try:
        with os.scandir(folder) as listing:
            entries = [(entry.is_dir(follow_symlinks=False), entry) for entry in listing]
    except OSError as error:
        raise Error(f"{display_path(folder)} cannot be read: {error.strerror}") from error
    entries.sort(key=lambda item: item[1].name + b"/" if item[0] else item[1].name)
    for is_folder, entry in entries:
        if not is_folder:
            yield _Found(prefix + entry.name, _stat(entry.path))
        elif entry.name != STORE_FOLDER:
            yield from _walk(entry.path, prefix + entry.name + b"/")


def _stat(path: bytes) -> os.stat_result | None:
    try:
        return Path(os.fsdecode(path)).stat()
    except OSError:
        return None  # a link to nothing, or gone meanwhile


def _merged(entries: Iterable[Entry], found: Iterable[_Found]) -> Iterator[_Pair]:
    """Yield what is at equal paths together; both come in path order."""
    left, right = iter(entries), iter(found)
    entry, file = next(left, None), next(right, None)
    while entry is not None or file is not None:
        if file is None or (entry is not None and entry.path < file.path):
            yield _Pair(entry, None)
            entry = next(left, None)
        elif entry is None or file.path < entry.path:
            yield _Pair(None, file)
            file = next(right, None)
        else:
            yield _Pair(entry, file)
            entry, file = next(left, None), next(right, None)


def _judge(root: bytes, pair: _Pair) -> DifferenceKind | None:
    entry, found = pair
    if entry is None:
        return "extra"
    if found is None or found.stat is None:
        return None if entry.is_reference else "missing"
    sized = not entry.is_reference or entry.size_bytes > 0
    size_bytes = found.stat.st_size if stat.S_ISREG(found.stat.st_mode) else -1
    if size_bytes < 0 or (sized and size_bytes != entry.size_bytes):
        return "changed"
    if entry.is_reference:
        return "changed" if matches(referent_of(entry), root + b"/" + entry.path) is False else None
    return _judge_bytes(root, entry, found.stat)


def _judge_bytes(root: bytes, entry: Entry, info: os.stat_result) -> DifferenceKind | None:
    digest = _digest_of_file(root + b"/" + entry.path)
    if digest is None:
        return "missing"
    if digest != entry.content:
        return "changed"
    return "mode" if bool(info.st_mode & 0o100) != entry.executable else None


def _digest_of_file(path: bytes) -> Digest | None:
    """Return the digest of a file's bytes as they are now, None if it is gone."""
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
        return None
    except OSError as error:
        raise Error(f"{display_path(path)} cannot be read: {error.strerror}") from error
    return Digest(hasher.digest())
