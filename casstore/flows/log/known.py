"""Files that are known by their stat: their entries, without reading them.

Knows: when a stat is believed.  Never: reading, packs' insides.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from casstore import durable
from casstore.catalog import stamp_of
from casstore.flows.log.result import LogResult, Progress, entry_of
from casstore.packs import PackId
from casstore.store import Draft, Store
from casstore.worktree import Source

__all__ = ["without_known"]

LOOKAHEAD_FILES = 1024

Packs: TypeAlias = tuple[PackId, ...]


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
    believed = _Believed(store)
    iterator = iter(sources)
    while group := list(islice(iterator, LOOKAHEAD_FILES)):
        rows, packs = store.known([stamp_of(source.stat) for source in group])
        devices = believed.devices(group)
        packs = believed.present(packs)
        entries = []
        for source, row in zip(group, rows, strict=True):
            if row is None or row.packs not in packs or source.stat.st_dev not in devices:
                yield source
            else:
                entries.append(entry_of(source, row.digest, row.layout))
        draft.put_all(entries, set().union(*packs.values()), replace=replace)
        size = sum([entry.size_bytes for entry in entries])
        result.files += len(entries)
        result.unchanged += len(entries)
        result.size_bytes += size
        note(len(entries), size)


class _Believed:
    """What is asked once and not for each file: its file system, and the packs it lies in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._devices: dict[int, bool] = {}
        self._exist: dict[PackId, bool] = {}

    def devices(self, group: Sequence[Source]) -> set[int]:
        """Return the devices on which a changed file always shows in its stat."""
        found = {source.stat.st_dev: source.path for source in group}
        for device in found.keys() - self._devices.keys():
            folder = Path(os.fsdecode(os.path.dirname(found[device]) or b"."))
            self._devices[device] = durable.keeps_ctime(folder)
        return {device for device in found if self._devices[device]}

    def present(self, packs: dict[bytes, Packs]) -> dict[bytes, Packs]:
        """Return those answers of the stat cache whose packs all exist, by their files."""
        for pack_id in set().union(*packs.values()) - self._exist.keys():
            self._exist[pack_id] = self._store.packs.exists(pack_id)
        return {place: ids for place, ids in packs.items() if all(self._exist[one] for one in ids)}
