"""changes: what differs between two versions, or between a version and a folder.

Knows: entries on both sides, in path order.  Never: frames, events, what is shown on screen.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from casstore import durable
from casstore.catalog import Stamp, stamp_of
from casstore.digest import Digest
from casstore.errors import FileMissing
from casstore.folders import digest_of_file, side_by_side
from casstore.journal.views import VersionView
from casstore.manifests import Entry, EntryKind
from casstore.names import display_path
from casstore.parallel import default_workers, ordered_map
from casstore.store import Store
from casstore.store.table import EntryTable
from casstore.worktree import Walk

__all__ = ["Change", "ChangeKind", "compare", "compare_folder"]

LOOKAHEAD_FILES = 1024

ChangeKind: TypeAlias = Literal["added", "removed", "changed", "mode"]

DEVICE_BYTES = 8  # with which a stamp begins


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs; ``mode`` says that only the executable bit does."""

    path: bytes
    kind: ChangeKind
    before: Entry | None
    after: Entry | None


class _Pair(NamedTuple):
    """A version's entry and the file at its path; ``digest`` if the file need not be read."""

    before: Entry | None
    file: Entry | None
    digest: Digest | None = None


def compare(store: Store, a_view: VersionView, b_view: VersionView) -> Iterator[Change]:
    """Yield what changed from one version to another, in path order.

    What the two share is not read, and no file is.
    """
    before, after = store.manifest(a_view.manifest), store.manifest(b_view.manifest)
    for mine, theirs in before.changes(after):
        change = _change(mine, theirs)
        if change is not None:
            yield change


def compare_folder(
    store: Store, view: VersionView, folder: Path, ignore: Sequence[str] = ()
) -> Iterator[Change]:
    """Yield what changed from a version to the files that logging ``folder`` would take.

    In path order.  Files that are known unchanged by stat are not read, nor are those whose size
    shows the change: the content of such an ``after`` is empty.  References are compared by size,
    where it is known; one that is not in the folder is no change.  Raises ``FileMissing`` if there
    is no such folder, and what a walk raises.
    """
    if not folder.is_dir():
        raise FileMissing(f"there is no folder at {folder}")
    root = os.fsencode(folder)
    info = store.root.stat()
    walk = Walk(root, ignore=ignore, skip=frozenset({(info.st_dev, info.st_ino)}))
    with tempfile.TemporaryDirectory(prefix="casstore-") as spill:
        files = EntryTable(Path(spill) / "files")
        try:
            _collect(walk, files)
            yield from _compare_files(store, view, root, files)
        finally:
            files.close()


def _compare_files(
    store: Store, view: VersionView, root: bytes, files: EntryTable
) -> Iterator[Change]:
    both = side_by_side(store.manifest(view.manifest), files)
    pairs = _known(store, root, (_Pair(entry, file) for entry, file in both))
    workers = default_workers()
    changes = ordered_map(
        lambda pair: _judge(root, pair), pairs, workers=workers, window=4 * workers
    )
    for change in changes:
        if change is not None:
            yield change


def _change(before: Entry | None, after: Entry | None) -> Change | None:
    if before is None:
        return None if after is None else Change(after.path, "added", None, after)
    if after is None:
        return Change(before.path, "removed", before, None)
    if before.content != after.content or before.is_reference != after.is_reference:
        return Change(before.path, "changed", before, after)
    return Change(before.path, "mode", before, after) if before.kind != after.kind else None


# The folder's side


def _collect(walk: Walk, files: EntryTable) -> None:
    """Bring what a walk finds into path order; a walk goes folder by folder."""
    for source in walk:
        info = source.stat
        kind = EntryKind.EXECUTABLE if info.st_mode & 0o100 else EntryKind.FILE
        files.put(Entry(source.name, info.st_size, kind, b"", b"", stamp_of(info)))


def _known(store: Store, root: bytes, pairs: Iterator[_Pair]) -> Iterator[_Pair]:
    """Add the digests of files that have not changed since the store read them."""
    keeps: dict[bytes, bool] = {}
    while group := list(islice(pairs, LOOKAHEAD_FILES)):
        waiting = [pair.file for pair in group if _must_read(pair) and pair.file is not None]
        rows = iter(store.unchanged([Stamp(file.extra) for file in waiting]))
        for pair in group:
            if pair.file is None or not _must_read(pair):
                yield pair
                continue
            device, row = pair.file.extra[:DEVICE_BYTES], next(rows)
            if device not in keeps:
                path = Path(os.fsdecode(_place(root, pair.file)))
                keeps[device] = durable.keeps_ctime(path.parent)
            yield pair._replace(digest=row.digest if row is not None and keeps[device] else None)


def _must_read(pair: _Pair) -> bool:
    """Tell whether only its bytes say if a file is the one in the version."""
    before, file = pair.before, pair.file
    if before is None or file is None or before.is_reference:
        return False
    return before.size_bytes == file.size_bytes


def _judge(root: bytes, pair: _Pair) -> Change | None:
    before, file = pair.before, pair.file
    after = None if file is None else file._replace(extra=b"")
    if before is not None and before.is_reference:
        return _judge_reference(before, after)
    if after is not None and _must_read(pair):
        digest = pair.digest or _digest_of(_place(root, after))
        after = after._replace(content=digest)
    return _change(before, after)


def _judge_reference(before: Entry, after: Entry | None) -> Change | None:
    if after is None or before.size_bytes in (0, after.size_bytes):
        return None
    return Change(before.path, "changed", before, after)


def _place(root: bytes, file: Entry) -> bytes:
    return root + b"/" + file.path


def _digest_of(path: bytes) -> Digest:
    try:
        return digest_of_file(path)
    except FileNotFoundError:
        raise FileMissing(f"{display_path(path)} vanished while it was compared") from None
