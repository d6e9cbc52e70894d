"""The entry point ``casstore``: what is set before anything is loaded, and how the process ends.

Knows: the collector of cycles.  Never: verbs, exit codes.

Measured of a call that finds nothing to do: looking for cycles while modules are loaded took 8 ms
of 104, and looking through all that lives once more before the end 13.
"""

import gc
import importlib
import sys
from typing import NoReturn

__all__ = ["program"]

COLLECT_THRESHOLDS = (100_000, 50, 50)  # looking for cycles took a sixth of a put of small files


def program() -> NoReturn:
    """Be the process: run its call and end with its exit code."""
    gc.set_threshold(*COLLECT_THRESHOLDS)
    code: int = importlib.import_module("casstore.cli.main").run_alone()
    gc.freeze()
    sys.exit(code)
