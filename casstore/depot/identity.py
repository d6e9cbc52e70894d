"""FORMAT: the file that makes a folder a depot.

Knows: the format version, the store's id, the chunker's frozen parameters.  Never: other files.
"""

import contextlib
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from casstore import durable
from casstore.chunks import CHUNKER_PARAMETERS
from casstore.encoding import canonical_json
from casstore.errors import Corrupt, NotFound, Unsupported

__all__ = [
    "FORMAT_VERSION",
    "Identity",
    "create_identity",
    "make_folders",
    "new_identity",
    "parse_identity",
    "read_identity",
]

FORMAT_VERSION = 1
FILE_NAME = "FORMAT"
FOLDERS: tuple[str, ...] = (
    *("packs", "journal", "claims", "index", "condemned", "leases", "numbers", "tmp"),
)


_STORE_ID = re.compile(r"\A[0-9a-f]{32}\Z")


class Identity(NamedTuple):
    """What FORMAT says.  ``store_id`` (32 hex) is a hint for messages: copies share it."""

    store_id: str


def read_identity(root: Path) -> Identity:
    """Read FORMAT; ``NotFound`` if there is none, ``Unsupported`` if it is of a newer release."""
    path = root / FILE_NAME
    try:
        with durable.damage_told(f"FORMAT of the depot at {root}"):
            data = durable.read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"no store at {root}", hint="what is put makes it; --store names another one"
        ) from None
    return parse_identity(data, str(root))


def parse_identity(data: bytes, where: str) -> Identity:
    """Return what the bytes of a FORMAT say; raises what ``read_identity`` raises."""
    try:
        fields = json.loads(data)
        version = int(fields["format"])
        (store_id,) = _STORE_ID.findall(fields["store_id"])  # caches are named by it
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise Corrupt(
            f"FORMAT of the depot at {where} cannot be read",
            hint="restore it from a copy of the store",
        ) from None
    if version > FORMAT_VERSION:
        needed = fields.get("needs_casstore", "a newer release")
        raise Unsupported(
            f"the depot at {where} has format {version}, this release reads up to {FORMAT_VERSION}",
            hint=f"upgrade: it needs casstore {needed}",
        )
    if fields.get("chunker") != CHUNKER_PARAMETERS:
        raise Unsupported(
            f"the depot at {where} was cut with other chunker parameters", hint="upgrade casstore"
        )
    return Identity(store_id)


def make_folders(root: Path) -> None:
    """Make the folders of a depot that are missing: a copy may have left empty ones out."""
    for name in FOLDERS:
        if not (root / name).exists():
            durable.make_directory(root / name)


def new_identity() -> bytes:
    """Return the bytes of a FORMAT with an id that nobody has."""
    fields = {
        "chunker": CHUNKER_PARAMETERS,
        "format": FORMAT_VERSION,
        "needs_casstore": ">=0.1",
        "store_id": os.urandom(16).hex(),
    }
    return canonical_json(fields).encode() + b"\n"


def create_identity(root: Path) -> Identity:
    """Make ``root`` a depot if it is none; two processes at once agree on one identity."""
    for parent in reversed(root.parents):
        if not parent.exists():
            durable.make_directory(parent)
    durable.make_directory(root)
    make_folders(root)
    data = new_identity()
    with contextlib.suppress(FileExistsError):  # another process was first: its identity holds
        durable.create_exclusive(root / FILE_NAME, data, root / "tmp")
    return read_identity(root)
