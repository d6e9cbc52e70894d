"""log: working files into a draft.

walk -> stat cache -> small files in batches, large files as streams -> entries

Knows: which file goes which way.  Never: names, numbers, events.

Measured on two cores: threads that each take one large file from reading to packing hash 2.6 GiB/s,
a reader that hands chunks to workers 1.0, for a hand-over of Python's lock costs as much as hashing
a chunk.  Small files are read and hashed fastest by one thread, so only their encoding and
writing are handed on, whole batches at a time.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing

from casstore.flows.log.earlier import Cuts, Earlier, earlier_cuts
from casstore.flows.log.known import without_known
from casstore.flows.log.large import log_large
from casstore.flows.log.result import Logged, LogResult, Progress
from casstore.flows.log.small import WHOLE_FILE_BYTES, log_small
from casstore.parallel import Lock, default_workers
from casstore.store import Draft, Store
from casstore.worktree import Source

__all__ = ["Cuts", "Earlier", "LogResult", "earlier_cuts", "log_files"]

MAX_LARGE_WAITING = 64
THREADS_PER_PROCESSOR = 2  # a thread waits for the disk about half of its time


def log_files(
    store: Store,
    draft: Draft,
    sources: Iterable[Source],
    *,
    replace: bool = False,
    use_cache: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
    earlier: Earlier | None = None,
) -> LogResult:
    """Take files into the store and add them to the draft.

    Raises what ``Draft.put`` raises, ``Busy`` for a file that keeps changing, ``FileMissing`` for
    one that vanished and ``Error`` for one that cannot be read; the draft is then incomplete and
    the caller drops it.  ``workers`` is how many threads large files get, by default two for
    each processor.  ``progress`` is called with (files, bytes) as they are done, by one
    thread at a time.  ``earlier`` tells how files were cut in a version that is probably alike.
    """
    result = LogResult()
    note = _locked(progress) if progress else _unheard
    if use_cache:
        sources = without_known(store, draft, sources, result, note, replace=replace)
    remaining = iter(sources)
    large: list[Source] = []
    while True:
        with closing(log_small(draft.session, _small_ones(remaining, large), note)) as done:
            for logged in done:
                _take(draft, result, logged, replace=replace)
        if not large:
            return result
        threads = workers or THREADS_PER_PROCESSOR * default_workers()
        with closing(log_large(draft.session, large, threads, note, earlier)) as done:
            for logged in done:
                _take(draft, result, logged, replace=replace)
        large.clear()


def _small_ones(sources: Iterator[Source], large: list[Source]) -> Iterator[Source]:
    """Yield small files, and put large ones aside; ends when enough of those wait."""
    for source in sources:
        if source.stat.st_size <= WHOLE_FILE_BYTES:
            yield source
            continue
        large.append(source)
        if len(large) >= MAX_LARGE_WAITING:
            return


def _take(draft: Draft, result: LogResult, logged: Logged, *, replace: bool) -> None:
    draft.put_all(logged.entries, logged.tokens, replace=replace)
    draft.remember(logged.seen)
    result.files += len(logged.entries)
    result.size_bytes += sum([entry.size_bytes for entry in logged.entries])


def _locked(progress: Progress) -> Progress:
    lock = Lock()

    def note(files: int, size: int) -> None:
        with lock:
            progress(files, size)

    return note


def _unheard(files: int, size: int) -> None:
    """Take progress that nobody asked for."""
