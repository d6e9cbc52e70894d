"""The progress bar: bytes, rate, time left, and how many files.

Knows: tqdm, of which it is the only importer.  Never: whether a bar is wanted.
No colour is used, so ``NO_COLOR`` asks for nothing more.
"""

import os
import sys

from tqdm import tqdm

__all__ = ["Bar"]

LAYOUT = (
    "{desc}: {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} [{remaining} left, {rate_fmt}]{postfix}"
)


FALLBACK_COLUMNS, FALLBACK_ROWS = 80, 24


def _has_size() -> bool:
    """Tell whether the terminal knows how large it is; those of containers and CI may not."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):
        return False


class Bar:
    """One bar on standard error, gone when it is closed."""

    def __init__(self, verb: str, size_bytes: int) -> None:
        self._files = 0
        size = {} if _has_size() else {"ncols": FALLBACK_COLUMNS, "nrows": FALLBACK_ROWS}
        self._bar = tqdm(
            total=size_bytes,
            desc=verb,
            unit="B",
            unit_scale=True,
            leave=False,
            file=sys.stderr,
            dynamic_ncols=not size,
            bar_format=LAYOUT,
            **size,
        )

    def note(self, files: int, size_bytes: int) -> None:
        """Count what was done."""
        if files:
            self._files += files
            self._bar.set_postfix_str(f"{self._files:,} files", refresh=False)
        self._bar.update(size_bytes)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
