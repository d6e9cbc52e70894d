"""Typed objects in an artifact: tables and media become its files, and come back as objects.

Knows: how an object's name becomes its file's (W&B: ``scores`` -> ``scores.table.json``), which
files go in together.  Never: how the files look (``tables``, ``media``), how bytes are stored.
"""

import json
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

from casstore.artifacts.drafting import Drafting, KnownObject, Taken
from casstore.artifacts.entry import ArtifactEntry
from casstore.digest import digest_of
from casstore.errors import Invalid, NotFound
from casstore.flows.reading import read_entry
from casstore.media import MEDIA_KINDS, Content, LocalFile, made_file
from casstore.names import check_path, path_bytes
from casstore.tables import TABLE_KINDS, TABLE_SUFFIXES, Table, parse_json

__all__ = ["add_object", "get_object"]

KINDS: dict[str, Any] = {**MEDIA_KINDS, **TABLE_KINDS}
PARQUET = TABLE_SUFFIXES[1]
SUFFIXES = (*(f".{kind}.json" for kind in KINDS), PARQUET)
MAX_COMPARED_BYTES = 64 * 1024 * 1024


def add_object(drafting: Drafting, thing: Any, name: str, *, overwrite: bool) -> ArtifactEntry:
    """Add an object and every file it consists of to a draft: all of them or none.

    Returns the entry of the object's own file.  Raises ``TypeError`` for what is no table or
    medium, and what the object raises when it cannot be written.
    """
    gathered = _Gathering(drafting)
    path = gathered.add(thing, name)
    entry = drafting.add_together(gathered.taken(), path_bytes(path), overwrite=overwrite)
    drafting.objects.update(gathered.objects)
    return entry


class _Gathering:
    """The ``Sink`` of one object: files by path, none of them in the draft yet."""

    def __init__(self, drafting: Drafting) -> None:
        self._drafting = drafting
        self._files: dict[str, Content] = {}
        self._open: list[int] = []
        self.objects: dict[int, KnownObject] = {}

    def put(self, path: str, content: Content) -> None:
        """Take a file."""
        check_path(path_bytes(path))
        self._files[path] = content

    def path_of(self, content: Content) -> str | None:
        """Return where the draft holds a file with the same bytes that was added by hand."""
        if not isinstance(content, LocalFile) or content.size_bytes > MAX_COMPARED_BYTES:
            return None
        path = self._drafting.path_of(str(content.local()))
        entry = None if path is None else self._drafting.held(path_bytes(path))
        if entry is None or entry.size_bytes != content.size_bytes:
            return None
        return path if digest_of(content.read()) == entry.content else None

    def holds(self, path: str) -> bool:
        """Tell whether a file is gathered or in the draft."""
        return path in self._files or self._drafting.held(path_bytes(path)) is not None

    def add(self, thing: Any, name: str, *, hashed: bool = False) -> str:
        """Gather an object whole; one that is in the draft under a name stays there."""
        if not isinstance(thing, tuple(KINDS.values())):
            raise TypeError(
                f"an artifact takes tables and media, not a {type(thing).__name__}; "
                "wrap data frames in Table(dataframe=...), add files with add_file"
            )
        known = self.objects.get(id(thing)) or self._drafting.objects.get(id(thing))
        if hashed and known and known.thing() is thing and self.holds(known.path):
            return known.path
        if id(thing) in self._open:
            raise Invalid(f"the table {name!r} links to tables that link back to it")
        self._open.append(id(thing))
        content, suffix = self._written(thing)
        self._open.pop()
        if hashed:
            name += content.sha256[:20]
        path = name if name.endswith(suffix) else name + suffix
        self.put(path, content)
        self.objects[id(thing)] = KnownObject(weakref.ref(thing), path)
        return path

    def _written(self, thing: Any) -> tuple[Content, str]:
        if isinstance(thing, Table):
            return thing.to_file(self), f".table.{thing.storage}"
        plain = thing.encode(self)
        return made_file(json.dumps(plain, sort_keys=True).encode(), ".json"), (
            f".{thing.log_type}.json"
        )

    def taken(self) -> list[Taken]:
        """Return the files as the draft takes them."""
        return [
            Taken(path_bytes(path), content.origin)
            if isinstance(content, _Stored)
            else Taken(path_bytes(path), content.local())
            for path, content in self._files.items()
        ]


