"""What a bundle says of itself: ``bundle.json``, ``README``, ``SHA256SUMS``.

Knows: their fields and words.  Never: ZIP, depots, stores; nothing here is relied on for content.
Specification: ``FORMAT.md``.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from casstore.digest import Buffer
from casstore.encoding import canonical_json
from casstore.errors import Corrupt, Unsupported
from casstore.names import one_line

__all__ = [
    "ABOUT_NAME",
    "FORMAT_NAME",
    "FORMAT_VERSION",
    "MAX_PARTS",
    "OWN_NAMES",
    "README_NAME",
    "SCRIPT_NAME",
    "SUMS_NAME",
    "About",
    "Base",
    "Contents",
    "Listing",
    "read_about",
    "read_sums",
    "readme",
    "sums_line",
    "write_about",
]

FORMAT_VERSION = 1
NEEDS_CASSTORE = ">=0.1"
ABOUT_NAME = "bundle.json"
README_NAME = "README"
SCRIPT_NAME = "extract.py"
SUMS_NAME = "SHA256SUMS"
FORMAT_NAME = "FORMAT"
OWN_NAMES = frozenset((ABOUT_NAME, README_NAME, SCRIPT_NAME, SUMS_NAME))
"""The members that are the bundle's own; all others are the depot in it."""

MAX_README_VERSIONS = 1000
MAX_PARTS = 500  # all of them are open until the last is written

_HEX16, _HEX32 = re.compile(r"[0-9a-f]{32}\Z"), re.compile(r"[0-9a-f]{64}\Z")
_SUM = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")


@dataclass(frozen=True, slots=True)
class Listing:
    """A version that a bundle carries, as people and ``extract.py`` need it.

    ``version`` is ``vN`` or empty; ``digest`` is the manifest's, ``root`` and ``level`` are where
    its tree begins; ``created_at`` is RFC 3339, UTC.
    """

    project: str
    name: str
    version: str
    commit_id: str
    digest: str
    root: str
    level: int
    file_count: int
    size_bytes: int
    created_at: str

    @property
    def label(self) -> str:
        """What people call it: ``project/name:v3``, or ``project/name@`` and its commit id."""
        name = f"{self.project}/{self.name}"
        return f"{name}:{self.version}" if self.version else f"{name}@{self.commit_id[:12]}"


@dataclass(frozen=True, slots=True)
class Base:
    """What a thin bundle was made against, and leaves out.

    ``kind`` is ``since`` (``id`` is a commit id, ``name`` what it is called) or ``inventory``
    (``id`` is the checksum of the inventory, ``name`` the id of the store that it lists).
    """

    kind: str
    id: str
    name: str

    def __str__(self) -> str:
        if self.kind == "since":
            return f"{self.name} ({self.id[:12]})"
        return f"the inventory {self.id[:12]} of the store {self.name[:12]}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a bundle: its versions, when it is made, what it is thin against."""

    versions: tuple[Listing, ...]
    created_at: str
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class About:
    """``bundle.json``: which part of which bundle a file is; ``part`` counts from 1."""

    bundle_id: str
    part: int
    parts: int
    contents: Contents


def write_about(about: About) -> bytes:
    """Return the bytes of ``bundle.json``."""
    contents = about.contents
    value = {
        "format": FORMAT_VERSION,
        "needs_casstore": NEEDS_CASSTORE,
        "bundle_id": about.bundle_id,
        "part": about.part,
        "parts": about.parts,
        "created_at": contents.created_at,
        "thin_against": None if contents.base is None else asdict(contents.base),
        "versions": [asdict(version) for version in contents.versions],
    }
    return canonical_json(value).encode("ascii") + b"\n"


def read_about(data: Buffer) -> About:
    """Read ``bundle.json``; raises ``Corrupt``, or ``Unsupported`` for one of a later format."""
    try:
        value = json.loads(bytes(data))
        _check_format(value)
        base = value["thin_against"]
        contents = Contents(
            tuple(_record(Listing, item) for item in value["versions"]),
            _text(value["created_at"]),
            None if base is None else _record(Base, base),
        )
        about = About(value["bundle_id"], value["part"], value["parts"], contents)
        good = _HEX16.match(about.bundle_id) and 1 <= about.part <= about.parts <= MAX_PARTS
        good = good and type(about.part) is int and type(about.parts) is int
        good = good and all(_is_sound(listing) for listing in contents.versions)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Corrupt(f"{ABOUT_NAME} cannot be read: {one_line(str(error))}") from error
    if not good:
        raise Corrupt(f"{ABOUT_NAME} has a field that none has")
    return about


