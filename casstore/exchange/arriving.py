"""Frames on their way from elsewhere: each fetched once, whoever asks, and held for a moment.

Knows: what is under way in this process, what came last.  Never: where frames come from, the store.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence

from casstore.digest import Digest
from casstore.packs import Encoded
from casstore.parallel import Lock

__all__ = ["Arriving"]

MAX_HELD_BYTES = 64 * 1024 * 1024

Bring = Callable[[Sequence[Digest]], Mapping[Digest, Encoded]]


class Arriving:
    """Fetches frames by ``bring``, which returns all that it is asked for or raises.

    Safe across threads: two that want one frame at once send for it once, and where that failed the
    second tries itself.  A forked child waits for nobody.
    """

    def __init__(self, bring: Bring) -> None:
        self._bring = bring
        self._lock = Lock()
        self._process = os.getpid()
        self._under_way: dict[Digest, Lock] = {}
        self._held: OrderedDict[Digest, Encoded] = OrderedDict()
        self._held_bytes = 0

    def held(self, digests: Collection[Digest]) -> dict[Digest, Encoded]:
        """Return those of the frames that came a moment ago."""
        with self._lock:
            return {digest: self._held[digest] for digest in digests if digest in self._held}

    def fetch(self, digests: Collection[Digest]) -> dict[Digest, Encoded]:
        """Return frames; what another thread has sent for is waited for."""
        asked = dict.fromkeys(digests)
        found: dict[Digest, Encoded] = {}
        while missing := [digest for digest in asked if digest not in found]:
            turn = Lock()
            with turn:
                mine, others = self._share_out(missing, turn, found)
                try:
                    found.update(self._hold(self._bring(mine)) if mine else {})
                finally:
                    self._arrived(mine)
            for other in others:
                with other:  # until it has come, or failed: then this thread tries itself
                    continue
        return found

    def _share_out(
        self, missing: Sequence[Digest], turn: Lock, found: dict[Digest, Encoded]
    ) -> tuple[list[Digest], list[Lock]]:
        """Take what came meanwhile; return what nobody has sent for, and whom to wait for."""
        with self._lock:
            if self._process != os.getpid():  # those who had sent for something are not here
                self._process = os.getpid()
                self._under_way.clear()
            found.update({each: self._held[each] for each in missing if each in self._held})
            waiting = [each for each in missing if each not in found]
            mine = [each for each in waiting if each not in self._under_way]
            others = {id(lock): lock for each in waiting if (lock := self._under_way.get(each))}
            self._under_way.update(dict.fromkeys(mine, turn))
        return mine, list(others.values())

    def _arrived(self, mine: Sequence[Digest]) -> None:
        with self._lock:
            for digest in mine:
                self._under_way.pop(digest, None)

    def _hold(self, frames: Mapping[Digest, Encoded]) -> Mapping[Digest, Encoded]:
        with self._lock:
            for digest, frame in frames.items():
                if digest not in self._held:
                    self._held[digest] = frame
                    self._held_bytes += len(frame.payload)
            while self._held_bytes > MAX_HELD_BYTES:
                self._held_bytes -= len(self._held.popitem(last=False)[1].payload)
        return frames
