"""verify a folder that a version was laid out in.

Knows: what a file is against its entry.  Never: frames, packs, what put it there.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from casstore.errors import FileMissing
from casstore.flows.verify.problems import Progress
from casstore.folders import Found, digest_of_file, side_by_side, walk_folder
from casstore.journal.views import VersionView
from casstore.manifests import Entry
from casstore.parallel import default_workers, ordered_map
from casstore.references import matches
from casstore.store import Store, referent_of

__all__ = ["Difference", "DifferenceKind", "verify_folder"]

STORE_FOLDER = b".casstore"

DifferenceKind: TypeAlias = Literal["missing", "changed", "mode", "extra"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A path of a folder that is not as in the version; ``mode``: only the executable bit."""

    path: bytes
    kind: DifferenceKind


_Pair: TypeAlias = tuple[Entry | None, Found | None]


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
    pairs = side_by_side(
        store.manifest(view.manifest), walk_folder(root, lambda name: name != STORE_FOLDER)
    )
    workers = default_workers()
    judged = ordered_map(
        lambda pair: (pair, _judge(root, pair)), pairs, workers=workers, window=4 * workers
    )
    differences = []
    for (entry, found), kind in judged:
        path = entry.path if entry else found.path if found else b""
        if kind is not None:
            differences.append(Difference(path, kind))
        if progress is not None and entry is not None:
            progress(1, entry.size_bytes)
    return differences


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
    try:
        digest = digest_of_file(root + b"/" + entry.path)
    except FileNotFoundError:
        return "missing"
    if digest != entry.content:
        return "changed"
    return "mode" if bool(info.st_mode & 0o100) != entry.executable else None
