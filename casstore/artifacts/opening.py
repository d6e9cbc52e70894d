"""``casstore.open``: one file of a version as a readable, seekable stream.

Knows: how a stream maps to verified pieces.  Never: layouts, packs.
"""

import io
import os
from collections.abc import Callable
from typing import IO, Any

from casstore.artifacts.elsewhere import look_afar
from casstore.artifacts.place import Place, place_for
from casstore.artifacts.runrecord import store_for_looking, working_place
from casstore.errors import EntryNotFound, Invalid
from casstore.flows.reading import read_entry
from casstore.manifests import Entry
from casstore.names import parse_reference, path_bytes
from casstore.store import Readable, find_version

__all__ = ["EntryStream", "open_entry"]

BUFFER_BYTES = 1024 * 1024
MAX_AHEAD_BYTES = 8 * 1024 * 1024


class EntryStream(io.RawIOBase):
    """One file of a version.  A read touches only the frames that it needs; each is verified.

    ``let_go`` is called when it is closed.
    """

    def __init__(
        self, store: Readable, entry: Entry, let_go: Callable[[], None] | None = None
    ) -> None:
        super().__init__()
        self._let_go = let_go
        self._store = store
        self._entry = entry
        self._position = 0
        self._read_to = -1
        self._ahead = 0

    def close(self) -> None:
        """Let go of what was opened for it."""
        super().close()
        let_go, self._let_go = self._let_go, None
        if let_go is not None:
            let_go()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to ``offset`` bytes from the start, the position or the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._entry.size_bytes}
        position = base[whence] + offset
        if position < 0:
            raise Invalid(f"cannot seek to byte {position}")
        self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the file goes; returns the bytes read.

        Who reads on from where the last read ended gets more ahead, where that takes requests.
        """
        view = memoryview(buffer).cast("B")
        goes_on = self._position == self._read_to
        self._ahead = min(2 * self._ahead + len(view), MAX_AHEAD_BYTES) if goes_on else 0
        pieces = read_entry(
            self._store, self._entry, start=self._position, size=len(view), ahead=self._ahead
        )
        filled = 0
        for piece in pieces:
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._position += filled
        self._read_to = self._position
        return filled


def open_entry(
    ref: str,
    path: str | os.PathLike[str],
    mode: str = "rb",
    store: str | os.PathLike[str] | None = None,
    *,
    from_: str | None = None,
) -> IO[Any]:
    """Open one file of a version for reading: ``mode`` is ``rb``, ``r`` or ``rt`` (UTF-8).

    What is not here of a version that was pulled without it is fetched as it is read.  With
    ``from_``, a remote's name or a URL, ``ref`` is a version there: only what is read comes, and
    nothing is kept; it needs no store, and makes none.  Raises ``NotFound`` for the version,
    ``NotFound`` that is a ``KeyError`` for the path; reading raises ``Absent`` and ``RemoteError``
    for what cannot be fetched.
    """
    if mode not in {"rb", "r", "rt", "br"}:
        raise Invalid(f"a version is opened with mode rb or r, not {mode!r}")
    place = place_for(store, None, None) if store is not None else working_place()
    if from_ is None:
        stream = _stream(store_for_looking(place), place.project, ref, path)
    else:
        stream = _stream_from_afar(place, from_, ref, path)
    raw = io.BufferedReader(stream, BUFFER_BYTES)
    return raw if "b" in mode else io.TextIOWrapper(raw, encoding="utf-8")


def _stream(
    source: Readable,
    project: str,
    ref: str,
    path: str | os.PathLike[str],
    let_go: Callable[[], None] | None = None,
) -> EntryStream:
    view = find_version(source, parse_reference(ref), project)
    entry = source.manifest(view.manifest).get(path_bytes(path))
    if entry is None:
        raise EntryNotFound(
            f"{ref} of project {view.project!r} in the store at {source.root} "
            f"holds no {os.fspath(path)!r}"
        )
    return EntryStream(source, entry, let_go)


def _stream_from_afar(
    place: Place, remote: str, ref: str, path: str | os.PathLike[str]
) -> EntryStream:
    source, let_go = look_afar(place.store() if place.is_made() else place.root, remote)
    try:
        return _stream(source, place.project, ref, path, let_go)
    except BaseException:
        let_go()
        raise
