"""The roll of one depot elsewhere, as it is there: read to its end, and continued.

Knows: how the end is found without a listing, that an entry is somebody's alone.
Never: who may list, what has to be named.
"""

import os
from collections.abc import Mapping

from casstore.errors import Corrupt, NotFound, Unsupported
from casstore.parallel import ordered_map
from casstore.remotes.objects import MAX_SMALL_BYTES, Objects, Range
from casstore.remotes.once import create_once
from casstore.remotes.roll import (
    MAX_NUMBER,
    Entry,
    entry_name,
    first_of,
    path_down,
    read_entry,
    read_list,
    write_entry,
    write_lists,
)

__all__ = ["Rollbook"]

READERS = 8
MAX_NAMES = 5_000_000


class Rollbook:
    """What a roll names: ``names``, sizes in bytes by name, up to its entry ``last``.

    ``expected`` is about where its end is, as far as anybody knows.  Not safe across threads.
    """

    def __init__(self, objects: Objects, expected: int = 0) -> None:
        self._objects = objects
        self._expected = expected
        self._entries: dict[int, Entry] = {}  # those that no later one stands for
        self._raw: dict[int, bytes] = {}  # of entries, while the end is looked for
        self._is_damaged = False
        self.names: dict[str, int] = {}
        self.last = 0

    def catch_up(self, *, passing_over: bool = False) -> None:
        """Read what was added since the last look: one request if nothing was.

        Raises ``Corrupt`` for a damaged entry; where these are passed over, the next one that is
        added stands for all of them.  Raises ``Unsupported`` for one of a later release.
        """
        end = self._end()
        if end == self.last:
            return
        wanted = [number for number in path_down(end) if number > self.last]
        with ordered_map(self._known, wanted, workers=READERS, window=READERS) as fetched:
            self._raw.update(zip(wanted, fetched, strict=True))
        number, found = end, dict[int, Entry]()
        while number > self.last:
            try:
                entry = found[number] = self._whole(number)
            except Corrupt:
                if not passing_over:
                    raise
                self._is_damaged = True
                number -= 1
            else:
                number = entry.first - 1
        for number in sorted(found):
            self._take(number, found[number])
        self.last = end
        self._raw.clear()

    def add(self, names: Mapping[str, int], *, passing_over: bool = False) -> None:
        """Add an entry for what is not named yet; none if all is.

        Raises ``Unsupported`` where nothing can be created exclusively.
        """
        while True:
            lacking = {name: size for name, size in names.items() if name not in self.names}
            if not lacking:
                return
            number = self.last + 1
            first, whole = self._stands_for(number)
            whole.update(lacking)
            data = self._written(first, whole)
            if create_once(self._objects, entry_name(number), data) == data:
                self._take(number, Entry(first, whole, {}))
                self.last = number
                self._is_damaged = False
                return
            self.catch_up(passing_over=passing_over)

    def _end(self) -> int:
        """Return the last entry, by steps that double, then by halves."""
        low = self.last
        if self._expected > low and self._is_there(self._expected):
            low = self._expected
        step = 1
        while self._is_there(low + step):
            low += step
            step *= 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._is_there(middle) else (low, middle)
        return low

    def _is_there(self, number: int) -> bool:
        if number > MAX_NUMBER:
            return False
        found = self._fetch(number)
        if found is not None:
            self._raw[number] = found
        return found is not None

    def _known(self, number: int) -> bytes:
        """Return an entry's bytes, fetched if they were not; none is damage."""
        return self._raw[number] if number in self._raw else self._fetch(number) or b""

    def _fetch(self, number: int) -> bytes | None:
        """Return an entry's bytes, none of one that is too large; None if it is not there."""
        try:
            return self._objects.read(entry_name(number), at_most=MAX_SMALL_BYTES)
        except NotFound:
            return None
        except Corrupt:
            return b""

    def _whole(self, number: int) -> Entry:
        """Return an entry with what its lists name."""
        url = self._objects.url
        entry = read_entry(number, self._known(number), url)
        names = dict(entry.names)
        lists = list(entry.lists.items())
        ranges = [Range(name, 0, size) for name, size in lists]
        for (name, _), part in zip(lists, self._objects.read_ranges(ranges), strict=True):
            names.update(read_list(name, part, url))
            if len(names) > MAX_NAMES:
                raise Corrupt(f"{entry_name(number)} of {url} names more than any depot holds")
        return Entry(entry.first, names, {})

    def _take(self, number: int, entry: Entry) -> None:
        for older in [older for older in self._entries if older >= entry.first]:
            del self._entries[older]
        self._entries[number] = entry
        self.names.update(entry.names)

    def _stands_for(self, number: int) -> tuple[int, dict[str, int]]:
        """Return the first entry that a new one stands for, and what those before it name."""
        if self._is_damaged:
            return 1, dict(self.names)
        whole: dict[str, int] = {}
        lowest, before = first_of(number), number - 1
        while before >= lowest:
            entry = self._entries.get(before)
            if entry is None:  # not as a rule: what is there is not believed to be in order
                break
            whole.update(entry.names)
            before = entry.first - 1
        return before + 1, whole

    def _written(self, first: int, names: Mapping[str, int]) -> bytes:
        """Return an entry; what it is too small for is created before it."""
        nonce = os.urandom(8).hex()
        data = write_entry(first, nonce, names)
        if data is not None:
            return data
        lists = {}
        for name, part in write_lists(names):
            self._objects.create(name, part)
            lists[name] = len(part)
        data = write_entry(first, nonce, lists)
        if data is None:
            raise Unsupported(f"the roll of {self._objects.url} would be larger than any may be")
        return data
