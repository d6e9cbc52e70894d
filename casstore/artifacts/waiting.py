"""Waiting for what others finish: an upserted artifact becomes the version that its part went into.

Knows: how long, and how often it is looked.  Never: how a finish is made, how its version travels.

One that waits for its part only looks once whether the finish is there already.  One that waits for
the finish looks again after pauses that grow: in a depot elsewhere after 1, 2, 4, 8, 16 seconds and
then every 30, so 6 times in the first minute and twice in each later one.  A look there is one
listing of its events, a request for each 1,000 of them; 2 or 3 more open the depot, once.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from casstore.artifacts.commits import check_process
from casstore.artifacts.elsewhere import for_runs
from casstore.artifacts.properties import ArtifactProperties
from casstore.errors import RemoteError
from casstore.journal.views import PartView, VersionView
from casstore.parallel import Pending
from casstore.store import Committed, version_of_part

__all__ = ["wait_for_part"]

PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0  # where a look is a request
PAUSE_HERE_SECONDS = 0.1
MAX_PAUSE_HERE_SECONDS = 5.0

Look = Callable[[PartView], VersionView | None]


def wait_for_part(
    artifact: ArtifactProperties,
    part: Pending[PartView],
    timeout: float | None,
    *,
    finished: bool = False,
) -> None:
    """Wait until a part is durable; an artifact whose round is finished becomes the version.

    With ``finished`` wait for the finish too.  Raises ``TimeoutError`` after ``timeout`` seconds,
    and what went wrong with the part; ``RemoteError`` where the finish is waited for and the depot
    cannot be asked.
    """
    ends = None if timeout is None else time.monotonic() + timeout
    check_process(artifact, part)
    kept = part.result(timeout)
    version = version_of_part(artifact._drafting.store(), kept)  # noqa: SLF001 - the same room
    if version is None:
        version = _found(artifact, kept, ends, finished=finished)
    if version is not None:
        artifact._settle(Committed(version, created=False))  # noqa: SLF001


def _found(
    artifact: ArtifactProperties, part: PartView, ends: float | None, *, finished: bool
) -> VersionView | None:
    place = artifact._part_place  # noqa: SLF001
    is_far = place is not None and bool(place.remote)
    if not finished:
        if not is_far:
            return None
        with contextlib.suppress(RemoteError), _looking(artifact) as look:
            return look(part)  # the part is safe, whether it can be asked or not
        return None
    pause, longest = PAUSE_HERE_SECONDS, MAX_PAUSE_HERE_SECONDS
    if is_far:
        pause, longest = PAUSE_SECONDS, MAX_PAUSE_SECONDS
    with _looking(artifact) as look:
        while (version := look(part)) is None:
            left = pause if ends is None else ends - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"nobody has finished {part.name!r} of {part.distributed_id!r} yet;"
                    " what was upserted is kept"
                )
            time.sleep(min(pause, left))
            pause = min(2 * pause, longest)
    return version


@contextlib.contextmanager
def _looking(artifact: ArtifactProperties) -> Iterator[Look]:
    """Give what looks whether a part is finished: here, and in the depot that the run shares."""
    store, place = artifact._drafting.store(), artifact._part_place  # noqa: SLF001
    if place is None or not place.remote:
        yield lambda part: version_of_part(store, part)
        return
    with for_runs().looking(place, store) as look:
        yield look
