"""Files that are known by their stat: their entries, without reading them.

Knows: when a stat is believed (DESIGN 6).  Never: reading, packs' insides.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from casstore import durable
from casstore.catalog import StatKey, StatRow
from casstore.flows.log.result import LogResult, Progress, entry_of
from casstore.packs import PackId
from casstore.store import Draft, Store
from casstore.worktree import Source

__all__ = ["without_known"]

LOOKAHEAD_FILES = 1024
SETTLED_NS = 2_000_000_000  # a file that had not changed for 2 s when it was read


def without_known(
    store: Store,
    draft: Draft,
    sources: Iterable[Source],
    result: LogResult,
    note: Progress,
    *,
    replace: bool,
) -> Iterator[Source]:
    """Add the files that the stat cache knows to the draft, and yield the others.

    A stat is believed on local file systems that keep ctime, when neither mtime nor ctime was
    younger than 2 s at the time of reading, and while the packs that hold the file exist.
    """
    keeps: dict[int, bool] = {}
    live: dict[PackId, bool] = {}
    iterator = iter(sources)
    while group := list(islice(iterator, LOOKAHEAD_FILES)):
        found = store.remembered([StatKey(s.stat.st_dev, s.stat.st_ino) for s in group])
        for source, known in zip(group, found, strict=True):
            device = source.stat.st_dev
            if device not in keeps:
                keeps[device] = durable.keeps_ctime(_parent(source.path))
            if (
                known is None
                or not keeps[device]
                or not _unchanged(source.stat, known.row)
                or not _all_live(store, live, known.packs)
            ):
                yield source
                continue
            row = known.row
            draft.put(entry_of(source, row.digest, row.layout), known.packs, replace=replace)
            result.files += 1
            result.unchanged += 1
            result.size_bytes += row.size_bytes
            note(1, row.size_bytes)


def _parent(path: bytes) -> Path:
    return Path(os.fsdecode(os.path.dirname(path) or b"."))


def _unchanged(info: os.stat_result, row: StatRow) -> bool:
    if (info.st_size, info.st_mtime_ns, info.st_ctime_ns) != row[:3]:
        return False
    return row.read_ns - max(info.st_mtime_ns, info.st_ctime_ns) >= SETTLED_NS


def _all_live(store: Store, live: dict[PackId, bool], packs: list[PackId]) -> bool:
    for pack_id in packs:
        if pack_id not in live:
            live[pack_id] = store.packs.exists(pack_id)
        if not live[pack_id]:
            return False
    return True
