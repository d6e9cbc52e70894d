"""Laying a version out for the Python face, with what has to be said about its references.

Knows: the warnings.  Never: how files are written, how objects are fetched.
"""

from collections.abc import Callable
from pathlib import Path

from casstore.artifacts.terminal import termwarn
from casstore.flows.checkout import checkout
from casstore.journal.views import VersionView
from casstore.names import display_path
from casstore.store import Store, settle_whole

__all__ = ["lay_out"]

MAX_NAMED = 10


def lay_out(
    store: Store,
    view: VersionView,
    root: Path,
    *,
    keep: Callable[[bytes], bool] | None = None,
    allow_missing: bool = False,
) -> None:
    """Lay files out under ``root``; what differs at a path of the version is replaced.

    Warns of references that were left out, and of those that nothing could be compared with.
    """
    done = checkout(store, view, root, keep=keep, replace=True, allow_missing=allow_missing)
    if keep is None:
        settle_whole(store, [view])
    for lost in done.lost[:MAX_NAMED]:
        termwarn(f"left out {display_path(lost.path)}: {lost.message}")
    if len(done.lost) > MAX_NAMED:
        termwarn(f"left out {len(done.lost) - MAX_NAMED:,} more references")
    if done.unchecked:
        count = "a reference" if done.unchecked == 1 else f"{done.unchecked:,} references"
        termwarn(f"fetched {count} with no checksum: nothing was checked")
