"""Depots elsewhere, as objects under names: buckets, servers, shared folders, sticks.

Knows: how each backend creates, reads, lists and deletes, and what it cannot do.  Never: packs,
events, stores.
"""

from casstore.remotes.objects import Listed, Objects, Range

__all__ = ["Listed", "Objects", "Range"]
