"""What a depot has one of: its identity, its authority, how its numbers go.

Knows: how somebody's object comes to be there, though who took its name may have died.
Never: what it says.

Where a name is taken first and written then (WebDAV), two who come at once meet a name that has no
object yet, and one that was killed between the two leaves such a name for ever.  Of a number that
is a hole; of these objects it would be the end of the depot.
"""

import time

from casstore.errors import NotFound
from casstore.remotes.objects import MAX_SMALL_BYTES, Objects

__all__ = ["create_once"]

PATIENCE_SECONDS = 10  # who has taken a name writes its object within these, or asks before
SETTLING_SECONDS = 1
PAUSE_SECONDS = 0.05


def create_once(objects: Objects, name: str, data: bytes) -> bytes:
    """Create a small object unless there is one; returns what is there then, for everybody.

    Raises ``Unsupported`` where nothing can be created exclusively.
    """
    if objects.create_exclusively(name, data):
        return data
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return objects.read(name, at_most=MAX_SMALL_BYTES)
        except NotFound:
            time.sleep(PAUSE_SECONDS)
    objects.create(name, data)  # nobody is at it any more
    time.sleep(SETTLING_SECONDS)  # of several who found that at once, the last one's holds
    return objects.read(name, at_most=MAX_SMALL_BYTES)
