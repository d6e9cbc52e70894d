"""Entries as W&B users see them: a mapping path -> entry, files, downloads of one.

Knows: how an entry shows itself.  Never: how versions are found or made.
"""

import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, overload

from casstore.artifacts.layout import lay_out
from casstore.encoding import decode
from casstore.errors import EntryNotFound, Invalid
from casstore.journal.views import VersionView
from casstore.manifests import EMPTY_ROOT, Entry, Manifest, ManifestTop, manifest_digest
from casstore.names import path_bytes, path_text, spelled_path
from casstore.store import Store, url_of

__all__ = [
    "NO_ENTRIES",
    "ArtifactEntry",
    "ArtifactFile",
    "ArtifactFiles",
    "ArtifactManifest",
    "Held",
    "Owner",
]


@dataclass(frozen=True, slots=True)
class Owner:
    """The finished version that an entry belongs to: where its bytes are, where they go."""

    store: Store
    view: VersionView
    default_root: Path
    artifact: object


class ArtifactEntry:
    """One path of an artifact.

    ``path`` is text; ``digest`` the file's BLAKE3 in hex, or a reference's ETag or checksum;
    ``size`` in bytes; ``ref`` the URI of a reference, else None; ``extra`` a reference's other
    fields; ``local_path`` where the file was added from, or None.
    """

    __slots__ = ("_entry", "_owner", "local_path")

    def __init__(
        self, entry: Entry, owner: Owner | None = None, local_path: str | None = None
    ) -> None:
        self._entry = entry
        self._owner = owner
        self.local_path = local_path

    @property
    def path(self) -> str:
        """The path inside the artifact."""
        return path_text(self._entry.path)

    @property
    def name(self) -> str:
        """The path, under W&B's older name."""
        return self.path

    @property
    def digest(self) -> str:
        """BLAKE3 in hex as ``b3sum`` prints it; of a reference its checksum."""
        content = self._entry.content
        return content.decode("utf-8") if self._entry.is_reference else content.hex()

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._entry.size_bytes

    @property
    def extra(self) -> dict[str, Any]:
        """A reference's other fields (``manifests/FORMAT.md``); empty for a file.

        The version is there under W&B's name, ``versionID``, too.
        """
        kept = dict(decode(self._entry.extra)) if self._entry.extra else {}
        return kept | ({"versionID": kept["version_id"]} if "version_id" in kept else {})

    @property
    def ref(self) -> str | None:
        """The URI of a reference; None for a file."""
        return self.extra.get("uri") if self._entry.is_reference else None

    def __repr__(self) -> str:
        return f"ArtifactEntry(path={self.path!r}, digest={self.digest!r}, size={self.size})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactEntry) and self._entry[:4] == other._entry[:4]

    def __hash__(self) -> int:
        return hash(self._entry[:4])

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        skip_cache: bool | None = None,  # noqa: FBT001 - W&B's
    ) -> str:
        """Lay this one file out under ``root`` and return its path; bytes are verified."""
        del skip_cache
        owner = self._needs_owner("download")
        folder = Path(root) if root is not None else owner.default_root
        wanted = self._entry.path
        lay_out(owner.store, owner.view, folder, keep=lambda path: path == wanted)
        return str(folder / os.fsdecode(wanted))

    def ref_target(self) -> str:
        """Return the URI that this reference points to; ``Invalid`` for a file."""
        if self.ref is None:
            raise Invalid(f"{self.path!r} is a file, not a reference")
        return self.ref

    def ref_url(self) -> str:
        """Return a URL of this entry that names its version."""
        return url_of(self._needs_owner("ref_url").view, self._entry.path)

    def parent_artifact(self) -> Any:
        """Return the artifact that this entry belongs to."""
        return self._needs_owner("parent_artifact").artifact

    def _needs_owner(self, call: str) -> Owner:
        if self._owner is None:
            raise Invalid(f"{call} needs a logged artifact", hint="log it first")
        return self._owner


class Held(Protocol):
    """Entries by path, in path order: of a draft, or of a version."""

    def get(self, path: bytes) -> Entry | None:
        """Return the entry at ``path``."""

    def __iter__(self) -> Iterator[Entry]: ...

    def __len__(self) -> int: ...


