"""What clients are told: how long to wait, and what fsspec's configuration says.

Knows: timeouts, fsspec's configuration.  Never: any one backend.

fsspec is loaded for its configuration only where there is some: that takes 15 ms.
"""

import importlib
import sys
from typing import Any

from casstore.settings import configures_fsspec

__all__ = ["CONNECT_SECONDS", "READ_SECONDS", "told"]

CONNECT_SECONDS = 5
READ_SECONDS = 60


def told(scheme: str) -> dict[str, Any]:
    """Return what fsspec's configuration says of a scheme: files, ``FSSPEC_SCHEME_...``."""
    if "fsspec" not in sys.modules and not configures_fsspec():
        return {}
    return dict(importlib.import_module("fsspec.config").conf.get(scheme, {}))
