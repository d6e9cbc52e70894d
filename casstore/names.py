"""What may be called what, and how a reference is read.

Knows: the rules of names, aliases, projects, tags, paths; the grammar of references.
Never: files, stores, whether a name exists.  Rules marked (W&B) are those of W&B 0.31.
"""

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from casstore.errors import Invalid

__all__ = [
    "LATEST",
    "MAX_NAME_CHARS",
    "URL_SCHEME",
    "NumberLabel",
    "Reference",
    "check_alias",
    "check_name",
    "check_path",
    "check_project",
    "check_tag",
    "check_type",
    "display_path",
    "number_label",
    "one_line",
    "parse_reference",
    "parse_url",
    "path_bytes",
    "path_text",
    "spelled_path",
    "texts",
    "version_number",
]

LATEST = "latest"
URL_SCHEME = "casstore"
MAX_NAME_CHARS = 128
MAX_TAG_CHARS = 256
MAX_PATH_BYTES = 4096
MIN_ID_CHARS = 8
MAX_ID_CHARS = 64

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+\Z")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,15})\Z")
_NUMBER_LABEL = re.compile(r"(?:([0-9a-f]{8,32}):)?v(0|[1-9][0-9]{0,15})(\*?)\Z")
_ID = re.compile(rf"[0-9a-f]{{{MIN_ID_CHARS},{MAX_ID_CHARS}}}\Z")
_TAG = re.compile(r"[\w\- ]+\Z")
_UNSAFE_PATH = re.compile(rb"\0|\A[A-Za-z]:|(?:\A|/)\.{0,2}(?:/|\Z)")  # NUL; drive; "", ".", ".."


class Reference(NamedTuple):
    """``[[entity/]project/]name[:version | @id]``, taken apart.

    ``label`` is an alias, ``latest``, or a number (``number_label`` reads it); ``id_prefix`` is 8
    to 64 hexadecimal characters of a commit id or manifest digest.  Exactly one of the two is
    given, unless neither was: then ``explicit`` is False and ``label`` is ``latest``.
    """

    name: str
    label: str = LATEST
    id_prefix: str = ""
    project: str = ""
    entity: str = ""
    explicit: bool = False

    def __str__(self) -> str:
        where = "/".join(part for part in (self.entity, self.project, self.name) if part)
        return f"{where}@{self.id_prefix}" if self.id_prefix else f"{where}:{self.label}"


def parse_reference(text: str) -> Reference:
    """Read a reference; raises ``Invalid`` with the rule that it breaks."""
    *where, last = text.split("/")
    if len(where) > 2 or not all(where):
        raise Invalid(
            f"{text!r} is not a reference", hint="write [[entity/]project/]name[:version]"
        )
    name, at, id_prefix = last.partition("@")
    label = ""
    if not at:
        name, colon, label = last.partition(":")
        if colon and not label:
            raise Invalid(f"{text!r} has no version after the colon")
    elif not _ID.match(id_prefix):
        raise Invalid(
            f"{text!r}: after @ come {MIN_ID_CHARS} to {MAX_ID_CHARS} characters of 0-9a-f",
        )
    check_name(name)
    if label and number_label(label) is None:
        check_alias(label, of_reference=True)
    project = check_project(where[-1]) if where else ""
    return Reference(
        name=name,
        label=label or LATEST,
        id_prefix=id_prefix,
        project=project,
        entity=where[0] if len(where) == 2 else "",
        explicit=bool(at or label),
    )


def parse_url(url: str) -> tuple[Reference, bytes]:
    """Read ``casstore://[entity/][project/]name:version[/path]``; the path may be empty.

    The version, or ``@ID``, must be there: it says where the path begins.
    """
    scheme, _, rest = url.partition("://")
    parts = rest.split("/")
    end = next((at for at, part in enumerate(parts[:3], 1) if ":" in part or "@" in part), 0)
    if scheme.lower() != URL_SCHEME or not end:
        raise Invalid(
            f"{url!r} names no version", hint="write casstore://[project/]name:version/path"
        )
    path = path_bytes("/".join(parts[end:])).rstrip(b"/")
    return parse_reference("/".join(parts[:end])), check_path(path) if path else path


def version_number(label: str) -> int | None:
    """Return N of ``vN``, or None for any other label."""
    match = _VERSION.match(label)
    return int(match[1]) if match else None


class NumberLabel(NamedTuple):
    """A number as it may be typed.

    ``v3``; ``v3*``, what this store called so itself (``provisional``); or ``1a2b3c4d:v3``, what
    the authority whose id begins so sealed.
    """

    number: int
    provisional: bool = False
    authority: str = ""


