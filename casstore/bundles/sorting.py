"""Keys of one length in order, each once, however many there are.

Knows: runs that are sorted in memory and merged from a file.  Never: what keys mean.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

from casstore import durable

__all__ = ["sorted_keys"]

RUN_KEYS = 500_000
READ_KEYS = 4096


def sorted_keys(keys: Iterable[bytes], width: int) -> Iterator[bytes]:
    """Yield ``keys``, each of ``width`` bytes, in order and each once.

    Runs of 500,000 are sorted and go to a temporary file, from which they are merged: memory stays
    below 100 MB.
    """
    rest = iter(keys)
    with tempfile.TemporaryFile(prefix="casstore-") as file:
        ends = [0]
        while run := sorted(set(islice(rest, RUN_KEYS))):
            file.writelines(run)
            ends.append(ends[-1] + len(run) * width)
        file.flush()
        runs = [_read_run(file.fileno(), width, start, end) for start, end in pairwise(ends)]
        last = b""
        for key in heapq.merge(*runs):
            if key != last:
                yield key
            last = key


def _read_run(descriptor: int, width: int, start: int, end: int) -> Iterator[bytes]:
    for place in range(start, end, READ_KEYS * width):
        data = durable.read_at(descriptor, min(READ_KEYS * width, end - place), place)
        yield from (data[at : at + width] for at in range(0, len(data), width))