class _Stored:
    """Bytes that an artifact holds: read when they are asked for."""

    def __init__(self, artifact: Any, path: str, sha256: str | None) -> None:
        self._artifact = artifact
        self._path = path
        self._sha256 = sha256
        self.origin: ArtifactEntry = artifact.manifest.entries[path]

    def __reduce__(self) -> tuple[object, ...]:
        return (_Stored, (self._artifact, self._path, self._sha256))

    @property
    def sha256(self) -> str:
        """As the object's JSON says, else of the bytes."""
        if self._sha256 is None:
            self._sha256 = made_file(self.read(), "").sha256
        return self._sha256

    @property
    def size_bytes(self) -> int:
        """The size."""
        return self.origin.size

    def place(self, folder: str) -> str:
        """Return the path that it has, if that is one that media have."""
        if self._path.startswith("media/"):
            return self._path
        return f"{folder}/{self.sha256[:20]}/{self._path.rpartition('/')[2]}"

    def read(self) -> bytes:
        """Return the bytes, verified."""
        if self.origin.ref is None:
            owner = self.origin._needs_owner("read")  # noqa: SLF001 - the same room
            return b"".join(read_entry(owner.store, self.origin._entry))  # noqa: SLF001
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.origin.download(folder)).read_bytes()

    def local(self) -> Path:
        """Lay the file out where ``download`` would, and return its path."""
        return Path(self.origin.download())


def get_object(artifact: Any, name: str) -> Any:
    """Return the object of that name in a finished artifact, or None (W&B)."""
    return _Reading(artifact).get(os.fspath(name))


class _Reading:
    """The ``Source`` of what one artifact holds; an object still in use is not read twice."""

    def __init__(self, artifact: Any) -> None:
        self._artifact = artifact
        self._found: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()

    def content(self, path: str, sha256: str | None = None) -> Content:
        """Return the file at a path."""
        return _Stored(self._artifact, path, sha256)

    def paths(self, folder: str) -> list[str]:
        """Return the paths below a folder."""
        start = f"{folder}/" if folder else ""
        return [path for path in self._artifact.manifest.entries if path.startswith(start)]

    def get(self, name: str) -> Any:
        """Return an object; the kind's suffix may be left out."""
        path = self._path_of(name)
        found = None if path is None else self._found.get(path)
        if path is None or found is not None:
            return found
        made = self._read(path)
        if isinstance(made, tuple(KINDS.values())):
            self._found[path] = made
        return made

    def decode(self, plain: dict[str, Any]) -> Any:
        """Return the object that JSON describes; the JSON itself where no kind is known."""
        kind = KINDS.get(plain.get("_type", ""))
        return plain if kind is None else kind.decode(plain, self)

    def _path_of(self, name: str) -> str | None:
        entries = self._artifact.manifest.entries
        for suffix in SUFFIXES:
            path = name if name.endswith(suffix) else name + suffix
            if path in entries:
                return path
        return None

    def _read(self, path: str) -> Any:
        content = self.content(path)
        try:
            if path.endswith(PARQUET):
                return Table.from_parquet(content.read(), self)
            return _kind_of(path).decode(parse_json(content, repr(path)), self)
        except Invalid as error:
            raise Invalid(f"{path!r}: {error.message}", hint=error.hint) from error
        except NotFound:
            raise
        except (KeyError, TypeError, AttributeError) as error:
            raise Invalid(f"{path!r} is not as W&B writes it: {error!r}") from error


def _kind_of(path: str) -> Any:
    """Return the class that reads a file, by the last words of its name (W&B)."""
    return KINDS[path.removesuffix(".json").rpartition(".")[2]]
