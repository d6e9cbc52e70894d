"""The only threads, and the locks among them.

``locks`` are taken and let go without a moment in which a signal could leave them taken;
``threads`` are started, given work and waited for.

Knows: threading.  Never: what the work is.
"""

from casstore.parallel.locks import Gate, Lock, Turns, in_main_thread
from casstore.parallel.threads import (
    Background,
    Mapped,
    Pending,
    Pool,
    default_workers,
    ordered_map,
    out_of_reach,
)

__all__ = [
    "Background",
    "Gate",
    "Lock",
    "Mapped",
    "Pending",
    "Pool",
    "Turns",
    "default_workers",
    "in_main_thread",
    "ordered_map",
    "out_of_reach",
]
