"""Depots elsewhere, as objects under names: buckets, servers, shared folders, sticks.

Knows: how each backend creates, reads, lists and deletes, and what it cannot do.  Never: packs,
events, stores.

``objects`` is what others see, ``served`` keeps its promises on any driver, ``schemes`` finds the
driver of a URL; ``claims`` gives out numbers, ``probing`` finds out what a place can do.
"""

from casstore.remotes.objects import MAX_SMALL_BYTES, Listed, Objects, Range
from casstore.remotes.served import open_objects

__all__ = ["MAX_SMALL_BYTES", "Listed", "Objects", "Range", "open_objects"]
