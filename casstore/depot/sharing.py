"""SHARED: the file that says that several hosts use a depot at once.

Knows: how it is made, that it is never removed.  Never: what is different then.

Once it is there every opener heeds it, the host that owns the disk too, also one that had the depot
open before: so it is looked for each time that something depends on it, until it was seen.
"""

import contextlib
from pathlib import Path

from casstore import durable
from casstore.depot.identity import make_folders

__all__ = ["Sharing"]

FILE_NAME = "SHARED"
TEXT = b"Several hosts use this depot: no locks, no index in it. See depot/FORMAT.md of casstore.\n"


class Sharing:
    """Whether a depot is shared; ``far`` where it lies on a file system that is not local."""

    def __init__(self, root: Path, *, far: bool) -> None:
        self.far = far
        self._root = root
        self._seen = far

    def now(self) -> bool:
        """Tell whether several hosts may use the depot from now on."""
        if not self._seen:
            self._seen = (self._root / FILE_NAME).exists()
        return self._seen

    def begin(self) -> None:
        """Say to everybody who opens the depot that several hosts may use it."""
        self._seen = True
        if (self._root / FILE_NAME).exists():
            return
        make_folders(self._root)
        with contextlib.suppress(FileExistsError):  # another host was first
            durable.create_exclusive(self._root / FILE_NAME, TEXT, self._root / "tmp")
