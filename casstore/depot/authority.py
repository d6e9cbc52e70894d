"""AUTHORITY: the file by which a depot is an upstream, and seals numbers under an id of its own.

Knows: its name and its bytes.  Never: how a depot elsewhere makes it, what is sealed.

Whoever first makes a depot an upstream creates it exclusively, with bytes drawn at random; whoever
was second reads what the first one drew.  A copied depot has a copy of it.
"""

import os
import re

from casstore.errors import Corrupt

__all__ = ["AUTHORITY_NAME", "AUTHORITY_SIZE", "draw_authority", "read_authority"]

AUTHORITY_NAME = "AUTHORITY"
AUTHORITY_SIZE = 16

_LINE = re.compile(rb"[0-9a-f]{32}\n\Z")


def draw_authority() -> bytes:
    """Return the bytes of a new AUTHORITY."""
    return os.urandom(AUTHORITY_SIZE).hex().encode() + b"\n"


def read_authority(data: bytes) -> bytes:
    """Return the id that an AUTHORITY holds, 16 bytes; raises ``Corrupt``."""
    if not _LINE.match(data) or not int(data, 16):
        raise Corrupt(
            f"the {AUTHORITY_NAME} of an upstream is not 32 characters 0-9a-f and a line feed",
            hint="restore it from a copy: a new one would begin other numbers",
        )
    return bytes.fromhex(data.decode("ascii"))
