"""Depots elsewhere, as objects under names: buckets, servers, shared folders, sticks.

Knows: how each backend creates, reads, lists and deletes, and what it cannot do.  Never: packs,
events, stores.

``objects`` is what others see, ``served`` keeps its promises on any driver, ``schemes`` finds the
driver of a URL; ``claims`` gives out numbers, ``probing`` finds out what a place can do, ``once``
creates what a depot has one of; ``rolled`` is what they all are seen through: it
lists by the depot's ``roll`` where listing is not allowed (``rollbook`` reads and continues one,
``owed`` notes what it lacks).
"""

from casstore.remotes.objects import MAX_SMALL_BYTES, Listed, Objects, Range
from casstore.remotes.once import create_once
from casstore.remotes.rolled import Rolled
from casstore.remotes.served import open_objects

__all__ = ["MAX_SMALL_BYTES", "Listed", "Objects", "Range", "Rolled", "create_once", "open_objects"]
