"""What an artifact holds: adding to a draft, and looking inside.

Knows: W&B 0.31's calls that take bytes in, what they refuse.  Never: logging, laying out, runs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

from casstore.artifacts.entry import ArtifactEntry, ArtifactFiles
from casstore.artifacts.objects import add_object, get_object
from casstore.artifacts.properties import ArtifactProperties
from casstore.artifacts.referring import add_reference
from casstore.errors import ArtifactFinalizedError, Invalid
from casstore.names import check_path, path_text, spelled_path

__all__ = ["ArtifactContents"]


class ArtifactContents(ArtifactProperties):
    """An artifact with what is in it."""

    # Adding

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,  # noqa: FBT001, FBT002 - W&B's
        skip_cache: bool | None = False,  # noqa: FBT001, FBT002 - W&B's
        policy: str | None = "mutable",
        overwrite: bool = False,  # noqa: FBT001, FBT002 - W&B's
    ) -> ArtifactEntry:
        """Add one file as ``name``, by default its base name; its bytes are stored now.

        Raises ``Invalid`` (a ``ValueError``) for a folder, a bad path, or a path that was added
        with other content unless ``overwrite``; ``FileMissing`` if it does not exist.
        """
        del is_tmp, skip_cache
        _check_policy(policy)
        self._check_draft()
        local = Path(local_path)
        base = os.path.basename(os.path.abspath(local))
        inside = check_path(spelled_path(name if name is not None else base))
        return self._drafting.add_file(local, inside, overwrite=overwrite)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,  # noqa: FBT001, FBT002 - W&B's
        policy: str | None = "mutable",
        merge: bool = False,  # noqa: FBT001, FBT002 - W&B's
        *,
        ignore: Sequence[str] = (),
        on_symlink: str = "follow",
    ) -> None:
        """Add every file of a folder, under ``name/`` if it is given; all of them or none.

        Links are followed; ``on_symlink="error"`` refuses those that lead out.  ``ignore`` is
        gitignore syntax relative to the folder.  Empty folders are not kept.
        Raises ``FileMissing`` if there is none, ``Invalid`` for what is not a folder, and for a
        path that was added with other content unless ``merge``.
        """
        del skip_cache
        _check_policy(policy)
        if on_symlink not in {"follow", "error"}:
            raise Invalid(f"on_symlink is 'follow' or 'error', not {on_symlink!r}")
        self._check_draft()
        prefix = b"" if not name or _is_top(name) else check_path(spelled_path(name))
        patterns = [ignore] if isinstance(ignore, str) else list(ignore)
        self._drafting.add_folder(
            Path(local_path),
            prefix,
            merge=merge,
            ignore=patterns,
            refuse_outside=on_symlink == "error",
        )

    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: str = "mutable"
    ) -> AbstractContextManager[IO[Any]]:
        """Return a context that gives a file to write; it is added when the block ends well.

        It ends with ``ArtifactFinalizedError`` if the artifact was logged meanwhile, without it.
        """
        _check_policy(policy)
        self._check_draft()
        return self._new_file(check_path(spelled_path(name)), mode, encoding)

    @contextmanager
    def _new_file(self, name: bytes, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
        with self._drafting.new_file(name, mode, encoding) as stream:
            yield stream
            self._check_draft()

    def add_reference(
        self,
        uri: str | ArtifactEntry,
        name: str | os.PathLike[str] | None = None,
        checksum: bool = True,  # noqa: FBT001, FBT002 - W&B's
        max_objects: int | None = None,
    ) -> Sequence[ArtifactEntry]:
        """Add what lies elsewhere, by URI: an object, or every object below a prefix or folder.

        Bytes are not taken; ETag, size and version are recorded, and compared when they are
        fetched.  ``name``: the path of an object, the folder of a prefix's objects; needed for
        schemes that are only tracked by URI.  ``checksum=False`` asks nobody.  ``max_objects``:
        at most so many (default 10,000), more are an error and nothing is added.

        Raises ``Invalid`` for a URI without scheme or with credentials in it, ``FileMissing`` and
        ``NotFound`` for what is not there, ``RemoteAuth``, ``RemoteError``.
        """
        self._check_draft()
        return add_reference(self._drafting, uri, name, checksum=checksum, max_objects=max_objects)

    def add(self, obj: Any, name: str, overwrite: bool = False) -> ArtifactEntry:  # noqa: FBT001, FBT002 - W&B's
        """Add a table or medium as ``name``; its kind's suffix is appended (``.table.json``, ...).

        The files that it consists of go in with it, all of them or none.  Raises ``TypeError`` for
        anything else, ``Invalid`` (a ``ValueError``) for a path that was added with other content
        unless ``overwrite``.
        """
        self._check_draft()
        return add_object(
            self._drafting, obj, path_text(check_path(spelled_path(name))), overwrite=overwrite
        )

    def __setitem__(self, name: str, item: Any) -> None:
        self.add(item, name)

    def remove(self, item: str | os.PathLike[str] | ArtifactEntry) -> None:
        """Remove a path or a folder from the draft; ``FileMissing`` if there is none."""
        self._check_draft()
        path = item.path if isinstance(item, ArtifactEntry) else item
        self._drafting.remove(spelled_path(path))

    def finalize(self) -> None:
        """End adding: further changes raise ``ArtifactFinalizedError``."""
        self._final = True

    # Looking inside

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactEntry:
        """Return the entry at a path; ``NotFound`` that is a ``KeyError`` if there is none."""
        return self.manifest.entries[path_text(spelled_path(name))]

    get_path = get_entry

    def get(self, name: str) -> Any:
        """Return the table or medium that was added as ``name``, or None (W&B)."""
        self._need("get")
        return get_object(self, path_text(spelled_path(name)))

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the path that a local file was added as, or None."""
        return self._drafting.path_of(local_path)

    def files(
        self, names: list[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> ArtifactFiles:
        """Return the files: iterable, with ``len`` and slices."""
        del per_page, start
        self._need("files")
        return ArtifactFiles(self.manifest, names)

    # Inside

    def _check_draft(self) -> None:
        if self._final:
            raise ArtifactFinalizedError(
                f"{self._base_name!r} is finished and cannot be changed",
                hint="call new_draft() on the logged version",
            )


def _check_policy(policy: str | None) -> None:
    """Refuse what W&B refuses; both policies mean the same here."""
    if policy not in {"mutable", "immutable", None}:
        raise Invalid(f"policy {policy!r} is not known", hint="use 'mutable' or 'immutable'")


def _is_top(name: str | os.PathLike[str]) -> bool:
    """Tell whether a folder is to be added without a prefix: ``.``, ``./``."""
    return os.path.normpath(name) == "."