NO_ENTRIES: Held = Manifest(ManifestTop(manifest_digest(()), EMPTY_ROOT, 0, 0, 0), lambda _: b"")


class _Entries(Mapping[str, ArtifactEntry]):
    """A lazy mapping path -> entry, in path order."""

    def __init__(
        self, held: Callable[[], Held], show: Callable[[Entry], ArtifactEntry], where: str
    ) -> None:
        self._held = held
        self._show = show
        self._where = where

    def __getitem__(self, path: str) -> ArtifactEntry:
        entry = self._held().get(path_bytes(path))
        if entry is None:
            raise EntryNotFound(f"no {os.fspath(path)!r} in {self._where}")
        return self._show(entry)

    def __iter__(self) -> Iterator[str]:
        return (path_text(entry.path) for entry in self._held())

    def __len__(self) -> int:
        return len(self._held())


class ArtifactManifest:
    """What an artifact holds: ``entries`` is a mapping path -> entry, read as it is used.

    ``held`` gives the entries as they are at each look; ``where`` is what messages call them.
    """

    def __init__(
        self, held: Callable[[], Held], show: Callable[[Entry], ArtifactEntry], where: str
    ) -> None:
        self.entries: Mapping[str, ArtifactEntry] = _Entries(held, show, where)
        self._held = held
        self._show = show

    def get_entry_by_path(self, path: str) -> ArtifactEntry | None:
        """Return the entry at a path, or None (W&B)."""
        return self.entries.get(path_text(spelled_path(path)))

    def get_entries_in_directory(self, directory: str) -> list[ArtifactEntry]:
        """Return the entries below a folder, in path order (W&B)."""
        start = path_text(spelled_path(directory)) + "/"
        return [entry for entry in self if entry.path.startswith(start)]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[ArtifactEntry]:
        return (self._show(entry) for entry in self._held())


class ArtifactFile:
    """One file of a finished artifact, as ``files()`` gives it."""

    def __init__(self, entry: ArtifactEntry) -> None:
        self._entry = entry

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.size} bytes)>"

    @property
    def name(self) -> str:
        """The path inside the artifact."""
        return self._entry.path

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._entry.size

    @property
    def digest(self) -> str:
        """BLAKE3 in hex."""
        return self._entry.digest

    @property
    def mimetype(self) -> str:
        """The type that the name suggests, ``application/octet-stream`` if none."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def download(
        self,
        root: str | None = None,
        replace: bool = False,  # noqa: FBT001, FBT002 - W&B's
        exist_ok: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> Path:
        """Lay the file out under ``root`` (default: the artifact's folder) and return its path.

        Raises ``Invalid`` for a file that is there, unless ``replace`` or ``exist_ok`` (W&B).
        """
        owner = self._entry._needs_owner("download")  # noqa: SLF001 - the same room
        folder = Path(root) if root is not None else owner.default_root
        target = folder / self.name
        if target.exists() and not (replace or exist_ok):
            raise Invalid(f"{target} is there already", hint="pass replace=True or exist_ok=True")
        if target.exists() and exist_ok and not replace:
            return target
        return Path(self._entry.download(str(folder)))


class ArtifactFiles(Sequence[ArtifactFile]):
    """The files of an artifact: iterable, with ``len`` and slices, in path order."""

    def __init__(self, manifest: ArtifactManifest, names: list[str] | None) -> None:
        self._manifest = manifest
        self._names = names

    def __iter__(self) -> Iterator[ArtifactFile]:
        if self._names is None:
            return (ArtifactFile(entry) for entry in self._manifest)
        return (ArtifactFile(self._manifest.entries[name]) for name in self._names)

    def __len__(self) -> int:
        return len(self._manifest) if self._names is None else len(self._names)

    @overload
    def __getitem__(self, index: int) -> ArtifactFile: ...
    @overload
    def __getitem__(self, index: slice) -> list[ArtifactFile]: ...
    def __getitem__(self, index: int | slice) -> ArtifactFile | list[ArtifactFile]:
        if isinstance(index, int) and index >= 0:
            for file in islice(self, index, index + 1):
                return file
            raise IndexError(f"there are {len(self)} files")
        return list(self)[index]
