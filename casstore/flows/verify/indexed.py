"""The index against the journal: what events say, folded once more beside it, and compared.

Knows: that the folded state is a function of the events.  Never: packs, what is in a row.

Pages of LMDB bear no checksum.  One that lies in another's place hides versions, and what does not
show is not verified.  Frames need no such check: a version that misses one is found by its walk.
"""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from casstore.catalog import Reader
from casstore.depot import PackFiles
from casstore.flows.verify.problems import Problem, Problems
from casstore.store import Index, Store

__all__ = ["check_index"]

MAX_LOOKS = 5
MAX_NAMES = 1000

Item = TypeVar("Item", str, tuple[str, bytes, bytes])


def check_index(store: Store, problems: Problems) -> None:
    """Compare the state that the index shows with what the journal says.

    Every event of the journal can be read.  Events that come meanwhile are waited for; where others
    write all the time nothing can be told, and nothing is.
    """
    with tempfile.TemporaryDirectory(prefix="casstore-") as folder:
        path = Path(folder)
        made = Index(path, store.journal, PackFiles(path), read_only=True)
        try:
            message = _difference(store.index, made)
        finally:
            made.close()
    if message:
        hint = "`casstore reindex` makes it again; what is wrong with versions shows only then"
        problems.add(Problem("index", None, None, None, None, f"{message}: {hint}"))


def _difference(index: Index, made: Index) -> str:
    before: set[str] = set()
    for _ in range(MAX_LOOKS):
        with index.read() as shown, made.read() as said:
            apart = set(islice(_apart(_names(shown), _names(said)), MAX_NAMES))
            if not apart:
                rows = sum(1 for _ in _apart(shown.folded(), said.folded()))
                return f"the index does not show what the journal says, in {rows} rows" * bool(rows)
        if before & apart:
            return f"the index and the journal differ in {len(before & apart)} events"
        before = apart
        for each in (index, made):
            each.catch_up(thorough=True, at_once=True)
    return ""


def _names(reader: Reader) -> Iterator[str]:
    return (name for name, _ in reader.events())


def _apart(left: Iterator[Item], right: Iterator[Item]) -> Iterator[Item]:
    """Yield what only one of two sorted sequences has; as it is where one of them is not sorted."""
    mine, other = next(left, None), next(right, None)
    while mine is not None or other is not None:
        if mine == other:
            mine, other = next(left, None), next(right, None)
        elif other is None or (mine is not None and mine < other):
            if mine is not None:
                yield mine
            mine = next(left, None)
        else:
            yield other
            other = next(right, None)
