"""Bundles: a depot in one file, for those who have no network in between.

Knows: the ZIP that it is, what it says of itself, how it is written and read, lists of what the
far side has.  Never: stores, which versions are sent, what becomes of them.
``FORMAT.md`` beside this file is the specification.

==============  =====================================================================
``container``   the ZIP: headers, rows, the end
``about``       ``bundle.json``, ``README``, ``SHA256SUMS``
``writing``     ``BundleWriter``: objects in, one file or several parts
``reading``     ``BundleReader``: any parts of any bundles, as one depot
``extract``     a script that every bundle carries; nothing of casstore uses it
``inventory``   what a store has, in a sorted file
``sorting``     more digests than memory should hold
==============  =====================================================================
"""

from casstore.bundles.about import SUMS_NAME, About, Base, Contents, Listing, read_sums
from casstore.bundles.inventory import Inventory, event_key, frame_key, write_inventory
from casstore.bundles.reading import BundleFile, BundleReader, parts_beside
from casstore.bundles.sorting import sorted_keys
from casstore.bundles.writing import BundleWriter

__all__ = [
    "SUMS_NAME",
    "About",
    "Base",
    "BundleFile",
    "BundleReader",
    "BundleWriter",
    "Contents",
    "Inventory",
    "Listing",
    "event_key",
    "frame_key",
    "parts_beside",
    "read_sums",
    "sorted_keys",
    "write_inventory",
]