def number_label(label: str) -> NumberLabel | None:
    """Read a number of a reference, or return None for any other label."""
    match = _NUMBER_LABEL.match(label)
    if match is None or (match[1] and match[3]):
        return None
    return NumberLabel(int(match[2]), bool(match[3]), match[1] or "")


def check_name(name: str, *, of: str = "an artifact") -> str:
    """Return ``name`` if an artifact may bear it (W&B): ``[a-zA-Z0-9_-.]+``, at most 128.

    ``of`` says in messages whose name it is.
    """
    if not isinstance(name, str) or not _NAME.match(name) or name in {".", ".."}:
        raise Invalid(
            f"{name!r} cannot name {of}",
            hint="use letters, digits, dashes, underscores and dots",
        )
    if len(name) > MAX_NAME_CHARS:
        raise Invalid(f"{of}'s name has at most {MAX_NAME_CHARS} characters: {name[:40]!r}...")
    return name


def check_alias(alias: str, *, of_reference: bool = False) -> str:
    """Return ``alias`` if it may be given: no ``/ : @``, not empty, not ``vN``."""
    if not isinstance(alias, str) or not alias or len(alias) > MAX_NAME_CHARS:
        raise Invalid(f"{alias!r} cannot be an alias", hint=f"use 1 to {MAX_NAME_CHARS} characters")
    if any(character in "/:@" or not character.isprintable() for character in alias):
        raise Invalid(f"{alias!r} cannot be an alias", hint="an alias holds no / : @")
    if not of_reference and number_label(alias) is not None:
        raise Invalid(f"{alias!r} cannot be an alias", hint="vN is given by casstore itself")
    return alias


def check_tag(tag: str) -> str:
    """Return ``tag`` if it may be given (W&B): letters, digits, dash, underscore, space."""
    if not isinstance(tag, str) or not _TAG.match(tag) or len(tag) > MAX_TAG_CHARS:
        raise Invalid(f"{tag!r} cannot be a tag", hint="use letters, digits, - _ and spaces")
    return tag


def check_project(project: str) -> str:
    r"""Return ``project`` if it may be one (W&B): none of ``/ \ # ? % : @``, at most 128."""
    good = isinstance(project, str) and 0 < len(project) <= MAX_NAME_CHARS
    good = good and project not in {".", ".."} and project.isprintable()
    if not good or any(character in "/\\#?%:@" for character in project):
        raise Invalid(
            f"{project!r} cannot be a project", hint="a project holds none of / \\ # ? % : @"
        )
    return project


def check_type(type_name: str) -> str:
    """Return ``type_name`` if an artifact may have it: any text that is not empty."""
    if not isinstance(type_name, str) or not type_name or len(type_name) > MAX_NAME_CHARS:
        raise Invalid(
            f"{type_name!r} cannot be a type", hint=f"use 1 to {MAX_NAME_CHARS} characters"
        )
    return type_name


def check_path(path: bytes) -> bytes:
    """Return ``path`` if it may stand in a version, on the way in and on the way out.

    Refused: absolute, drive letters, NUL, empty, ``..``, ``.`` and empty parts, over 4,096 bytes.
    """
    if len(path) > MAX_PATH_BYTES:
        raise Invalid(f"a path has at most {MAX_PATH_BYTES} bytes: {display_path(path[:40])!r}...")
    if _UNSAFE_PATH.search(path):
        raise Invalid(
            f"{display_path(path)!r} cannot be a path in an artifact",
            hint="it must be relative, with no '..', '.', empty part, drive or NUL",
        )
    return path


def one_line(text: str) -> str:
    """Return text that cannot move a terminal's cursor: what is not printable is escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def display_path(path: bytes) -> str:
    r"""Return a path as text for people; bytes that are not UTF-8 show as ``\xNN``."""
    return path.decode("utf-8", "backslashreplace")


def path_text(path: bytes) -> str:
    """Return a path of a version as text that ``path_bytes`` turns back, whatever its bytes."""
    return path.decode("utf-8", "surrogateescape")


def path_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return a path that a person gave as it stands in a version: UTF-8, parts divided by ``/``."""
    text = os.fspath(path)
    if os.sep != "/":  # pragma: no cover - Windows
        text = text.replace(os.sep, "/")
    return text.encode("utf-8", "surrogateescape")


def spelled_path(path: str | os.PathLike[str]) -> bytes:
    """Return a path that a caller gave as it stands in a version: no ``.``, no empty part (W&B).

    Nothing is refused here: an absolute path stays one, and what has no part stays as it is.
    """
    raw = path_bytes(path)
    parts = [part for part in raw.split(b"/") if part not in {b"", b"."}]
    return (b"/" if raw.startswith(b"/") else b"") + b"/".join(parts) if parts else raw


def texts(given: Iterable[str] | str | None) -> list[str]:
    """Return what was given as a list: nothing, one text, or several; a text is never letters."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)