def _check_format(value: Mapping[str, Any]) -> None:
    version = value["format"]
    if type(version) is not int or version < 1:
        raise TypeError("there is no format version")
    if version > FORMAT_VERSION:
        needed = one_line(str(value.get("needs_casstore", "a newer release")))
        raise Unsupported(
            f"the bundle has format {version}, this release reads up to {FORMAT_VERSION}",
            hint=f"upgrade: it needs casstore {needed}",
        )


def _record(kind: type[Any], value: Mapping[str, Any]) -> Any:
    """Make a record of a JSON object; ``TypeError`` unless each field has the record's type."""
    found = {field.name: value[field.name] for field in fields(kind)}
    types = {field.name: field.type for field in fields(kind)}
    for name, item in found.items():
        if type(item) is not types[name]:
            raise TypeError(f"{name} is no {types[name]}")
    return kind(**found)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("a text is none")
    return value


def _is_sound(listing: Listing) -> bool:
    hexes = _HEX16.match(listing.commit_id) and _HEX32.match(listing.digest)
    return bool(hexes and _HEX32.match(listing.root)) and listing.level >= 0


def sums_line(digest: bytes, name: str) -> bytes:
    """Return a line of ``SHA256SUMS``, as ``sha256sum`` prints it."""
    return f"{digest.hex()}  {name}\n".encode("ascii")


def read_sums(data: Buffer) -> Iterator[tuple[str, bytes]]:
    """Yield (name, SHA-256) of each line; raises ``Corrupt`` for a line that is none."""
    text = bytes(data).decode("ascii", "replace")
    end = 0
    while end < len(text):
        match = _SUM.match(text, end)
        if match is None:
            raise Corrupt(f"{SUMS_NAME} has a line that is none")
        yield match[2], bytes.fromhex(match[1])
        end = match.end()


def readme(about: About) -> bytes:
    """Return the plain text that tells a person what the file is and how to use it."""
    return "".join(f"{line}\n" for line in _lines(about)).encode("utf-8")


def _lines(about: About) -> Iterable[str]:
    contents = about.contents
    count = len(contents.versions)
    yield "A casstore bundle: finished versions of artifacts, in one file or several parts."
    yield ""
    yield f"bundle  {about.bundle_id}"
    yield f"part    {about.part} of {about.parts}"
    yield f"made    {contents.created_at}"
    if contents.base is not None:
        yield f"thin    it leaves out what {contents.base} has, and needs that where it is applied"
    yield ""
    yield f"Versions ({count}): name, bytes, files, when it was made, commit id"
    yield ""
    for listing in contents.versions[:MAX_README_VERSIONS]:
        yield _line(listing)
    if count > MAX_README_VERSIONS:
        yield f"  ... and {count - MAX_README_VERSIONS} more: bundle.json lists all of them"
    yield _USE


def _line(listing: Listing) -> str:
    return one_line(
        f"  {listing.label}  {listing.size_bytes}  {listing.file_count}"
        f"  {listing.created_at}  {listing.commit_id}"
    )


_USE = """
With casstore (give all parts you have, in any order, again if more come later):

    casstore bundle verify FILE...     reads and checks every byte; needs no store
    casstore bundle apply FILE...      takes the versions into your store

Without casstore: with unzip, zstd and python3 (3.9 or newer):

    unzip -d part1 FILE                each part into a folder of its own
    (cd part1 && sha256sum -c --quiet SHA256SUMS)
    python3 part1/extract.py OUT part1 [part2...]

extract.py writes each version into OUT/<project>/<name>-<version>. It undoes the compression, and
says which files need chunks that are in none of the folders given: those of a thin bundle, or of
parts that are missing.

What is inside, byte by byte: FORMAT.md of casstore/bundles, packs, manifests and journal."""
